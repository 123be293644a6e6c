//! PNG (<https://www.w3.org/TR/png-3/>): chunks of length, kind, data and checksum.

use std::io::Read as _;

use super::super::yaml;
use super::{FACTS_MAX, Facts, big, fact, size};

/// Bytes of a text that was compressed.
const TEXT_MAX: u64 = 64 * 1024;

pub(super) fn read(data: &[u8], facts: &mut Facts) {
    fact(facts, "Format", "Portable network graphics");
    let mut at = 8;
    while let Some(len) = big(data, at, 4).filter(|_| facts.len() < FACTS_MAX) {
        let (kind, start) = (data.get(at + 4..at + 8).unwrap_or_default(), at + 8);
        let end = start.saturating_add(len);
        let chunk = data.get(start..end).unwrap_or_default();
        match kind {
            b"IHDR" => size(facts, big(chunk, 0, 4), big(chunk, 4, 4)),
            b"gAMA" => {
                let gamma = big(chunk, 0, 4).unwrap_or_default() as f64 / 100_000.0;
                fact(facts, "gamma", gamma.to_string());
            }
            b"pHYs" => {
                let [x, y] = [0, 4].map(|at| big(chunk, at, 4).unwrap_or_default());
                fact(facts, "aspect", format!("{x} x {y}"));
            }
            b"tEXt" | b"zTXt" | b"iTXt" => facts.extend(text(kind, chunk)),
            _ => {}
        }
        at = end.saturating_add(4);
    }
}

/// A keyword and a text (§11.3.3).
fn text(kind: &[u8], chunk: &[u8]) -> Option<(String, Vec<u8>)> {
    let mut fields = chunk.splitn(2, |b| *b == 0);
    let name = latin1(fields.next()?);
    let rest = fields.next().unwrap_or_default();
    let value = match kind {
        b"tEXt" => latin1(rest).into_bytes(),
        b"zTXt" => latin1(&inflated(rest.get(1..)?)).into_bytes(),
        _ => {
            // Flag and method of compression, language, the keyword in it; all of this in UTF-8.
            let is_compressed = rest.first() == Some(&1);
            let text = rest.get(2..)?.splitn(3, |b| *b == 0).nth(2)?;
            if is_compressed {
                inflated(text)
            } else {
                text.to_vec()
            }
        }
    };
    Some((yaml::text(name.as_bytes()), value))
}

fn latin1(text: &[u8]) -> String {
    // Many write UTF-8 all the same.
    match str::from_utf8(text) {
        Ok(text) => text.to_owned(),
        Err(_) => text.iter().copied().map(char::from).collect(),
    }
}

fn inflated(data: &[u8]) -> Vec<u8> {
    let mut text = Vec::new();
    let decoder = flate2::bufread::ZlibDecoder::new(data);
    // What stands before damage is text, too.
    let _ = decoder.take(TEXT_MAX).read_to_end(&mut text);
    text
}
