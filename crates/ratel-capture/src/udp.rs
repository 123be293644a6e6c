//! UDP: datagrams between two addresses, DNS among them.

use bytes::Bytes;
use ratel_flow::record::Detail;
use ratel_flow::{FlowError, MessageFlags, MessageKind, Side, Timestamp};

use crate::context::{Context, Ends, Gap, no_room};
use crate::dns::{self, Questions};
use crate::messages::{Head, MessageLog};
use crate::net::transport::Datagram;
use crate::tcp::connection::Pair;

/// What passes between two addresses without a long silence.
#[derive(Debug)]
pub(crate) struct Association {
    ends: Ends,
    client_is_low: bool,
    /// Where it is DNS.
    questions: Option<Questions>,
    log: MessageLog,
    begun: Timestamp,
    missing: u64,
    /// Number of the first packet, and of the last one so far.
    pub(crate) first: u64,
    pub(crate) last: u64,
    pub(crate) last_time: Timestamp,
}

impl Association {
    /// One that begins with this datagram.
    pub(crate) fn new(
        cx: &Context,
        pair: Pair,
        from_low: bool,
        datagram: &Datagram<'_>,
        (number, now): (u64, Timestamp),
    ) -> Self {
        // Who speaks first is the client, unless only the answer is in the capture.
        let answers = dns::is_port(datagram.source) && !dns::is_port(datagram.destination);
        let client_is_low = from_low != answers;
        let (client, server) = match client_is_low {
            true => (pair.low, pair.high),
            false => (pair.high, pair.low),
        };
        let is_dns = dns::is_port(datagram.source) || dns::is_port(datagram.destination);
        Self {
            ends: Ends::new(client, server, true, now),
            client_is_low,
            questions: is_dns.then(Questions::default),
            log: MessageLog::new(&cx.spool),
            begun: now,
            missing: 0,
            first: number,
            last: number,
            last_time: now,
        }
    }

    pub(crate) fn take(
        &mut self,
        cx: &mut Context,
        from_low: bool,
        datagram: &Datagram<'_>,
        (number, now): (u64, Timestamp),
    ) {
        (self.last, self.last_time) = (number, now);
        if let Some(questions) = self.questions.as_mut().filter(|_| datagram.missing == 0) {
            let bytes = Bytes::copy_from_slice(datagram.payload);
            if questions.take(cx, &mut self.ends, &bytes, now) {
                return;
            }
        }
        if self.log.len() == 0 {
            self.begun = now;
        }
        self.missing += datagram.missing as u64;
        let head = Head {
            side: match from_low == self.client_is_low {
                true => Side::Client,
                false => Side::Server,
            },
            kind: MessageKind::Data,
            flags: match datagram.missing {
                0 => MessageFlags::default(),
                _ => MessageFlags::MALFORMED,
            },
            timestamp: now,
        };
        self.log.push(head, datagram.payload);
    }

    /// Nothing more is to come of it.
    pub(crate) fn finish(mut self, cx: &mut Context) {
        let time = self.last_time;
        if let Some(questions) = &mut self.questions {
            questions.finish(cx, &mut self.ends, time);
        }
        if self.log.len() == 0 {
            return;
        }
        let gap = Gap {
            len: self.missing,
            cut: true,
            sealed: false,
        };
        let error = (gap.len > 0).then(|| FlowError {
            message: format!("{} of its datagrams are not in the capture", gap.amount()).into(),
            hint: Some(gap.hint().into()),
            by_client: false,
            timestamp: time,
        });
        let error = error.or_else(|| no_room(self.log.lost(), time));
        let messages = self.log.finish();
        cx.emit(&mut self.ends, self.begun, Detail::Udp(messages), error);
    }
}
