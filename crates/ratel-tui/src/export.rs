//! A flow as a command, a program or raw messages, for the clipboard or a file.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;

use bytes::Bytes;
use ratel_flow::export::{Exported, Format, export};
use ratel_flow::{FlowId, Side};

use crate::source::Source;

/// A longer body is not exported, in bytes.
const BODY_MAX: u64 = 64 * 1024 * 1024;

/// More bytes are not handed to the terminal for its clipboard: many take no more.
pub(crate) const CLIPBOARD_MAX: usize = 64 * 1024;

/// The format of that name.
pub(crate) fn format(name: &str) -> Result<Format, String> {
    Format::from_name(name).ok_or_else(|| format!("there is no format '{name}'"))
}

/// Makes the text of a flow.
pub(crate) fn text(source: &dyn Source, id: FlowId, format: Format) -> Result<Vec<u8>, String> {
    let gone = || "the flow was dropped to make room".to_owned();
    let flow = source.snapshot(id).ok_or_else(gone)?;
    let request = flow.request.as_ref().ok_or("the flow has no request")?;
    let sent = body(source, id, Side::Client, flow.request_body)?;
    let received = body(source, id, Side::Server, flow.response_body)?;
    let exported = Exported {
        request,
        request_body: sent.as_deref(),
        response: flow
            .response
            .as_ref()
            .map(|response| (response, received.as_deref())),
    };
    export(format, &exported).map_err(|error| error.to_string())
}

/// A whole body; none if some of it is gone.
fn body(source: &dyn Source, id: FlowId, side: Side, len: u64) -> Result<Option<Bytes>, String> {
    if len > BODY_MAX {
        return Err("a body of the flow is longer than 64 MiB".into());
    }
    let window = source.body(id, side, 0..len);
    Ok(window
        .map(|window| window.bytes)
        .filter(|bytes| bytes.len() as u64 == len))
}

/// Writes a new file, for its owner only; what is there is left alone.
pub(crate) fn save(path: &Path, text: &[u8]) -> Result<(), String> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = options.open(path).and_then(|mut file| file.write_all(text));
    written.map_err(|error| format!("cannot write {}: {error}", path.display()))
}
