//! Parts that are tables, to rows and back.

use ratel_flow::{Side, form};
use ratel_proto::Headers;

use super::{Draft, DraftError, Part, cookies, multipart, query};

/// One row: as many cells as the part has columns.
pub type Row = Vec<Vec<u8>>;

/// What a form is sent as.
const URLENCODED: &[u8] = b"application/x-www-form-urlencoded";

impl Draft {
    /// The rows of a part that is a table.
    ///
    /// # Errors
    /// When a form is in a body that cannot be read or decoded.
    pub fn rows(&self, part: Part) -> Result<Vec<Row>, DraftError> {
        Ok(match part {
            Part::Attribute(_) | Part::Comment | Part::Body(_) => Vec::new(),
            Part::Headers(side) => self.headers(side).map(fields).unwrap_or_default(),
            Part::Trailers(Side::Client) => fields(&self.request_trailers),
            Part::Trailers(Side::Server) => fields(&self.response_trailers),
            Part::Path => query::components(&self.request.path),
            Part::Query => query::rows(query::of(&self.request.path)),
            Part::Cookies => cookies::sent(&self.request.headers),
            Part::SetCookies => self
                .headers(Side::Server)
                .map(cookies::set)
                .unwrap_or_default(),
            Part::UrlencodedForm if self.is_form() => {
                query::rows(&self.content(Side::Client)?.bytes)
            }
            Part::MultipartForm if self.boundary().is_some() => {
                let boundary = self.boundary().unwrap_or_default();
                multipart::rows(&self.content(Side::Client)?.bytes, &boundary)
            }
            Part::UrlencodedForm | Part::MultipartForm => Vec::new(),
        })
    }

    /// Makes a part what the rows say. Rows in which nothing stands are left out, but for components of a path.
    ///
    /// # Errors
    /// When a row cannot be so.
    pub fn set_rows(&mut self, part: Part, rows: &[Row]) -> Result<(), DraftError> {
        let before = self.rows(part)?;
        if before == rows {
            return Ok(());
        }
        let written: Vec<&Row> = rows
            .iter()
            .filter(|row| part == Part::Path || row.iter().any(|cell| !cell.is_empty()))
            .collect();
        match part {
            Part::Attribute(_) | Part::Comment | Part::Body(_) => {}
            Part::Headers(side) => {
                check_fields(&written, &before)?;
                let pairs = pairs(&written);
                self.change_headers(side, |headers| headers.assign(pairs));
            }
            Part::Trailers(side) => {
                check_fields(&written, &before)?;
                let trailers = match side {
                    Side::Client => &mut self.request_trailers,
                    Side::Server => &mut self.response_trailers,
                };
                trailers.assign(pairs(&written));
                let trailers = Some(trailers.clone());
                match side {
                    Side::Client => self.edit.request_trailers = trailers,
                    Side::Server => self.edit.response_trailers = trailers,
                }
            }
            Part::Path => {
                let path = query::with_components(&self.request.path, &written);
                self.change_request(|request| request.set_path(path));
            }
            Part::Query => {
                let path = query::with_query(&self.request.path, &written);
                self.change_request(|request| request.set_path(path));
            }
            Part::Cookies => {
                let field = cookies::to_send(&written)?;
                self.change_headers(Side::Client, |headers| match field {
                    Some(field) => headers.set("cookie", &field),
                    None => {
                        headers.remove("cookie");
                    }
                });
            }
            Part::SetCookies => {
                let values = cookies::to_set(&written)?;
                self.change_headers(Side::Server, |headers| cookies::replace(headers, &values));
            }
            Part::UrlencodedForm => {
                let before = if self.is_form() {
                    self.content(Side::Client)?.bytes
                } else {
                    Default::default()
                };
                let body = query::text(&before, &written);
                if !self.is_form() {
                    self.change_headers(Side::Client, |headers| {
                        headers.set("content-type", URLENCODED);
                    });
                }
                self.set_content(Side::Client, &body)?;
            }
            Part::MultipartForm => self.set_parts(&written)?,
        }
        Ok(())
    }

    fn set_parts(&mut self, rows: &[&Row]) -> Result<(), DraftError> {
        let (boundary, before) = match self.boundary() {
            Some(boundary) => (boundary, self.content(Side::Client)?.bytes),
            None => (String::new(), Default::default()),
        };
        let (body, boundary, is_new) = multipart::body(&before, &boundary, rows)?;
        if is_new {
            let content_type = format!("multipart/form-data; boundary={boundary}");
            self.change_headers(Side::Client, |headers| {
                headers.set("content-type", content_type.as_bytes());
            });
        }
        self.set_content(Side::Client, &body)
    }

    fn is_form(&self) -> bool {
        let value = self.request.headers.get("content-type").unwrap_or_default();
        let kind = value.split(|b| *b == b';').next().unwrap_or_default();
        kind.trim_ascii().eq_ignore_ascii_case(URLENCODED)
    }

    fn boundary(&self) -> Option<String> {
        let value = self.request.headers.get("content-type")?;
        form::boundary(&String::from_utf8_lossy(value))
    }
}

fn fields(headers: &Headers) -> Vec<Row> {
    let row = |(name, value): (&[u8], &[u8])| vec![name.to_vec(), value.to_vec()];
    headers.iter().map(row).collect()
}

/// The first two cells of each row.
pub(super) fn pairs<'a>(rows: &'a [&'a Row]) -> impl Iterator<Item = (&'a [u8], &'a [u8])> {
    rows.iter().map(|row| (cell(row, 0), cell(row, 1)))
}

pub(super) fn cell(row: &Row, nth: usize) -> &[u8] {
    row.get(nth).map(Vec::as_slice).unwrap_or_default()
}

/// What was not there before has to be a field. What came may be anything.
fn check_fields(rows: &[&Row], before: &[Row]) -> Result<(), DraftError> {
    for (nth, row) in rows.iter().enumerate() {
        if before.contains(row) {
            continue;
        }
        let (name, value) = (cell(row, 0), cell(row, 1));
        let row = nth + 1;
        let name_fits = !name.is_empty()
            && name
                .iter()
                .all(|b| b.is_ascii_graphic() && *b != b':' || *b >= 0x80);
        if !name_fits {
            let name = String::from_utf8_lossy(name);
            return Err(DraftError::value(format!(
                "row {row}: {name:?} is no name of a field"
            )));
        }
        check_line(value, &format!("row {row}: a value"))?;
    }
    Ok(())
}

/// Nothing may end the line that it is to stand in.
pub(super) fn check_line(value: &[u8], what: &str) -> Result<(), DraftError> {
    match value.iter().any(|b| matches!(b, b'\r' | b'\n' | 0)) {
        true => Err(DraftError::value(format!("{what} cannot have a line end"))),
        false => Ok(()),
    }
}
