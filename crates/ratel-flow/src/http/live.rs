//! A request under way.

use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use super::Request;
use crate::filter::texts::RequestTexts;

/// A request as its hooks see it. What filters look for in it is made once, and made anew when somebody has changed it;
/// whoever has it on record asks whether that is so.
#[derive(Debug)]
pub struct LiveRequest {
    now: Request,
    texts: RequestTexts,
    verdict: Verdict,
    touched: bool,
}

/// What was made out of a request by rules, which have a number that changes when they do.
#[derive(Debug, Default)]
pub struct Verdict {
    /// Those that it was made out by.
    rules: AtomicU32,
    bits: [AtomicU64; 2],
}

impl Verdict {
    /// What the rules with this number, which is not 0, make out; `judge` is asked if they have not been.
    pub fn by(&self, rules: u32, judge: impl FnOnce() -> [u64; 2]) -> [u64; 2] {
        if self.rules.load(Ordering::Acquire) == rules {
            return [0, 1].map(|nth| self.bits[nth].load(Ordering::Relaxed));
        }
        let bits = judge();
        for (kept, bits) in self.bits.iter().zip(bits) {
            kept.store(bits, Ordering::Relaxed);
        }
        self.rules.store(rules, Ordering::Release);
        bits
    }
}

impl LiveRequest {
    /// The texts that filters look for, of the request as it is.
    #[must_use]
    pub fn texts(&self) -> &RequestTexts {
        &self.texts
    }

    /// What whoever has rules makes out of the request as it is.
    #[must_use]
    pub fn verdict(&self) -> &Verdict {
        &self.verdict
    }

    /// Whether somebody may have changed it since the last call.
    pub fn take_touched(&mut self) -> bool {
        std::mem::take(&mut self.touched)
    }

    /// The request, which is under way no more.
    #[must_use]
    pub fn into_inner(self) -> Request {
        self.now
    }
}

impl From<Request> for LiveRequest {
    fn from(now: Request) -> Self {
        Self {
            now,
            texts: RequestTexts::default(),
            verdict: Verdict::default(),
            touched: false,
        }
    }
}

impl Deref for LiveRequest {
    type Target = Request;

    fn deref(&self) -> &Request {
        &self.now
    }
}

impl DerefMut for LiveRequest {
    fn deref_mut(&mut self) -> &mut Request {
        self.texts = RequestTexts::default();
        self.verdict = Verdict::default();
        self.touched = true;
        &mut self.now
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Headers, Scheme, Timestamp, Version};

    #[test]
    fn texts_are_of_the_request_as_it_is() {
        let mut headers = Headers::new();
        headers.append(b"Host", b"a.test");
        let mut request = LiveRequest::from(Request {
            method: "GET".into(),
            target: "/x".into(),
            version: Version::Http11,
            line: None,
            headers,
            pseudo: Headers::new(),
            scheme: Scheme::Http,
            host: "127.0.0.1".into(),
            port: 80,
            path: "/x".into(),
            timestamp_start: Timestamp::default(),
        });
        let texts = |request: &LiveRequest| {
            let texts = request.texts();
            let lines = String::from_utf8_lossy(texts.lines(request)).into_owned();
            let (mut urls, mut hosts) = (Vec::new(), Vec::new());
            texts.any_url(request, |url| {
                urls.push(url.to_owned());
                false
            });
            texts.any_host(request, |host| {
                hosts.push(host.to_owned());
                false
            });
            (urls.join(" "), hosts.join(" "), lines)
        };
        let expected =
            |url: &str, hosts: &str, lines: &str| (url.into(), hosts.into(), lines.into());
        let before = expected("http://a.test/x", "127.0.0.1 a.test", "Host: a.test\r\n");
        assert_eq!(texts(&request), before);
        assert_eq!(texts(&request), before);
        assert!(!request.take_touched());

        request.headers.set("host", b"xn--mnchen-3ya.test");
        let after = expected(
            "http://xn--mnchen-3ya.test/x http://münchen.test/x",
            "127.0.0.1 xn--mnchen-3ya.test münchen.test",
            "Host: xn--mnchen-3ya.test\r\n",
        );
        assert_eq!(texts(&request), after);
        assert!(request.take_touched());
        assert!(!request.take_touched());
    }
}
