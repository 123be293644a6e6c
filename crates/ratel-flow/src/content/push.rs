//! Undoing content-codings while a body streams past: bytes are pushed in, and what they decode to comes out at once.

use std::io::{self, Write};

use super::{Coding, Codings, ZSTD_WINDOW_LOG};

/// Bytes that are taken in one step.
const STEP: usize = 4 * 1024;
/// What one step may decode to, in bytes. Whatever gives more is a bomb.
const BOMB: usize = 32 * 1024 * 1024;

/// Why a body cannot be decoded any further.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PushError {
    /// It is no such coding, or damaged.
    #[error("it is not {coding} as announced: {source}")]
    Damaged {
        /// The coding's name.
        coding: &'static str,
        /// What the decoder says.
        source: io::Error,
    },
    /// A few bytes decode to very many.
    #[error("{STEP} bytes of it decode to more than {BOMB}")]
    Bomb,
}

/// Undoes the codings of one body; memory does not depend on its length.
pub struct PushDecoder {
    /// In the order of undoing.
    stages: Vec<Stage>,
}

struct Stage {
    coding: Coding,
    decoder: Decoder,
}

enum Decoder {
    Gzip(Box<flate2::write::MultiGzDecoder<Out>>),
    Zlib(Box<flate2::write::ZlibDecoder<Out>>),
    Deflate(Box<flate2::write::DeflateDecoder<Out>>),
    /// `deflate` is zlib (RFC 9110 §8.4.1.2), but some servers mean raw deflate; the first two bytes tell.
    Undecided(Vec<u8>),
    Brotli(Box<brotli::DecompressorWriter<Out>>),
    Zstd(Box<zstd::stream::write::Decoder<'static, Out>>),
}

/// What a decoder has given.
#[derive(Default)]
struct Out(Vec<u8>);

impl Write for Out {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        if self.0.len() + data.len() > BOMB {
            return Err(io::ErrorKind::OutOfMemory.into());
        }
        self.0.extend_from_slice(data);
        Ok(data.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl PushDecoder {
    /// For a body with these codings.
    #[must_use]
    pub fn new(codings: &Codings) -> Self {
        let stages = codings.0.iter().rev().map(|coding| Stage {
            coding: *coding,
            decoder: Decoder::new(*coding),
        });
        Self {
            stages: stages.collect(),
        }
    }

    /// Takes the next bytes and gives `out` what they decode to.
    ///
    /// # Errors
    /// When the body cannot be decoded from here on; what came before that was given out.
    pub fn feed(&mut self, data: &[u8], out: &mut impl FnMut(Vec<u8>)) -> Result<(), PushError> {
        for piece in data.chunks(STEP) {
            let mut decoded = piece.to_vec();
            for stage in &mut self.stages {
                decoded = stage.step(&decoded)?;
            }
            if !decoded.is_empty() {
                out(decoded);
            }
        }
        Ok(())
    }
}

impl Stage {
    fn step(&mut self, data: &[u8]) -> Result<Vec<u8>, PushError> {
        let written = self.decoder.write(data);
        written.map_err(|source| match source.kind() {
            io::ErrorKind::OutOfMemory => PushError::Bomb,
            _ => PushError::Damaged {
                coding: self.coding.name(),
                source,
            },
        })
    }
}

impl Decoder {
    fn new(coding: Coding) -> Self {
        match coding {
            Coding::Gzip => {
                Self::Gzip(Box::new(flate2::write::MultiGzDecoder::new(Out::default())))
            }
            Coding::Deflate => Self::Undecided(Vec::new()),
            Coding::Brotli => Self::Brotli(Box::new(brotli::DecompressorWriter::new(
                Out::default(),
                STEP,
            ))),
            Coding::Zstd => match zstd::stream::write::Decoder::new(Out::default()) {
                Ok(mut decoder) => {
                    // A wider window than may be asked for is an error when the frame says so.
                    let _ = decoder.window_log_max(ZSTD_WINDOW_LOG);
                    Self::Zstd(Box::new(decoder))
                }
                // Only an allocation can fail there; a decoder that knows nothing says so at the first byte.
                Err(_) => {
                    Self::Deflate(Box::new(flate2::write::DeflateDecoder::new(Out::default())))
                }
            },
        }
    }

    fn write(&mut self, data: &[u8]) -> io::Result<Vec<u8>> {
        match self {
            Self::Gzip(decoder) => {
                decoder.write_all(data)?;
                decoder.flush()?;
                Ok(std::mem::take(&mut decoder.get_mut().0))
            }
            Self::Zlib(decoder) => {
                decoder.write_all(data)?;
                decoder.flush()?;
                Ok(std::mem::take(&mut decoder.get_mut().0))
            }
            Self::Deflate(decoder) => {
                decoder.write_all(data)?;
                decoder.flush()?;
                Ok(std::mem::take(&mut decoder.get_mut().0))
            }
            Self::Brotli(decoder) => {
                decoder.write_all(data)?;
                Ok(std::mem::take(&mut decoder.get_mut().0))
            }
            Self::Zstd(decoder) => {
                decoder.write_all(data)?;
                decoder.flush()?;
                Ok(std::mem::take(&mut decoder.get_mut().0))
            }
            Self::Undecided(first) => {
                first.extend_from_slice(data);
                let [a, b, ..] = first[..] else {
                    return Ok(Vec::new());
                };
                let first = std::mem::take(first);
                // RFC 1950 §2.2: the method is 8, and both bytes are a multiple of 31.
                let zlib = a & 15 == 8 && (u16::from(a) << 8 | u16::from(b)) % 31 == 0;
                *self = if zlib {
                    Self::Zlib(Box::new(flate2::write::ZlibDecoder::new(Out::default())))
                } else {
                    Self::Deflate(Box::new(flate2::write::DeflateDecoder::new(Out::default())))
                };
                self.write(&first)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use ratel_proto::Headers;

    use super::*;

    fn codings(value: &str) -> Codings {
        let mut headers = Headers::new();
        headers.append(b"content-encoding", value.as_bytes());
        Codings::of(&headers).expect("known codings")
    }

    const EVENTS: [&[u8]; 3] = [b"data: 1\n\n", b"data: 22\n\n", b"data: 333\n\n"];

    /// Feeds each compressed event by itself and says what came out of it.
    fn decoded(coding: &str, pieces: &[Vec<u8>]) -> Vec<Vec<u8>> {
        let mut decoder = PushDecoder::new(&codings(coding));
        let step = |piece: &Vec<u8>| {
            let mut out = Vec::new();
            decoder
                .feed(piece, &mut |piece| out.extend(piece))
                .expect("it is well-formed");
            out
        };
        pieces.iter().map(step).collect()
    }

    macro_rules! pieces {
        ($encoder:expr) => {{
            let mut encoder = $encoder;
            EVENTS.map(|event| {
                encoder.write_all(event).expect("memory");
                encoder.flush().expect("memory");
                std::mem::take(encoder.get_mut())
            })
        }};
    }

    #[test]
    fn each_event_comes_out_as_soon_as_its_bytes_are_in() {
        use flate2::Compression;
        use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
        let level = Compression::default();
        let cases = [
            ("gzip", pieces!(GzEncoder::new(Vec::new(), level))),
            ("deflate", pieces!(ZlibEncoder::new(Vec::new(), level))),
            ("deflate", pieces!(DeflateEncoder::new(Vec::new(), level))),
            (
                "br",
                pieces!(brotli::CompressorWriter::new(Vec::new(), 4096, 5, 20)),
            ),
            (
                "zstd",
                pieces!(zstd::stream::write::Encoder::new(Vec::new(), 3).expect("memory")),
            ),
        ];
        for (coding, pieces) in cases {
            assert_eq!(decoded(coding, &pieces), EVENTS, "{coding}");
        }
    }

    #[test]
    fn stacked_codings_are_undone_in_turn() {
        use flate2::write::GzEncoder;
        let inner = pieces!(GzEncoder::new(Vec::new(), flate2::Compression::fast())).concat();
        let outer = zstd::encode_all(&inner[..], 3).expect("memory");
        assert_eq!(decoded("gzip, zstd", &[outer]), [EVENTS.concat()]);
    }

    #[test]
    fn bombs_and_damage_end_the_decoding() {
        let zeros = vec![0; 200 << 20];
        let bomb = zstd::encode_all(&zeros[..], 19).expect("memory");
        let mut decoder = PushDecoder::new(&codings("zstd"));
        let mut total = 0;
        let fed = decoder.feed(&bomb, &mut |piece| total += piece.len());
        assert!(
            matches!(fed, Err(PushError::Bomb)),
            "{total} bytes came out"
        );
        let mut decoder = PushDecoder::new(&codings("gzip"));
        let fed = decoder.feed(b"this is no gzip", &mut |_| {});
        assert!(fed.is_err_and(|error| error.to_string().starts_with("it is not gzip")));
    }
}
