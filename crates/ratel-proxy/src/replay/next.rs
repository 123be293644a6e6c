//! Whose turn it is: how many at once, and when.

use std::sync::Arc;

use ratel_core::clock;
use ratel_core::replay::{ClientReplay, Item, Queued, ReplayError, Turn};
use ratel_core::store::Reopened;
use ratel_flow::{Detail, FlowId, FlowKind, Record, Timestamp};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::Job;
use crate::conn::Shared;

/// Requests on their way at once where any number may be: the system has only so many sockets.
const AT_ONCE_MAX: usize = 512;

/// Gives everything that is to be sent its turn, until `stop` fires. `send` has a job done somewhere.
pub(crate) async fn dispatch(
    replay: ClientReplay,
    shared: Arc<Shared>,
    stop: CancellationToken,
    send: impl AsyncFn(Job),
) {
    let at_once = || match shared.config.load().replay_at_once {
        true => AT_ONCE_MAX,
        false => 1,
    };
    let mut epoch = None;
    loop {
        let (turn, queued) = tokio::select! {
            biased;
            () = stop.cancelled() => return,
            next = replay.next(at_once) => next,
        };
        let due = shared.config.load().replay_timing;
        let due = due.then(|| due_at(&mut epoch, &replay, &queued)).flatten();
        if let Some(due) = due {
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                () = not_wanted(&replay, &turn) => continue,
                () = tokio::time::sleep_until(due) => {}
            }
        }
        let Queued { batch, item } = queued;
        match item {
            Item::File(path, records) => {
                let replay = replay.clone();
                let read = move || replay.read(turn, batch, path, records);
                // A file that makes its reader panic is read no further.
                let _ = tokio::task::spawn_blocking(read).await;
            }
            Item::Stored(id) => match reopen(&replay, id, turn).await {
                Ok(job) => send(job).await,
                Err(error) => tracing::warn!("[replay] flow {id} is not sent again: {error}"),
            },
            Item::Filed(record) => {
                if let Some(job) = open(&replay, *record, turn) {
                    send(job).await;
                }
            }
        }
    }
}

/// Returns once the one whose turn it is has been forgotten.
async fn not_wanted(replay: &ClientReplay, turn: &Turn) {
    while !turn.is_stopped() {
        replay.stopped().await;
    }
}

/// When the first request of a batch was sent, and when it was sent before.
type Epoch = (u64, Instant, Timestamp);

/// When a request is to be sent so that it keeps its distance to the first one of its batch.
fn due_at(epoch: &mut Option<Epoch>, replay: &ClientReplay, queued: &Queued) -> Option<Instant> {
    let sent = match &queued.item {
        Item::Stored(id) => replay.store().snapshot(*id)?.request?.timestamp_start,
        Item::Filed(record) => record.http()?.request.timestamp_start,
        Item::File(..) => return None,
    };
    if epoch.is_none_or(|(batch, ..)| batch != queued.batch) {
        *epoch = Some((queued.batch, Instant::now(), sent));
    }
    let (_, begun, first) = (*epoch)?;
    Some(begun + sent.since(first))
}

/// Makes a flow of the store live again.
async fn reopen(replay: &ClientReplay, id: FlowId, turn: Turn) -> Result<Job, ReplayError> {
    let replay = replay.clone();
    let reopen = move || {
        let reopened = replay.reopen(&turn, id);
        reopened.map(|reopened| (reopened, turn))
    };
    let reopened = tokio::task::spawn_blocking(reopen).await;
    let (Reopened { writer, record }, turn) = reopened.map_err(|_| ReplayError::Gone)??;
    let Record {
        client_conn,
        annotations,
        detail: Detail::Http(http),
        ..
    } = record
    else {
        return Err(ReplayError::NotHttp);
    };
    Ok(Job {
        writer,
        client: client_conn,
        annotations,
        http,
        turn,
    })
}

/// Makes a row for a flow of a file.
fn open(replay: &ClientReplay, record: Record, turn: Turn) -> Option<Job> {
    let Record {
        client_conn,
        annotations,
        detail: Detail::Http(http),
        ..
    } = record
    else {
        return None;
    };
    let now: Timestamp = clock::now();
    let writer = replay.store().open(FlowKind::Http, &client_conn, now);
    writer.annotations(Arc::new(annotations.clone()));
    Some(Job {
        writer,
        client: client_conn,
        annotations,
        http,
        turn,
    })
}
