//! The two ends of an exchange that has no client: a body that is on record, and nobody who waits for the response.

use bytes::Bytes;
use ratel_core::clock;
use ratel_flow::record::BODY_WINDOW;
use ratel_flow::{Body, Headers, Response, Timestamp};
use ratel_proto::{Frame, Framing};

use crate::body::{FrameSink, FrameSource, PeerEnd, Watch};
use crate::error::{Page, ProxyError};
use crate::exchange::{RequestBody, ResponseSink};

/// A recorded body as it goes out again.
pub(crate) struct Played {
    body: Body,
    trailers: Option<Headers>,
    at: u64,
    len: u64,
    done: bool,
}

impl Played {
    pub(crate) fn new(body: Body, trailers: Option<Headers>, framing: Framing) -> Self {
        let len = body.len().unwrap_or_default();
        Self {
            body,
            trailers,
            at: 0,
            len,
            done: framing == Framing::None,
        }
    }

    /// What comes next, if it is at hand.
    fn at_hand(&mut self) -> Option<Frame> {
        if self.done {
            return None;
        }
        if self.at >= self.len {
            return Some(self.passed(Bytes::new()));
        }
        match &self.body {
            Body::Bytes(bytes) => {
                let bytes = bytes.clone();
                Some(self.passed(bytes))
            }
            _ => None,
        }
    }

    fn passed(&mut self, data: Bytes) -> Frame {
        self.at += data.len() as u64;
        self.done = self.at >= self.len;
        let mut frame = Frame {
            end: self.done,
            ..Frame::default()
        };
        if !data.is_empty() {
            frame.data.push(data);
        }
        if self.done {
            frame.trailers = self.trailers.take();
        }
        frame
    }

    /// Reads on without holding up whatever else this thread does.
    async fn read(&mut self) -> Result<Frame, ProxyError> {
        let (body, at) = (self.body.clone(), self.at);
        let until = self.len.min(at + BODY_WINDOW);
        let read = tokio::task::spawn_blocking(move || body.read(at..until)).await;
        let gone = || std::io::Error::from(std::io::ErrorKind::UnexpectedEof);
        let read = read.map_err(std::io::Error::other).flatten();
        match read {
            Ok(data) if data.is_empty() => Err(ProxyError::Recording(gone())),
            Ok(data) => Ok(self.passed(data)),
            Err(error) => Err(ProxyError::Recording(error)),
        }
    }
}

impl FrameSource for Played {
    fn ready(&mut self) -> Result<Option<Frame>, ProxyError> {
        Ok(self.at_hand())
    }

    async fn next(&mut self) -> Result<Frame, ProxyError> {
        match self.at_hand() {
            Some(frame) => Ok(frame),
            // Nothing more will be said.
            None if self.done => Ok(Frame::end()),
            None => self.read().await,
        }
    }

    fn is_done(&self) -> bool {
        self.done
    }

    fn received(&self) -> Timestamp {
        clock::now()
    }
}

impl Watch for Played {
    async fn watch(&mut self) -> PeerEnd {
        // Nobody is there who could leave.
        std::future::pending().await
    }
}

impl RequestBody for Played {
    fn become_raw(&mut self) {}

    fn is_closed(&self) -> bool {
        false
    }
}

/// Takes in a response that nobody waits for: it is on record.
#[derive(Default)]
pub(crate) struct Nowhere {
    started: bool,
}

impl ResponseSink for Nowhere {
    fn informational(&mut self, _response: &Response) -> Result<(), ProxyError> {
        Ok(())
    }

    fn head(
        &mut self,
        _response: &Response,
        _framing: Framing,
        _verbatim: bool,
        _done: bool,
    ) -> Result<(), ProxyError> {
        self.started = true;
        Ok(())
    }

    fn upgraded(&mut self, _response: &Response) -> Result<(), ProxyError> {
        self.started = true;
        Ok(())
    }

    fn page(&mut self, _error: &ProxyError, _page: Page) {}

    fn abort(&mut self, _error: &ProxyError, _trailers: Option<&Headers>) {}

    fn is_reset(&mut self) -> bool {
        false
    }

    fn started(&self) -> bool {
        self.started
    }
}

impl FrameSink for Nowhere {
    fn frame(&mut self, _frame: Frame) -> Result<(), ProxyError> {
        Ok(())
    }

    async fn flush(&mut self) -> Result<(), ProxyError> {
        Ok(())
    }

    async fn shutdown(&mut self) -> Result<(), ProxyError> {
        Ok(())
    }
}
