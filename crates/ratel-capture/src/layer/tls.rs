//! TLS, from version 1.0 to 1.3: the handshake is followed, records are opened with the secrets of the key log, and
//! what was in them goes to the layer inside.
//!
//! Without secrets nothing is inside, and the connection is a flow of its own that says which ones are missing.

mod facts;
mod half;

use bytes::Bytes;
use ratel_flow::record::Detail;
use ratel_flow::{FlowError, Side, Timestamp, TlsVersion};
use ratel_proto::client_hello::ClientHello;

use super::{Layer, Piece};
use crate::context::{Context, Ending, Ends, Gap, bytes};
use crate::keylog::Label;
use crate::tls::content;
use crate::tls::handshake::{self, ServerHello, kind};
use crate::tls::opener::{Negotiated, Opened, Opener};
use crate::tls::suites::{self, Suite};
use facts::Facts;
use half::{Front, Half, Outcome, Protection, Record, Stages};

/// Bytes that wait for secrets to come later in the capture.
const WAIT_MAX: usize = 256 * 1024;

#[derive(Debug)]
pub(crate) struct Tls {
    client: Half,
    server: Half,
    client_hello: Option<ClientHello>,
    server_hello: Option<ServerHello>,
    facts: Facts,
    /// Whether the server has taken early data, once it has said so.
    early: Option<bool>,
    /// Whether what the client and the server have sent last was their Finished.
    finished: [bool; 2],
    /// An alert that was the end: who sent it, and which.
    alert: Option<(Side, u8)>,
    /// Why nothing more is opened.
    shut: Option<Shut>,
    inner: Box<Layer>,
    /// Something has been opened.
    opened: bool,
    begun: Timestamp,
}

/// Why records are not opened.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Shut {
    /// The beginning of the connection is not in the capture.
    Headless,
    /// Bytes of that side are not in the capture.
    Gap(Side, Gap),
    /// Nobody has logged these.
    Locked(Vec<Label>),
    /// The secrets are those of another connection.
    Wrong(Side),
    /// Nobody here knows the suite.
    Suite(u16),
    /// What that side has sent is no TLS.
    Garbage(Side),
}

/// What became of the first record of a side.
enum Step {
    Nothing,
    Done,
    Shut(Shut),
}

impl Tls {
    /// `headless` says that the handshake is not in the capture.
    pub(super) fn new(cx: &Context, headless: bool) -> Self {
        Self {
            client: Half::new(cx),
            server: Half::new(cx),
            client_hello: None,
            server_hello: None,
            facts: Facts::default(),
            early: None,
            finished: [false; 2],
            alert: None,
            shut: headless.then_some(Shut::Headless),
            inner: Box::new(Layer::start(cx, false)),
            opened: false,
            begun: Timestamp::default(),
        }
    }

    fn half(&mut self, side: Side) -> &mut Half {
        match side {
            Side::Client => &mut self.client,
            Side::Server => &mut self.server,
        }
    }

    pub(super) fn data(&mut self, cx: &mut Context, ends: &mut Ends, piece: &Piece) {
        if self.begun == Timestamp::default() {
            self.begun = piece.time;
        }
        let shut = self.shut.is_some();
        let half = self.half(piece.side);
        half.push(&piece.bytes, piece.time);
        if shut {
            half.clear();
            return;
        }
        if let Some(found) = half.find() {
            match found {
                None => return,
                Some(plain) => self.application_data(cx, ends, piece.side, plain),
            }
        }
        self.advance(cx, ends);
    }

    pub(super) fn end(&mut self, cx: &mut Context, ends: &mut Ends, side: Side, time: Timestamp) {
        if !std::mem::replace(&mut self.half(side).ended, true) {
            self.inner.end(cx, ends, side, time);
        }
    }

    pub(super) fn gap(
        &mut self,
        cx: &mut Context,
        ends: &mut Ends,
        (side, gap): (Side, Gap),
        time: Timestamp,
    ) {
        if self.shut.is_some() {
            return;
        }
        if self.half(side).lose(gap.len) {
            let sealed = true;
            self.inner
                .gap(cx, ends, (side, Gap { sealed, ..gap }), time);
        } else {
            self.shut(Shut::Gap(side, gap));
        }
    }

    pub(super) fn finish(
        &mut self,
        cx: &mut Context,
        ends: &mut Ends,
        ending: &Ending,
        time: Timestamp,
    ) {
        if self.shut.is_none() && (self.client.waiting() > 0 || self.server.waiting() > 0) {
            let missing = self.missing(cx);
            if !missing.is_empty() {
                self.shut(Shut::Locked(missing));
            }
        }
        self.facts.tell(ends);
        if self.opened {
            self.inner.finish(cx, ends, ending, time);
            // What was opened says itself that it is cut off; why it was is said here.
            if !matches!(self.shut, Some(Shut::Wrong(_) | Shut::Locked(_))) {
                return;
            }
        }
        let Some((message, hint)) = self.problem(ending) else {
            return;
        };
        if matches!(
            self.shut,
            Some(Shut::Locked(_) | Shut::Wrong(_) | Shut::Suite(_))
        ) {
            cx.sealed += 1;
        }
        let error = FlowError {
            message: message.into(),
            hint: hint.map(Into::into),
            by_client: false,
            timestamp: time,
        };
        cx.emit(ends, self.begun, Detail::Connection, Some(error));
    }

    /// Why nothing, or no more, could be made of the connection; none when there was nothing to be made.
    fn problem(&self, ending: &Ending) -> Option<(String, Option<String>)> {
        const WHERE: &str = "programs log secrets when `SSLKEYLOGFILE=keys.log` is set while the capture is taken (curl, Firefox, Chrome, \
            Python, OpenSSL's and many others; Node.js with --tls-keylog=keys.log); the file is given by `--set keylog=keys.log`";
        let name = match &self.facts.sni {
            Some(sni) => format!("TLS to {sni}"),
            None => "TLS".to_owned(),
        };
        if let Some((side, alert)) = self.alert {
            let who = match side {
                Side::Client => "the client",
                Side::Server => "the server",
            };
            let alert = handshake::alert(alert);
            return Some((format!("{who} ended the {name} handshake: {alert}"), None));
        }
        let amount = format!(
            "{} from the client and {} from the server",
            bytes(self.client.bytes),
            bytes(self.server.bytes)
        );
        Some(match self.shut.as_ref() {
            None if self.finished.contains(&true) || *ending == Ending::CaptureEnds => return None,
            None if self.client_hello.is_none() => return None,
            None => (
                ending.before(&format!("the {name} handshake was complete")),
                None,
            ),
            Some(Shut::Headless) => (
                format!("TLS whose handshake is not in the capture: {amount} stay sealed"),
                Some("begin to capture before the connection is made".into()),
            ),
            Some(Shut::Gap(side, gap)) => {
                let whose = match side {
                    Side::Client => "the client's",
                    Side::Server => "the server's",
                };
                let len = gap.amount();
                let message = format!("{len} of {whose} {name} handshake are not in the capture");
                (message, Some(gap.hint().into()))
            }
            Some(Shut::Locked(labels)) => {
                let labels: Vec<_> = labels.iter().map(|label| label.name()).collect();
                let labels = labels.join(" and ");
                let message =
                    format!("{name} is sealed: the key log has no {labels} for it ({amount})");
                (message, Some(WHERE.into()))
            }
            Some(Shut::Wrong(side)) => {
                let whose = match side {
                    Side::Client => "the client's",
                    Side::Server => "the server's",
                };
                let message = format!(
                    "{name} is sealed: the secrets in the key log do not open {whose} records ({amount})"
                );
                (message, None)
            }
            Some(Shut::Suite(number)) => {
                let suite = suites::name(*number)
                    .map_or_else(|| format!("{number:#06x}"), ToOwned::to_owned);
                (
                    format!("{name} is sealed with {suite}, which is not supported ({amount})"),
                    None,
                )
            }
            Some(Shut::Garbage(side)) => {
                let who = match side {
                    Side::Client => "the client",
                    Side::Server => "the server",
                };
                (format!("{who} has sent something that is no TLS"), None)
            }
        })
    }

    /// The secrets that are wanted and not there.
    fn missing(&self, cx: &Context) -> Vec<Label> {
        let mut missing = Vec::new();
        for half in [&self.client, &self.server] {
            if let Protection::Stages(stages) = &half.protection {
                missing.extend(stages.missing(cx));
            }
        }
        let is_old =
            self.server_hello.as_ref().and_then(ServerHello::version) < Some(TlsVersion::Tls13);
        if let (true, Some(hello)) = (is_old, &self.client_hello)
            && cx.keys.get(&hello.random, Label::ClientRandom).is_none()
        {
            missing.push(Label::ClientRandom);
        }
        missing
    }

    fn shut(&mut self, why: Shut) {
        self.client.clear();
        self.server.clear();
        self.shut = Some(why);
    }

    fn advance(&mut self, cx: &mut Context, ends: &mut Ends) {
        loop {
            let mut moved = false;
            for side in [Side::Server, Side::Client] {
                match self.step(cx, ends, side) {
                    Step::Nothing => {}
                    Step::Done => moved = true,
                    Step::Shut(why) => return self.shut(why),
                }
            }
            if !moved {
                break;
            }
        }
        let waiting = self.client.waiting().max(self.server.waiting());
        let patient = cx.keys.may_grow() && !cx.gauge.is_high() && waiting <= WAIT_MAX;
        if waiting > crate::tls::RECORD_MAX && !patient {
            let missing = self.missing(cx);
            if !missing.is_empty() {
                self.shut(Shut::Locked(missing));
            } else if waiting > WAIT_MAX {
                // One side waits for the other, whose part of the handshake never came.
                self.shut(Shut::Headless);
            }
        }
    }

    /// Takes the first record of a side, if it can be.
    fn step(&mut self, cx: &mut Context, ends: &mut Ends, side: Side) -> Step {
        if side == Side::Client
            && self.client_hello.is_none()
            && let Some(hello) = self.client.ssl2_hello()
        {
            self.facts.client_hello(&hello);
            self.client_hello = Some(hello);
            return Step::Done;
        }
        // What the server says has a meaning only after what the client has said, and the other way round.
        let waits = match side {
            Side::Server => self.client_hello.is_none(),
            Side::Client => self.client_hello.is_some() && self.server_hello.is_none(),
        };
        let record = match self.half(side).front() {
            Front::Incomplete => return Step::Nothing,
            Front::Garbage => return Step::Shut(Shut::Garbage(side)),
            Front::Record(record) if waits && record.kind != content::ALERT => {
                // Another ClientHello, after HelloRetryRequest.
                let again = side == Side::Client && record.kind == content::HANDSHAKE;
                if !again {
                    return Step::Nothing;
                }
                record
            }
            Front::Record(record) => record,
        };
        let opened = self.open(cx, side, &record);
        let opened = match opened {
            Outcome::Opened(opened) => opened,
            Outcome::Skipped => {
                self.half(side).take(&record);
                return Step::Done;
            }
            Outcome::Locked => return Step::Nothing,
            // One among others that could be opened has been damaged on the way, which is as if it were not there.
            Outcome::Wrong => {
                let len = record.body.len() as u64;
                if !self.half(side).lose(len) {
                    return Step::Shut(Shut::Wrong(side));
                }
                let (cut, sealed) = (false, true);
                let time = self.half(side).last;
                self.inner
                    .gap(cx, ends, (side, Gap { len, cut, sealed }), time);
                return Step::Nothing;
            }
        };
        match opened.kind {
            content::CHANGE_CIPHER_SPEC => return self.change_cipher(cx, side, &record),
            content::APPLICATION_DATA if !self.is_protected(side) => {
                return Step::Shut(Shut::Garbage(side));
            }
            _ => self.half(side).take(&record),
        }
        match opened.kind {
            content::HANDSHAKE => {
                self.half(side).add_handshake(&opened.bytes);
                self.messages(side)
            }
            content::ALERT => {
                self.alert(cx, ends, side, &opened.bytes);
                Step::Done
            }
            content::APPLICATION_DATA => {
                self.application_data(cx, ends, side, opened.bytes);
                Step::Done
            }
            _ => Step::Done,
        }
    }

    /// What is in a record.
    fn open(&mut self, cx: &Context, side: Side, record: &Record) -> Outcome {
        match &mut self.half(side).protection {
            Protection::None => Outcome::Opened(Opened {
                kind: record.kind,
                bytes: record.body.to_vec(),
            }),
            Protection::Cipher(opener) => {
                match opener.open(record.kind, record.version, &record.body) {
                    Ok(opened) => Outcome::Opened(opened),
                    Err(_) => Outcome::Wrong,
                }
            }
            Protection::Stages(stages) => match record.kind {
                content::APPLICATION_DATA => stages.open(cx, record),
                // An alert that comes before there are keys; the rest is for middleboxes (RFC 8446 appendix D.4).
                content::ALERT => Outcome::Opened(Opened {
                    kind: record.kind,
                    bytes: record.body.to_vec(),
                }),
                _ => Outcome::Skipped,
            },
        }
    }

    fn is_protected(&mut self, side: Side) -> bool {
        !matches!(self.half(side).protection, Protection::None)
    }

    /// From here on a side seals its records, up to TLS 1.2.
    fn change_cipher(&mut self, cx: &Context, side: Side, record: &Record) -> Step {
        let (Some(client), Some(server)) = (&self.client_hello, &self.server_hello) else {
            self.half(side).take(record);
            return Step::Done;
        };
        let Some(version) = server
            .version()
            .filter(|version| *version < TlsVersion::Tls13)
        else {
            self.half(side).take(record);
            return Step::Done;
        };
        let Some(suite) = Suite::of(server.suite).filter(|_| version > TlsVersion::Ssl3) else {
            return Step::Shut(Shut::Suite(server.suite));
        };
        let Some(master) = cx.keys.get(&client.random, Label::ClientRandom) else {
            return Step::Nothing;
        };
        let negotiated = Negotiated {
            version,
            suite,
            client_random: client.random,
            server_random: server.random,
            encrypt_then_mac: server.encrypt_then_mac,
        };
        let Ok(opener) = Opener::tls12(&negotiated, side, master) else {
            return Step::Shut(Shut::Wrong(side));
        };
        if side == Side::Server && self.facts.server_chain().is_empty() {
            self.facts.resumed = true;
        }
        let half = self.half(side);
        half.protection = Protection::Cipher(Box::new(opener));
        half.take(record);
        Step::Done
    }

    /// Takes the handshake messages that are complete.
    fn messages(&mut self, side: Side) -> Step {
        loop {
            match self.half(side).message() {
                Ok(None) => return Step::Done,
                Err(()) => return Step::Shut(Shut::Garbage(side)),
                Ok(Some((kind, message))) => {
                    if let Some(why) = self.message(side, kind, &message) {
                        return Step::Shut(why);
                    }
                }
            }
        }
    }

    fn message(&mut self, side: Side, kind: u8, message: &Bytes) -> Option<Shut> {
        let body = message.slice(4..);
        let version = self.server_hello.as_ref().and_then(ServerHello::version);
        let version = version.unwrap_or(TlsVersion::Tls12);
        let is_13 = version >= TlsVersion::Tls13;
        match (side, kind) {
            (Side::Client, kind::CLIENT_HELLO) => {
                let Some(hello) = handshake::client_hello(message) else {
                    return Some(Shut::Garbage(side));
                };
                self.facts.client_hello(&hello);
                self.client_hello = Some(hello);
            }
            (Side::Server, kind::SERVER_HELLO) => return self.hello_of_server(body),
            (Side::Server, kind::ENCRYPTED_EXTENSIONS) if is_13 => {
                let (alpn, early) = handshake::encrypted_extensions(body);
                self.facts.alpn = alpn;
                self.early = Some(early);
            }
            (_, kind::CERTIFICATE) => {
                self.facts
                    .chain(side, handshake::certificates(body, version));
            }
            (_, kind::COMPRESSED_CERTIFICATE) if is_13 => {
                let chain = handshake::compressed_certificates(body, version);
                self.facts.chain(side, chain);
            }
            (Side::Server, kind::SERVER_KEY_EXCHANGE) => {
                let is_dh = self.facts.suite_has("_DHE_") || self.facts.suite_has("_DH_anon");
                self.facts.group = handshake::key_exchange(body, is_dh).map(Into::into);
            }
            (Side::Client, kind::END_OF_EARLY_DATA) | (_, kind::FINISHED) => {
                let half = self.half(side);
                if let Protection::Stages(stages) = &mut half.protection {
                    stages.next();
                }
                if kind == kind::FINISHED {
                    let time = half.last;
                    let [client, server] = &mut self.finished;
                    match side {
                        Side::Client => *client = true,
                        Side::Server => *server = true,
                    }
                    self.facts.setup = Some(time);
                }
            }
            (_, kind::KEY_UPDATE) if is_13 => {
                if let Protection::Stages(stages) = &mut self.half(side).protection {
                    stages.update();
                }
            }
            _ => {}
        }
        None
    }

    fn hello_of_server(&mut self, body: Bytes) -> Option<Shut> {
        let Some(hello) = handshake::server_hello(body) else {
            return Some(Shut::Garbage(Side::Server));
        };
        if hello.is_retry() {
            return None;
        }
        self.facts.server_hello(&hello);
        if hello.version() == Some(TlsVersion::Tls13) {
            let Some(suite) = Suite::of(hello.suite) else {
                return Some(Shut::Suite(hello.suite));
            };
            let (random, early) = match &self.client_hello {
                Some(hello) => (hello.random, hello.offers_early_data()),
                None => ([0; 32], false),
            };
            let client = Stages::client(suite, random, early);
            self.client.protection = Protection::Stages(Box::new(client));
            let server = Stages::server(suite, random);
            self.server.protection = Protection::Stages(Box::new(server));
        }
        self.server_hello = Some(hello);
        None
    }

    fn alert(&mut self, cx: &mut Context, ends: &mut Ends, side: Side, alert: &[u8]) {
        let &[level, number] = alert else {
            return;
        };
        let time = self.half(side).last;
        match number {
            // close_notify
            0 => self.end(cx, ends, side, time),
            // TLS 1.3 has no more levels: all are the end but the one for a cancelled handshake.
            _ if (level == 2 || number != 90) && !self.opened => self.alert = Some((side, number)),
            _ => {}
        }
    }

    fn application_data(&mut self, cx: &mut Context, ends: &mut Ends, side: Side, plain: Vec<u8>) {
        // What the server has not taken is sent again.
        let is_early =
            side == Side::Client && !self.finished.contains(&true) && self.early == Some(false);
        if is_early || plain.is_empty() {
            return;
        }
        if self.facts.is_new() {
            self.facts.tell(ends);
        }
        self.opened = true;
        let piece = Piece {
            side,
            // A record that is full goes on in the next one.
            push: plain.len() < 16 * 1024,
            bytes: plain.into(),
            time: self.half(side).last,
        };
        self.inner.data(cx, ends, piece);
    }
}
