//! Flows of older versions of the format, brought to the current one step by step.
//!
//! A version is a number since mitmproxy 3.0; before that it is the release that wrote the file. Each step changes what
//! changed between two versions, on the state as it was read; its result is written again and read like any other flow.

mod dict;
mod early;
mod numbered;
mod websocket;

use std::fmt;

use bytes::Bytes;
use ratel_proto::tnetstring::{self, Encoder, Item, Kind, Value};

use self::dict::Dict;
use self::websocket::Handshakes;
use super::convert::VERSION;

/// The version of the format that a flow is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// The release of mitmproxy that wrote it.
    Release(i64, i64),
    /// A number of its own.
    Number(i64),
}

impl Version {
    /// The one that is written.
    pub const CURRENT: Self = Self::Number(VERSION);
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Release(major, minor) => write!(f, "{major}.{minor}"),
            Self::Number(number) => number.fmt(f),
        }
    }
}

/// A flow cannot be brought to the current version.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MigrateError {
    /// It was written by something that is more recent than this.
    #[error("it is of version {0} of the format, and this reads up to version {VERSION}")]
    Newer(i64),
    /// There is no such version.
    #[error("it is of version {0} of the format, which is not known")]
    Unknown(Version),
    /// It has no version.
    #[error("it has no version")]
    Missing,
    /// It is not what a flow of its version is.
    #[error("it is of version {version} of the format, and its {field} is not what it was then")]
    Shape {
        /// The version that it has, or was brought to.
        version: Version,
        /// The field.
        field: &'static str,
    },
}

/// The version of the flow that an item is; none for one that has none.
pub(crate) fn version_in(item: &Item<'_>) -> Result<Option<Version>, tnetstring::Error> {
    let (mut items, mut version) = (item.items(), None);
    while let Some((key, value)) = items.pair()? {
        if key.payload == b"version" {
            version = version_of(&value);
        }
    }
    Ok(version)
}

fn version_of(item: &Item<'_>) -> Option<Version> {
    match item.kind {
        Kind::Int => item.as_int().map(Version::Number),
        Kind::List => {
            let mut items = item.items();
            let mut next = || items.next()?.ok()?.as_int();
            Some(Version::Release(next()?, next()?))
        }
        _ => None,
    }
}

/// Brings flows to the current version. One is for one file: flows of it may belong together.
#[derive(Debug, Default)]
pub(crate) struct Migrator<L> {
    handshakes: Handshakes<L>,
}

impl<L> Migrator<L> {
    /// The flow in its written form of the current version, with what goes along with it: `along`, or that of the flow
    /// that it continues.
    pub(crate) fn migrate(
        &mut self,
        state: Value,
        version: Version,
        along: L,
    ) -> Result<(Bytes, L), MigrateError>
    where
        L: Clone,
    {
        let mut dict = Dict::of(state).ok_or(MigrateError::Missing)?;
        let mut along = along;
        let version = early(&mut dict, version)?;
        // Each step once, from the one that the flow is at.
        for number in version..VERSION {
            if number == websocket::STEP {
                along = self.handshakes.step(&mut dict, along)?;
            } else {
                let step =
                    numbered::step(number).ok_or(MigrateError::Unknown(Version::Number(number)))?;
                step(&mut dict).map_err(|field| MigrateError::Shape {
                    version: Version::Number(number),
                    field,
                })?;
            }
        }
        dict.set("version", Value::Int(VERSION));
        Ok((written(&dict.into()), along))
    }
}

/// Brings a flow that no other belongs to, such as what one was before it was changed, to the current version.
pub(crate) fn alone(state: Value) -> Result<Bytes, MigrateError> {
    let bytes = written(&state);
    let item = tnetstring::Items::new(&bytes, 0).next();
    let version = item.and_then(|item| version_in(&item.ok()?).ok()?);
    let version = version.ok_or(MigrateError::Missing)?;
    let migrated = Migrator::<()>::default().migrate(state, version, ());
    migrated.map(|(bytes, ())| bytes)
}

fn written(state: &Value) -> Bytes {
    let mut encoder = Encoder::new();
    encoder.value(state);
    Bytes::copy_from_slice(encoder.bytes_written())
}

/// Brings a flow of a release to the first number; the number of one that has a number.
fn early(dict: &mut Dict, version: Version) -> Result<i64, MigrateError> {
    let mut release = match version {
        Version::Number(number) if number > VERSION => return Err(MigrateError::Newer(number)),
        Version::Number(number) => return Ok(number),
        Version::Release(major, minor) => (major, minor),
    };
    while release != early::LAST {
        let version = Version::Release(release.0, release.1);
        let (step, next) = early::step(release).ok_or(MigrateError::Unknown(version))?;
        step(dict).map_err(|field| MigrateError::Shape { version, field })?;
        release = next;
    }
    Ok(early::NUMBER)
}
