//! Answers requests with recorded responses (options `server_replay*`). The recordings are in `core/replay`; this asks for
//! the one that fits, and says what becomes of a request that has none.

use ratel_core::addon::{Addon, Bodies, BodyNeed, HookFuture, Refresh, done};
use ratel_core::clock;
use ratel_core::hooks::{Hook, HookSet};
use ratel_core::options::{Values, keys};
use ratel_core::replay::{Extra, ServerReplay, Verdict};
use ratel_flow::record::Value;
use ratel_flow::{HttpFlow, Replay, Response, Side};

/// The metadata of a flow without a recording.
const MISS: &str = "ratel_replay_miss";

/// The field that says to a client why it got an error.
const WHY: &[u8] = b"Ratel-Replay-Miss";

/// The addon.
#[derive(Debug)]
pub struct PlayRecorded(ServerReplay);

impl PlayRecorded {
    /// Plays those recordings.
    #[must_use]
    pub fn new(recordings: ServerReplay) -> Self {
        Self(recordings)
    }
}

impl Addon for PlayRecorded {
    fn name(&self) -> &'static str {
        "server_replay"
    }

    fn hooks(&self) -> HookSet {
        match self.0.count() {
            0 => HookSet::NONE,
            _ => HookSet::NONE.with(Hook::Request),
        }
    }

    fn attached(&self, refresh: Refresh) {
        self.0.attached(refresh);
    }

    fn configure(&self, options: &Values, changed: &[&str]) -> Result<(), String> {
        if changed.contains(&keys::SERVER_REPLAY_KILL_EXTRA.name())
            && options.bool(keys::SERVER_REPLAY_KILL_EXTRA)
        {
            tracing::warn!(
                "option server_replay_kill_extra is deprecated; use server_replay_extra=kill"
            );
        }
        self.0.configure(options)
    }

    fn serves(&self, host: &str) -> bool {
        self.0.serves(host)
    }

    fn wants_bodies(&self) -> bool {
        self.0.count() > 0
    }

    fn body_need(&self, flow: &HttpFlow, _bodies: &Bodies, side: Side) -> BodyNeed {
        if side == Side::Client && self.0.wants_body(&flow.request) {
            BodyNeed::Whole
        } else {
            BodyNeed::Stream
        }
    }

    fn http<'a>(
        &'a self,
        _hook: Hook,
        flow: &'a mut HttpFlow,
        bodies: &'a mut Bodies,
    ) -> HookFuture<'a> {
        if flow.is_settled() {
            return done();
        }
        match self
            .0
            .judge(&flow.request, bodies.request.as_ref(), clock::now())
        {
            Verdict::Idle => {}
            Verdict::Play(played) => {
                let (response, playback) = *played;
                flow.response = Some(response);
                bodies.playback = Some(Box::new(playback));
                flow.annotations.is_replay = Some(Replay::Response);
            }
            Verdict::Missed { extra, why } => missed(flow, extra, &why),
        }
        done()
    }
}

fn missed(flow: &mut HttpFlow, extra: Extra, why: &str) {
    let url = flow.request.url();
    flow.annotations
        .set_metadata(MISS, Value::Str(why.to_owned().into()));
    match extra {
        Extra::Forward => {
            tracing::info!("server_playback: forwarded non-replay request {url}; {why}");
        }
        Extra::Kill => {
            tracing::warn!("server_playback: killed non-replay request {url}; {why}");
            flow.kill(clock::now());
        }
        Extra::Status(status) => {
            tracing::warn!("server_playback: returned {status} non-replay request {url}; {why}");
            let mut response = Response::new(status, clock::now());
            let safe: Vec<u8> = why
                .bytes()
                .map(|b| if b.is_ascii_graphic() { b } else { b' ' })
                .collect();
            response.headers.append(WHY, &safe);
            flow.response = Some(response);
            flow.annotations.is_replay = Some(Replay::Response);
        }
    }
}
