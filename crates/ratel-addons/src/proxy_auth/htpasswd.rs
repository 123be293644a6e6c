//! Files of users as Apache's `htpasswd` writes them: bcrypt, the MD5 of Apache, and SHA-1.

use std::collections::HashMap;
use std::io;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use md5::Md5;
use sha1::Digest;
use subtle::ConstantTimeEq;

use super::validator::digest;
use crate::rule::read;

/// The users of a file.
pub(super) struct Users {
    hashes: HashMap<String, Hash>,
    /// Stands in for users that there are not, so that they take as long as others.
    stand_in: Hash,
}

#[derive(Clone)]
enum Hash {
    Sha1([u8; 20]),
    Bcrypt(String),
    Apr1 { salt: String, hash: String },
}

/// A file that is none.
#[derive(Debug, thiserror::Error)]
pub(super) enum HtpasswdError {
    #[error("{path} ({source})")]
    Io { path: String, source: io::Error },
    #[error("{path}, line {line}: {reason}")]
    Line {
        path: String,
        line: usize,
        reason: &'static str,
    },
}

impl Users {
    pub(super) fn read(path: &Path) -> Result<Self, HtpasswdError> {
        let shown = path.display().to_string();
        let content = read(path).map_err(|source| HtpasswdError::Io {
            path: shown.clone(),
            source,
        })?;
        let text = String::from_utf8_lossy(&content);
        Self::parse(&text).map_err(|(line, reason)| HtpasswdError::Line {
            path: shown,
            line,
            reason,
        })
    }

    fn parse(text: &str) -> Result<Self, (usize, &'static str)> {
        let mut hashes = HashMap::new();
        for (at, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let wrong = |reason| (at + 1, reason);
            let (user, hash) = line
                .split_once(':')
                .ok_or(wrong("it lacks the colon after the user"))?;
            // Further fields are comments, as in passwd.
            let hash = hash.split(':').next().unwrap_or_default();
            let hash = Hash::parse(hash).ok_or(wrong(
                "its hash is neither bcrypt nor MD5 nor SHA-1; make it with htpasswd -B",
            ))?;
            hashes.insert(user.to_owned(), hash);
        }
        let stand_in = hashes.values().next().cloned();
        Ok(Self {
            stand_in: stand_in.unwrap_or(Hash::Sha1([0; 20])),
            hashes,
        })
    }

    /// Whether that is the password of a user. Blocks.
    pub(super) fn accepts(&self, user: &str, password: &str) -> bool {
        let hash = self.hashes.get(user);
        let matches = hash.unwrap_or(&self.stand_in).matches(password);
        matches & hash.is_some()
    }
}

impl Hash {
    fn parse(text: &str) -> Option<Self> {
        if let Some(encoded) = text.strip_prefix("{SHA}") {
            let hash = STANDARD.decode(encoded).ok()?;
            return Some(Self::Sha1(hash.try_into().ok()?));
        }
        if let Some(rest) = text.strip_prefix("$apr1$") {
            let (salt, hash) = rest.split_once('$')?;
            let fits = (1..=8).contains(&salt.len()) && hash.len() == 22;
            return fits.then(|| Self::Apr1 {
                salt: salt.to_owned(),
                hash: hash.to_owned(),
            });
        }
        let is_bcrypt = ["$2y$", "$2b$", "$2a$"]
            .iter()
            .any(|start| text.starts_with(start));
        (is_bcrypt && text.len() == 60).then(|| Self::Bcrypt(text.to_owned()))
    }

    fn matches(&self, password: &str) -> bool {
        match self {
            Self::Sha1(hash) => hash.ct_eq(&digest(password)).into(),
            Self::Bcrypt(hash) => bcrypt::verify(password, hash).unwrap_or(false),
            Self::Apr1 { salt, hash } => {
                let made = apr1(password.as_bytes(), salt.as_bytes());
                made.as_bytes().ct_eq(hash.as_bytes()).into()
            }
        }
    }
}

/// The MD5 of Apache: a thousand rounds of password, salt and what came before.
fn apr1(password: &[u8], salt: &[u8]) -> String {
    let mut inner = Md5::new();
    for part in [password, salt, password] {
        inner.update(part);
    }
    let inner = inner.finalize();
    let mut outer = Md5::new();
    for part in [password, b"$apr1$", salt] {
        outer.update(part);
    }
    let mut left = password.len();
    while left > 0 {
        outer.update(inner.get(..left.min(16)).unwrap_or_default());
        left = left.saturating_sub(16);
    }
    let mut bits = password.len();
    while bits > 0 {
        let byte = if bits & 1 == 1 {
            &[0][..]
        } else {
            password.get(..1).unwrap_or_default()
        };
        outer.update(byte);
        bits >>= 1;
    }
    let mut sum = outer.finalize();
    for round in 0..1000 {
        let mut next = Md5::new();
        let odd = round & 1 == 1;
        next.update(if odd { password } else { &sum });
        if round % 3 != 0 {
            next.update(salt);
        }
        if round % 7 != 0 {
            next.update(password);
        }
        next.update(if odd { &sum[..] } else { password });
        sum = next.finalize();
    }
    in_letters(&sum.into())
}

/// The bytes of a sum in the order and the letters that Apache writes them in.
fn in_letters(sum: &[u8; 16]) -> String {
    const LETTERS: &[u8; 64] = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = sum.map(u32::from);
    let groups = [
        (a << 16 | g << 8 | m, 4),
        (b << 16 | h << 8 | n, 4),
        (c << 16 | i << 8 | o, 4),
        (d << 16 | j << 8 | p, 4),
        (e << 16 | k << 8 | f, 4),
        (l, 2),
    ];
    let mut out = String::with_capacity(22);
    for (mut value, count) in groups {
        for _ in 0..count {
            let letter = LETTERS.get((value & 63) as usize).copied();
            out.push(char::from(letter.unwrap_or_default()));
            value >>= 6;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made with Apache's htpasswd and OpenSSL.
    const FILE: &str = "# users\n\nsha:{SHA}qUqP5cyxm6YcTAhz05Hph5gvu9M=\n\
         apr:$apr1$r31.....$HqJZimcKQFAMYayBlzkrA/\n\
         bcrypt:$2y$04$zKn2fbFWH0yBB5YBpiuuye5P0.yl0AE9ZYU8n8bx8L3JYVnBvVtZu:a comment\n";

    #[test]
    fn users_have_their_passwords() {
        let users = Users::parse(FILE).unwrap_or_else(|error| panic!("{error:?}"));
        assert!(users.accepts("sha", "test"));
        assert!(!users.accepts("sha", "tests"));
        assert!(!users.accepts("nobody", "test"));
        assert!(users.accepts("apr", "myPassword"));
        assert!(!users.accepts("apr", ""));
        assert!(!users.accepts("bcrypt", "wrong"));
    }

    #[test]
    fn passwords_of_all_lengths_make_what_openssl_makes() {
        let Some(openssl) = ratel_testkit::peer::find("openssl") else {
            return;
        };
        for len in [0, 1, 2, 15, 16, 17, 40] {
            let password = "p".repeat(len);
            let mut command = std::process::Command::new(&openssl);
            command.args(["passwd", "-apr1", "-salt", "saltsalt", &password]);
            let output = ratel_testkit::peer::output(&mut command);
            let theirs = String::from_utf8_lossy(&output.stdout).trim().to_owned();
            let ours = apr1(password.as_bytes(), b"saltsalt");
            assert_eq!(format!("$apr1$saltsalt${ours}"), theirs, "{len}");
        }
    }

    #[test]
    fn what_is_no_user_is_refused_with_its_line() {
        let rows = [
            ("a", 1, "it lacks the colon"),
            ("\na:plain", 2, "its hash is neither"),
            ("#\na:{SHA}xx", 2, "its hash is neither"),
            ("a:$2y$04$short", 1, "its hash is neither"),
        ];
        for (text, line, reason) in rows {
            let Err((at, why)) = Users::parse(text) else {
                panic!("{text} is accepted");
            };
            assert!(at == line && why.starts_with(reason), "{text}: {at} {why}");
        }
        assert!(!Users::parse("").expect("no users").accepts("a", ""));
    }
}
