//! Schemas of protobuf messages, read from `.proto` files and descriptor sets.

mod files;
mod lenient;

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{fs, io};

use miette::Diagnostic;
use prost_reflect::{DescriptorPool, MessageDescriptor};
use ratel_flow::Side;

use files::Files;
use lenient::{Lenient, Missing};

/// A larger file is no descriptor set.
const MAX_DESCRIPTOR_SET: u64 = 256 * 1024 * 1024;

/// All messages and services that files define. Cloning is cheap.
#[derive(Clone, Debug, Default)]
pub struct Schemas {
    pool: DescriptorPool,
    left_out: Arc<[SchemaError]>,
    /// The name of the file, if one was asked for.
    only: Option<Arc<str>>,
}

/// Why schemas could not be loaded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SchemaError {
    /// A file or folder cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A `.proto` file is wrong.
    #[error("{}{}: {message}", path.display(), line.map(|line| format!(", line {line}")).unwrap_or_default())]
    Definition {
        /// The file.
        path: PathBuf,
        /// Where in it, from 1, if that is known.
        line: Option<usize>,
        /// What is wrong: one sentence.
        message: String,
    },
    /// There is nothing in a folder.
    #[error("there is no .proto file in {}", path.display())]
    Empty {
        /// The folder.
        path: PathBuf,
    },
    /// There is too much in a folder.
    #[error("there are too many files in {}", path.display())]
    TooMany {
        /// The folder.
        path: PathBuf,
    },
    /// What a file imports is not there. It is read without, and without the options that may need it.
    #[error("{}: import '{import}' not found, what it brings is left out", path.display())]
    Import {
        /// The file.
        path: PathBuf,
        /// What it imports.
        import: String,
    },
    /// A file whose name does not end in `.proto` is no descriptor set either.
    #[error("{} is neither a .proto file nor a descriptor set: {message}", path.display())]
    DescriptorSet {
        /// The file.
        path: PathBuf,
        /// What is wrong: one sentence.
        message: String,
    },
}

impl Schemas {
    /// Reads a `.proto` file, a folder of them, or a descriptor set (`protoc --descriptor_set_out --include_imports`).
    ///
    /// Imports are found below the folder, and from the folder of the file and those above it; the well-known ones
    /// (`google/protobuf/timestamp.proto`) need not be there, nor those that only bring options. This reads files, and
    /// takes milliseconds to seconds.
    ///
    /// # Errors
    /// When nothing can be read, or all of it is wrong; the sentence names the file and the line. What else is wrong is
    /// [left out](Self::left_out).
    pub fn load(path: &Path) -> Result<Self, SchemaError> {
        let metadata = fs::metadata(path).map_err(|source| SchemaError::Read {
            path: path.to_owned(),
            source,
        })?;
        let is_proto = path
            .extension()
            .is_some_and(|extension| extension == "proto");
        let mut only = None;
        let (pool, left_out) = if metadata.is_dir() {
            compile(Files::below(path)?)?
        } else if is_proto {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            only = Some(name.into());
            compile(Files::one(path))?
        } else {
            (descriptor_set(path, metadata.len())?, Vec::new())
        };
        let left_out = left_out.into();
        Ok(Self {
            pool,
            left_out,
            only,
        })
    }

    /// Why some of it is left out.
    #[must_use]
    pub fn left_out(&self) -> &[SchemaError] {
        &self.left_out
    }

    /// Messages that are defined.
    #[must_use]
    pub fn messages(&self) -> usize {
        self.pool.all_messages().len()
    }

    /// Services that are defined.
    #[must_use]
    pub fn services(&self) -> usize {
        self.pool.services().len()
    }

    /// What a side sends in requests to this path, `/package.Service/Method`; what stands before that, and a query,
    /// do not matter.
    pub(crate) fn of_path(&self, path: &str, side: Side) -> Option<MessageDescriptor> {
        let path = path.split(['?', '#']).next()?;
        let mut segments = path.rsplit('/');
        let (method, service) = (segments.next()?, segments.next()?);
        let service = self.pool.get_service_by_name(service)?;
        let method = service.methods().find(|known| known.name() == method)?;
        Some(match side {
            Side::Client => method.input(),
            Side::Server => method.output(),
        })
    }

    /// The message that is called as the method of a path is, where no service has that.
    pub(crate) fn like_method(&self, path: &str) -> Option<MessageDescriptor> {
        let path = path.split(['?', '#']).next()?;
        let method = path.rsplit('/').next().filter(|name| !name.is_empty())?;
        self.pool
            .all_messages()
            .find(|message| message.name() == method)
    }

    /// What the first method of the only file is about, or the first message of it: whoever names one file has these
    /// messages in mind.
    pub(crate) fn first(&self, side: Side) -> Option<MessageDescriptor> {
        let file = self.pool.get_file_by_name(self.only.as_deref()?)?;
        let method = file.services().find_map(|service| service.methods().next());
        match method {
            Some(method) if side == Side::Client => Some(method.input()),
            Some(method) => Some(method.output()),
            None => file.messages().next(),
        }
    }

    /// The message of that name, `package.Message`.
    pub(crate) fn named(&self, name: &str) -> Option<MessageDescriptor> {
        self.pool.get_message_by_name(name)
    }
}

impl SchemaError {
    /// What the compiler says of that file.
    fn of(error: &protox::Error, path: &Path) -> Self {
        let path = path.to_owned();
        if let Some(source) = error.source().and_then(|s| s.downcast_ref::<io::Error>()) {
            // What the compiler keeps cannot be taken out of it.
            let source = io::Error::new(source.kind(), source.to_string());
            return Self::Read { path, source };
        }
        let label = error.labels().and_then(|mut labels| labels.next());
        let line = label.and_then(|label| {
            let source = error.source_code()?;
            let around = source.read_span(label.inner(), 0, 0).ok()?;
            Some(around.line() + 1)
        });
        Self::Definition {
            path,
            line,
            message: error.to_string(),
        }
    }
}

/// All that can be compiled, and why the rest cannot. Each missing import is named once.
fn compile(files: Files) -> Result<(DescriptorPool, Vec<SchemaError>), SchemaError> {
    let names: Vec<String> = files.names().map(str::to_owned).collect();
    let missing = Missing::default();
    let mut compiler = protox::Compiler::with_file_resolver(Lenient {
        files: files.clone(),
        missing: missing.clone(),
    });
    // It says what is wrong with a file as it is.
    let mut strict = protox::Compiler::with_file_resolver(files.clone());
    let mut left_out = Vec::new();
    let mut any = false;
    for name in names {
        let Err(error) = compiler.open_file(&name) else {
            any = true;
            continue;
        };
        let error = strict.open_file(&name).err().unwrap_or(error);
        let file = error.file().unwrap_or(&name);
        let path = files.path(file).unwrap_or_else(|| PathBuf::from(file));
        let error = SchemaError::of(&error, &path);
        // A file that many others import is wrong once.
        let is_new = |known: &SchemaError| known.to_string() != error.to_string();
        if left_out.iter().all(is_new) {
            left_out.push(error);
        }
    }
    if !any && !left_out.is_empty() {
        return Err(left_out.swap_remove(0));
    }
    let read: BTreeSet<&str> = compiler.files().map(|file| file.name()).collect();
    let of_read = |(_, name): &(String, String)| read.contains(&name[..]);
    // Each is named once, with the first file that has it.
    let missing: BTreeMap<_, _> = missing.take().into_iter().filter(of_read).rev().collect();
    for (import, name) in missing {
        let path = files.path(&name).unwrap_or_else(|| PathBuf::from(name));
        left_out.push(SchemaError::Import { path, import });
    }
    Ok((compiler.descriptor_pool(), left_out))
}

fn descriptor_set(path: &Path, length: u64) -> Result<DescriptorPool, SchemaError> {
    let wrong = |message: String| SchemaError::DescriptorSet {
        path: path.to_owned(),
        message,
    };
    if length > MAX_DESCRIPTOR_SET {
        return Err(wrong("it is too large".to_owned()));
    }
    let bytes = fs::read(path).map_err(|source| SchemaError::Read {
        path: path.to_owned(),
        source,
    })?;
    let pool = DescriptorPool::decode(bytes.as_slice()).or_else(|error| {
        // The set may have been made without the well-known files that it imports.
        let mut pool = DescriptorPool::global();
        let added = pool.decode_file_descriptor_set(bytes.as_slice());
        added.map(|()| pool).map_err(|_| error)
    });
    let pool = pool.map_err(|error| wrong(error.to_string()))?;
    if pool.files().len() == 0 {
        return Err(wrong("it is empty".to_owned()));
    }
    Ok(pool)
}
