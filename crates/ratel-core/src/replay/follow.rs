//! The option `client_replay`: files that are sent when they are named.

use std::sync::{Arc, Mutex};

use super::ClientReplay;
use crate::files::Records;
use crate::options::{Options, Values, keys};
use crate::store::lock;

/// Files of the option, open.
type Opened = Vec<(String, Records)>;

struct State {
    /// The files that were sent.
    applied: Mutex<Vec<String>>,
    /// What a change asks for that not all have agreed to yet.
    asked: Mutex<Option<(Vec<String>, Opened)>>,
}

pub(super) fn follow(replay: &ClientReplay, options: &Options) -> Result<(), String> {
    let values = options.snapshot();
    queue(replay, open(replay, &values)?);
    let state = Arc::new(State {
        applied: Mutex::new(values.list(keys::CLIENT_REPLAY).to_vec()),
        asked: Mutex::default(),
    });
    let (asking, opener) = (state.clone(), replay.clone());
    options.subscribe(move |values: &Values, changed: &[&str]| {
        if !changed.contains(&keys::CLIENT_REPLAY.name()) {
            return Ok(());
        }
        let list = values.list(keys::CLIENT_REPLAY);
        // A change that somebody else has refused goes back to what was sent already.
        let undone = *lock(&asking.applied) == list;
        *lock(&asking.asked) = None;
        if !undone {
            let opened = open(&opener, values)?;
            *lock(&asking.asked) = Some((list.to_vec(), opened));
        }
        Ok(())
    });
    let replay = replay.clone();
    options.watch(move || {
        if let Some((list, opened)) = lock(&state.asked).take() {
            *lock(&state.applied) = list;
            queue(&replay, opened);
        }
        // More may be sent at once from here on.
        replay.wake();
    });
    Ok(())
}

fn open(replay: &ClientReplay, values: &Values) -> Result<Opened, String> {
    let open = |path: &String| {
        let records = replay.open(&values.expand(path));
        let records = records.map_err(|error| format!("option 'client_replay': {error}"))?;
        Ok((path.clone(), records))
    };
    values.list(keys::CLIENT_REPLAY).iter().map(open).collect()
}

fn queue(replay: &ClientReplay, opened: Opened) {
    for (path, records) in opened {
        if let Err(error) = replay.records(&path, records) {
            tracing::error!("[replay] {path} is not sent again: {error}");
        }
    }
}
