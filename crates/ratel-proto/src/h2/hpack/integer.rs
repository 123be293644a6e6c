//! Numbers (RFC 7541 §5.1): the low bits of a byte, and seven bits in each byte that follows when they are all ones.

use bytes::{BufMut, BytesMut};

use super::HpackError;

/// The continuation bytes that a number of 32 bits can have, and no more: leading zeros would never end.
const MORE_MAX: u32 = 5;

/// Reads a number whose first byte, already taken, is `first` and has `bits` bits for it.
pub(crate) fn decode(rest: &mut &[u8], first: u8, bits: u32) -> Result<u32, HpackError> {
    let full = (1_u32 << bits) - 1;
    let low = u32::from(first) & full;
    if low < full {
        return Ok(low);
    }
    let mut value = u64::from(low);
    for shift in 0..MORE_MAX {
        let (byte, left) = rest.split_first().ok_or(HpackError::Truncated)?;
        *rest = left;
        value += u64::from(byte & 0x7f) << (7 * shift);
        if byte & 0x80 == 0 {
            return u32::try_from(value).map_err(|_| HpackError::Integer);
        }
    }
    Err(HpackError::Integer)
}

/// Appends a number; `pattern` is what the other bits of the first byte say.
pub(super) fn encode(out: &mut BytesMut, pattern: u8, bits: u32, value: usize) {
    let full = (1_usize << bits) - 1;
    if value < full {
        out.put_u8(pattern | value as u8);
        return;
    }
    out.put_u8(pattern | full as u8);
    let mut left = value - full;
    while left >= 0x80 {
        out.put_u8(left as u8 | 0x80);
        left >>= 7;
    }
    out.put_u8(left as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(bits: u32, value: usize) -> Vec<u8> {
        let mut out = BytesMut::new();
        encode(&mut out, 0, bits, value);
        out.to_vec()
    }

    fn decoded(bits: u32, bytes: &[u8]) -> Result<u32, HpackError> {
        let (first, mut rest) = bytes.split_first().unwrap();
        let value = decode(&mut rest, *first, bits)?;
        assert!(rest.is_empty());
        Ok(value)
    }

    #[test]
    fn the_examples_of_rfc_7541_c_1() {
        for (bits, value, bytes) in [
            (5, 10, &[10][..]),
            (5, 1337, &[31, 154, 10]),
            (8, 42, &[42]),
        ] {
            assert_eq!(encoded(bits, value), bytes);
            assert_eq!(decoded(bits, bytes), Ok(value as u32));
        }
    }

    #[test]
    fn a_number_has_32_bits_and_an_end() {
        assert_eq!(decoded(7, &encoded(7, u32::MAX as usize)), Ok(u32::MAX));
        let too_large = encoded(7, u32::MAX as usize + 1);
        assert_eq!(decoded(7, &too_large), Err(HpackError::Integer));
        assert_eq!(decoded(5, &[31, 0x80]), Err(HpackError::Truncated));
        let endless = [31, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0];
        assert_eq!(decoded(5, &endless), Err(HpackError::Integer));
    }
}
