//! Cookies, in both directions.

use ratel_flow::cookies;
use ratel_proto::Headers;

use super::table::{cell, check_line};
use super::{DraftError, Row};

/// Names and values of those that a request carries.
pub(super) fn sent(headers: &Headers) -> Vec<Row> {
    let row = |(name, value): (&[u8], &[u8])| vec![name.to_vec(), value.to_vec()];
    cookies::of_request(headers).map(row).collect()
}

/// The field that carries them; none for none.
pub(super) fn to_send(rows: &[&Row]) -> Result<Option<Vec<u8>>, DraftError> {
    let mut field = Vec::new();
    for row in rows {
        if !field.is_empty() {
            field.extend_from_slice(b"; ");
        }
        put(row, &mut field)?;
    }
    Ok((!field.is_empty()).then_some(field))
}

/// Name, value and attributes of those that a response sets.
pub(super) fn set(headers: &Headers) -> Vec<Row> {
    let row = |field| {
        let cookie = cookies::SetCookie::parse(field);
        let attributes: Vec<Vec<u8>> = cookie
            .attributes
            .iter()
            .map(|(name, value)| match value {
                Some(value) => [name, &b"="[..], value].concat(),
                None => name.to_vec(),
            })
            .collect();
        vec![
            cookie.name.to_vec(),
            cookie.value.to_vec(),
            attributes.join(&b"; "[..]),
        ]
    };
    headers.get_all("set-cookie").map(row).collect()
}

/// The values of the fields that set them.
pub(super) fn to_set(rows: &[&Row]) -> Result<Vec<Vec<u8>>, DraftError> {
    let value = |row: &&Row| {
        let mut value = Vec::new();
        put(row, &mut value)?;
        let attributes = cell(row, 2);
        check_line(attributes, "an attribute")?;
        if !attributes.is_empty() {
            value.extend_from_slice(b"; ");
            value.extend_from_slice(attributes);
        }
        Ok(value)
    };
    rows.iter().map(value).collect()
}

/// Puts these in the place of the fields that are there. One that sets the same cookie in the same way stays as it is.
pub(super) fn replace(headers: &mut Headers, values: &[Vec<u8>]) {
    let mut values: Vec<&[u8]> = values.iter().map(Vec::as_slice).collect();
    let is_cookie = |name: &[u8]| name.eq_ignore_ascii_case(b"set-cookie");
    let old: Vec<(Vec<u8>, Vec<u8>)> = headers
        .iter()
        .map(|(name, value)| (name.to_vec(), value.to_vec()))
        .collect();
    let count = old.iter().filter(|(name, _)| is_cookie(name)).count();
    let mut left = count;
    let mut fields: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
    for (name, value) in old {
        if !is_cookie(&name) {
            fields.push((name, value));
            continue;
        }
        left -= 1;
        // The last one takes all that are new.
        let take = if left == 0 {
            values.len()
        } else {
            values.len().min(1)
        };
        for new in values.drain(..take) {
            let same = cookies::SetCookie::parse(new) == cookies::SetCookie::parse(&value);
            let new = if same { value.clone() } else { new.to_vec() };
            fields.push((name.clone(), new));
        }
    }
    for new in values {
        fields.push((b"Set-Cookie".to_vec(), new.to_vec()));
    }
    headers.assign(fields.iter().map(|(name, value)| (&name[..], &value[..])));
}

/// `name=value`, with quotes round a value that could not be told from what follows.
fn put(row: &Row, out: &mut Vec<u8>) -> Result<(), DraftError> {
    let (name, value) = (cell(row, 0), cell(row, 1));
    check_line(name, "a name")?;
    check_line(value, "a value")?;
    if name.iter().any(|b| matches!(b, b';' | b'=')) {
        let name = String::from_utf8_lossy(name);
        return Err(DraftError::value(format!(
            "{name:?} is no name of a cookie"
        )));
    }
    out.extend_from_slice(name);
    out.push(b'=');
    let quoted = value.contains(&b';') || value.trim_ascii() != value;
    if quoted && value.contains(&b'"') {
        let value = String::from_utf8_lossy(value);
        return Err(DraftError::value(format!(
            "{value:?} cannot be the value of a cookie: it has a semicolon and a quote"
        )));
    }
    let quote: &[u8] = if quoted { b"\"" } else { b"" };
    out.extend_from_slice(quote);
    out.extend_from_slice(value);
    out.extend_from_slice(quote);
    Ok(())
}
