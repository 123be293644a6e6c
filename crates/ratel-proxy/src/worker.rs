//! Worker threads, one per core. Each runs its connections from beginning to end on a runtime of its own, so that the
//! two sides of an exchange never move between cores and no work is stolen while it is warm.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use ratel_core::clock;
use ratel_core::mode::ProxyMode;
use ratel_flow::{ClientConn, ConnId};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::conn::{self, ConnCtx, Shared};
use crate::modes::Destination;
use crate::recorder::AbortReason;
use crate::replay;

/// Clients that may wait for a worker to take them up.
const QUEUE: usize = 1024;
/// Threads for blocking work (name resolution, file access) per worker.
const BLOCKING: usize = 16;

/// A client that was just accepted.
pub(crate) struct Accepted {
    pub(crate) tcp: TcpStream,
    pub(crate) peername: SocketAddr,
    pub(crate) mode: Arc<ProxyMode>,
}

/// Hands clients to workers.
pub(crate) struct Pool {
    seats: Vec<Seat>,
    shared: Arc<Shared>,
    /// Fires when no new exchange is to begin.
    stop: CancellationToken,
    /// Fires when open exchanges are to be dropped.
    kill: CancellationToken,
    conns: TaskTracker,
}

struct Seat {
    work: mpsc::Sender<Work>,
    open: Arc<AtomicUsize>,
}

/// What a worker takes up.
enum Work {
    Client(std::net::TcpStream, SocketAddr, Arc<ProxyMode>),
    Replay(Box<replay::Job>),
}

/// The threads behind a [`Pool`].
pub(crate) struct Workers {
    pub(crate) pool: Arc<Pool>,
    threads: Vec<JoinHandle<()>>,
    /// Ends the threads.
    end: CancellationToken,
}

impl Workers {
    /// Starts `count` workers; `first` is run on the first one, which is where clients are accepted.
    pub(crate) fn start(
        count: usize,
        shared: Arc<Shared>,
        first: impl FnOnce(Arc<Pool>, CancellationToken) -> io::Result<()> + Send + 'static,
    ) -> io::Result<Self> {
        let (stop, kill, end) = (
            CancellationToken::new(),
            CancellationToken::new(),
            CancellationToken::new(),
        );
        let (mut seats, mut queues) = (Vec::new(), Vec::new());
        for _ in 0..count.max(1) {
            let (work, queue) = mpsc::channel(QUEUE);
            seats.push(Seat {
                work,
                open: Arc::default(),
            });
            queues.push(queue);
        }
        let pool = Arc::new(Pool {
            seats,
            shared,
            stop: stop.clone(),
            kill,
            conns: TaskTracker::new(),
        });
        let (started, result) = std::sync::mpsc::sync_channel(count.max(1));
        let mut first = Some(first);
        let mut threads = Vec::new();
        for (index, mut queue) in queues.into_iter().enumerate() {
            let (pool, end, stop, started) =
                (pool.clone(), end.clone(), stop.clone(), started.clone());
            let first = first.take();
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .max_blocking_threads(BLOCKING)
                .build()?;
            let body = move || {
                runtime.block_on(async move {
                    let begun = first.map_or(Ok(()), |first| first(pool.clone(), stop));
                    // The starter waits for exactly this message, so there is always room and a reader.
                    let _ = started.send(begun);
                    loop {
                        tokio::select! {
                            biased;
                            () = end.cancelled() => return,
                            next = queue.recv() => match next {
                                Some(Work::Client(tcp, peername, mode)) => match TcpStream::from_std(tcp) {
                                    Ok(tcp) => pool.spawn(index, Accepted { tcp, peername, mode }),
                                    Err(error) => pool.lost(index, &error),
                                },
                                Some(Work::Replay(job)) => pool.spawn_replay(index, *job),
                                None => return,
                            },
                        }
                    }
                });
            };
            threads.push(
                std::thread::Builder::new()
                    .name(format!("worker-{index}"))
                    .spawn(body)?,
            );
        }
        for _ in 0..threads.len() {
            result.recv().map_err(io::Error::other)??;
        }
        Ok(Self { pool, threads, end })
    }

    /// Lets open exchanges finish for up to `limit`, then drops them; says how many connections were dropped.
    pub(crate) fn shutdown(self, limit: Duration) -> usize {
        self.pool.stop.cancel();
        self.pool.conns.close();
        let conns = self.pool.conns.clone();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build();
        let wait = |limit| {
            let Ok(runtime) = &runtime else { return };
            // Running into the limit is what the count below tells.
            let _ = runtime.block_on(async { tokio::time::timeout(limit, conns.wait()).await });
        };
        wait(limit);
        let dropped = self.pool.conns.len();
        self.pool.kill.cancel();
        wait(DROP_TIME);
        self.end.cancel();
        for thread in self.threads {
            // A worker that panicked has already said so; the others are still waited for.
            let _ = thread.join();
        }
        dropped
    }
}

/// How long dropped connections have to write the end of their record.
const DROP_TIME: Duration = Duration::from_secs(1);

impl Pool {
    /// Connections that are open.
    pub(crate) fn open(&self) -> usize {
        let open = self
            .seats
            .iter()
            .map(|seat| seat.open.load(Ordering::Relaxed));
        open.sum()
    }

    /// Fires when no new exchange is to begin.
    pub(crate) fn stop_token(&self) -> &CancellationToken {
        &self.stop
    }

    fn least_busy(&self) -> Option<(usize, &Seat)> {
        self.seats
            .iter()
            .enumerate()
            .min_by_key(|(_, seat)| seat.open.load(Ordering::Relaxed))
    }

    /// Has a request sent again by the least busy worker.
    pub(crate) async fn replay(&self, job: replay::Job) {
        if let Some((_, seat)) = self.least_busy() {
            seat.open.fetch_add(1, Ordering::Relaxed);
            if seat.work.send(Work::Replay(Box::new(job))).await.is_err() {
                seat.open.fetch_sub(1, Ordering::Relaxed);
            }
        }
    }

    /// Sends a request again on the worker that calls this.
    fn spawn_replay(&self, index: usize, job: replay::Job) {
        let open = Open(self.seats[index].open.clone());
        let ctx = ConnCtx {
            shared: self.shared.clone(),
            config: self.shared.config.load_full(),
            client: Arc::new(job.client()),
            activity: Arc::default(),
            stop: self.stop.clone(),
            abort: AbortReason::default(),
            depth: 0,
            runtime: None,
        };
        let kill = self.kill.clone();
        self.conns.spawn(async move {
            replay::run(ctx, job, kill).await;
            drop(open);
        });
    }

    /// Gives a client to the least busy worker, preferring the one that accepted it (the first).
    pub(crate) async fn give(&self, accepted: Accepted) {
        let Some((index, seat)) = self.least_busy() else {
            return;
        };
        seat.open.fetch_add(1, Ordering::Relaxed);
        if index == 0 {
            return self.spawn(0, accepted);
        }
        match accepted.tcp.into_std() {
            Ok(tcp) => {
                let client = Work::Client(tcp, accepted.peername, accepted.mode);
                if seat.work.send(client).await.is_err() {
                    seat.open.fetch_sub(1, Ordering::Relaxed);
                }
            }
            Err(error) => self.lost(index, &error),
        }
    }

    fn lost(&self, index: usize, error: &io::Error) {
        self.seats[index].open.fetch_sub(1, Ordering::Relaxed);
        tracing::warn!("a client was lost before it was served: {error}");
    }

    /// Starts a client's task on the worker that calls this.
    fn spawn(
        &self,
        index: usize,
        Accepted {
            tcp,
            peername,
            mode,
        }: Accepted,
    ) {
        let open = Open(self.seats[index].open.clone());
        // Small messages must not wait for acknowledgements; refusal here only costs latency.
        let _ = tcp.set_nodelay(true);
        let Ok(sockname) = tcp.local_addr() else {
            return;
        };
        let config = self.shared.config.load_full();
        let destination = Destination::of(&mode, config.keep_host_header);
        let client = ClientConn {
            id: ConnId::next(),
            peername: unmapped(peername),
            sockname: unmapped(sockname),
            proxy_mode: mode.spec.as_str().into(),
            timestamp_start: clock::now(),
            timestamp_end: None,
            tls: None,
            passthrough: None,
            extra: None,
            error: None,
        };
        let ctx = ConnCtx {
            shared: self.shared.clone(),
            config,
            client: Arc::new(client),
            activity: Arc::default(),
            stop: self.stop.clone(),
            abort: AbortReason::default(),
            depth: 0,
            runtime: None,
        };
        let kill = self.kill.clone();
        self.conns.spawn(async move {
            conn::run(ctx, destination, Box::new(tcp), kill).await;
            drop(open);
        });
    }
}

/// Counts a connection as open for as long as it lives.
struct Open(Arc<AtomicUsize>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// An IPv4 address that came in over an IPv6 socket, as IPv4.
fn unmapped(addr: SocketAddr) -> SocketAddr {
    SocketAddr::new(addr.ip().to_canonical(), addr.port())
}
