//! From `tracing` to the log.

use std::fmt::{self, Write};

use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::Interest;
use tracing::{Event, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Context, Filter};
use tracing_subscriber::registry::LookupSpan;

use super::{EventLog, Level};

/// Makes entries of events.
pub(super) struct Bridge(EventLog);

impl Bridge {
    pub(super) fn new(log: EventLog) -> Self {
        Self(log)
    }
}

/// The client that a span is about.
struct Client(String);

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Bridge {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut fields = Fields::of_span(attributes.metadata());
        attributes.record(&mut fields);
        note_client(fields, id, &context);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let Some(metadata) = context.metadata(id) else {
            return;
        };
        let mut fields = Fields::of_span(metadata);
        values.record(&mut fields);
        note_client(fields, id, &context);
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let level = match level_of(event.metadata()) {
            Level::Warn | Level::Info if fields.alert => Level::Alert,
            level => level,
        };
        let client = fields.client.take().or_else(|| {
            let mut spans = context.event_scope(event)?;
            spans.find_map(|span| {
                span.extensions()
                    .get::<Client>()
                    .map(|client| client.0.clone())
            })
        });
        self.0.push(level, &fields.sentence(), client.as_deref());
    }
}

fn note_client<S: Subscriber + for<'a> LookupSpan<'a>>(
    fields: Fields,
    id: &Id,
    context: &Context<'_, S>,
) {
    if let (Some(client), Some(span)) = (fields.client, context.span(id)) {
        span.extensions_mut().replace(Client(client));
    }
}

fn level_of(metadata: &Metadata<'_>) -> Level {
    match *metadata.level() {
        tracing::Level::ERROR => Level::Error,
        tracing::Level::WARN => Level::Warn,
        tracing::Level::INFO => Level::Info,
        _ => Level::Debug,
    }
}

/// What an event or a span says.
#[derive(Default)]
struct Fields {
    message: String,
    hint: String,
    error: String,
    client: Option<String>,
    /// Other fields, as ` name=value`.
    others: String,
    alert: bool,
    /// This is the span of a client connection, whose `peer` is the client.
    client_span: bool,
}

impl Fields {
    fn of_span(metadata: &Metadata<'_>) -> Self {
        Self {
            client_span: metadata.name() == "client",
            ..Self::default()
        }
    }

    fn sentence(self) -> String {
        let Self {
            mut message,
            hint,
            error,
            others,
            ..
        } = self;
        for (separator, part) in [(": ", error), ("", others), ("; ", hint)] {
            if !part.is_empty() {
                if !message.is_empty() {
                    message.push_str(separator);
                }
                message.push_str(if message.is_empty() {
                    part.trim_start()
                } else {
                    &part
                });
            }
        }
        message
    }

    fn add(&mut self, field: &Field, value: fmt::Arguments<'_>) {
        let into = match field.name() {
            "message" => &mut self.message,
            "hint" => &mut self.hint,
            "error" => &mut self.error,
            "client" => self.client.insert(String::new()),
            "peer" if self.client_span => self.client.insert(String::new()),
            // Events of the `log` crate carry where they come from in fields of that prefix.
            name if name.starts_with("log.") => return,
            name => {
                self.others.push(' ');
                self.others.push_str(name);
                self.others.push('=');
                &mut self.others
            }
        };
        // Writing to a string only fails when the value's own formatting does; what it wrote so far is kept.
        let _ = into.write_fmt(value);
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.add(field, format_args!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, format_args!("{value}"));
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        self.add(field, format_args!("{value}"));
        let mut source = value.source();
        while let Some(cause) = source {
            let into = if field.name() == "error" {
                &mut self.error
            } else {
                &mut self.others
            };
            let _ = write!(into, ": {cause}");
            source = cause.source();
        }
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        if field.name() == "alert" {
            self.alert = value;
        } else {
            self.add(field, format_args!("{value}"));
        }
    }
}

/// Lets through what the log takes, and all spans: they say whose connection an error is about.
pub(super) struct Gate(EventLog);

impl Gate {
    pub(super) fn new(log: EventLog) -> Self {
        Self(log)
    }

    fn takes(&self, metadata: &Metadata<'_>) -> bool {
        if *metadata.level() == tracing::Level::TRACE {
            // Libraries have steps of their own, which are nobody's concern here.
            return self.0.takes_steps() && metadata.target().starts_with("ratel");
        }
        // An event of level info may turn out to be an alert, which matters more.
        let level = match level_of(metadata) {
            Level::Info => Level::Alert,
            level => level,
        };
        metadata.is_span() || level <= self.0.level()
    }
}

impl<S> Filter<S> for Gate {
    fn enabled(&self, metadata: &Metadata<'_>, _: &Context<'_, S>) -> bool {
        self.takes(metadata)
    }

    fn callsite_enabled(&self, metadata: &'static Metadata<'static>) -> Interest {
        if self.takes(metadata) {
            Interest::always()
        } else {
            Interest::never()
        }
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(match self.0.level() {
            Level::Debug if self.0.takes_steps() => LevelFilter::TRACE,
            Level::Debug => LevelFilter::DEBUG,
            _ => LevelFilter::INFO,
        })
    }
}
