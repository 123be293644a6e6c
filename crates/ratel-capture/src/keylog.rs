//! The secrets of TLS connections, as NSS and all who followed it write them (draft-ietf-tls-keylogfile).

use std::collections::HashMap;
use std::io::{self, BufRead, BufReader, Read};

/// Bytes of a line that may mean something.
const LINE_MAX: u64 = 4096;
/// Connections whose secrets are kept.
const CONNECTIONS_MAX: usize = 1_000_000;
/// The longest secret: of a SHA-384, or a master secret.
const SECRET_MAX: usize = 64;

/// A secret that a key log names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Label {
    /// The master secret, up to TLS 1.2.
    ClientRandom,
    ClientEarly,
    ClientHandshake,
    ServerHandshake,
    ClientTraffic,
    ServerTraffic,
}

impl Label {
    const ALL: [Self; 6] = [
        Self::ClientRandom,
        Self::ClientEarly,
        Self::ClientHandshake,
        Self::ServerHandshake,
        Self::ClientTraffic,
        Self::ServerTraffic,
    ];

    /// As it stands in the file.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::ClientRandom => "CLIENT_RANDOM",
            Self::ClientEarly => "CLIENT_EARLY_TRAFFIC_SECRET",
            Self::ClientHandshake => "CLIENT_HANDSHAKE_TRAFFIC_SECRET",
            Self::ServerHandshake => "SERVER_HANDSHAKE_TRAFFIC_SECRET",
            Self::ClientTraffic => "CLIENT_TRAFFIC_SECRET_0",
            Self::ServerTraffic => "SERVER_TRAFFIC_SECRET_0",
        }
    }
}

/// Those of one connection.
type Secrets = Vec<(Label, Box<[u8]>)>;

/// The secrets of many connections, by the random bytes of their ClientHello.
#[derive(Clone, Default)]
pub struct KeyLog {
    connections: HashMap<[u8; 32], Secrets>,
    /// More may come.
    grows: bool,
}

impl KeyLog {
    /// No secrets.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds all lines of a key log. Lines that say something else are passed over.
    ///
    /// # Errors
    /// When it cannot be read; what stands before that is kept.
    pub fn add(&mut self, read: impl Read) -> io::Result<()> {
        let mut read = BufReader::new(read);
        let mut line = Vec::new();
        loop {
            line.clear();
            let taken = read.by_ref().take(LINE_MAX).read_until(b'\n', &mut line)?;
            if taken == 0 {
                return Ok(());
            }
            self.line(&line);
            // The rest of a line that is too long is one that means nothing.
        }
    }

    /// How many connections there are secrets of.
    #[must_use]
    pub fn len(&self) -> usize {
        self.connections.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.connections.is_empty()
    }

    /// More secrets may come later in the capture.
    pub(crate) fn expect_more(&mut self) {
        self.grows = true;
    }

    pub(crate) fn may_grow(&self) -> bool {
        self.grows
    }

    /// The secret of a connection.
    pub(crate) fn get(&self, random: &[u8; 32], label: Label) -> Option<&[u8]> {
        let secrets = self.connections.get(random)?;
        let (_, secret) = secrets.iter().find(|(known, _)| *known == label)?;
        Some(secret)
    }

    fn line(&mut self, line: &[u8]) -> Option<()> {
        let mut words = line
            .split(|byte| byte.is_ascii_whitespace())
            .filter(|word| !word.is_empty());
        let name = words.next()?;
        let label = Label::ALL
            .into_iter()
            .find(|label| label.name().as_bytes() == name)?;
        let random: [u8; 32] = unhex(words.next()?)?.try_into().ok()?;
        let secret = unhex(words.next()?)?;
        let is_known = self.connections.contains_key(&random);
        if secret.len() > SECRET_MAX || (!is_known && self.connections.len() >= CONNECTIONS_MAX) {
            return None;
        }
        let secrets = self.connections.entry(random).or_default();
        match secrets.iter_mut().find(|(known, _)| *known == label) {
            Some((_, old)) => *old = secret.into(),
            None => secrets.push((label, secret.into())),
        }
        Some(())
    }
}

/// Secrets are not for logs.
impl std::fmt::Debug for KeyLog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeyLog")
            .field("connections", &self.connections.len())
            .finish_non_exhaustive()
    }
}

fn unhex(text: &[u8]) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let (pairs, rest) = text.as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    let bytes = pairs.iter().map(|[high, low]| {
        let byte = digit(*high)? << 4 | digit(*low)?;
        u8::try_from(byte).ok()
    });
    bytes.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_and_others_passed_over() {
        let random = "ab".repeat(32);
        let text = format!(
            "# made by hand\r\nCLIENT_RANDOM {random} {}\r\nEXPORTER_SECRET {random} 00\n\
             CLIENT_TRAFFIC_SECRET_0  {random}\t0102\nCLIENT_TRAFFIC_SECRET_0 {random} 01020\nCLIENT_RANDOM ab 00\n\
             SERVER_TRAFFIC_SECRET_0 {random} {}\nCLIENT_RANDOM {random}\n{}\nSERVER_HANDSHAKE_TRAFFIC_SECRET {random} Ff",
            "0A".repeat(48),
            "00".repeat(65),
            "x".repeat(9000),
        );
        let mut keys = KeyLog::new();
        keys.add(text.as_bytes()).unwrap();
        assert_eq!(keys.len(), 1);
        let get = |label| keys.get(&[0xab; 32], label);
        assert_eq!(get(Label::ClientRandom), Some(&[10; 48][..]));
        assert_eq!(get(Label::ClientTraffic), Some(&[1, 2][..]));
        assert_eq!(get(Label::ServerHandshake), Some(&[0xff][..]));
        assert_eq!(get(Label::ServerTraffic), None, "longer than a secret is");
        assert_eq!(keys.get(&[0; 32], Label::ClientRandom), None);
        assert!(!format!("{keys:?}").contains("10, 10"));
    }
}
