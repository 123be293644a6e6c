//! Undoing content-codings while a body streams past: bytes are pushed in, and what they decode to comes out at once.

use std::io::{self, Write};

use brotli::enc::StandardAlloc;
use brotli::{BrotliDecompressStream, BrotliResult, BrotliState};
use flate2::write::MultiGzDecoder;
use flate2::{Decompress, FlushDecompress, Status};
use zstd::stream::raw::{self, DParameter, InBuffer, Operation, OutBuffer};

use super::{Coding, Codings, ZSTD_WINDOW_LOG, is_zlib};

/// Bytes that are taken in one step.
const STEP: usize = 4 * 1024;
/// Bytes that are given out at once, at most.
const PIECE: usize = 32 * 1024;
/// A body decodes to at most so many times its length: repetitive text stays below a hundred, a bomb of zeros has a
/// thousand in gzip and far more in the others.
const RATIO: u64 = 256;
/// Bytes that a body may decode to beyond that: little may stand for much at a beginning.
const ALLOWANCE: u64 = 16 * 1024 * 1024;

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
    /// Few bytes decode to very many.
    #[error("it decodes to more than {ALLOWANCE} bytes and {RATIO} times its length")]
    Bomb,
}

/// Undoes the codings of one body. Memory depends neither on its length nor on what it decodes to.
///
/// It is of no further use after an error.
pub struct PushDecoder {
    /// In the order of undoing.
    stages: Vec<Stage>,
    /// Bytes taken so far.
    taken: u64,
}

struct Stage {
    coding: Coding,
    decoder: Decoder,
    /// Bytes it has given so far.
    given: u64,
}

enum Decoder {
    /// Gzip and deflate are told apart, and from deflate without a wrapping, by the first two bytes: some senders
    /// name one and mean the other (RFC 9110 §8.4.1.2).
    Undecided(Coding, Vec<u8>),
    Gzip(Box<MultiGzDecoder<Vec<u8>>>),
    /// With the wrapping of zlib or without one.
    Flate(Box<Decompress>),
    Brotli(Box<BrotliState<StandardAlloc, StandardAlloc, StandardAlloc>>),
    Zstd(Box<raw::Decoder<'static>>),
    /// There was no memory for it.
    Missing,
    /// What follows the end of the coded body means nothing.
    Over,
}

impl PushDecoder {
    /// For a body with these codings.
    #[must_use]
    pub fn new(codings: &Codings) -> Self {
        let stages = codings.0.iter().rev().map(|coding| Stage {
            coding: *coding,
            decoder: Decoder::new(*coding),
            given: 0,
        });
        Self {
            stages: stages.collect(),
            taken: 0,
        }
    }

    /// Takes the next bytes and gives `out` what they decode to, in pieces of at most 32 KiB.
    ///
    /// # Errors
    /// When the body cannot be decoded from here on, or is a bomb; what came before that was given out.
    pub fn feed(&mut self, data: &[u8], out: &mut impl FnMut(Vec<u8>)) -> Result<(), PushError> {
        for step in data.chunks(STEP) {
            self.taken = self.taken.saturating_add(step.len() as u64);
            let most = self.taken.saturating_mul(RATIO).saturating_add(ALLOWANCE);
            push(&mut self.stages, step, most, out)?;
        }
        Ok(())
    }
}

/// Passes bytes through all stages. None may have given more than `most` bytes.
fn push(
    stages: &mut [Stage],
    mut data: &[u8],
    most: u64,
    out: &mut impl FnMut(Vec<u8>),
) -> Result<(), PushError> {
    let Some((stage, rest)) = stages.split_first_mut() else {
        out(data.to_vec());
        return Ok(());
    };
    loop {
        let mut decoded = Vec::with_capacity(PIECE);
        let used = stage.decoder.step(data, &mut decoded);
        let (full, idle) = (decoded.len() >= PIECE, decoded.is_empty());
        stage.given = stage.given.saturating_add(decoded.len() as u64);
        if stage.given > most {
            return Err(PushError::Bomb);
        }
        match (idle, rest.is_empty(), decoded.len() <= PIECE) {
            (true, ..) => {}
            (_, true, true) => {
                decoded.shrink_to_fit();
                out(decoded);
            }
            (_, true, false) => decoded.chunks(PIECE).for_each(|piece| out(piece.to_vec())),
            (_, false, _) => push(rest, &decoded, most, out)?,
        }
        let used = used.map_err(|source| PushError::Damaged {
            coding: stage.coding.name(),
            source,
        })?;
        data = data.get(used..).unwrap_or_default();
        if (data.is_empty() && !full) || (used == 0 && idle) {
            return Ok(());
        }
    }
}

impl Decoder {
    fn new(coding: Coding) -> Self {
        match coding {
            Coding::Gzip | Coding::Deflate => Self::Undecided(coding, Vec::new()),
            Coding::Brotli => {
                let alloc = StandardAlloc::default;
                // Windows of RFC 7932, of up to 16 MiB, and not the larger ones of which a few bytes may ask for 1 GiB.
                let state = BrotliState::new_strict(alloc(), alloc(), alloc());
                Self::Brotli(Box::new(state))
            }
            Coding::Zstd => zstd_decoder().map_or(Self::Missing, |zstd| Self::Zstd(Box::new(zstd))),
        }
    }

    /// Decodes some of `input` to the end of `out`, which is empty and has room for a [`PIECE`], and says how much of
    /// `input` was used. A full `out` says that there may be more without further input.
    fn step(&mut self, input: &[u8], out: &mut Vec<u8>) -> io::Result<usize> {
        match self {
            Self::Undecided(coding, first) => {
                let missing = input.len().min(2 - first.len());
                first.extend_from_slice(input.get(..missing).unwrap_or_default());
                if let &[a, b] = &first[..] {
                    *self = match coding {
                        _ if is_zlib(&[a, b]) => Self::Flate(Box::new(Decompress::new(true))),
                        Coding::Deflate if [a, b] != [0x1f, 0x8b] => {
                            Self::Flate(Box::new(Decompress::new(false)))
                        }
                        _ => Self::Gzip(Box::new(MultiGzDecoder::new(Vec::new()))),
                    };
                    let used = self.step(&[a, b], out)?;
                    debug_assert!(used == 2 || matches!(self, Self::Over));
                }
                Ok(missing)
            }
            Self::Gzip(decoder) => {
                let used = decoder.write(input).and_then(|used| {
                    if used == input.len() {
                        decoder.flush()?;
                    }
                    Ok(used)
                });
                // Also what stands before the damage.
                out.append(decoder.get_mut());
                used
            }
            Self::Flate(decoder) => {
                let before = decoder.total_in();
                let status = decoder.decompress_vec(input, out, FlushDecompress::Sync)?;
                let used = (decoder.total_in() - before) as usize;
                if status == Status::StreamEnd {
                    *self = Self::Over;
                }
                Ok(used)
            }
            Self::Brotli(state) => {
                out.resize(PIECE, 0);
                let (mut left, mut used) = (input.len(), 0);
                let (mut room, mut written, mut total) = (PIECE, 0, 0);
                let result = BrotliDecompressStream(
                    &mut left,
                    &mut used,
                    input,
                    &mut room,
                    &mut written,
                    out,
                    &mut total,
                    state,
                );
                out.truncate(written);
                match result {
                    BrotliResult::ResultFailure => return Err(io::ErrorKind::InvalidData.into()),
                    BrotliResult::ResultSuccess => *self = Self::Over,
                    BrotliResult::NeedsMoreInput | BrotliResult::NeedsMoreOutput => {}
                }
                Ok(used)
            }
            Self::Zstd(decoder) => {
                let mut input = InBuffer::around(input);
                decoder.run(&mut input, &mut OutBuffer::around(out))?;
                Ok(input.pos())
            }
            Self::Missing => Err(io::ErrorKind::OutOfMemory.into()),
            Self::Over => Ok(input.len()),
        }
    }
}

fn zstd_decoder() -> io::Result<raw::Decoder<'static>> {
    let mut decoder = raw::Decoder::new()?;
    decoder.set_parameter(DParameter::WindowLogMax(ZSTD_WINDOW_LOG))?;
    Ok(decoder)
}

#[cfg(test)]
mod tests;
