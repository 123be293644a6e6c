//! Why a capture cannot be read any further, or packets cannot be written.

use std::io;

/// What is wrong with a capture file as such. What is wrong *in* it, lost segments and missing secrets, is said by the
/// flows.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CaptureError {
    /// The file cannot be read.
    #[error("the capture cannot be read at byte {at}")]
    Read {
        /// Where, in the uncompressed file.
        at: u64,
        /// Why.
        source: io::Error,
    },
    /// It is something else.
    #[error(
        "this is no packet capture: it begins with neither the magic number of pcap nor of pcapng"
    )]
    NotACapture,
    /// It ends in the middle of a block.
    #[error("the capture breaks off at byte {at}, in the middle of a packet")]
    Truncated {
        /// Where, in the uncompressed file.
        at: u64,
    },
    /// Its blocks cannot be told apart any further.
    #[error("the capture is damaged at byte {at}: {what}")]
    Damaged {
        /// Where the block begins, in the uncompressed file.
        at: u64,
        /// What is wrong with it.
        what: &'static str,
    },
    /// Bodies that are too large for memory could not be put on disk.
    #[error("there is no room on disk for what the capture holds")]
    Spool {
        /// Why.
        source: io::Error,
    },
}

impl CaptureError {
    /// What can be done about it; shown after the message.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::NotACapture => Some(
                "files of tcpdump, dumpcap and Wireshark are read: pcap and pcapng, as they are or compressed with gzip \
                 or zstd",
            ),
            Self::Truncated { .. } | Self::Damaged { .. } => {
                Some("everything before that place was read")
            }
            Self::Spool { .. } => {
                Some("make room in the folder for temporary files, or set TMPDIR")
            }
            Self::Read { .. } => None,
        }
    }
}
