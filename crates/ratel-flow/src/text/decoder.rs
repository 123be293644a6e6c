//! Text in any charset as UTF-8, piece by piece.

use super::Charset;

/// Decodes a body that comes in pieces, cut anywhere; memory does not depend on its length.
///
/// A byte order mark is left out. What cannot be read becomes U+FFFD, but in UTF-8, whose bytes pass as they are.
pub struct Decoder {
    kind: Kind,
}

enum Kind {
    Utf8,
    Latin1,
    Other(encoding_rs::Decoder),
    Utf32 {
        big_endian: bool,
        /// The start of a unit.
        unit: Vec<u8>,
        begun: bool,
    },
}

impl Charset {
    /// A decoder for one body.
    #[must_use]
    pub fn decoder(self) -> Decoder {
        let kind = match self {
            Self::Utf8 => Kind::Utf8,
            Self::Latin1 => Kind::Latin1,
            Self::Other(encoding) => Kind::Other(encoding.new_decoder_with_bom_removal()),
            Self::Utf32 { big_endian } => Kind::Utf32 {
                big_endian,
                unit: Vec::new(),
                begun: false,
            },
        };
        Decoder { kind }
    }
}

impl Decoder {
    /// Appends what the next bytes say; `last` when there are no more.
    pub fn feed(&mut self, bytes: &[u8], last: bool, out: &mut Vec<u8>) {
        match &mut self.kind {
            Kind::Utf8 => out.extend_from_slice(bytes),
            Kind::Latin1 => {
                for byte in bytes {
                    push(char::from(*byte), out);
                }
            }
            Kind::Other(decoder) => {
                let most = decoder.max_utf8_buffer_length(bytes.len());
                let mut text = String::with_capacity(most.unwrap_or(bytes.len()));
                let mut rest = bytes;
                loop {
                    let (result, read, _) = decoder.decode_to_string(rest, &mut text, last);
                    rest = rest.get(read..).unwrap_or_default();
                    if result == encoding_rs::CoderResult::InputEmpty {
                        break;
                    }
                    text.reserve(rest.len().max(16));
                }
                out.extend_from_slice(text.as_bytes());
            }
            Kind::Utf32 {
                big_endian,
                unit,
                begun,
            } => {
                for byte in bytes {
                    unit.push(*byte);
                    if let Ok(whole) = <[u8; 4]>::try_from(&unit[..]) {
                        let number = if *big_endian {
                            u32::from_be_bytes(whole)
                        } else {
                            u32::from_le_bytes(whole)
                        };
                        unit.clear();
                        let is_mark = !std::mem::replace(begun, true) && number == 0xfeff;
                        if !is_mark {
                            let c = char::from_u32(number);
                            push(c.unwrap_or(char::REPLACEMENT_CHARACTER), out);
                        }
                    }
                }
                if last && !unit.is_empty() {
                    unit.clear();
                    push(char::REPLACEMENT_CHARACTER, out);
                }
            }
        }
    }
}

impl std::fmt::Debug for Decoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Decoder").finish_non_exhaustive()
    }
}

fn push(c: char, out: &mut Vec<u8>) {
    out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decoded(charset: Charset, pieces: &[&[u8]]) -> String {
        let mut decoder = charset.decoder();
        let mut out = Vec::new();
        for piece in pieces {
            decoder.feed(piece, false, &mut out);
        }
        decoder.feed(b"", true, &mut out);
        String::from_utf8(out).expect("it is UTF-8")
    }

    proptest! {
        /// As in one piece, wherever it is cut.
        #[test]
        fn any_split_decodes_the_same(
            bytes in prop::collection::vec(any::<u8>(), 0..40),
            at in any::<prop::sample::Index>(),
        ) {
            for name in ["latin-1", "windows-1252", "shift_jis", "gb18030", "utf-16le", "utf-16be", "iso-2022-jp", "euc-kr"] {
                let charset = Charset::named(name).expect("it is known");
                let (a, b) = bytes.split_at(at.index(bytes.len() + 1));
                prop_assert_eq!(decoded(charset, &[a, b]), charset.decode(&bytes), "{}", name);
            }
        }
    }

    #[test]
    fn wide_units_are_put_together() {
        let charset = Charset::Utf32 { big_endian: true };
        let text = b"\0\0\xfe\xff\0\0\0a\0\x01\xf6\0\0\x11\0\0\0";
        let pieces: Vec<&[u8]> = text.chunks(3).collect();
        assert_eq!(decoded(charset, &pieces), "a😀\u{fffd}\u{fffd}");
    }
}
