//! The ClientHello (RFC 8446 §4.1.2), read before any decision about TLS is made. It says what the client offers; it
//! never decides anything.
//!
//! Tolerant: unknown extensions, GREASE values (RFC 8701), empty lists and known extensions with odd contents are all
//! kept, in order. Only what leaves no way of telling the parts apart is an error.

use bytes::{Buf, Bytes};

/// The most bytes that are looked at, record headers included, and so the size of the largest ClientHello.
pub const HELLO_MAX: usize = 128 * 1024;

/// The longest record (RFC 8446 §5.2: the ciphertext limit, which no plaintext may reach).
const RECORD_MAX: usize = 16 * 1024 + 256;
/// Record content types (RFC 8446 §5.1).
const HANDSHAKE: u8 = 22;
/// Handshake type, in TLS as in SSL 2.0.
const CLIENT_HELLO: u8 = 1;

/// What a TLS client offers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientHello {
    /// The version field, which TLS 1.3 leaves at `0x0303`.
    pub legacy_version: u16,
    /// 32 random bytes. The challenge of an SSL 2.0 hello stands at their end (RFC 5246 appendix E.2).
    pub random: [u8; 32],
    /// The session id, normally at most 32 bytes.
    pub session_id: Bytes,
    /// Cipher suites in order, GREASE included. Of an SSL 2.0 hello, those that TLS knows.
    pub cipher_suites: Vec<u16>,
    /// The first host name of the server_name extension (RFC 6066 §3), if it is visible ASCII.
    pub sni: Option<String>,
    /// The protocol names of the ALPN extension in order (RFC 7301 §3.1).
    pub alpn: Vec<Bytes>,
    /// The supported_versions extension in order, GREASE included; empty when there is none.
    pub versions: Vec<u16>,
    /// The supported_groups extension in order, GREASE included.
    pub groups: Vec<u16>,
    /// The signature_algorithms extension in order, GREASE included.
    pub signature_algorithms: Vec<u16>,
    /// All extensions in order: type and contents.
    pub extensions: Vec<(u16, Bytes)>,
    /// The handshake message, with its four bytes of header. Of an SSL 2.0 hello, the message without the two bytes of
    /// length before it.
    pub raw: Bytes,
}

impl ClientHello {
    /// The highest version that is offered, GREASE aside.
    #[must_use]
    pub fn max_version(&self) -> u16 {
        let offered = self.versions.iter().copied().filter(|v| !is_grease(*v));
        offered.max().unwrap_or(self.legacy_version)
    }

    /// Whether there is an encrypted ClientHello in it, or something that looks like one (RFC 9849 §5, §6.2).
    #[must_use]
    pub fn offers_ech(&self) -> bool {
        self.has_extension(0xfe0d)
    }

    /// Whether data follow it at once (RFC 8446 §4.2.10).
    #[must_use]
    pub fn offers_early_data(&self) -> bool {
        self.has_extension(42)
    }

    /// Whether there is an extension of that type.
    #[must_use]
    pub fn has_extension(&self, number: u16) -> bool {
        self.extensions.iter().any(|(kind, _)| *kind == number)
    }
}

/// Whether a value is one of those that mean nothing and keep implementations tolerant (RFC 8701 §2).
#[must_use]
pub fn is_grease(value: u16) -> bool {
    value & 0x0f0f == 0x0a0a && value >> 8 == value & 0xff
}

/// Why bytes are not a ClientHello. Each reads as a sentence of its own.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HelloError {
    /// A record that is no handshake record, or none of TLS.
    #[error("a TLS handshake was expected, but a record of type {0} came")]
    NotHandshake(u8),
    /// A record of a version that is not 3.x, as SSL 3.0 and all of TLS are (RFC 8446 §5.1).
    #[error("a TLS handshake was expected, but a record of the unknown version {0}.x came")]
    RecordVersion(u8),
    /// A record longer than TLS allows.
    #[error("a TLS record of {0} bytes is longer than TLS allows")]
    RecordTooLong(usize),
    /// Another handshake message.
    #[error("a TLS ClientHello was expected, but a handshake message of type {0} came")]
    NotClientHello(u8),
    /// The limit was passed.
    #[error("the TLS ClientHello is larger than {HELLO_MAX} bytes")]
    TooLarge,
    /// A part is longer than what is left for it.
    #[error("the TLS ClientHello breaks off in its {0}")]
    Truncated(&'static str),
}

/// Reads the ClientHello at the beginning of a connection, over as many records as it takes; what follows it is
/// ignored. None: more bytes are needed.
///
/// Each call looks at the record headers from the beginning; the contents are copied once, when they are complete.
///
/// # Errors
/// As soon as it is certain that the bytes are not a ClientHello of at most [`HELLO_MAX`] bytes.
pub fn parse(records: &[u8]) -> Result<Option<ClientHello>, HelloError> {
    match *records {
        [high, low, CLIENT_HELLO, ref rest @ ..] if high & 0x80 != 0 => {
            return ssl2(u16::from_be_bytes([high & 0x7f, low]).into(), rest);
        }
        // An SSL 2.0 header that is not complete.
        [high] | [high, _] if high & 0x80 != 0 => return Ok(None),
        _ => {}
    }
    let Some(len) = measure(records)? else {
        return if records.len() > HELLO_MAX {
            Err(HelloError::TooLarge)
        } else {
            Ok(None)
        };
    };
    let mut raw = Vec::with_capacity(len);
    for fragment in Fragments(records) {
        let left = len - raw.len();
        let fragment = fragment?;
        raw.extend_from_slice(fragment.get(..left).unwrap_or(fragment));
        if raw.len() == len {
            break;
        }
    }
    message(raw.into()).map(Some)
}

/// The length of the handshake message with its header; none while it is not all there.
fn measure(records: &[u8]) -> Result<Option<usize>, HelloError> {
    let mut header = [0; 4];
    let (mut known, mut here) = (0, 0_usize);
    for fragment in Fragments(records.get(..HELLO_MAX).unwrap_or(records)) {
        let fragment = fragment?;
        here += fragment.len();
        for (to, from) in header.iter_mut().skip(known).zip(fragment) {
            *to = *from;
            known += 1;
        }
        let [kind, a, b, c] = header;
        if known > 0 && kind != CLIENT_HELLO {
            return Err(HelloError::NotClientHello(kind));
        }
        let len = 4 + u32::from_be_bytes([0, a, b, c]) as usize;
        if known == 4 && len > HELLO_MAX {
            return Err(HelloError::TooLarge);
        }
        if known == 4 && here >= len {
            return Ok(Some(len));
        }
    }
    Ok(None)
}

/// The contents of handshake records in order; of the last one what is there.
struct Fragments<'a>(&'a [u8]);

impl<'a> Iterator for Fragments<'a> {
    type Item = Result<&'a [u8], HelloError>;

    fn next(&mut self) -> Option<Self::Item> {
        // What is there of a header is judged at once: a peer that speaks something else may not send more.
        let (high, low, rest) = match self.0 {
            [kind, ..] if *kind != HANDSHAKE => return Some(Err(HelloError::NotHandshake(*kind))),
            [_, major, ..] if *major != 3 => return Some(Err(HelloError::RecordVersion(*major))),
            [_, _, _, high, low, rest @ ..] => (*high, *low, rest),
            _ => return None,
        };
        let len = usize::from(u16::from_be_bytes([high, low]));
        if len > RECORD_MAX {
            return Some(Err(HelloError::RecordTooLong(len)));
        }
        let (bytes, after) = rest.split_at_checked(len).unwrap_or((rest, &[]));
        self.0 = after;
        Some(Ok(bytes))
    }
}

/// A complete handshake message.
fn message(raw: Bytes) -> Result<ClientHello, HelloError> {
    let mut rest = raw.slice(4.min(raw.len())..);
    let mut hello = ClientHello {
        raw,
        legacy_version: u16(&mut rest).ok_or(HelloError::Truncated("version"))?,
        ..ClientHello::default()
    };
    let random = take(&mut rest, 32).ok_or(HelloError::Truncated("random bytes"))?;
    hello.random.copy_from_slice(&random);
    hello.session_id = vec8(&mut rest).ok_or(HelloError::Truncated("session id"))?;
    hello.cipher_suites = u16s(vec16(&mut rest).ok_or(HelloError::Truncated("cipher suites"))?);
    vec8(&mut rest).ok_or(HelloError::Truncated("compression methods"))?;
    // Before TLS 1.2 extensions may be missing altogether (RFC 5246 §7.4.1.2).
    if rest.is_empty() {
        return Ok(hello);
    }
    let mut extensions = vec16(&mut rest).ok_or(HelloError::Truncated("extensions"))?;
    while !extensions.is_empty() {
        let extension = u16(&mut extensions).zip(vec16(&mut extensions));
        let (kind, contents) = extension.ok_or(HelloError::Truncated("extensions"))?;
        hello.understand(kind, contents.clone());
        hello.extensions.push((kind, contents));
    }
    Ok(hello)
}

impl ClientHello {
    /// Reads the extensions that have a field of their own. Of one that is broken, what can be read counts.
    fn understand(&mut self, kind: u16, mut contents: Bytes) {
        match kind {
            0 => self.sni = self.sni.take().or_else(|| server_name(contents)),
            10 => self.groups = u16s(vec16(&mut contents).unwrap_or_default()),
            13 => self.signature_algorithms = u16s(vec16(&mut contents).unwrap_or_default()),
            16 => {
                let mut names = vec16(&mut contents).unwrap_or_default();
                self.alpn = std::iter::from_fn(|| vec8(&mut names)).collect();
            }
            43 => self.versions = u16s(vec8(&mut contents).unwrap_or_default()),
            _ => {}
        }
    }
}

/// RFC 6066 §3: a list of names with their types, of which only host names (0) exist.
fn server_name(mut contents: Bytes) -> Option<String> {
    let mut names = vec16(&mut contents)?;
    while let Some(kind) = u8(&mut names) {
        let name = vec16(&mut names)?;
        if kind == 0 {
            let plain = !name.is_empty() && name.iter().all(u8::is_ascii_graphic);
            return plain.then(|| String::from_utf8_lossy(&name).into_owned());
        }
    }
    None
}

/// A ClientHello in the framing of SSL 2.0 (RFC 5246 appendix E.2), from after its message type on. `len` counts from
/// the message type.
fn ssl2(len: usize, rest: &[u8]) -> Result<Option<ClientHello>, HelloError> {
    let Some(body) = rest.get(..len.saturating_sub(1)) else {
        return Ok(None);
    };
    let raw = Bytes::from([&[CLIENT_HELLO], body].concat());
    let mut rest = raw.slice(1..);
    let header = u16(&mut rest)
        .zip(u16(&mut rest))
        .zip(u16(&mut rest).zip(u16(&mut rest)));
    let ((legacy_version, suites), (session, challenge)) =
        header.ok_or(HelloError::Truncated("header"))?;
    let suites = take(&mut rest, suites.into()).ok_or(HelloError::Truncated("cipher suites"))?;
    let session_id = take(&mut rest, session.into()).ok_or(HelloError::Truncated("session id"))?;
    let challenge = take(&mut rest, challenge.into()).ok_or(HelloError::Truncated("challenge"))?;
    let mut random = [0; 32];
    random
        .iter_mut()
        .rev()
        .zip(challenge.iter().rev())
        .for_each(|(to, from)| *to = *from);
    let suites = suites.chunks_exact(3).filter_map(|suite| match suite {
        [0, high, low] => Some(u16::from_be_bytes([*high, *low])),
        _ => None,
    });
    Ok(Some(ClientHello {
        legacy_version,
        random,
        session_id,
        cipher_suites: suites.collect(),
        raw,
        ..ClientHello::default()
    }))
}

fn take(from: &mut Bytes, len: usize) -> Option<Bytes> {
    (len <= from.len()).then(|| from.split_to(len))
}

fn u8(from: &mut Bytes) -> Option<u8> {
    from.try_get_u8().ok()
}

fn u16(from: &mut Bytes) -> Option<u16> {
    from.try_get_u16().ok()
}

/// Bytes after their length in one byte.
fn vec8(from: &mut Bytes) -> Option<Bytes> {
    let len = u8(from)?;
    take(from, len.into())
}

/// Bytes after their length in two bytes.
fn vec16(from: &mut Bytes) -> Option<Bytes> {
    let len = u16(from)?;
    take(from, len.into())
}

fn u16s(list: Bytes) -> Vec<u16> {
    list.chunks_exact(2)
        .map(|pair| pair.iter().fold(0, |sum, byte| sum << 8 | u16::from(*byte)))
        .collect()
}

#[cfg(test)]
mod tests;
