//! DNS: questions, and the answers that belong to them.

use std::collections::BTreeMap;

use bytes::Bytes;
use ratel_flow::dns::DnsMessage;
use ratel_flow::record::{Detail, DnsRecord};
use ratel_flow::{FlowError, Timestamp};
use ratel_proto::dns::{self, Message};

use crate::context::{Context, Ends};

/// Questions of one client to one server that may wait for their answers.
const OPEN_MAX: usize = 1000;

/// The ports on which DNS is spoken: as such, by multicast, by multicast on a link (RFC 1035, RFC 6762, RFC 4795).
const PORTS: [u16; 3] = [53, 5353, 5355];

/// Whether DNS is spoken with somebody on this port.
pub(crate) fn is_port(port: u16) -> bool {
    PORTS.contains(&port)
}

/// The questions of one client to one server.
#[derive(Debug, Default)]
pub(crate) struct Questions {
    /// By number, with the order in which they came.
    open: BTreeMap<u16, (u64, DnsMessage)>,
    asked: u64,
}

impl Questions {
    /// Takes a message; false if it is none, or answers nothing that was asked.
    pub(crate) fn take(
        &mut self,
        cx: &mut Context,
        ends: &mut Ends,
        bytes: &Bytes,
        time: Timestamp,
    ) -> bool {
        let Ok(message) = dns::unpack(bytes) else {
            return false;
        };
        let (id, query) = (message.id, message.query);
        let message = DnsMessage {
            message,
            timestamp: Some(time),
        };
        if !query {
            let Some((_, request)) = self.open.remove(&id) else {
                return false;
            };
            if !answers(&request.message, &message.message) {
                emit(cx, ends, request, None, time);
                return false;
            }
            emit(cx, ends, request, Some(message), time);
            return true;
        }
        match self.open.get(&id) {
            // Asked again, since no answer came.
            Some((_, request)) if request.message.questions == message.message.questions => {}
            Some(_) => {
                if let Some((_, request)) = self.open.remove(&id) {
                    emit(cx, ends, request, None, time);
                }
                self.ask(id, message);
            }
            None if self.open.len() < OPEN_MAX => self.ask(id, message),
            None => return false,
        }
        true
    }

    fn ask(&mut self, id: u16, message: DnsMessage) {
        self.asked += 1;
        self.open.insert(id, (self.asked, message));
    }

    /// What nobody has answered.
    pub(crate) fn finish(&mut self, cx: &mut Context, ends: &mut Ends, time: Timestamp) {
        let mut open: Vec<_> = std::mem::take(&mut self.open).into_values().collect();
        open.sort_unstable_by_key(|(asked, _)| *asked);
        for (_, request) in open {
            emit(cx, ends, request, None, time);
        }
    }
}

/// Whether a message answers another one with the same number. Some servers leave the question out.
fn answers(question: &Message, answer: &Message) -> bool {
    answer.questions.is_empty() || answer.questions.len() == question.questions.len()
}

fn emit(
    cx: &mut Context,
    ends: &mut Ends,
    request: DnsMessage,
    response: Option<DnsMessage>,
    time: Timestamp,
) {
    let error = response.is_none().then(|| FlowError {
        message: "no answer came".into(),
        hint: None,
        by_client: false,
        timestamp: time,
    });
    let begun = request.timestamp.unwrap_or(time);
    let record = DnsRecord { request, response };
    cx.emit(ends, begun, Detail::Dns(Box::new(record)), error);
}
