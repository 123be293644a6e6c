//! An origin that does what a script says and remembers every byte it was sent.

use std::io;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use openssl::ssl::SslAcceptor;

use crate::pki::Identity;
use crate::wait;
use crate::wire::{Log, Wire};

/// One step of a scripted end of a connection; the same for origins and for clients.
#[derive(Clone, Debug)]
pub enum Step {
    /// Write these bytes.
    Send(Vec<u8>),
    /// Read until these bytes have come.
    Until(Vec<u8>),
    /// Read so many bytes.
    Exactly(usize),
    /// End the sending direction.
    Shut,
    /// Read to the end of the stream.
    End,
}

/// Plays a script on one end of a connection.
///
/// # Errors
/// With the number of the step that failed.
pub fn play(wire: &mut Wire, script: &[Step]) -> io::Result<()> {
    for (number, step) in script.iter().enumerate() {
        let done = match step {
            Step::Send(bytes) => wire.send(bytes),
            Step::Until(pattern) => wire.until(pattern).map(drop),
            Step::Exactly(count) => wire.exactly(*count).map(drop),
            Step::End => wire.rest().map(drop),
            Step::Shut => {
                wire.shut();
                Ok(())
            }
        };
        done.map_err(|error| {
            io::Error::new(error.kind(), format!("step {number} ({step:?}): {error}"))
        })?;
    }
    Ok(())
}

/// A listener on a port of its own that gives every connection to a handler, each on its own thread.
/// Dropping it ends the listener; connections end when their handlers do.
pub struct Origin {
    port: u16,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    logs: Mutex<Vec<Log>>,
    stop: AtomicBool,
}

impl Origin {
    /// A plain origin.
    pub fn plain(handler: impl Fn(Wire) + Send + Sync + 'static) -> Self {
        Self::start(None, handler)
    }

    /// A TLS origin; a connection whose handshake fails is dropped, and counted all the same.
    pub fn tls(identity: &Identity, handler: impl Fn(Wire) + Send + Sync + 'static) -> Self {
        Self::start(Some(identity.acceptor()), handler)
    }

    /// As [`Origin::tls`], with a server side of TLS that was set up by hand.
    pub fn tls_by(acceptor: SslAcceptor, handler: impl Fn(Wire) + Send + Sync + 'static) -> Self {
        Self::start(Some(acceptor), handler)
    }

    /// Plays the same script on every connection.
    pub fn scripted(script: Vec<Step>) -> Self {
        Self::plain(move |mut wire| {
            // What goes wrong here shows in what the test receives.
            let _ = play(&mut wire, &script);
        })
    }

    /// Answers every request on every connection with these bytes, after having read its body by `Content-Length`.
    pub fn answering(response: impl Into<Vec<u8>>) -> Self {
        let response = response.into();
        Self::plain(move |wire| serve(wire, |_, _| response.clone()))
    }

    fn start(tls: Option<SslAcceptor>, handler: impl Fn(Wire) + Send + Sync + 'static) -> Self {
        let listener =
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port of this machine is free");
        let port = listener
            .local_addr()
            .expect("a listener has an address")
            .port();
        let shared = Arc::new(Shared::default());
        let handler = Arc::new(handler);
        thread::spawn({
            let shared = Arc::clone(&shared);
            move || accept(&listener, tls.as_ref(), &shared, &handler)
        });
        Self { port, shared }
    }

    /// The port it listens on.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// How many connections have come so far.
    pub fn connections(&self) -> usize {
        self.shared
            .logs
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .len()
    }

    /// What connection number `index` (from 0) has received so far; waits for that connection to come.
    pub fn received(&self, index: usize) -> Vec<u8> {
        wait::until("a connection to the origin", || {
            self.shared
                .logs
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .get(index)
                .map(Log::bytes)
        })
    }
}

impl Drop for Origin {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        // Wakes the accept loop, so that it sees the flag.
        let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
    }
}

fn accept<H: Fn(Wire) + Send + Sync + 'static>(
    listener: &TcpListener,
    tls: Option<&SslAcceptor>,
    shared: &Arc<Shared>,
    handler: &Arc<H>,
) {
    for tcp in listener.incoming() {
        if shared.stop.load(Ordering::Relaxed) {
            return;
        }
        let Ok(tcp) = tcp else { continue };
        let (handler, shared, tls) = (Arc::clone(handler), Arc::clone(shared), tls.cloned());
        thread::spawn(move || {
            let plain = Wire::new(tcp);
            let (wire, log) = match tls {
                None => {
                    let log = plain.log();
                    (Some(plain), log)
                }
                Some(acceptor) => match accept_tls(&plain, &acceptor) {
                    Some(wire) => {
                        let log = wire.log();
                        (Some(wire), log)
                    }
                    None => (None, plain.log()),
                },
            };
            shared
                .logs
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(log);
            if let Some(wire) = wire {
                handler(wire);
            }
        });
    }
}

fn accept_tls(plain: &Wire, acceptor: &SslAcceptor) -> Option<Wire> {
    let tcp = plain.tcp().try_clone().ok()?;
    acceptor.accept(tcp).ok().map(Wire::over_tls)
}

/// Answers requests until the peer goes: reads a head, the body that its `Content-Length` announces, and writes what
/// `answer` makes of the two.
pub fn serve(mut wire: Wire, answer: impl Fn(&str, &[u8]) -> Vec<u8>) {
    while let Ok(head) = wire.until(b"\r\n\r\n") {
        let head = String::from_utf8_lossy(&head).into_owned();
        let length = head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("content-length")
                .then(|| value.trim().parse::<usize>().ok())?
        });
        let Ok(body) = wire.exactly(length.unwrap_or(0)) else {
            return;
        };
        if wire.send(answer(&head, &body)).is_err() {
            return;
        }
    }
}

/// A complete `200 OK` with this body.
pub fn ok(body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let mut bytes = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n\r\n",
        body.len()
    )
    .into_bytes();
    bytes.extend_from_slice(body);
    bytes
}
