//! DNS exchanges.

use ratel_proto::tnetstring::Kind;

use super::Frame;
use super::field::{Field, StateError, state};
use super::out::Out;
use super::time;
use crate::dns::{DnsMessage, Message, Question, Resource};
use crate::time::Timestamp;
use crate::verbatim::{Place, Verbatim};

state! {
    DnsState {
        id, query, op_code, authoritative_answer, truncation, recursion_desired, recursion_available, reserved,
        response_code, questions, answers, authorities, additionals, timestamp,
    }
}

state! {
    QuestionState { name, kind = "type", class = "class_" }
}

state! {
    ResourceState { name, kind = "type", class = "class_", ttl, data }
}

/// Reads a question or an answer.
pub(super) fn read(
    field: &Field<'_>,
    frame: &Frame<'_>,
    place: Place,
    verbatim: &mut Verbatim,
) -> Result<DnsMessage, StateError> {
    let state = DnsState::read(field)?;
    let within = |error: StateError| error.within(field.name);
    let timestamp = time::read_or_null(&state.timestamp, place, verbatim).map_err(within)?;
    Ok(DnsMessage {
        message: message(&state, frame).map_err(within)?,
        timestamp: (timestamp != Timestamp::default()).then_some(timestamp),
    })
}

fn message(state: &DnsState<'_>, frame: &Frame<'_>) -> Result<Message, StateError> {
    let flag = |field: &Field<'_>| Ok::<_, StateError>(field.opt_bool()?.unwrap_or_default());
    Ok(Message {
        id: number(&state.id)?,
        query: flag(&state.query)?,
        op_code: number(&state.op_code)?,
        authoritative_answer: flag(&state.authoritative_answer)?,
        truncation: flag(&state.truncation)?,
        recursion_desired: flag(&state.recursion_desired)?,
        recursion_available: flag(&state.recursion_available)?,
        reserved: number(&state.reserved)?,
        response_code: number(&state.response_code)?,
        questions: each(&state.questions, question)?,
        answers: each(&state.answers, |field| resource(field, frame))?,
        authorities: each(&state.authorities, |field| resource(field, frame))?,
        additionals: each(&state.additionals, |field| resource(field, frame))?,
    })
}

fn number<T: TryFrom<i64>>(field: &Field<'_>) -> Result<T, StateError> {
    let int = field.int()?;
    T::try_from(int).map_err(|_| field.invalid(format_args!("{int}, which is out of range")))
}

fn each<T>(
    field: &Field<'_>,
    read: impl Fn(&Field<'_>) -> Result<T, StateError>,
) -> Result<Vec<T>, StateError> {
    let mut found = Vec::new();
    if let Some(mut list) = field.opt_list()? {
        while let Some(item) = list.next()? {
            found.push(read(&item).map_err(|error| error.within(field.name))?);
        }
    }
    Ok(found)
}

fn question(field: &Field<'_>) -> Result<Question, StateError> {
    let state = QuestionState::read(field)?;
    Ok(Question {
        name: state.name.text()?.into(),
        kind: number(&state.kind)?,
        class: number(&state.class)?,
    })
}

fn resource(field: &Field<'_>, frame: &Frame<'_>) -> Result<Resource, StateError> {
    let state = ResourceState::read(field)?;
    Ok(Resource {
        name: state.name.text()?.into(),
        kind: number(&state.kind)?,
        class: number(&state.class)?,
        ttl: number(&state.ttl)?,
        data: frame.share(state.data.bytes()?),
    })
}

/// Writes a question or an answer.
pub(super) fn write(
    out: &mut Out<'_>,
    key: &'static str,
    message: &DnsMessage,
    place: Place,
    verbatim: &Verbatim,
) {
    let DnsMessage { message, timestamp } = message;
    out.dict(key, |out| {
        out.int("id", message.id.into());
        out.bool("query", message.query);
        out.int("op_code", message.op_code.into());
        out.bool("authoritative_answer", message.authoritative_answer);
        out.bool("truncation", message.truncation);
        out.bool("recursion_desired", message.recursion_desired);
        out.bool("recursion_available", message.recursion_available);
        out.int("reserved", message.reserved.into());
        out.int("response_code", message.response_code.into());
        out.list("questions", |out| {
            for question in message.questions.iter().rev() {
                out.group(Kind::Dict, |out| {
                    out.text("name", &question.name);
                    out.int("type", question.kind.into());
                    out.int("class_", question.class.into());
                });
            }
        });
        for (key, records) in [
            ("answers", &message.answers),
            ("authorities", &message.authorities),
            ("additionals", &message.additionals),
        ] {
            out.list(key, |out| {
                for record in records.iter().rev() {
                    write_record(out, record);
                }
            });
        }
        // The epoch stands for none, since not every mitmproxy reads a null there.
        let timestamp = timestamp.unwrap_or_default();
        time::write(out, "timestamp", Some(timestamp), place, verbatim);
    });
}

fn write_record(out: &mut Out<'_>, record: &Resource) {
    out.group(Kind::Dict, |out| {
        out.text("name", &record.name);
        out.int("type", record.kind.into());
        out.int("class_", record.class.into());
        out.int("ttl", record.ttl.into());
        out.bytes("data", &record.data);
    });
}
