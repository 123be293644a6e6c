//! A recorded response as if it had been made later.

use super::Response;
use super::date;
use crate::cookies;
use crate::time::Timestamp;

/// Fields with one date.
const DATES: [&str; 3] = ["date", "expires", "last-modified"];

impl Response {
    /// Moves its dates, and those its cookies expire at, by the time that has passed since it was received. What is no date
    /// stays, but for the expiry of a cookie, which then has none.
    pub fn refresh(&mut self, now: Timestamp) {
        let Ok(shift) = i64::try_from(now.since(self.timestamp_start).as_secs()) else {
            return;
        };
        let moved = |value: &[u8]| date::format(date::parse(value)?.checked_add(shift)?);
        for name in DATES {
            if let Some(later) = self.headers.get(name).and_then(moved) {
                self.headers.set(name, later.as_bytes());
            }
        }
        let later = |(name, value): (&[u8], &[u8])| {
            let sets = name.eq_ignore_ascii_case(b"set-cookie");
            sets.then(|| cookies::move_expiry(value, moved)).flatten()
        };
        let fields = self.headers.iter().enumerate();
        let fields: Vec<_> = fields
            .filter_map(|(at, field)| Some((at, later(field)?)))
            .collect();
        for (at, value) in fields {
            self.headers.set_at(at, &value);
        }
        self.timestamp_start = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_and_cookies_move_to_the_present() {
        let mut response = Response::new(200, Timestamp(0));
        let fields = [
            ("Date", "Thu, 01 Jan 1970 00:00:00 GMT"),
            (
                "Set-Cookie",
                "a=1; expires=Thu, 01-Jan-1970 01:00:00 GMT; Path=/",
            ),
            ("Last-Modified", "yesterday"),
            ("set-cookie", "b=2; HttpOnly"),
            ("Set-Cookie", "c=3; Expires=never; Secure"),
            ("Set-Cookie", "d=; expires=Thu, 01-Jan-1970 01:00:00 GMT"),
            ("Expires", "0"),
        ];
        response.headers = fields.into_iter().collect();
        response.refresh(Timestamp(86_400_500_000_000));
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let found: Vec<_> = response
            .headers
            .iter()
            .map(|(name, value)| text(name) + ": " + &text(value))
            .collect();
        assert_eq!(
            found,
            [
                "Date: Fri, 02 Jan 1970 00:00:00 GMT",
                "Set-Cookie: a=1; expires=Fri, 02 Jan 1970 01:00:00 GMT; Path=/",
                "Last-Modified: yesterday",
                "set-cookie: b=2; HttpOnly",
                "Set-Cookie: c=3; Secure",
                "Set-Cookie: d=; expires=Thu, 01-Jan-1970 01:00:00 GMT",
                "Expires: 0",
            ]
        );
    }

    #[test]
    fn what_has_no_dates_stays_as_it_was() {
        let mut response = Response::new(200, Timestamp(0));
        response.headers.append(b"Set-Cookie", b"a=1;HttpOnly");
        let before = response.headers.clone();
        response.refresh(Timestamp(1));
        assert_eq!(
            response.headers.iter().collect::<Vec<_>>(),
            before.iter().collect::<Vec<_>>()
        );
    }
}
