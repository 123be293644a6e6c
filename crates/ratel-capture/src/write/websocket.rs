//! Messages of a WebSocket as frames.

use ratel_flow::record::WebSocketRecord;
use ratel_flow::{MessageKind, Side, Timestamp};
use ratel_proto::websocket::{close_payload, encode_message, opcode};

use super::plan::{FlowPlan, What};

/// The code that stands for a close without one (RFC 6455 §7.4.1).
const NO_CODE: u32 = 1005;

/// Adds all messages, and the close. `what` makes a chunk of a frame.
pub(super) fn add(flow: &mut FlowPlan<'_>, record: &WebSocketRecord, what: What) {
    let mut last = Timestamp::default();
    let mut number = 0_u32;
    let mut frame = |flow: &mut FlowPlan<'_>, side, kind, payload: &[u8], time| {
        number += 1;
        // Clients mask (RFC 6455 §5.3); with what makes no difference here.
        let key = (side == Side::Client).then(|| number.wrapping_mul(0x9e37_79b9).to_be_bytes());
        let bytes = encode_message(kind, payload, key);
        flow.put(side, what, time, &bytes);
    };
    for message in record.messages.iter() {
        let Ok(message) = message else {
            flow.note("messages that can no longer be read are left out".into());
            break;
        };
        let kind = match message.kind {
            MessageKind::Text => opcode::TEXT,
            MessageKind::Ping => opcode::PING,
            MessageKind::Pong => opcode::PONG,
            // It comes at the end.
            MessageKind::Close => continue,
            _ => opcode::BINARY,
        };
        last = last.max(message.timestamp);
        frame(
            flow,
            message.side,
            kind,
            &message.content,
            message.timestamp,
        );
    }
    let Some(by) = record.closed_by else {
        return;
    };
    let other = match by {
        Side::Client => Side::Server,
        Side::Server => Side::Client,
    };
    let reason = record.close_reason.as_deref().unwrap_or_default();
    let payload = match record.close_code {
        None | Some(NO_CODE) => bytes::Bytes::new(),
        Some(code) => close_payload(u16::try_from(code).unwrap_or(1000), reason),
    };
    let time = record.timestamp_end.unwrap_or(last);
    frame(flow, by, opcode::CLOSE, &payload, time);
    // The answer repeats the code (RFC 6455 §5.5.1).
    let code = payload.get(..2).unwrap_or_default();
    frame(flow, other, opcode::CLOSE, code, time);
}
