//! Keys from secrets: the PRF up to TLS 1.2 (RFC 5246 §5, RFC 2246 §5), HKDF of TLS 1.3 (RFC 8446 §7.1).

use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::pkey::PKey;
use openssl::sign::Signer;

use super::suites::Hash;

impl Hash {
    pub(crate) fn digest(self) -> MessageDigest {
        match self {
            Self::Md5 => MessageDigest::md5(),
            Self::Sha1 => MessageDigest::sha1(),
            Self::Sha256 => MessageDigest::sha256(),
            Self::Sha384 => MessageDigest::sha384(),
        }
    }

    /// Bytes of a hash.
    pub(crate) fn len(self) -> usize {
        self.digest().size()
    }
}

/// HMAC (RFC 2104) of the parts one after the other.
pub(crate) fn hmac(hash: Hash, key: &[u8], parts: &[&[u8]]) -> Result<Vec<u8>, ErrorStack> {
    let key = PKey::hmac(key)?;
    let mut signer = Signer::new(hash.digest(), &key)?;
    for part in parts {
        signer.update(part)?;
    }
    signer.sign_to_vec()
}

/// `len` bytes from a secret. `hash` is none for TLS 1.0 and 1.1.
pub(crate) fn prf(
    hash: Option<Hash>,
    secret: &[u8],
    label: &[u8],
    seed: &[u8],
    len: usize,
) -> Result<Vec<u8>, ErrorStack> {
    let seed = [label, seed].concat();
    let Some(hash) = hash else {
        // RFC 2246 §5: the halves share a byte where there is an odd number of them.
        let half = secret.len().div_ceil(2);
        let first = secret.get(..half).unwrap_or_default();
        let second = secret.get(secret.len() - half..).unwrap_or_default();
        let mut out = expand(Hash::Md5, first, &seed, len)?;
        let other = expand(Hash::Sha1, second, &seed, len)?;
        out.iter_mut().zip(other).for_each(|(to, from)| *to ^= from);
        return Ok(out);
    };
    expand(hash, secret, &seed, len)
}

/// RFC 5246 §5: P_hash.
fn expand(hash: Hash, secret: &[u8], seed: &[u8], len: usize) -> Result<Vec<u8>, ErrorStack> {
    let mut out = Vec::with_capacity(len + hash.len());
    let mut a = hmac(hash, secret, &[seed])?;
    while out.len() < len {
        out.extend(hmac(hash, secret, &[&a, seed])?);
        a = hmac(hash, secret, &[&a])?;
    }
    out.truncate(len);
    Ok(out)
}

/// HKDF-Expand-Label without a context.
pub(crate) fn expand_label(
    hash: Hash,
    secret: &[u8],
    label: &str,
    len: usize,
) -> Result<Vec<u8>, ErrorStack> {
    let label = format!("tls13 {label}");
    let mut info = Vec::with_capacity(label.len() + 4);
    // Both fit: labels and keys are short.
    info.extend((len as u16).to_be_bytes());
    info.push(label.len() as u8);
    info.extend(label.as_bytes());
    info.push(0);
    let mut out = Vec::with_capacity(len + hash.len());
    let mut last = Vec::new();
    let mut round = 1_u8;
    while out.len() < len {
        last = hmac(hash, secret, &[&last, &info, &[round]])?;
        out.extend_from_slice(&last);
        round = round.wrapping_add(1);
    }
    out.truncate(len);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(text: &str) -> Vec<u8> {
        let digits: Vec<u8> = text.bytes().filter(|b| !b.is_ascii_whitespace()).collect();
        let pairs = digits
            .chunks(2)
            .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap());
        pairs.collect()
    }

    /// RFC 8448 §3, "derive write traffic keys for handshake data" of the server.
    #[test]
    fn keys_of_tls_1_3_are_those_of_the_rfc() {
        let secret = hex("b67b7d690cc16c4e75e54213cb2d37b4e9c912bcded9105d42befd59d391ad38");
        let key = expand_label(Hash::Sha256, &secret, "key", 16).unwrap();
        assert_eq!(key, hex("3fce516009c21727d0f2e4e86ee403bc"));
        let iv = expand_label(Hash::Sha256, &secret, "iv", 12).unwrap();
        assert_eq!(iv, hex("5d313eb2671276ee13000b30"));
    }

    /// The vector that goes round for the PRF of TLS 1.2 with SHA-256.
    #[test]
    fn the_prf_of_tls_1_2_gives_the_known_bytes() {
        let secret = hex("9bbe436ba940f017b17652849a71db35");
        let seed = hex("a0ba9f936cda311827a6f796ffd5198c");
        let out = prf(Some(Hash::Sha256), &secret, b"test label", &seed, 100).unwrap();
        let expected = "e3f229ba727be17b8d122620557cd453c2aab21d07c3d495329b52d4e61edb5a6b301791e90d35c9c9a46b4e14baf9af0fa0\
             22f7077def17abfd3797c0564bab4fbc91666e9def9b97fce34f796789baa48082d122ee42c5a72e5a5110fff70187347b66";
        assert_eq!(out, hex(expected));
    }
}
