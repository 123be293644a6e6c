//! Times: seconds since the epoch as a decimal number, and back.
//!
//! Nothing goes through floating point where it need not: the digits of a file are the digits of a [`Timestamp`], so
//! that both directions lose nothing.

use ratel_proto::tnetstring::{Encoder, Item, Kind, Value};

use super::field::{Field, StateError};
use super::out::Out;
use crate::time::Timestamp;
use crate::verbatim::{Place, Verbatim};

const NANOS: u64 = 1_000_000_000;

/// Seconds that a timestamp has room for.
const SECS_MAX: u64 = u64::MAX / NANOS - 1;

/// Reads a time; the epoch if there is none. What writing would not give again, such as an integer, is kept in
/// `verbatim`.
pub(super) fn read(
    field: &Field<'_>,
    place: Place,
    verbatim: &mut Verbatim,
) -> Result<Timestamp, StateError> {
    let Some(item) = field.some() else {
        return Ok(Timestamp::default());
    };
    if let Some(time) = exact(&item) {
        return Ok(time);
    }
    if !matches!(item.kind, Kind::Int | Kind::Float) {
        return Err(field.wrong(&item, "a time"));
    }
    // Neither kind has anything to share memory with.
    let value = ratel_proto::tnetstring::value(&item, &bytes::Bytes::new());
    let value = value.map_err(|error| field.syntax(error))?;
    let time = of(&value).unwrap_or_default();
    // A very short time is written as a float is, and need not be kept.
    if value != Value::Float(time.as_secs_f64()) || plain(time, &mut [0; ROOM]).is_some() {
        verbatim.keep(place, value);
    }
    Ok(time)
}

/// The time that comes closest to an item; none for one that is no number.
pub(super) fn nearest(item: &Item<'_>) -> Option<Timestamp> {
    exact(item).or_else(|| of(&ratel_proto::tnetstring::value(item, &bytes::Bytes::new()).ok()?))
}

/// As [`read`]; that there is none is kept too.
pub(super) fn read_or_null(
    field: &Field<'_>,
    place: Place,
    verbatim: &mut Verbatim,
) -> Result<Timestamp, StateError> {
    if field.some().is_none() {
        verbatim.keep(place, Value::Null);
    }
    read(field, place, verbatim)
}

/// Reads a time that need not be there.
pub(super) fn read_opt(
    field: &Field<'_>,
    place: Place,
    verbatim: &mut Verbatim,
) -> Result<Option<Timestamp>, StateError> {
    match field.some() {
        None => Ok(None),
        Some(_) => read(field, place, verbatim).map(Some),
    }
}

/// Writes a time that need not be there.
pub(super) fn write(
    out: &mut Out<'_>,
    key: &'static str,
    time: Option<Timestamp>,
    place: Place,
    verbatim: &Verbatim,
) {
    match (verbatim.get(place), time) {
        (Some(value), time) if of(value).unwrap_or_default() == time.unwrap_or_default() => {
            out.value(key, value);
        }
        (_, Some(time)) => out.entry(key, |out| append(out.encoder, time)),
        (_, None) => out.null(key),
    }
}

/// Writes a time alone.
pub(super) fn append(encoder: &mut Encoder, time: Timestamp) {
    let mut room = [0; ROOM];
    match plain(time, &mut room) {
        Some(text) => encoder.item(Kind::Float, text),
        None => encoder.value(&Value::Float(time.as_secs_f64())),
    }
}

/// More than ten digits, a point, and nine digits.
const ROOM: usize = 24;

/// The digits of a time; none for one that Python writes with an exponent.
fn plain(time: Timestamp, room: &mut [u8; ROOM]) -> Option<&[u8]> {
    let (mut secs, mut nanos) = (time.0 / NANOS, time.0 % NANOS);
    if secs == 0 && (1..100_000).contains(&nanos) {
        return None;
    }
    let mut at = ROOM;
    let mut push = |byte: u8| {
        at -= 1;
        *room.get_mut(at)? = byte;
        Some(())
    };
    let mut digits = 9;
    while digits > 1 && nanos.is_multiple_of(10) {
        nanos /= 10;
        digits -= 1;
    }
    for _ in 0..digits {
        push(b'0' + (nanos % 10) as u8)?;
        nanos /= 10;
    }
    push(b'.')?;
    loop {
        push(b'0' + (secs % 10) as u8)?;
        secs /= 10;
        if secs == 0 {
            break;
        }
    }
    room.get(at..)
}

/// The time of a float that is written as [`append`] writes it.
fn exact(item: &Item<'_>) -> Option<Timestamp> {
    if item.kind != Kind::Float {
        return None;
    }
    let text = item.payload;
    let point = text.iter().position(|b| *b == b'.')?;
    let (whole, [_, fraction @ ..]) = text.split_at_checked(point)? else {
        return None;
    };
    let digits = |text: &[u8], most: usize| {
        let all_digits = text.iter().all(u8::is_ascii_digit);
        (!text.is_empty() && text.len() <= most && all_digits).then(|| {
            text.iter()
                .fold(0, |sum, b| sum * 10 + u64::from(*b - b'0'))
        })
    };
    let secs = digits(whole, 11).filter(|secs| *secs <= SECS_MAX)?;
    let canonical = (whole.len() == 1 || !whole.starts_with(b"0"))
        && (fraction == b"0" || !fraction.ends_with(b"0"));
    let scale = 10_u64.pow(9_u32.checked_sub(u32::try_from(fraction.len()).ok()?)?);
    let nanos = digits(fraction, 9)? * scale;
    // Python writes less than this with an exponent.
    let plain = secs > 0 || nanos == 0 || nanos >= 100_000;
    (canonical && plain).then_some(Timestamp(secs * NANOS + nanos))
}

/// The time that comes closest to a value; none for one that is no number.
pub(super) fn of(value: &Value) -> Option<Timestamp> {
    match value {
        Value::Int(secs) => {
            let secs = u64::try_from(*secs).unwrap_or_default().min(SECS_MAX);
            Some(Timestamp(secs * NANOS))
        }
        Value::Big(digits) => Some(Timestamp(match digits.starts_with('-') {
            true => 0,
            false => SECS_MAX * NANOS,
        })),
        Value::Float(secs) if secs.is_nan() => Some(Timestamp::default()),
        Value::Float(secs) => {
            let secs = secs.clamp(0.0, SECS_MAX as f64);
            let whole = secs.trunc();
            // Apart, since together they have more digits than a float.
            let nanos = ((secs - whole) * NANOS as f64).round();
            Some(Timestamp(whole as u64 * NANOS + nanos as u64))
        }
        _ => None,
    }
}
