//! Sealed records, opened.

use openssl::cipher::Cipher;
use openssl::cipher_ctx::CipherCtx;
use openssl::error::ErrorStack;
use ratel_flow::{Side, TlsVersion};

use super::content;
use super::secrets::{expand_label, hmac, prf};
use super::suites::{Hash, Sealing, Suite};

/// A record cannot be opened: it was not sealed with this key, or not as this number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sealed;

impl From<ErrorStack> for Sealed {
    fn from(_: ErrorStack) -> Self {
        Self
    }
}

/// What was in a record.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Opened {
    pub(crate) kind: u8,
    pub(crate) bytes: Vec<u8>,
}

/// What up to TLS 1.2 keys are made of, beside the master secret.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Negotiated {
    pub(crate) version: TlsVersion,
    pub(crate) suite: Suite,
    pub(crate) client_random: [u8; 32],
    pub(crate) server_random: [u8; 32],
    /// The checksum is that of the sealed bytes (RFC 7366).
    pub(crate) encrypt_then_mac: bool,
}

/// Opens the records of one direction, in their order.
pub(crate) struct Opener {
    scheme: Scheme,
    suite: Suite,
    /// The cipher with its key.
    cipher: Option<CipherCtx>,
    key: Vec<u8>,
    iv: Vec<u8>,
    mac_key: Vec<u8>,
    /// Number of the next record.
    sequence: u64,
    /// Of TLS 1.3: what the keys come from.
    secret: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scheme {
    Tls13,
    /// The record begins with a part of the nonce (RFC 5288, RFC 6655).
    ExplicitNonce,
    /// The nonce is made of the number (RFC 7905).
    ImplicitNonce,
    /// The vector is at the beginning of the record since TLS 1.1; before, it is the end of the record before.
    Cbc {
        explicit: bool,
        mac_last: bool,
    },
    Null,
}

impl std::fmt::Debug for Opener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Opener")
            .field("scheme", &self.scheme)
            .field("suite", &self.suite)
            .field("sequence", &self.sequence)
            .finish_non_exhaustive()
    }
}

impl Opener {
    /// For what `side` seals with the keys of this traffic secret of TLS 1.3.
    pub(crate) fn tls13(suite: Suite, secret: &[u8]) -> Result<Self, Sealed> {
        let hash = suite.prf(TlsVersion::Tls13).unwrap_or(Hash::Sha256);
        if !suite.sealing.is_aead() {
            return Err(Sealed);
        }
        let key = expand_label(hash, secret, "key", suite.sealing.key_len())?;
        let iv = expand_label(hash, secret, "iv", 12)?;
        Self {
            scheme: Scheme::Tls13,
            suite,
            cipher: None,
            key,
            iv,
            mac_key: Vec::new(),
            sequence: 0,
            secret: secret.to_vec(),
        }
        .with_cipher()
    }

    /// For what `side` seals with the keys that follow from this master secret.
    pub(crate) fn tls12(
        negotiated: &Negotiated,
        side: Side,
        master: &[u8],
    ) -> Result<Self, Sealed> {
        let Negotiated { version, suite, .. } = *negotiated;
        let sealing = suite.sealing;
        let explicit = version >= TlsVersion::Tls11;
        let scheme = match sealing {
            Sealing::Null => Scheme::Null,
            Sealing::ChaCha20Poly1305 => Scheme::ImplicitNonce,
            _ if sealing.is_aead() => Scheme::ExplicitNonce,
            _ => Scheme::Cbc {
                explicit,
                mac_last: negotiated.encrypt_then_mac,
            },
        };
        let mac_len = if sealing.is_aead() {
            0
        } else {
            suite.mac.len()
        };
        let key_len = sealing.key_len();
        let iv_len = match scheme {
            Scheme::ExplicitNonce => 4,
            Scheme::ImplicitNonce => 12,
            Scheme::Cbc {
                explicit: false, ..
            } => sealing.block_len(),
            _ => 0,
        };
        let seed = [negotiated.server_random, negotiated.client_random].concat();
        let hash = suite.prf(version);
        let len = 2 * (mac_len + key_len + iv_len);
        let block = prf(hash, master, b"key expansion", &seed, len)?;
        // For each kind that of the client, then that of the server (RFC 5246 §6.3).
        let place = usize::from(side == Side::Server);
        let part = |before: usize, len: usize| {
            let from = 2 * before + place * len;
            block.get(from..from + len).unwrap_or_default().to_vec()
        };
        Self {
            scheme,
            suite,
            cipher: None,
            mac_key: part(0, mac_len),
            key: part(mac_len, key_len),
            iv: part(mac_len + key_len, iv_len),
            sequence: 0,
            secret: Vec::new(),
        }
        .with_cipher()
    }

    fn with_cipher(mut self) -> Result<Self, Sealed> {
        let Some(name) = self.suite.sealing.cipher() else {
            return Ok(self);
        };
        let cipher = Cipher::fetch(None, name, None)?;
        // CCM is told anew each time what it is to open.
        if !matches!(
            self.suite.sealing,
            Sealing::Aes128Ccm(_) | Sealing::Aes256Ccm(_)
        ) {
            let mut context = CipherCtx::new()?;
            context.decrypt_init(Some(&cipher), Some(&self.key), None)?;
            self.cipher = Some(context);
        }
        Ok(self)
    }

    /// Records opened so far.
    pub(crate) fn sequence(&self) -> u64 {
        self.sequence
    }

    /// Whether a record can be opened without the one before it.
    pub(crate) fn can_skip(&self) -> bool {
        !matches!(
            self.scheme,
            Scheme::Cbc {
                explicit: false,
                ..
            }
        )
    }

    /// Opens a record before which up to `most` others are not there, so that its number is not known.
    pub(crate) fn find(
        &mut self,
        kind: u8,
        version: u16,
        body: &[u8],
        most: u64,
    ) -> Option<Opened> {
        let first = self.sequence;
        for skipped in 0..most {
            self.sequence = first.saturating_add(skipped);
            if let Ok(opened) = self.open(kind, version, body) {
                return Some(opened);
            }
        }
        self.sequence = first;
        None
    }

    /// The keys that follow after a KeyUpdate (RFC 8446 §7.2).
    pub(crate) fn updated(&self) -> Result<Self, Sealed> {
        let hash = self.suite.prf(TlsVersion::Tls13).unwrap_or(Hash::Sha256);
        let next = expand_label(hash, &self.secret, "traffic upd", hash.len())?;
        Self::tls13(self.suite, &next)
    }

    /// Opens the next record, of this type and version.
    ///
    /// # Errors
    /// When it was sealed otherwise; it can then be tried again.
    pub(crate) fn open(&mut self, kind: u8, version: u16, body: &[u8]) -> Result<Opened, Sealed> {
        let opened = match self.scheme {
            Scheme::Tls13 => self.open_tls13(kind, version, body)?,
            Scheme::ExplicitNonce => {
                let (explicit, sealed) = body.split_at_checked(8).ok_or(Sealed)?;
                let nonce = [&self.iv, explicit].concat();
                self.open_aead(kind, version, &nonce, sealed)?
            }
            Scheme::ImplicitNonce => self.open_aead(kind, version, &self.nonce(), body)?,
            Scheme::Cbc { explicit, mac_last } => {
                self.open_cbc(kind, version, body, explicit, mac_last)?
            }
            Scheme::Null => {
                let at = body.len().checked_sub(self.suite.mac.len()).ok_or(Sealed)?;
                let (bytes, mac) = body.split_at_checked(at).ok_or(Sealed)?;
                self.check(kind, version, bytes, mac)?;
                let bytes = bytes.to_vec();
                Opened { kind, bytes }
            }
        };
        self.sequence += 1;
        Ok(opened)
    }

    /// RFC 8446 §5.2: the type is behind the content, and zeros may follow it.
    fn open_tls13(&mut self, kind: u8, version: u16, body: &[u8]) -> Result<Opened, Sealed> {
        if kind != content::APPLICATION_DATA {
            return Err(Sealed);
        }
        let mut header = [kind, 0, 0, 0, 0];
        let (_, rest) = header.split_at_mut(1);
        let len = u16::try_from(body.len()).map_err(|_| Sealed)?;
        rest.copy_from_slice(&[version.to_be_bytes(), len.to_be_bytes()].concat());
        let nonce = self.nonce();
        let mut bytes = self.aead(&nonce, &header, body)?;
        let end = bytes.iter().rposition(|byte| *byte != 0).ok_or(Sealed)?;
        let kind = bytes.get(end).copied().ok_or(Sealed)?;
        bytes.truncate(end);
        Ok(Opened { kind, bytes })
    }

    fn open_aead(
        &mut self,
        kind: u8,
        version: u16,
        nonce: &[u8],
        sealed: &[u8],
    ) -> Result<Opened, Sealed> {
        let len = sealed
            .len()
            .checked_sub(self.suite.sealing.tag_len())
            .ok_or(Sealed)?;
        let additional = self.pseudo_header(kind, version, len)?;
        let bytes = self.aead(nonce, &additional, sealed)?;
        Ok(Opened { kind, bytes })
    }

    /// The nonce that is made of the number of the record (RFC 8446 §5.3).
    fn nonce(&self) -> Vec<u8> {
        let mut nonce = self.iv.clone();
        let number = self.sequence.to_be_bytes();
        nonce
            .iter_mut()
            .rev()
            .zip(number.iter().rev())
            .for_each(|(to, from)| *to ^= from);
        nonce
    }

    /// What is sealed beside the content (RFC 5246 §6.2.3.3).
    fn pseudo_header(&self, kind: u8, version: u16, len: usize) -> Result<Vec<u8>, Sealed> {
        let mut header = self.sequence.to_be_bytes().to_vec();
        header.push(kind);
        header.extend(version.to_be_bytes());
        header.extend(u16::try_from(len).map_err(|_| Sealed)?.to_be_bytes());
        Ok(header)
    }

    fn aead(&mut self, nonce: &[u8], additional: &[u8], sealed: &[u8]) -> Result<Vec<u8>, Sealed> {
        let sealing = self.suite.sealing;
        let at = sealed.len().checked_sub(sealing.tag_len()).ok_or(Sealed)?;
        let (sealed, tag) = sealed.split_at_checked(at).ok_or(Sealed)?;
        let mut bytes = vec![0; sealed.len() + 16];
        let mut done = 0;
        match &mut self.cipher {
            Some(context) => {
                context.decrypt_init(None, None, Some(nonce))?;
                context.set_tag(tag)?;
                context.cipher_update(additional, None)?;
                done += context.cipher_update(sealed, Some(&mut bytes))?;
                let rest = bytes.get_mut(done..).unwrap_or_default();
                done += context.cipher_final(rest)?;
            }
            None => {
                let cipher = Cipher::fetch(None, sealing.cipher().ok_or(Sealed)?, None)?;
                let mut context = CipherCtx::new()?;
                context.decrypt_init(Some(&cipher), None, None)?;
                context.set_iv_length(nonce.len())?;
                context.set_tag(tag)?;
                context.decrypt_init(None, Some(&self.key), Some(nonce))?;
                context.set_data_len(sealed.len())?;
                context.cipher_update(additional, None)?;
                done += context.cipher_update(sealed, Some(&mut bytes))?;
            }
        }
        bytes.truncate(done);
        Ok(bytes)
    }

    fn open_cbc(
        &mut self,
        kind: u8,
        version: u16,
        body: &[u8],
        explicit: bool,
        mac_last: bool,
    ) -> Result<Opened, Sealed> {
        let mac_len = self.suite.mac.len();
        let block = self.suite.sealing.block_len();
        let mut sealed = body;
        if mac_last {
            let at = body.len().checked_sub(mac_len).ok_or(Sealed)?;
            let (rest, mac) = body.split_at_checked(at).ok_or(Sealed)?;
            self.check(kind, version, rest, mac)?;
            sealed = rest;
        }
        let iv = match explicit {
            true => {
                let (iv, rest) = sealed.split_at_checked(block).ok_or(Sealed)?;
                sealed = rest;
                iv.to_vec()
            }
            false => self.iv.clone(),
        };
        if sealed.is_empty() || !sealed.len().is_multiple_of(block) {
            return Err(Sealed);
        }
        let context = self.cipher.as_mut().ok_or(Sealed)?;
        context.decrypt_init(None, None, Some(&iv))?;
        context.set_padding(false);
        let mut bytes = vec![0; sealed.len() + block];
        let mut done = context.cipher_update(sealed, Some(&mut bytes))?;
        done += context.cipher_final(bytes.get_mut(done..).unwrap_or_default())?;
        bytes.truncate(done);
        let padding = bytes.last().copied().map_or(0, usize::from) + 1;
        let mut end = bytes.len().checked_sub(padding).ok_or(Sealed)?;
        if !mac_last {
            end = end.checked_sub(mac_len).ok_or(Sealed)?;
            let (content, rest) = bytes.split_at_checked(end).ok_or(Sealed)?;
            let mac = rest.get(..mac_len).unwrap_or_default();
            self.check(kind, version, content, mac)?;
        }
        bytes.truncate(end);
        if !explicit {
            let last = sealed.len() - block;
            self.iv = sealed.get(last..).unwrap_or_default().to_vec();
        }
        Ok(Opened { kind, bytes })
    }

    fn check(&self, kind: u8, version: u16, bytes: &[u8], mac: &[u8]) -> Result<(), Sealed> {
        let header = self.pseudo_header(kind, version, bytes.len())?;
        let expected = hmac(self.suite.mac, &self.mac_key, &[&header, bytes])?;
        // Whoever could learn something from how long this takes has the file.
        if expected == mac { Ok(()) } else { Err(Sealed) }
    }
}

impl Sealing {
    /// What OpenSSL calls it.
    fn cipher(self) -> Option<&'static str> {
        Some(match self {
            Self::Null => return None,
            Self::Aes128Cbc => "AES-128-CBC",
            Self::Aes256Cbc => "AES-256-CBC",
            Self::Camellia128Cbc => "CAMELLIA-128-CBC",
            Self::Camellia256Cbc => "CAMELLIA-256-CBC",
            Self::TripleDesCbc => "DES-EDE3-CBC",
            Self::Aes128Gcm => "AES-128-GCM",
            Self::Aes256Gcm => "AES-256-GCM",
            Self::Aes128Ccm(_) => "AES-128-CCM",
            Self::Aes256Ccm(_) => "AES-256-CCM",
            Self::ChaCha20Poly1305 => "ChaCha20-Poly1305",
        })
    }

    fn key_len(self) -> usize {
        match self {
            Self::Null => 0,
            Self::Aes128Cbc | Self::Camellia128Cbc | Self::Aes128Gcm | Self::Aes128Ccm(_) => 16,
            Self::TripleDesCbc => 24,
            Self::Aes256Cbc
            | Self::Camellia256Cbc
            | Self::Aes256Gcm
            | Self::Aes256Ccm(_)
            | Self::ChaCha20Poly1305 => 32,
        }
    }

    fn block_len(self) -> usize {
        match self {
            Self::TripleDesCbc => 8,
            _ => 16,
        }
    }

    fn tag_len(self) -> usize {
        match self {
            Self::Aes128Ccm(len) | Self::Aes256Ccm(len) => len,
            _ => 16,
        }
    }

    fn is_aead(self) -> bool {
        matches!(
            self,
            Self::Aes128Gcm
                | Self::Aes256Gcm
                | Self::Aes128Ccm(_)
                | Self::Aes256Ccm(_)
                | Self::ChaCha20Poly1305
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cipher_is_there() {
        for sealing in [
            Sealing::Aes128Cbc,
            Sealing::Aes256Cbc,
            Sealing::Camellia128Cbc,
            Sealing::Camellia256Cbc,
            Sealing::TripleDesCbc,
            Sealing::Aes128Gcm,
            Sealing::Aes256Gcm,
            Sealing::Aes128Ccm(8),
            Sealing::Aes256Ccm(16),
            Sealing::ChaCha20Poly1305,
        ] {
            let name = sealing.cipher().unwrap();
            let cipher = Cipher::fetch(None, name, None);
            let cipher = cipher.unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(cipher.key_length(), sealing.key_len(), "{name}");
            if !sealing.is_aead() {
                assert_eq!(cipher.block_size(), sealing.block_len(), "{name}");
            }
        }
    }
}
