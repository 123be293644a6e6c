//! gRPC's length-prefixed messages, and how gRPC-Web and Connect end a body of them.

use super::{FramingProblem, Record, RecordKind};

/// Bytes before each message: flags (1) and length (4, big-endian).
const PREFIX: usize = 5;

/// Finds gRPC messages.
#[derive(Debug)]
pub struct GrpcFramer {
    /// What ends the body, where that is one of the frames.
    end: Option<RecordKind>,
    at: u64,
    prefix: [u8; PREFIX],
    have: usize,
    /// The message that has begun: its start, its length, what it is.
    message: Option<(u64, u64, RecordKind)>,
    problem: Option<FramingProblem>,
}

impl GrpcFramer {
    pub(super) fn new(end: Option<RecordKind>) -> Self {
        Self {
            end,
            at: 0,
            prefix: [0; PREFIX],
            have: 0,
            message: None,
            problem: None,
        }
    }

    pub(super) fn feed(
        &mut self,
        mut data: &[u8],
        out: &mut impl FnMut(Record),
    ) -> Result<(), FramingProblem> {
        if let Some(problem) = self.problem {
            return Err(problem);
        }
        loop {
            if let Some((start, len, kind)) = self.message {
                let left = start + len - self.at;
                let step = usize::try_from(left).map_or(data.len(), |left| left.min(data.len()));
                self.at += step as u64;
                data = data.get(step..).unwrap_or_default();
                if self.at < start + len {
                    return Ok(());
                }
                self.message = None;
                out(Record { start, len, kind });
            }
            let Some((first, rest)) = data.split_first() else {
                return Ok(());
            };
            if let Some(place) = self.prefix.get_mut(self.have) {
                *place = *first;
            }
            (self.have, self.at, data) = (self.have + 1, self.at + 1, rest);
            if self.have == PREFIX {
                self.have = 0;
                let [flags, length @ ..] = self.prefix;
                let kind = match (flags, self.end) {
                    (0 | 1, _) => RecordKind::Grpc {
                        compressed: flags == 1,
                    },
                    (0x80 | 0x81, Some(end @ RecordKind::GrpcTrailers))
                    | (2 | 3, Some(end @ RecordKind::ConnectEnd)) => end,
                    (flags, _) => {
                        let at = self.at - PREFIX as u64;
                        let problem = FramingProblem::GrpcFlags { at, flags };
                        self.problem = Some(problem);
                        return Err(problem);
                    }
                };
                self.message = Some((self.at, u64::from(u32::from_be_bytes(length)), kind));
            }
        }
    }

    pub(super) fn finish(&mut self) -> bool {
        self.message.is_some() || self.have > 0
    }

    /// Where what is incomplete begins, and how long it was to be, if that is known.
    pub(super) fn rest(&self) -> (u64, Option<u64>) {
        match self.message {
            Some((start, len, _)) => (start, Some(len)),
            None => (self.at - self.have as u64, None),
        }
    }

    pub(super) fn open(&self) -> Option<u64> {
        self.message.map(|(start, ..)| start)
    }
}
