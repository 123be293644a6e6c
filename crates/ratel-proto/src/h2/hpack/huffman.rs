//! The Huffman code of RFC 7541 appendix B.
//!
//! The code is canonical: codes grow with their length, and among equal lengths with the byte. So the lengths say
//! everything, and all tables are made from them when this is compiled.

#![cfg_attr(
    not(test),
    expect(
        clippy::indexing_slicing,
        reason = "tables are indexed by bytes, by as many bits as they have, or while they are made"
    )
)]

use bytes::{BufMut, BytesMut};

use super::HpackError;

/// The length of each byte's code in bits, and of the code that ends a string early (256), which is an error.
const LENGTHS: [u8; 257] = [
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, //
    28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28, //
    6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, //
    5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10, //
    13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, //
    7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6, //
    15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, //
    6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28, //
    20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23, //
    24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24, //
    22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, //
    21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23, //
    26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, //
    19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27, //
    20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, //
    26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26, //
    30,
];

const END: usize = 256;
const SHORTEST: usize = 5;
const LONGEST: usize = 30;

/// The code by length: the codes of one length are consecutive numbers for consecutive places in `order`.
struct Canonical {
    /// All bytes (and [`END`]) by code.
    order: [u16; 257],
    /// For each length: the first code, and its place in `order`.
    first: [(u32, u32); LONGEST + 1],
    /// For each length: the first code that is longer, moved to the left end of 32 bits.
    bound: [u64; LONGEST + 1],
}

const fn canonical() -> Canonical {
    let mut made = Canonical {
        order: [0; 257],
        first: [(0, 0); LONGEST + 1],
        bound: [0; LONGEST + 1],
    };
    let (mut code, mut place, mut len) = (0, 0, 1);
    while len <= LONGEST {
        code <<= 1;
        made.first[len] = (code, place);
        let mut symbol = 0;
        while symbol <= END {
            if LENGTHS[symbol] as usize == len {
                made.order[place as usize] = symbol as u16;
                code += 1;
                place += 1;
            }
            symbol += 1;
        }
        made.bound[len] = (code as u64) << (32 - len);
        len += 1;
    }
    made
}

static CANONICAL: Canonical = canonical();

/// For each byte: its code and the length of it.
static CODES: [(u32, u8); 256] = {
    let canonical = canonical();
    let mut codes = [(0, 0); 256];
    let mut place = 0;
    while place < 257 {
        let symbol = canonical.order[place] as usize;
        if symbol != END {
            let len = LENGTHS[symbol];
            let (code, from) = canonical.first[len as usize];
            codes[symbol] = (code + (place as u32 - from), len);
        }
        place += 1;
    }
    codes
};

/// How many bits are looked up at once: enough for two of the frequent characters.
const FAST_BITS: usize = 11;

/// What begins with these bits.
#[derive(Clone, Copy)]
struct Fast {
    symbols: [u8; 2],
    /// Length of the first symbol's code; 0 when it is longer than the bits.
    first: u8,
    /// Length of both codes; the same as `first` when the second is not complete.
    both: u8,
}

static FAST: [Fast; 1 << FAST_BITS] = {
    let nothing = Fast {
        symbols: [0; 2],
        first: 0,
        both: 0,
    };
    let canonical = canonical();
    let mut table = [nothing; 1 << FAST_BITS];
    let mut bits = 0;
    while bits < 1 << FAST_BITS {
        if let Some((symbol, first)) = lookup(&canonical, bits as u32, FAST_BITS) {
            table[bits].symbols[0] = symbol;
            table[bits].first = first as u8;
            table[bits].both = first as u8;
            let left = FAST_BITS - first;
            let rest = bits as u32 & ((1 << left) - 1);
            if let Some((symbol, second)) = lookup(&canonical, rest, left) {
                table[bits].symbols[1] = symbol;
                table[bits].both = (first + second) as u8;
            }
        }
        bits += 1;
    }
    table
};

/// The symbol whose code is at the left end of `bits`, of which there are `count`.
const fn lookup(canonical: &Canonical, bits: u32, count: usize) -> Option<(u8, usize)> {
    let mut len = SHORTEST;
    while len <= count {
        let code = bits >> (count - len);
        if ((code as u64) << (32 - len)) < canonical.bound[len] {
            let (first, place) = canonical.first[len];
            return Some((canonical.order[(place + code - first) as usize] as u8, len));
        }
        len += 1;
    }
    None
}

/// Decodes `from` and appends it to `out`: at most 8/5 of its length.
///
/// # Errors
/// When a code is not complete or is the one that ends a string, or when it is padded with anything but less than a
/// byte of ones (RFC 7541 §5.2). What is in `out` is undefined then, after what was there.
pub fn decode(from: &[u8], out: &mut BytesMut) -> Result<(), HpackError> {
    let start = out.len();
    // Two bytes are written at once.
    out.resize(start + from.len() * 8 / SHORTEST + 2, 0);
    let written = decode_into(from, &mut out[start..])?;
    out.truncate(start + written);
    Ok(())
}

/// Decodes into `out`, which is large enough; returns how many bytes were written.
fn decode_into(from: &[u8], out: &mut [u8]) -> Result<usize, HpackError> {
    let mut written = 0;
    // Bits that were read and not decoded, at the left end; below them are zeros.
    let (mut bits, mut count) = (0_u64, 0_usize);
    let mut emit = |symbols: [u8; 2], n: usize| {
        if let Some(place) = out.get_mut(written..).and_then(<[u8]>::first_chunk_mut) {
            *place = symbols;
        }
        written += n;
    };
    let (words, tail) = from.as_chunks::<4>();
    for word in words {
        // There are less than 32 bits here.
        bits |= u64::from(u32::from_be_bytes(*word)) << (32 - count);
        count += 32;
        while count >= 32 {
            let fast = FAST[(bits >> (64 - FAST_BITS)) as usize];
            if fast.first == 0 {
                let (symbol, len) = slow(bits)?;
                emit([symbol, 0], 1);
                (bits, count) = (bits << len, count - len);
            } else {
                emit(fast.symbols, if fast.both > fast.first { 2 } else { 1 });
                (bits, count) = (bits << fast.both, count - usize::from(fast.both));
            }
        }
    }
    for byte in tail {
        bits |= u64::from(*byte) << (56 - count);
        count += 8;
    }
    // Ones behind the end are what padding is made of, and no code that ends there is all ones.
    bits |= u64::MAX.checked_shr(count as u32).unwrap_or(0);
    loop {
        let fast = FAST[(bits >> (64 - FAST_BITS)) as usize];
        let (symbol, len) = match fast.first {
            0 if count < 8 => break,
            0 => slow(bits)?,
            first => (fast.symbols[0], first.into()),
        };
        if len > count {
            break;
        }
        emit([symbol, 0], 1);
        (bits, count) = (bits << len | ((1 << len) - 1), count - len);
    }
    if count < 8 && bits == u64::MAX {
        Ok(written)
    } else {
        Err(HpackError::Huffman)
    }
}

/// The symbol at the left end of `bits` whose code is longer than [`FAST_BITS`], and the length of its code.
#[cold]
fn slow(bits: u64) -> Result<(u8, usize), HpackError> {
    let code = bits >> 32;
    for len in FAST_BITS + 1..=LONGEST {
        if code < CANONICAL.bound[len] {
            let (first, place) = CANONICAL.first[len];
            let at = place as usize + (code >> (32 - len)) as usize - first as usize;
            let symbol = CANONICAL.order[at.min(END)];
            return match u8::try_from(symbol) {
                Ok(symbol) => Ok((symbol, len)),
                Err(_) => Err(HpackError::Huffman),
            };
        }
    }
    Err(HpackError::Huffman)
}

/// The length of `text` when encoded, in bytes.
#[must_use]
pub fn encoded_len(text: &[u8]) -> usize {
    let bits: usize = text
        .iter()
        .map(|byte| usize::from(LENGTHS[usize::from(*byte)]))
        .sum();
    bits.div_ceil(8)
}

/// Appends `text`, encoded.
pub fn encode(text: &[u8], out: &mut BytesMut) {
    // Bits that are not written, at the right end; less than 32 between two symbols.
    let (mut bits, mut count) = (0_u64, 0_u32);
    for byte in text {
        let (code, len) = CODES[usize::from(*byte)];
        bits = bits << len | u64::from(code);
        count += u32::from(len);
        if count >= 32 {
            count -= 32;
            out.put_u32((bits >> count) as u32);
        }
    }
    // The padding is the beginning of the code that ends a string: ones.
    let padding = count.wrapping_neg() % 8;
    bits = bits << padding | ((1 << padding) - 1);
    let mut left = count + padding;
    while left > 0 {
        left -= 8;
        out.put_u8((bits >> left) as u8);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decoded(from: &[u8]) -> Result<Vec<u8>, HpackError> {
        let mut out = BytesMut::from(&b"before"[..]);
        decode(from, &mut out)?;
        Ok(out[6..].to_vec())
    }

    fn encoded(text: &[u8]) -> Vec<u8> {
        let mut out = BytesMut::new();
        encode(text, &mut out);
        assert_eq!(out.len(), encoded_len(text));
        out.to_vec()
    }

    #[test]
    fn codes_are_those_of_the_rfc() {
        for (byte, code, len) in [
            (b'0', 0x0, 5),
            (b'\0', 0x1ff8, 13),
            (b'\n', 0x3fff_fffc, 30),
            (b'~', 0x1ffd, 13),
            (b'\\', 0x7fff0, 19),
            (0x80, 0xfffe6, 20),
            (0xff, 0x03ff_ffee, 26),
            (249, 0x0fff_fffe, 28),
        ] {
            assert_eq!(CODES[usize::from(byte)], (code, len), "{byte}");
        }
    }

    #[test]
    fn every_byte_comes_back() {
        let all: Vec<u8> = (0..=255).collect();
        assert_eq!(decoded(&encoded(&all)), Ok(all));
        for byte in 0..=255 {
            assert_eq!(decoded(&encoded(&[byte])), Ok(vec![byte]));
        }
        assert_eq!(decoded(b""), Ok(vec![]));
    }

    #[test]
    fn padding_is_less_than_a_byte_of_ones() {
        // "0" is 00000.
        assert_eq!(decoded(&[0b0000_0111]), Ok(b"0".to_vec()));
        for bad in [
            &[0b0000_0110][..],
            &[0b0000_0000, 0b0000_0000],
            &[0b0000_0111, 0xff],
            &[0xff],
            &[0xff; 4],
            &[0xff; 5],
        ] {
            assert_eq!(decoded(bad), Err(HpackError::Huffman), "{bad:02x?}");
        }
    }

    #[test]
    fn the_end_of_string_code_is_refused() {
        // 30 ones, then "0" and padding.
        assert_eq!(
            decoded(&[0xff, 0xff, 0xff, 0xfc, 0x1f]),
            Err(HpackError::Huffman)
        );
        assert_eq!(decoded(&[0xff; 16]), Err(HpackError::Huffman));
    }

    proptest! {
        #[test]
        fn any_text_comes_back(text in proptest::collection::vec(any::<u8>(), 0..200)) {
            prop_assert_eq!(decoded(&encoded(&text)), Ok(text));
        }

        /// What decodes is the only spelling of it, since codes and padding are.
        #[test]
        fn any_bytes_decode_to_what_encodes_to_them(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            if let Ok(text) = decoded(&bytes) {
                prop_assert_eq!(encoded(&text), bytes);
            }
        }
    }
}
