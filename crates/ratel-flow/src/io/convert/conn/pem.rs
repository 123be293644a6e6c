//! Certificates: PEM in files, DER in the model.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

const BEGIN: &[u8] = b"-----BEGIN CERTIFICATE-----\n";
const END: &[u8] = b"-----END CERTIFICATE-----\n";

/// Characters on a line (RFC 7468 §2).
const LINE: usize = 64;

/// The certificate in DER; none for what is no certificate. Lines may be of any length and end in any way.
pub(crate) fn decode(pem: &[u8]) -> Option<Vec<u8>> {
    let begin = memchr::memmem::find(pem, BEGIN.trim_ascii_end())?;
    let text = pem.get(begin + BEGIN.len() - 1..)?;
    let end = memchr::memmem::find(text, END.trim_ascii_end())?;
    let mut digits = Vec::with_capacity(end);
    for line in text.get(..end)?.split(|b| *b == b'\n') {
        digits.extend_from_slice(line.trim_ascii());
    }
    STANDARD.decode(digits).ok()
}

/// The certificate as OpenSSL, and what is built on it, writes it.
pub(crate) fn encode(der: &[u8]) -> Vec<u8> {
    let digits = STANDARD.encode(der);
    let len = BEGIN.len() + digits.len() + digits.len().div_ceil(LINE) + END.len();
    let mut pem = Vec::with_capacity(len);
    pem.extend_from_slice(BEGIN);
    for line in digits.as_bytes().chunks(LINE) {
        pem.extend_from_slice(line);
        pem.push(b'\n');
    }
    pem.extend_from_slice(END);
    pem
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certificates_read_back_whatever_their_length() {
        for len in [0, 1, 2, 47, 48, 49, 1000] {
            let der: Vec<u8> = (0..len).map(|n| n as u8).collect();
            let pem = encode(&der);
            assert_eq!(decode(&pem), Some(der.clone()), "{len}");
            let windows = String::from_utf8_lossy(&pem).replace('\n', "\r\n");
            let around = format!("subject=x\r\n{windows}trailing");
            assert_eq!(decode(around.as_bytes()), Some(der), "{len}");
        }
        assert_eq!(
            encode(b"abc"),
            b"-----BEGIN CERTIFICATE-----\nYWJj\n-----END CERTIFICATE-----\n"
        );
        for broken in [
            "",
            "-----BEGIN CERTIFICATE-----\nYWJj",
            "YWJj",
            "-----BEGIN CERTIFICATE-----\n*\n-----END CERTIFICATE-----",
        ] {
            assert_eq!(decode(broken.as_bytes()), None, "{broken}");
        }
    }
}
