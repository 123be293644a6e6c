//! The wire format of protobuf: fields of a number and a value, read without a schema.

/// Field numbers go to this one.
const MAX_NUMBER: u64 = (1 << 29) - 1;

/// A varint has at most so many bytes.
const MAX_VARINT: usize = 10;

/// The guess that bytes are a message is not made for field numbers beyond this one; hardly any message has those.
const MAX_GUESSED_NUMBER: u32 = 1 << 16;

/// Some bytes are missing; nobody knows how many.
pub(crate) const UNKNOWN: u64 = u64::MAX;

/// A field, or one end of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Field<'a> {
    pub(crate) number: u32,
    pub(crate) value: Value<'a>,
}

/// A value, by its wire type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Value<'a> {
    Varint(u64),
    Fixed64(u64),
    Fixed32(u32),
    /// Text, bytes, a message, or packed values; `missing` bytes of them are beyond the end.
    Bytes {
        data: &'a [u8],
        missing: u64,
    },
    StartGroup,
    EndGroup,
}

/// Why there is no next field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// The data end within a field.
    Cut,
    /// It is no field, because.
    Bad(&'static str),
}

impl Stop {
    /// What is wrong.
    pub(crate) fn why(self) -> &'static str {
        match self {
            Self::Cut => "the message breaks off within a field",
            Self::Bad(why) => why,
        }
    }
}

/// Reads one field after the other.
#[derive(Clone, Debug)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
    /// A number was longer than it has to be, as no sender writes it.
    is_odd: bool,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(data: &'a [u8]) -> Self {
        Self {
            rest: data,
            is_odd: false,
        }
    }

    /// What has not been read.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// The next field. After an error the reader is where it was before.
    pub(crate) fn next(&mut self) -> Option<Result<Field<'a>, Stop>> {
        if self.rest.is_empty() {
            return None;
        }
        let before = self.clone();
        let field = self.field();
        if field.is_err() {
            *self = before;
        }
        Some(field)
    }

    /// A value of a packed field.
    pub(crate) fn varint(&mut self) -> Result<u64, Stop> {
        let mut value = 0_u64;
        for (position, byte) in self.rest.iter().take(MAX_VARINT).enumerate() {
            let bits = u64::from(byte & 0x7f);
            value |= bits << (7 * position);
            if byte & 0x80 == 0 {
                if position == MAX_VARINT - 1 && bits > 1 {
                    return Err(Stop::Bad("a varint is larger than 64 bits"));
                }
                self.is_odd |= *byte == 0 && position > 0;
                self.take(position + 1)?;
                return Ok(value);
            }
        }
        if self.rest.len() < MAX_VARINT {
            Err(Stop::Cut)
        } else {
            Err(Stop::Bad("a varint has more than 10 bytes"))
        }
    }

    /// Four bytes, little end first.
    pub(crate) fn fixed32(&mut self) -> Result<u32, Stop> {
        let (bytes, _) = self.rest.split_first_chunk().ok_or(Stop::Cut)?;
        let value = u32::from_le_bytes(*bytes);
        self.take(size_of::<u32>())?;
        Ok(value)
    }

    /// Eight bytes, little end first.
    pub(crate) fn fixed64(&mut self) -> Result<u64, Stop> {
        let (bytes, _) = self.rest.split_first_chunk().ok_or(Stop::Cut)?;
        let value = u64::from_le_bytes(*bytes);
        self.take(size_of::<u64>())?;
        Ok(value)
    }

    fn field(&mut self) -> Result<Field<'a>, Stop> {
        let tag = self.varint()?;
        let number = tag >> 3;
        if number == 0 || number > MAX_NUMBER {
            return Err(Stop::Bad("there is no field of that number"));
        }
        let value = match tag & 7 {
            0 => Value::Varint(self.varint()?),
            1 => Value::Fixed64(self.fixed64()?),
            2 => {
                let length = self.varint()?;
                let here =
                    usize::try_from(length).map_or(self.rest.len(), |l| l.min(self.rest.len()));
                let missing = length - here as u64;
                let data = self.take(here)?;
                Value::Bytes { data, missing }
            }
            3 => Value::StartGroup,
            4 => Value::EndGroup,
            5 => Value::Fixed32(self.fixed32()?),
            _ => return Err(Stop::Bad("there is no wire type of that number")),
        };
        // It is within 29 bits.
        let number = number as u32;
        Ok(Field { number, value })
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], Stop> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or(Stop::Cut)?;
        self.rest = rest;
        Ok(taken)
    }
}

/// Whether the bytes read as a message of at least one field; if some are `missing`, as the start of one.
pub(crate) fn is_message(data: &[u8], missing: u64) -> bool {
    let cut = missing > 0;
    let mut reader = Reader::new(data);
    let mut groups: Vec<u32> = Vec::new();
    let mut any = false;
    loop {
        match reader.next() {
            None => return any && (cut || groups.is_empty()) && !reader.is_odd,
            Some(Ok(Field { number, .. })) if number > MAX_GUESSED_NUMBER => return false,
            Some(Ok(Field { number, value })) => match value {
                Value::StartGroup => groups.push(number),
                Value::EndGroup if groups.pop() != Some(number) => return false,
                // That it fits into what is missing is as good a sign as a field.
                Value::Bytes {
                    missing: more @ 1..,
                    ..
                } => {
                    return more <= missing && (any || missing < UNKNOWN);
                }
                _ => any = true,
            },
            Some(Err(Stop::Cut)) => return cut && any,
            Some(Err(Stop::Bad(_))) => return false,
        }
    }
}

/// Whether bytes that are said to be a message can be read as one; if they are `cut`, as the start of one.
pub(crate) fn is_readable(data: &[u8], cut: bool) -> bool {
    let mut reader = Reader::new(data);
    let mut groups: Vec<u32> = Vec::new();
    loop {
        match reader.next() {
            None => return cut || groups.is_empty(),
            Some(Ok(Field { number, value })) => match value {
                Value::StartGroup => groups.push(number),
                Value::EndGroup if groups.pop() != Some(number) => return false,
                Value::Bytes { missing: 1.., .. } => return cut,
                _ => {}
            },
            Some(Err(Stop::Cut)) => return cut,
            Some(Err(Stop::Bad(_))) => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn fields(data: &[u8]) -> (Vec<Field<'_>>, Option<Stop>) {
        let mut reader = Reader::new(data);
        let mut fields = Vec::new();
        while let Some(field) = reader.next() {
            match field {
                Ok(field) => fields.push(field),
                Err(stop) => return (fields, Some(stop)),
            }
        }
        (fields, None)
    }

    #[test]
    fn each_wire_type_is_read() {
        let data = b"\x08\x96\x01\x12\x03abc\x1d\x01\x00\x00\x00\x21\x02\x00\x00\x00\x00\x00\x00\x00\x2b\x2c";
        let field = |number, value| Field { number, value };
        let expected = [
            field(1, Value::Varint(150)),
            field(
                2,
                Value::Bytes {
                    data: b"abc",
                    missing: 0,
                },
            ),
            field(3, Value::Fixed32(1)),
            field(4, Value::Fixed64(2)),
            field(5, Value::StartGroup),
            field(5, Value::EndGroup),
        ];
        assert_eq!(fields(data), (expected.to_vec(), None));
    }

    #[test]
    fn what_is_no_field_is_named() {
        let bad = |why| Some(Stop::Bad(why));
        let rows: [(&[u8], Option<Stop>); 8] = [
            (b"\x00", bad("there is no field of that number")),
            (b"\x0f", bad("there is no wire type of that number")),
            (
                &[0x08, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1],
                None,
            ),
            (
                &[0x08, 255, 255, 255, 255, 255, 255, 255, 255, 255, 2],
                bad("a varint is larger than 64 bits"),
            ),
            (&[0xff; 11], bad("a varint has more than 10 bytes")),
            (b"\x08", Some(Stop::Cut)),
            (b"\x80", Some(Stop::Cut)),
            (b"\x0d\x01\x02", Some(Stop::Cut)),
        ];
        for (data, expected) in rows {
            assert_eq!(fields(data).1, expected, "{data:?}");
        }
    }

    #[test]
    fn a_length_beyond_the_end_says_how_much_is_missing() {
        let (found, stop) = fields(b"\x0a\x05ab");
        assert_eq!(stop, None);
        assert_eq!(
            found[0].value,
            Value::Bytes {
                data: b"ab",
                missing: 3
            }
        );
        let huge = fields(&[0x0a, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1, b'x']).0;
        assert_eq!(
            huge[0].value,
            Value::Bytes {
                data: b"x",
                missing: u64::MAX - 1
            }
        );
    }

    #[test]
    fn messages_are_told_from_other_bytes() {
        let rows: [(&[u8], u64, bool); 11] = [
            (b"", 0, false),
            (b"\x08\x01", 0, true),
            (b"\x08\x01\x12\x05ab", 0, false),
            (b"\x08\x01\x12\x05ab", UNKNOWN, true),
            (b"\x0b\x08\x01\x0c", 0, true),
            (b"\x0b\x08\x01\x14", 0, false),
            (b"\x0b\x08\x01", 0, false),
            (b"\x12\x05ab", 3, true),
            (b"\x12\x05ab", 2, false),
            (b"\x12\x05ab", UNKNOWN, false),
            (b"hello", 0, false),
        ];
        for (data, missing, expected) in rows {
            assert_eq!(is_message(data, missing), expected, "{data:?} {missing}");
        }
    }

    proptest! {
        #[test]
        fn reading_ends_and_never_goes_back(data in any::<Vec<u8>>()) {
            let mut reader = Reader::new(&data);
            let mut left = data.len();
            while let Some(Ok(_)) = reader.next() {
                prop_assert!(reader.rest().len() < left);
                left = reader.rest().len();
            }
            prop_assert_eq!(reader.rest().len(), left);
        }
    }
}
