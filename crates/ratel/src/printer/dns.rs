//! The text of a DNS exchange.

use std::io;

use ratel_core::store::{FlowSnapshot, FlowStore};
use ratel_flow::Detail;
use ratel_flow::dns::{Message, kind_name, op_code_name, resource_text, response_code_name};

use super::flow::failure;
use super::label;
use crate::ink::{Look, Page};

/// Prints `127.0.0.1:5000: DNS QUERY (A) service.dev`, and what the answer is.
pub(super) fn exchange(
    page: &mut Page<'_>,
    store: &FlowStore,
    flow: &FlowSnapshot,
) -> io::Result<()> {
    let record = store.record(flow.id);
    let Some(Detail::Dns(exchange)) = record.map(|record| record.detail) else {
        return Ok(());
    };
    if exchange.response.is_none() && flow.error.is_none() {
        return Ok(());
    }
    page.put(Look::Plain, &label::client(flow))?;
    page.put(Look::Plain, ": ")?;
    page.put(Look::Plain, &question(&exchange.request.message))?;
    page.end()?;
    if let Some(error) = &flow.error {
        return failure(page, error);
    }
    let Some(response) = &exchange.response else {
        return Ok(());
    };
    let response = &response.message;
    page.put(Look::Plain, " << ")?;
    if response.response_code != 0 {
        return page.line(Look::Red, &response_code_name(response.response_code));
    }
    let answers: Vec<String> = response.answers.iter().map(resource_text).collect();
    let text = match &*answers {
        [] => response_code_name(0).into_owned(),
        answers => answers.join(", "),
    };
    page.line(Look::Plain, &text)
}

/// What is asked: `DNS QUERY (A) service.dev`.
fn question(request: &Message) -> String {
    let op_code = op_code_name(request.op_code);
    match request.questions.first() {
        Some(question) => format!(
            "DNS {op_code} ({}) {}",
            kind_name(question.kind),
            question.name
        ),
        None => format!("DNS {op_code}"),
    }
}
