//! Makes protobuf and gRPC bytes.

pub(crate) fn varint(mut value: u64) -> Vec<u8> {
    let mut out = Vec::new();
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
    out
}

pub(crate) fn int(number: u64, value: u64) -> Vec<u8> {
    [varint(number << 3), varint(value)].concat()
}

pub(crate) fn bytes(number: u64, value: impl AsRef<[u8]>) -> Vec<u8> {
    let value = value.as_ref();
    [
        varint(number << 3 | 2),
        varint(value.len() as u64),
        value.to_vec(),
    ]
    .concat()
}

pub(crate) fn fixed32(number: u64, value: u32) -> Vec<u8> {
    [varint(number << 3 | 5), value.to_le_bytes().to_vec()].concat()
}

pub(crate) fn fixed64(number: u64, value: u64) -> Vec<u8> {
    [varint(number << 3 | 1), value.to_le_bytes().to_vec()].concat()
}

pub(crate) fn group(number: u64, fields: &[u8]) -> Vec<u8> {
    [&varint(number << 3 | 3), fields, &varint(number << 3 | 4)].concat()
}

pub(crate) fn frame(flags: u8, message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).unwrap().to_be_bytes();
    [&[flags], &length[..], message].concat()
}

/// An order of `shop.proto`.
pub(crate) fn order() -> Vec<u8> {
    [
        bytes(1, "A-17"),
        int(2, 2),
        bytes(3, [bytes(1, "EUR"), int(2, 2 * 1999 - 1)].concat()),
        bytes(4, [varint(38), varint(40), varint(u64::MAX)].concat()),
        int(4, 42),
        bytes(
            5,
            [bytes(1, "colour"), bytes(2, "grün\n\u{1b}[31m")].concat(),
        ),
        bytes(6, [0xde, 0xad, 0xbe, 0xef]),
        fixed64(7, 1.5_f64.to_bits()),
        int(8, 1),
        bytes(9, int(1, 1_700_000_000)),
        bytes(
            10,
            [
                bytes(1, "type.googleapis.com/common.Money"),
                bytes(2, bytes(1, "USD")),
            ]
            .concat(),
        ),
        fixed32(12, 7),
        int(13, -5_i64 as u64),
        bytes(14, bytes(1, "A-17/1")),
        bytes(99, "unknown"),
    ]
    .concat()
}
