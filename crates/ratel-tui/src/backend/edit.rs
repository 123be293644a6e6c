//! Commands that change what was exchanged, or add to it.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use bytes::Bytes;
use ratel_core::clock;
use ratel_core::commands::{Call, CommandError, FlowSpec, Output};
use ratel_core::control::{ControlError, FlowCommand, HeldPart, Part};
use ratel_core::edit::{Draft, DraftError, percent_encoded};
use ratel_core::options::keys;
use ratel_flow::content::Coding;
use ratel_flow::format::with_hint;
use ratel_flow::http::Version;
use ratel_flow::{
    Annotations, Body, ClientConn, ConnId, Detail, FlowId, Headers, HttpRecord, MessageKind,
    Record, Request, Scheme, Side, Timestamp,
};

use super::{Backend, Done};
use crate::editing::{Changed, messages};
use crate::screens::known::Known;
use ratel_core::commands::Executor as _;

impl Backend<'_> {
    /// A flow, to be changed.
    pub(crate) fn draft(&self, id: FlowId) -> Result<Draft, CommandError> {
        let gone = || CommandError::Failed(format!("flow {id} is gone, or has no request"));
        let record = self.flows.record(id).ok_or_else(gone)?;
        match &record.detail {
            Detail::Http(http) => Ok(Draft::new(http)),
            Detail::Dns(_) => Err(CommandError::failed("DNS flows cannot be edited")),
            _ => Err(CommandError::Failed(format!(
                "flow {id} has no parts that can be edited, since it is not HTTP"
            ))),
        }
    }

    /// Makes a flow what a draft says: in its record when it is finished, on the wire when it is held back.
    pub(crate) fn change(&mut self, id: FlowId, draft: Draft) -> Result<Changed, CommandError> {
        let mut doubt = draft.doubt();
        let Some(edit) = draft.finish() else {
            return Ok(Changed::No);
        };
        if self.control.is_live(id) {
            let held = self.control.held(id);
            // What of a body will come is not known.
            doubt = doubt.filter(|_| !held.iter().any(|held| held.body_passes));
            let is_message = |held: &HeldPart| matches!(held.part, Part::Message(_));
            if !held.is_empty() && held.iter().all(is_message) {
                return Err(CommandError::Failed(format!(
                    "only a message of flow {id} is held: that can be changed; its head went on already"
                )));
            }
            let sent = self.control.send(id, FlowCommand::Edit(Box::new(edit)));
            sent.map_err(|error| refused(&error))?;
        } else {
            let done = self.flows.edit(id, &edit);
            done.map_err(|error| CommandError::Failed(error.to_string()))?;
        }
        Ok(doubt.map_or(Changed::Yes, Changed::But))
    }

    /// Changes each of the flows; how many were. What cannot be is skipped where there are others.
    fn change_each(
        &mut self,
        spec: &FlowSpec,
        each: impl Fn(&mut Draft, bool) -> Result<(), DraftError>,
    ) -> Result<usize, CommandError> {
        let ids = self.resolve(spec)?;
        let alone = ids.len() == 1;
        let (mut count, mut failed) = (0, None);
        for id in ids {
            let changed = self.draft(id).and_then(|mut draft| {
                each(&mut draft, alone).map_err(|error| CommandError::Failed(error.to_string()))?;
                self.change(id, draft)
            });
            match changed {
                Ok(changed) => count += usize::from(changed != Changed::No),
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        match failed {
            Some(error) if count == 0 => Err(error),
            _ => Ok(count),
        }
    }

    pub(super) fn set_attribute(&mut self, call: &Call) -> Done {
        let (attribute, value) = (call.str(1), call.str(2));
        let of_response = matches!(attribute, "status_code" | "reason");
        let count = self.change_each(call.flows(0), |draft, alone| {
            // One flow may be given a response; many are not.
            if of_response && !alone && draft.response().is_none() {
                return Ok(());
            }
            draft.set(attribute, value)
        })?;
        self.alert(&format!("Set {attribute} on {}.", super::flows(count)));
        Ok(Output::Nothing)
    }

    pub(super) fn decode(&mut self, call: &Call) -> Done {
        let side = side(call.str(1));
        let count = self.change_each(call.flows(0), |draft, _| draft.decode(side).map(drop))?;
        self.alert(&format!("Decoded {count} flows."));
        Ok(Output::Nothing)
    }

    pub(super) fn encode(&mut self, call: &Call) -> Done {
        let (side, name) = (side(call.str(1)), call.str(2));
        let coding = Coding::from_name(name).ok_or_else(|| {
            CommandError::Failed(format!("there is no content-encoding {name:?} here"))
        })?;
        let count = self.change_each(call.flows(0), |draft, _| {
            draft.encode(side, coding).map(drop)
        })?;
        self.alert(&format!("Encoded {count} flows."));
        Ok(Output::Nothing)
    }

    pub(super) fn toggle_encoding(&mut self, call: &Call) -> Done {
        let side = side(call.str(1));
        let count = self.change_each(call.flows(0), |draft, _| {
            if !draft.decode(side)? {
                draft.encode(side, Coding::Deflate)?;
            }
            Ok(())
        })?;
        self.alert(&format!("Toggled encoding on {count} flows."));
        Ok(Output::Nothing)
    }

    pub(super) fn inject(&mut self, call: &Call, kind: MessageKind) -> Done {
        let id = self.resolve_one(call.flows(0))?;
        // What goes to the client seems to come from the server.
        let (side, to) = match call.bool(1) {
            true => (Side::Server, "client"),
            false => (Side::Client, "server"),
        };
        let mut content = Bytes::copy_from_slice(call.bytes(2));
        let mut doubt = None;
        if kind == MessageKind::Grpc {
            (content, doubt) = self.grpc(id, side, content)?;
        }
        if kind == MessageKind::Text && str::from_utf8(&content).is_err() {
            return Err(CommandError::failed(
                "a text message is UTF-8; a binary one has `false` at the end of the command",
            ));
        }
        let command = FlowCommand::Inject {
            side,
            kind,
            content,
        };
        let held = self.control.held(id);
        let sent = self.control.send(id, command);
        sent.map_err(|error| refused(&error))?;
        let waits = held.iter().any(|held| held.part == Part::Message(side));
        let may_be_held = self.options.snapshot().bool(keys::INTERCEPT_ACTIVE);
        let said = match (waits, may_be_held) {
            (true, _) => format!("a message for the {to} follows the one that is held"),
            (false, true) => format!("a message goes to the {to}, unless `intercept` holds it"),
            (false, false) => format!("a message is on its way to the {to}"),
        };
        Ok(Output::Str(match doubt {
            Some(doubt) => format!("{said}, but {doubt}"),
            None => said,
        }))
    }

    /// A message of gRPC, of bytes or of its fields in braces; and what should be known of it.
    fn grpc(
        &self,
        id: FlowId,
        side: Side,
        typed: Bytes,
    ) -> Result<(Bytes, Option<String>), CommandError> {
        let gone = || CommandError::Failed(format!("flow {id} is gone"));
        let flow = self.flows.snapshot(id).ok_or_else(gone)?;
        let known = Known::new(&flow, side, self.schemas);
        let text = str::from_utf8(&typed).ok().map(str::trim);
        // In a message of protobuf that would begin a group, which nobody has used for long.
        let fields = text.filter(|text| text.starts_with('{') && text.ends_with('}'));
        let content = match fields {
            Some(text) => {
                let made = ratel_views::reencode_message(text, &messages::input(&known, b""));
                made.map(Bytes::from)
                    .map_err(|error| CommandError::Failed(error.to_string()))?
            }
            None => typed.clone(),
        };
        let doubt = messages::doubt(MessageKind::Grpc, &messages::input(&known, &content));
        Ok((content, doubt))
    }

    /// A request that nobody has sent yet.
    pub(super) fn create(&mut self, call: &Call) -> Done {
        let record = new_request(call.str(0), call.str(1))
            .map_err(|error| CommandError::Failed(error.to_string()))?;
        let made = self.flows.add(&record);
        let id = made.map_err(|error| {
            CommandError::Failed(format!("the request cannot be recorded: {error}"))
        })?;
        Ok(Output::Flows(vec![id]))
    }
}

/// Why a live flow did not take a command.
pub(crate) fn refused(error: &ControlError) -> CommandError {
    CommandError::Failed(with_hint(error, error.hint()))
}

fn side(part: &str) -> Side {
    match part {
        "response" => Side::Server,
        _ => Side::Client,
    }
}

fn new_request(method: &str, url: &str) -> Result<Record, DraftError> {
    let now = clock::now();
    let mut request = Request {
        method: Bytes::new(),
        target: Bytes::from_static(b"/"),
        version: Version::Http11,
        line: None,
        headers: Headers::new(),
        pseudo: Headers::new(),
        scheme: Scheme::Http,
        host: "".into(),
        port: 80,
        path: Bytes::from_static(b"/"),
        timestamp_start: now,
    };
    request.set_url(&percent_encoded(url)?)?;
    let authority = request.authority();
    request.headers.append(b"Host", authority.as_bytes());
    let mut draft = Draft::new(&HttpRecord::new(request, Body::Bytes(Bytes::new())));
    draft.set("method", &method.to_uppercase())?;
    let request = draft.request().clone();
    let http = HttpRecord {
        request_end: Some(now),
        ..HttpRecord::new(request, Body::Bytes(Bytes::new()))
    };
    Ok(Record {
        id: ratel_flow::flow::next_uuid(0).into(),
        client_conn: Arc::new(nobody(now)),
        server_conn: None,
        error: None,
        annotations: Annotations::default(),
        timestamp_created: now,
        backup: None,
        detail: Detail::Http(Box::new(http)),
        verbatim: Default::default(),
    })
}

/// Who sends a request that was made by hand.
fn nobody(now: Timestamp) -> ClientConn {
    let nowhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    ClientConn {
        id: ConnId::next(),
        peername: nowhere,
        sockname: nowhere,
        proxy_mode: "regular".into(),
        timestamp_start: now,
        timestamp_end: Some(now),
        tls: None,
        passthrough: None,
        extra: None,
        error: None,
    }
}
