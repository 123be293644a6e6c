//! Applying content codings.

use std::io::{self, Write};

use super::{Coding, Codings};

/// How hard brotli tries: more takes long.
const BROTLI_QUALITY: u32 = 5;

/// As many bytes of input as brotli looks back over, as a power of two.
const BROTLI_WINDOW: u32 = 22;

/// Applies codings to a body, in their order.
///
/// # Errors
/// When an encoder fails, which none does for want of memory alone.
pub fn encode(codings: &Codings, body: &[u8]) -> io::Result<Vec<u8>> {
    let mut bytes = body.to_vec();
    for coding in &codings.0 {
        bytes = apply(*coding, &bytes)?;
    }
    Ok(bytes)
}

fn apply(coding: Coding, body: &[u8]) -> io::Result<Vec<u8>> {
    match coding {
        Coding::Gzip => {
            let mut encoder =
                flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
            encoder.write_all(body)?;
            encoder.finish()
        }
        Coding::Deflate => {
            let mut encoder =
                flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
            encoder.write_all(body)?;
            encoder.finish()
        }
        Coding::Brotli => {
            let mut out = Vec::new();
            let mut encoder =
                brotli::CompressorWriter::new(&mut out, 4096, BROTLI_QUALITY, BROTLI_WINDOW);
            encoder.write_all(body)?;
            encoder.flush()?;
            drop(encoder);
            Ok(out)
        }
        Coding::Zstd => zstd::encode_all(body, 0),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{End, decode};
    use super::*;

    #[test]
    fn what_is_applied_can_be_undone() {
        use Coding::{Brotli, Deflate, Gzip, Zstd};
        for codings in [
            vec![],
            vec![Gzip],
            vec![Deflate],
            vec![Brotli],
            vec![Zstd],
            vec![Gzip, Brotli],
        ] {
            let codings = Codings(codings);
            for body in [&b""[..], b"x", &b"hello, hello, hello".repeat(1000)] {
                let coded = encode(&codings, body).expect("encoders do not fail");
                let (found, end) = decode(&codings, &coded, 1 << 20);
                assert_eq!((&found[..], end), (body, End::Complete), "{codings}");
            }
        }
    }
}
