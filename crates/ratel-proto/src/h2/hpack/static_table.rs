//! The static table (RFC 7541 appendix A), as lines and as a hash of its names.

#![cfg_attr(
    not(test),
    expect(
        clippy::indexing_slicing,
        reason = "while tables are made, and by numbers that were reduced to their size"
    )
)]

/// Number of entries; the first one has the index 1.
pub(super) const LEN: usize = 61;

const ENTRIES: [(&str, &str); LEN] = [
    (":authority", ""),
    (":method", "GET"),
    (":method", "POST"),
    (":path", "/"),
    (":path", "/index.html"),
    (":scheme", "http"),
    (":scheme", "https"),
    (":status", "200"),
    (":status", "204"),
    (":status", "206"),
    (":status", "304"),
    (":status", "400"),
    (":status", "404"),
    (":status", "500"),
    ("accept-charset", ""),
    ("accept-encoding", "gzip, deflate"),
    ("accept-language", ""),
    ("accept-ranges", ""),
    ("accept", ""),
    ("access-control-allow-origin", ""),
    ("age", ""),
    ("allow", ""),
    ("authorization", ""),
    ("cache-control", ""),
    ("content-disposition", ""),
    ("content-encoding", ""),
    ("content-language", ""),
    ("content-length", ""),
    ("content-location", ""),
    ("content-range", ""),
    ("content-type", ""),
    ("cookie", ""),
    ("date", ""),
    ("etag", ""),
    ("expect", ""),
    ("expires", ""),
    ("from", ""),
    ("host", ""),
    ("if-match", ""),
    ("if-modified-since", ""),
    ("if-none-match", ""),
    ("if-range", ""),
    ("if-unmodified-since", ""),
    ("last-modified", ""),
    ("link", ""),
    ("location", ""),
    ("max-forwards", ""),
    ("proxy-authenticate", ""),
    ("proxy-authorization", ""),
    ("range", ""),
    ("referer", ""),
    ("refresh", ""),
    ("retry-after", ""),
    ("server", ""),
    ("set-cookie", ""),
    ("strict-transport-security", ""),
    ("transfer-encoding", ""),
    ("user-agent", ""),
    ("vary", ""),
    ("via", ""),
    ("www-authenticate", ""),
];

/// `name: value CRLF` of all entries.
const LINES_LEN: usize = {
    let (mut len, mut at) = (0, 0);
    while at < LEN {
        len += ENTRIES[at].0.len() + ENTRIES[at].1.len() + 4;
        at += 1;
    }
    len
};

struct Lines {
    text: [u8; LINES_LEN],
    /// Where each line begins.
    starts: [u16; LEN + 1],
}

static LINES: Lines = {
    let mut lines = Lines {
        text: [0; LINES_LEN],
        starts: [0; LEN + 1],
    };
    let (mut end, mut at) = (0, 0);
    while at < LEN {
        let (name, value) = ENTRIES[at];
        let parts = [name.as_bytes(), b": ", value.as_bytes(), b"\r\n"];
        let mut part = 0;
        while part < parts.len() {
            let mut byte = 0;
            while byte < parts[part].len() {
                lines.text[end] = parts[part][byte];
                end += 1;
                byte += 1;
            }
            part += 1;
        }
        at += 1;
        lines.starts[at] = end as u16;
    }
    lines
};

/// The entry with this index, 1 to [`LEN`]: its line, and the length of its name.
pub(super) fn line(index: u32) -> Option<(&'static [u8], usize)> {
    let at = (index as usize).checked_sub(1)?;
    let (name, _) = ENTRIES.get(at)?;
    let (start, end) = (LINES.starts[at], LINES.starts[at + 1]);
    let line = LINES.text.get(start.into()..end.into())?;
    Some((line, name.len()))
}

/// How our encoder treats a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Policy {
    /// It is likely to come again.
    Index,
    /// Its value is hardly ever the same, and would drive others out of the table.
    Skip,
    /// A secret that a short value must not give away (RFC 7541 §7.1.3).
    Never,
    /// A secret when it is short.
    NeverShort,
}

/// A name of the table.
#[derive(Clone, Copy, Debug)]
pub(super) struct Name {
    /// Its first entry.
    pub(super) index: u8,
    /// Number of its entries, which follow each other.
    pub(super) count: u8,
    pub(super) policy: Policy,
}

const SLOTS: usize = 256;

/// Names by hash; the next free slot when there are several.
static NAMES: [Option<Name>; SLOTS] = {
    let mut slots: [Option<Name>; SLOTS] = [None; SLOTS];
    let mut at = 0;
    while at < LEN {
        let name = ENTRIES[at].0.as_bytes();
        let mut count = 1;
        while at + count < LEN && same(ENTRIES[at + count].0.as_bytes(), name) {
            count += 1;
        }
        let mut slot = hash(name);
        while slots[slot].is_some() {
            slot = (slot + 1) % SLOTS;
        }
        slots[slot] = Some(Name {
            index: at as u8 + 1,
            count: count as u8,
            policy: policy(at + 1),
        });
        at += count;
    }
    slots
};

const fn policy(index: usize) -> Policy {
    match index {
        // :path, age, content-length, content-range, etag, if-*, last-modified, location, range, set-cookie
        4 | 21 | 28 | 30 | 34 | 39..=44 | 46 | 50 | 55 => Policy::Skip,
        // authorization, proxy-authorization
        23 | 49 => Policy::Never,
        // cookie
        32 => Policy::NeverShort,
        _ => Policy::Index,
    }
}

const fn hash(name: &[u8]) -> usize {
    // Length, a middle and a last character tell nearly all names of the table apart.
    let (mut middle, mut last) = (0, 0);
    if let [.., byte] = name {
        middle = name[name.len() / 2];
        last = *byte;
    }
    (name.len() * 8 + middle as usize * 5 + last as usize * 3) % SLOTS
}

const fn same(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    let mut at = 0;
    while at < a.len() {
        if a[at] != b[at] {
            return false;
        }
        at += 1;
    }
    true
}

/// The entries of this name.
pub(super) fn find(name: &[u8]) -> Option<Name> {
    let mut slot = hash(name);
    while let Some(found) = NAMES[slot] {
        if ENTRIES[usize::from(found.index) - 1].0.as_bytes() == name {
            return Some(found);
        }
        slot = (slot + 1) % SLOTS;
    }
    None
}

/// The entry of this name that has this value.
pub(super) fn find_value(name: Name, value: &[u8]) -> Option<u8> {
    // Most entries have no value; a field without one is not worth finding.
    (name.index..name.index + name.count)
        .find(|index| ENTRIES[usize::from(*index) - 1].1.as_bytes() == value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_entry_is_found_by_index_name_and_value() {
        for (at, (name, value)) in ENTRIES.iter().enumerate() {
            let (line, name_len) = line(at as u32 + 1).unwrap();
            assert_eq!(line, format!("{name}: {value}\r\n").as_bytes());
            assert_eq!(name_len, name.len());
            let found = find(name.as_bytes()).unwrap();
            assert_eq!(ENTRIES[usize::from(found.index) - 1].0, *name);
            let index = find_value(found, value.as_bytes());
            assert_eq!(index.map(usize::from), Some(at + 1));
        }
        assert!(line(0).is_none() && line(62).is_none());
        assert!(find(b"").is_none() && find(b"x-other").is_none());
    }

    #[test]
    fn secrets_and_values_that_change_are_known() {
        let policy = |name: &str| find(name.as_bytes()).unwrap().policy;
        assert_eq!(policy("authorization"), Policy::Never);
        assert_eq!(policy("proxy-authorization"), Policy::Never);
        assert_eq!(policy("cookie"), Policy::NeverShort);
        for name in [
            ":path",
            "age",
            "content-length",
            "content-range",
            "etag",
            "if-match",
            "if-modified-since",
            "if-none-match",
            "if-range",
            "if-unmodified-since",
            "last-modified",
            "location",
            "range",
            "set-cookie",
        ] {
            assert_eq!(policy(name), Policy::Skip, "{name}");
        }
        assert_eq!(policy("user-agent"), Policy::Index);
    }
}
