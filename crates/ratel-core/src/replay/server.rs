//! Recorded responses that requests are answered with.
//!
//! Each recording is found by a fingerprint of its request. Of each the heads are in memory; bodies stay in the file they
//! came from, or lie in one without a name.

mod matching;
mod miss;

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet, VecDeque};
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};

use arc_swap::ArcSwap;
use bytes::Bytes;
use ratel_flow::record::{Body, Detail, WebSocketRecord};
use ratel_flow::{FlowId, Headers, HttpRecord, MessageHead, Record, Request, Response, Timestamp};

use self::matching::{Fingerprints, Key, Matching, Part};
use super::playback::{Pace, Playback, is_early};
use super::spool::Spool;
use crate::addon::Refresh;
use crate::files::FlowFiles;
use crate::options::{Values, keys};
use crate::store::{FlowStore, lock};

/// Recordings there may be at once.
pub const RECORDINGS_MAX: usize = 1_000_000;

/// So many recordings are held against a request that has none.
const COMPARED: usize = 4096;

/// And so many of those that were played.
const PLAYED_KEPT: usize = 256;

/// So many messages of a stream have their times kept.
const TIMED: u64 = 100_000;

/// So many troubles with a file are said one by one.
const TROUBLES_SAID: usize = 10;

/// The recordings. Cheap to clone.
#[derive(Clone)]
pub struct ServerReplay(Arc<Inner>);

impl std::fmt::Debug for ServerReplay {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("ServerReplay").field(&self.count()).finish()
    }
}

struct Inner {
    store: FlowStore,
    files: FlowFiles,
    prints: Fingerprints,
    settings: ArcSwap<Settings>,
    state: Mutex<State>,
    /// Whom it matters to whether there are recordings.
    refresh: Mutex<Refresh>,
}

/// What the options say.
#[derive(Clone, Debug, Default)]
struct Settings {
    matching: Matching,
    extra: Extra,
    reuse: bool,
    refresh: bool,
    timing: bool,
}

/// What becomes of a request without a recording.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Extra {
    /// It goes to the server.
    #[default]
    Forward,
    /// Its connection is closed.
    Kill,
    /// It is answered with that status.
    Status(u16),
}

#[derive(Default)]
struct State {
    /// In the order they were added; none for what was used.
    all: Vec<Option<Arc<Recording>>>,
    /// Which of them a request finds, one after the other.
    found: HashMap<Key, VecDeque<usize>>,
    /// Which have that path.
    paths: HashMap<u128, Vec<usize>>,
    /// Paths at which servers answer before they have the whole request, so that bodies do not count.
    early: HashSet<u128>,
    hosts: HashMap<Box<str>, usize>,
    /// Requests whose recordings were all used.
    used: HashSet<Key>,
    /// What was played last, to be named where nothing else comes close.
    played: VecDeque<Arc<Recording>>,
    left: usize,
    spool: Spool,
    /// The files of the option `server_replay`.
    applied: Vec<String>,
}

#[derive(Debug)]
struct Recording {
    request: Request,
    request_body: Body,
    early: bool,
    key: Key,
    answer: Option<Answer>,
}

#[derive(Debug)]
struct Answer {
    response: Response,
    body: Body,
    trailers: Option<Headers>,
    websocket: Option<WebSocketRecord>,
    pace: Pace,
}

/// What is done with a request.
#[derive(Debug)]
pub enum Verdict {
    /// There are no recordings: nothing.
    Idle,
    /// It is answered with this.
    Play(Box<(Response, Playback)>),
    /// It has no recording.
    Missed {
        /// What is done instead.
        extra: Extra,
        /// Which recording comes closest, and what is different.
        why: String,
    },
}

impl ServerReplay {
    /// What plays flows of that store, and of files.
    #[must_use]
    pub fn new(store: FlowStore, files: FlowFiles) -> Self {
        Self(Arc::new(Inner {
            store,
            files,
            prints: Fingerprints::default(),
            settings: ArcSwap::default(),
            state: Mutex::default(),
            refresh: Mutex::default(),
        }))
    }

    /// Plays these flows, and no longer those before. Says how many there are to be played. Blocks.
    pub fn flows(&self, ids: &[FlowId]) -> usize {
        self.clear();
        self.add(ids)
    }

    /// Plays these flows, too. Says how many of them there are to be played: those of HTTP. Blocks.
    pub fn add(&self, ids: &[FlowId]) -> usize {
        let mut added = 0;
        for id in ids {
            let Some(record) = self.0.store.record(*id) else {
                continue;
            };
            let messages = self.messages(*id, &record);
            match self.take(record, &messages) {
                Ok(taken) => added += usize::from(taken),
                Err(error) => tracing::warn!("[replay] flow {id} cannot be played: {error}"),
            }
        }
        self.rebuild();
        added
    }

    /// Plays the flows of a file, and no longer those before. Says how many there are. Blocks.
    ///
    /// # Errors
    /// When the file cannot be opened, or there is nothing in it that can be read: a sentence. Everything stays then.
    pub fn file(&self, path: &Path) -> Result<usize, String> {
        let records = self.read(path)?;
        self.clear();
        self.take_all(&path.display().to_string(), records);
        self.rebuild();
        Ok(self.count())
    }

    /// Plays nothing any more.
    pub fn stop(&self) {
        self.clear();
        self.rebuild();
    }

    /// Recordings that are yet to be played.
    #[must_use]
    pub fn count(&self) -> usize {
        self.state().left
    }

    /// Takes what has its hooks asked for again when there are recordings or are none any more.
    pub fn attached(&self, refresh: Refresh) {
        *lock(&self.0.refresh) = refresh;
    }

    /// Takes up the options. Blocks while files are read.
    ///
    /// # Errors
    /// When a file of `server_replay` cannot be opened or has nothing that can be read: a sentence. Everything stays then.
    pub fn configure(&self, values: &Values) -> Result<(), String> {
        let list = values.list(keys::SERVER_REPLAY);
        let changed = self.state().applied != list;
        let files = list.iter().filter(|_| changed).map(|path| {
            let records = self.read(&values.expand(path));
            records
                .map(|records| (path.clone(), records))
                .map_err(|error| format!("option 'server_replay': {error}"))
        });
        let files: Vec<_> = files.collect::<Result<_, String>>()?;
        let settings = Settings::of(values);
        let before = self.0.settings.swap(Arc::new(settings.clone()));
        if changed {
            self.clear();
            self.state().applied = list.to_vec();
            for (path, records) in files {
                self.take_all(&path, records);
            }
        }
        if changed || before.matching != settings.matching {
            self.rebuild();
        }
        Ok(())
    }

    /// Whether the bodies of this request must be seen whole to find its recording.
    #[must_use]
    pub fn wants_body(&self, request: &Request) -> bool {
        let settings = self.0.settings.load();
        if !settings.matching.wants_content() {
            return false;
        }
        let key = settings
            .matching
            .key(&self.0.prints, request, &Body::Missing);
        let state = self.state();
        // A request to a host of which nothing is on record has no recording, whatever its body.
        let is_known =
            settings.matching.ignores_host() || state.hosts.contains_key(&*request.pretty_host());
        state.left > 0 && is_known && key.is_ok_and(|key| !state.early.contains(&key.path()))
    }

    /// Whether requests to `host` are answered here, as far as can be told without the requests.
    #[must_use]
    pub fn serves(&self, host: &str) -> bool {
        let settings = self.0.settings.load();
        let state = self.state();
        state.left > 0
            && (settings.extra != Extra::Forward
                || settings.matching.ignores_host()
                || state.hosts.contains_key(host))
    }

    /// What becomes of a request, of which `body` is the body if it was asked for. A recording that is played is used up,
    /// unless the options say otherwise.
    #[must_use]
    pub fn judge(&self, request: &Request, body: Option<&Bytes>, now: Timestamp) -> Verdict {
        let settings = self.0.settings.load();
        if self.state().left == 0 {
            return Verdict::Idle;
        }
        let body = body.map_or(Body::Missing, |body| Body::Bytes(body.clone()));
        // Bytes in memory can always be read.
        let Ok(mut key) = settings.matching.key(&self.0.prints, request, &body) else {
            return Verdict::Idle;
        };
        let mut state = self.state();
        if state.early.contains(&key.path()) {
            key = key.without_content();
        }
        let found = state.next(&key, settings.reuse);
        let gone = state.left == 0;
        let missed = found.is_none().then(|| state.closest(&key, request));
        let was_used = state.used.contains(&key);
        drop(state);
        if gone {
            lock(&self.0.refresh).refresh();
        }
        if let Some(recording) = found
            && let Some(answer) = &recording.answer
        {
            return Verdict::Play(Box::new(answer.play(&settings, now)));
        }
        let why = match missed.flatten() {
            _ if was_used => "all its recordings have been played; `server_replay_reuse` plays \
                them again"
                .to_owned(),
            Some((closest, was_played)) => {
                let differs = key.differs(&closest.key);
                let (one, other) = ((request, &body), (&closest.request, &closest.request_body));
                miss::describe(&settings.matching, one, other, was_played, differs)
            }
            None => "there is no other recording".to_owned(),
        };
        Verdict::Missed {
            extra: settings.extra,
            why,
        }
    }

    fn read(&self, path: &Path) -> Result<Vec<Result<Record, String>>, String> {
        // Of large bodies there are only places in here.
        let mut records: Vec<_> = Vec::new();
        for record in self.0.files.open(path)?.take(RECORDINGS_MAX) {
            records.push(record.map(detached));
        }
        if let [Err(trouble), rest @ ..] = &records[..]
            && rest.iter().all(Result::is_err)
        {
            return Err(trouble.clone());
        }
        Ok(records)
    }

    fn take_all(&self, path: &str, records: Vec<Result<Record, String>>) {
        let (mut troubles, mut full) = (0, 0);
        for record in records {
            match record {
                Ok(_) if self.state().all.len() >= RECORDINGS_MAX => full += 1,
                Ok(record) => {
                    let id = record.id.clone();
                    if let Err(error) = self.take(record, &[]) {
                        tracing::warn!("[replay] flow {id} of {path} cannot be played: {error}");
                    }
                }
                Err(trouble) => {
                    troubles += 1;
                    if troubles <= TROUBLES_SAID {
                        tracing::error!("[replay] {trouble}");
                    }
                }
            }
        }
        if full > 0 {
            tracing::warn!(
                "[replay] {path}: {full} flows are left out; {RECORDINGS_MAX} is the most"
            );
        }
    }

    /// Keeps a flow, if it is one of HTTP; it is found once the index was made again.
    fn take(&self, record: Record, messages: &[MessageHead]) -> io::Result<bool> {
        let Detail::Http(http) = record.detail else {
            return Ok(false);
        };
        let mut state = self.state();
        let pace = Pace::of(&http, messages);
        let early = is_early(&http);
        let HttpRecord {
            request,
            request_body,
            response,
            response_body,
            response_trailers,
            websocket,
            ..
        } = *http;
        // What became a WebSocket but has no messages, or another protocol, has nothing to be played.
        let response = response.filter(|head| head.status != 101 || websocket.is_some());
        let request_body = state.spool.keep(&request_body)?;
        let answer = match response {
            Some(response) => Some(Answer {
                response: response.detached(),
                body: state.spool.keep(&response_body)?,
                trailers: response_trailers.map(|fields| fields.detached()),
                websocket,
                pace,
            }),
            None => None,
        };
        let key = self.key(&request, &request_body)?;
        state.all.push(Some(Arc::new(Recording {
            request: request.detached(),
            request_body,
            early,
            key,
            answer,
        })));
        Ok(true)
    }

    fn key(&self, request: &Request, body: &Body) -> io::Result<Key> {
        let settings = self.0.settings.load();
        settings.matching.key(&self.0.prints, request, body)
    }

    /// The times of the messages in the response of a flow.
    fn messages(&self, id: FlowId, record: &Record) -> Vec<MessageHead> {
        let is_stream = record.http().is_some_and(|http| http.stream.is_some());
        let window = is_stream.then(|| self.0.store.messages(id, 0..TIMED));
        let items = window.flatten().map(|window| window.items);
        let mut items = items.unwrap_or_default();
        items.retain(|head| head.side == ratel_flow::Side::Server);
        items
    }

    fn clear(&self) {
        let mut state = self.state();
        let applied = std::mem::take(&mut state.applied);
        *state = State {
            applied,
            ..State::default()
        };
    }

    /// Makes the index again: the fingerprints may be others.
    fn rebuild(&self) {
        {
            let mut state = self.state();
            let all = std::mem::take(&mut state.all);
            let mut kept = Vec::with_capacity(all.len());
            for recording in all.into_iter().flatten() {
                let key = match self.key(&recording.request, &recording.request_body) {
                    Ok(key) => key,
                    Err(error) => {
                        tracing::warn!("[replay] a recording is lost: {error}");
                        continue;
                    }
                };
                kept.push(match key == recording.key {
                    true => recording,
                    false => Arc::new(recording.with(key)),
                });
            }
            state.index(kept);
        }
        lock(&self.0.refresh).refresh();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.0.state)
    }
}

/// Over bytes of its own, so that a piece of a file in memory is not kept whole.
fn detached(mut record: Record) -> Record {
    if let Detail::Http(http) = &mut record.detail {
        http.request = http.request.detached();
        http.response = http.response.as_ref().map(Response::detached);
    }
    record
}

impl Settings {
    fn of(values: &Values) -> Self {
        let extra = match values.str(keys::SERVER_REPLAY_EXTRA) {
            _ if values.bool(keys::SERVER_REPLAY_KILL_EXTRA) => Extra::Kill,
            "kill" => Extra::Kill,
            other => other.parse().map_or(Extra::Forward, Extra::Status),
        };
        Self {
            matching: Matching::of(values),
            extra,
            reuse: values.bool(keys::SERVER_REPLAY_REUSE),
            refresh: values.bool(keys::SERVER_REPLAY_REFRESH),
            timing: values.bool(keys::SERVER_REPLAY_TIMING),
        }
    }
}

impl Recording {
    fn with(&self, key: Key) -> Self {
        let answer = self.answer.as_ref();
        Self {
            request: self.request.clone(),
            request_body: self.request_body.clone(),
            early: self.early,
            key,
            answer: answer.map(|answer| Answer {
                response: answer.response.clone(),
                body: answer.body.clone(),
                trailers: answer.trailers.clone(),
                websocket: answer.websocket.clone(),
                pace: answer.pace.clone(),
            }),
        }
    }
}

impl Answer {
    fn play(&self, settings: &Settings, now: Timestamp) -> (Response, Playback) {
        let mut response = self.response.clone();
        if settings.refresh {
            response.refresh(now);
        }
        response.timestamp_start = now;
        let playback = Playback {
            body: self.body.clone(),
            trailers: self.trailers.clone(),
            websocket: self.websocket.clone(),
            pace: settings.timing.then(|| self.pace.clone()),
        };
        (response, playback)
    }
}

impl State {
    fn index(&mut self, recordings: Vec<Arc<Recording>>) {
        let early = recordings.iter().filter(|recording| recording.early);
        self.early = early.map(|recording| recording.key.path()).collect();
        self.found.clear();
        self.paths.clear();
        self.hosts.clear();
        self.used.clear();
        self.played.clear();
        self.left = recordings.len();
        for (at, recording) in recordings.iter().enumerate() {
            let key = self.found_by(&recording.key);
            self.found.entry(key).or_default().push_back(at);
            self.paths.entry(key.path()).or_default().push(at);
            let request = &recording.request;
            for host in [&*request.host, &request.pretty_host()] {
                *self.hosts.entry(host.into()).or_default() += 1;
            }
        }
        self.all = recordings.into_iter().map(Some).collect();
    }

    fn found_by(&self, key: &Key) -> Key {
        match self.early.contains(&key.path()) {
            true => key.without_content(),
            false => *key,
        }
    }

    /// The next recording for a request; those before it that have no response are passed over.
    fn next(&mut self, key: &Key, reuse: bool) -> Option<Arc<Recording>> {
        let places = self.found.get_mut(key)?;
        if reuse {
            let all = &self.all;
            let mut recordings = places.iter().filter_map(|at| all.get(*at)?.as_ref());
            return recordings.find(|found| found.answer.is_some()).cloned();
        }
        let mut next = None;
        let mut gone = Vec::new();
        while let Some(at) = places.pop_front() {
            let Some(recording) = self.all.get_mut(at).and_then(Option::take) else {
                continue;
            };
            self.left -= 1;
            gone.push(recording.clone());
            if recording.answer.is_some() {
                next = Some(recording);
                break;
            }
        }
        if places.is_empty() {
            self.found.remove(key);
            self.used.insert(*key);
        }
        for recording in gone {
            self.forget_host(&recording.request);
            if self.played.len() >= PLAYED_KEPT {
                self.played.pop_front();
            }
            self.played.push_back(recording);
        }
        next
    }

    fn forget_host(&mut self, request: &Request) {
        for host in [&*request.host, &request.pretty_host()] {
            if let Some(count) = self.hosts.get_mut(host) {
                *count -= 1;
                if *count == 0 {
                    self.hosts.remove(host);
                }
            }
        }
    }

    /// The recording that differs the least, and whether it was played: of those with the same path, or else of the first
    /// ones and of those played last.
    fn closest(&self, key: &Key, request: &Request) -> Option<(Arc<Recording>, bool)> {
        let there = |at: &usize| self.all.get(*at)?.as_ref();
        let nearest = |(other, was_played): &(&Arc<Recording>, bool)| {
            let alike = common(&request.path, &other.request.path);
            let (place, rest) = distance(key, &other.key);
            (place, Reverse(alike), rest, *was_played)
        };
        let same_path = self.paths.get(&key.path()).into_iter().flatten();
        let same_path = same_path
            .filter_map(there)
            .take(COMPARED)
            .map(|one| (one, false))
            .min_by_key(|one| distance(key, &one.0.key));
        let others = || {
            let all = self.all.iter().flatten().take(COMPARED);
            let played = self.played.iter().map(|one| (one, true));
            all.map(|one| (one, false))
                .chain(played)
                .min_by_key(nearest)
        };
        let found = same_path.or_else(others);
        found.map(|(recording, was_played)| (recording.clone(), was_played))
    }
}

/// How different two requests are: in what comes up to the path, and in the rest. A part that comes first in [`Part::ALL`]
/// counts as much as all behind it.
fn distance(one: &Key, other: &Key) -> (u32, u32) {
    let at = |part: Part| Part::ALL.iter().position(|other| *other == part);
    let weight = |part: Part| 1 << (Part::ALL.len() - at(part).unwrap_or_default());
    one.differs(other).fold((0, 0), |(place, rest), part| {
        match at(part) <= at(Part::Path) {
            true => (place + weight(part), rest),
            false => (place, rest + weight(part)),
        }
    })
}

/// How many bytes both begin with.
fn common(one: &[u8], other: &[u8]) -> usize {
    one.iter().zip(other).take_while(|(a, b)| a == b).count()
}

#[cfg(test)]
mod tests;
