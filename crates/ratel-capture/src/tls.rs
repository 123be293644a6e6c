//! TLS seen from outside: what a handshake says openly, and records opened with secrets that somebody has logged.
//!
//! The cryptography is OpenSSL's, which is in the program for old peers anyway and has every cipher that a capture may
//! show: CBC, CCM, Camellia and 3DES are not to be had of the other library.

pub(crate) mod handshake;
pub(crate) mod opener;
pub(crate) mod secrets;
pub(crate) mod suites;

/// Types of records (RFC 8446 §5.1).
pub(crate) mod content {
    pub(crate) const CHANGE_CIPHER_SPEC: u8 = 20;
    pub(crate) const ALERT: u8 = 21;
    pub(crate) const HANDSHAKE: u8 = 22;
    pub(crate) const APPLICATION_DATA: u8 = 23;
    pub(crate) const HEARTBEAT: u8 = 24;
}

/// The longest record: what an old cipher may make of 16 KiB (RFC 5246 §6.2.3).
pub(crate) const RECORD_MAX: usize = 16 * 1024 + 2048;
/// Bytes before a record.
pub(crate) const HEADER: usize = 5;
