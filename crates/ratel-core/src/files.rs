//! Files that hold flows, for those who read them without knowing their formats.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use ratel_flow::Record;
use ratel_flow::io::har::{HarItem, HarReader};
use ratel_flow::io::{Opened, open};

/// Flows one by one. What is wrong with one of them or with the file comes in its place, as a sentence; after what is
/// wrong with the file there is nothing more.
pub type Records = Box<dyn Iterator<Item = Result<Record, String>> + Send>;

type Open = dyn Fn(&Path) -> Result<Records, String> + Send + Sync;

/// Opens files that hold flows. Cheap to clone.
#[derive(Clone)]
pub struct FlowFiles(Arc<Open>);

impl FlowFiles {
    /// What opens files is `open`; its errors are sentences that name the file.
    #[must_use]
    pub fn new(open: impl Fn(&Path) -> Result<Records, String> + Send + Sync + 'static) -> Self {
        Self(Arc::new(open))
    }

    /// Opens a file. Blocks, as the reading does.
    ///
    /// # Errors
    /// A sentence that names the file.
    pub fn open(&self, path: &Path) -> Result<Records, String> {
        (self.0)(path)
    }
}

/// Knows flow files and HTTP archives.
impl Default for FlowFiles {
    fn default() -> Self {
        Self::new(flows)
    }
}

impl fmt::Debug for FlowFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FlowFiles")
    }
}

fn flows(path: &Path) -> Result<Records, String> {
    let shown = path.display().to_string();
    let opened = open(path).map_err(|error| format!("cannot read {shown}: {error}"))?;
    Ok(match opened {
        Opened::Flows(reader) => {
            Box::new(reader.map(move |flow| flow.map_err(|error| format!("{shown}: {error}"))))
        }
        Opened::Har(json) => Box::new(HarReader::new(json).map(move |item| match item {
            Ok(HarItem::Record(record)) => Ok(record),
            Ok(HarItem::Skipped { number, why }) => {
                Err(format!("{shown}: entry {number} is left out: {why}"))
            }
            Err(error) => Err(format!("{shown}: {error}")),
        })),
        Opened::Capture(_) => {
            return Err(format!(
                "{shown} is a packet capture, which is not read here"
            ));
        }
    })
}
