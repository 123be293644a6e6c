//! Writing a state: an encoder with what lies elsewhere beside it.
//!
//! Everything is written from its end to its beginning: the value before the key, the first field of a dict, which
//! stands last in the file, first.

use ratel_proto::tnetstring::{Encoder, Kind, Value};

use crate::record::{Body, Messages};

/// What fills a gap.
#[derive(Debug)]
pub(crate) enum Fill {
    /// A body.
    Body(Body),
    /// The items of a list of messages.
    Messages(Messages, super::message::Form),
}

/// See the [module](self).
pub(crate) struct Out<'a> {
    pub(crate) encoder: &'a mut Encoder,
    /// What fills the gaps, in the order in which they were left.
    pub(crate) fills: &'a mut Vec<Fill>,
}

impl Out<'_> {
    /// Writes an entry of a dict: `value` writes what the key is for.
    pub(crate) fn entry(&mut self, key: &str, value: impl FnOnce(&mut Self)) {
        value(self);
        self.encoder.text(key);
    }

    pub(crate) fn group(&mut self, kind: Kind, contents: impl FnOnce(&mut Self)) {
        let mark = self.encoder.begin(kind);
        contents(self);
        self.encoder.end(mark);
    }

    pub(crate) fn dict(&mut self, key: &str, contents: impl FnOnce(&mut Self)) {
        self.group(Kind::Dict, contents);
        self.encoder.text(key);
    }

    pub(crate) fn list(&mut self, key: &str, contents: impl FnOnce(&mut Self)) {
        self.group(Kind::List, contents);
        self.encoder.text(key);
    }

    pub(crate) fn null(&mut self, key: &str) {
        self.encoder.null();
        self.encoder.text(key);
    }

    pub(crate) fn text(&mut self, key: &str, text: &str) {
        self.encoder.text(text);
        self.encoder.text(key);
    }

    pub(crate) fn opt_text(&mut self, key: &str, text: Option<&str>) {
        match text {
            Some(text) => self.text(key, text),
            None => self.null(key),
        }
    }

    pub(crate) fn bytes(&mut self, key: &str, bytes: &[u8]) {
        self.encoder.bytes(bytes);
        self.encoder.text(key);
    }

    pub(crate) fn bool(&mut self, key: &str, truth: bool) {
        self.encoder.bool(truth);
        self.encoder.text(key);
    }

    pub(crate) fn int(&mut self, key: &str, int: i64) {
        self.encoder.int(int);
        self.encoder.text(key);
    }

    pub(crate) fn value(&mut self, key: &str, value: &Value) {
        self.encoder.value(value);
        self.encoder.text(key);
    }

    /// Leaves a gap in the place of so many bytes.
    pub(crate) fn gap(&mut self, len: u64, fill: Fill) {
        self.encoder.gap(len);
        self.fills.push(fill);
    }
}
