//! Bodies that are larger than option `body_size_limit` allows: known from the head, or noticed while they pass.

use ratel_flow::{Request, Response, Side, Timestamp};
use ratel_proto::{Frame, Framing};

use super::{Answer, RequestBody, ResponseSource};
use crate::body::{FrameSource, PeerEnd, Watch};
use crate::error::ProxyError;

/// A peer whose body is not to be larger than that.
pub(super) struct Limited<'s, S> {
    source: &'s mut S,
    limit: Option<u64>,
    passed: u64,
    side: Side,
}

impl<'s, S> Limited<'s, S> {
    pub(super) fn new(source: &'s mut S, limit: Option<u64>, side: Side) -> Self {
        Self {
            source,
            limit,
            passed: 0,
            side,
        }
    }

    fn passes(&mut self, frame: Frame) -> Result<Frame, ProxyError> {
        if self.limit.is_some() {
            self.passed += frame.len() as u64;
            check(self.limit, self.side, Framing::Length(self.passed))?;
        }
        Ok(frame)
    }
}

/// Whether a body of that length may come from that side.
pub(super) fn check(limit: Option<u64>, side: Side, framing: Framing) -> Result<(), ProxyError> {
    match (limit, framing) {
        (Some(limit), Framing::Length(len)) if len > limit => {
            Err(ProxyError::BodyTooLarge { side, limit })
        }
        _ => Ok(()),
    }
}

impl<S: Watch> Watch for Limited<'_, S> {
    async fn watch(&mut self) -> PeerEnd {
        self.source.watch().await
    }
}

impl<S: FrameSource> FrameSource for Limited<'_, S> {
    fn ready(&mut self) -> Result<Option<Frame>, ProxyError> {
        match self.source.ready()? {
            Some(frame) => self.passes(frame).map(Some),
            None => Ok(None),
        }
    }

    async fn next(&mut self) -> Result<Frame, ProxyError> {
        let frame = self.source.next().await?;
        self.passes(frame)
    }

    fn is_done(&self) -> bool {
        self.source.is_done()
    }

    fn received(&self) -> Timestamp {
        self.source.received()
    }
}

impl<S: RequestBody> RequestBody for Limited<'_, S> {
    fn become_raw(&mut self) {
        self.limit = None;
        self.source.become_raw();
    }

    fn is_closed(&self) -> bool {
        self.source.is_closed()
    }
}

impl<S: ResponseSource> ResponseSource for Limited<'_, S> {
    async fn head(&mut self) -> Result<Answer, ProxyError> {
        self.source.head().await
    }

    fn validate(&self, response: &Response) -> Result<(), ProxyError> {
        self.source.validate(response)
    }

    fn upgrades(&self, request: &Request, response: &Response) -> bool {
        self.source.upgrades(request, response)
    }

    fn framing(&self, method: &[u8], response: &Response) -> Result<Framing, ProxyError> {
        let framing = self.source.framing(method, response)?;
        check(self.limit, self.side, framing)?;
        Ok(framing)
    }

    fn begin_body(&mut self, framing: Framing) {
        self.source.begin_body(framing);
    }

    fn is_reusable(&self) -> bool {
        self.source.is_reusable()
    }

    fn become_raw(&mut self) {
        self.limit = None;
        self.source.become_raw();
    }
}
