//! Base64 of a stream, as `grpc-web-text` sends it: each part may be padded on its own. What stands before something that
//! is no base64 is decoded, so that it can be shown.

/// Decodes as bytes come.
#[derive(Debug, Default)]
pub(super) struct Base64 {
    bits: u32,
    /// Characters of a group of four, padding included.
    read: u8,
    padding: u8,
}

impl Base64 {
    /// Decodes on; white space is passed over. An error is where the first byte is that is no base64.
    pub(super) fn feed(&mut self, data: &[u8], out: &mut Vec<u8>) -> Result<(), usize> {
        for (position, byte) in data.iter().enumerate() {
            let value = match byte {
                b'A'..=b'Z' => byte - b'A',
                b'a'..=b'z' => byte - b'a' + 26,
                b'0'..=b'9' => byte - b'0' + 52,
                b'+' | b'-' => 62,
                b'/' | b'_' => 63,
                b'=' if self.read >= 2 => {
                    self.padding += 1;
                    0
                }
                b' ' | b'\t' | b'\r' | b'\n' => continue,
                _ => return Err(position),
            };
            if self.padding > 0 && *byte != b'=' {
                return Err(position);
            }
            self.bits = self.bits << 6 | u32::from(value);
            self.read += 1;
            if self.read == 4 {
                let [_, bytes @ ..] = self.bits.to_be_bytes();
                out.extend(bytes.iter().take(3 - usize::from(self.padding)));
                *self = Self::default();
            }
        }
        Ok(())
    }
}

/// Bytes as base64, padded.
pub(super) fn encode(data: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(data.len().div_ceil(3) * 4);
    for group in data.chunks(3) {
        let bits = (0..3).fold(0_u32, |bits, nth| {
            bits << 8 | u32::from(group.get(nth).copied().unwrap_or(0))
        });
        for place in 0..4 {
            let digit = DIGITS.get((bits >> (18 - 6 * place) & 63) as usize);
            let digit = digit.filter(|_| place <= group.len());
            text.push(digit.map_or('=', |digit| char::from(*digit)));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(text: &str) -> Result<Vec<u8>, usize> {
        let (mut decoder, mut out) = (Base64::default(), Vec::new());
        for byte in text.as_bytes() {
            decoder.feed(&[*byte], &mut out)?;
        }
        Ok(out)
    }

    #[test]
    fn what_is_encoded_comes_back() {
        for text in ["", "f", "fo", "foo", "foob", "\u{ff}\u{fe}"] {
            assert_eq!(decode(&encode(text.as_bytes())).unwrap(), text.as_bytes());
        }
        assert_eq!(encode(b"fo\xff"), "Zm//");
    }

    #[test]
    fn parts_are_padded_on_their_own() {
        let rows = [
            ("", ""),
            ("Zg==", "f"),
            ("Zm8=", "fo"),
            ("Zm9v", "foo"),
            ("Zg==Zm8=\r\nZm9v", "ffofoo"),
            ("Zm9vZ", "foo"),
        ];
        for (text, expected) in rows {
            assert_eq!(decode(text).unwrap(), expected.as_bytes(), "{text}");
        }
        for text in ["Z===", "=", "Zg=x", "Z*"] {
            assert!(decode(text).is_err(), "{text}");
        }
    }
}
