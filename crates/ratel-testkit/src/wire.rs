//! One end of a connection, plain or TLS, on which a test writes and reads exact bytes.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use openssl::ssl::{
    ShutdownState, SslConnector, SslConnectorBuilder, SslMethod, SslStream, SslVerifyMode,
};

use crate::wait;

/// All bytes that one end of a connection has received; shared, so that a test can look while the connection lives.
#[derive(Clone, Default, Debug)]
pub struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    /// What has been received up to this moment.
    pub fn bytes(&self) -> Vec<u8> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn push(&self, bytes: &[u8]) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend_from_slice(bytes);
    }
}

enum Io {
    Plain(TcpStream),
    Tls(Box<SslStream<TcpStream>>),
}

/// One end of a connection. Each read waits [`wait::LIMIT`] at most.
pub struct Wire {
    io: Io,
    unread: Vec<u8>,
    log: Log,
}

/// A response, read from a [`Wire`].
#[derive(Debug)]
pub struct Reply {
    /// The status code of the status line.
    pub status: u16,
    /// The head with the empty line that ends it.
    pub head: String,
    /// The body, without chunk lines.
    pub body: Vec<u8>,
}

impl Reply {
    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The value of the first header of that name, in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        header(&self.head, name)
    }
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().skip(1).find_map(|line| {
        let (key, value) = line.split_once(':')?;
        key.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

impl Wire {
    /// Wraps an accepted or connected socket.
    pub fn new(tcp: TcpStream) -> Self {
        tcp.set_read_timeout(Some(wait::LIMIT))
            .expect("a read time-out can be set");
        tcp.set_write_timeout(Some(wait::LIMIT))
            .expect("a write time-out can be set");
        tcp.set_nodelay(true)
            .expect("Nagle's algorithm can be switched off");
        Self {
            io: Io::Plain(tcp),
            unread: Vec::new(),
            log: Log::default(),
        }
    }

    /// Wraps a finished TLS handshake.
    pub fn over_tls(tls: SslStream<TcpStream>) -> Self {
        Self {
            io: Io::Tls(Box::new(tls)),
            unread: Vec::new(),
            log: Log::default(),
        }
    }

    /// Connects to a port of this machine.
    pub fn connect(port: u16) -> Self {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let tcp = TcpStream::connect_timeout(&address, wait::LIMIT)
            .unwrap_or_else(|error| panic!("cannot connect to port {port}: {error}"));
        Self::new(tcp)
    }

    /// Connects to a port of this machine and shakes hands; see [`Wire::start_tls`].
    pub fn connect_tls(port: u16, name: &str, ca: Option<&Path>) -> Self {
        Self::connect(port).start_tls(name, ca)
    }

    /// Turns a plain connection into a TLS one as its client.
    ///
    /// With `ca` (a PEM file) the chain and the name are verified; without, any certificate will do.
    ///
    /// # Panics
    /// When the handshake fails.
    #[must_use]
    pub fn start_tls(self, name: &str, ca: Option<&Path>) -> Self {
        self.try_tls(name, ca)
            .unwrap_or_else(|error| panic!("TLS handshake as a client for {name}: {error}"))
    }

    /// As [`Wire::start_tls`], for handshakes that a test expects to fail.
    ///
    /// # Errors
    /// The handshake's error as text.
    pub fn try_tls(self, name: &str, ca: Option<&Path>) -> Result<Self, String> {
        self.try_tls_by(name, ca, |_| ())
    }

    /// As [`Wire::try_tls`], set up by hand.
    ///
    /// # Errors
    /// The handshake's error as text.
    pub fn try_tls_by(
        self,
        name: &str,
        ca: Option<&Path>,
        tune: impl FnOnce(&mut SslConnectorBuilder),
    ) -> Result<Self, String> {
        let Io::Plain(tcp) = self.io else {
            panic!("the connection is a TLS one already")
        };
        let mut connector =
            SslConnector::builder(SslMethod::tls_client()).expect("OpenSSL makes a client");
        match ca {
            Some(file) => connector
                .set_ca_file(file)
                .expect("the CA file can be read"),
            None => connector.set_verify(SslVerifyMode::NONE),
        }
        tune(&mut connector);
        let mut config = connector
            .build()
            .configure()
            .expect("OpenSSL configures a client");
        config.set_verify_hostname(ca.is_some());
        let tls = config
            .connect(name, tcp)
            .map_err(|error| error.to_string())?;
        Ok(Self {
            io: Io::Tls(Box::new(tls)),
            unread: Vec::new(),
            log: self.log,
        })
    }

    /// A handle to all that this end receives.
    pub fn log(&self) -> Log {
        self.log.clone()
    }

    /// The version and the cipher that a handshake has agreed on, as OpenSSL names them; empty without TLS.
    pub fn agreed(&self) -> String {
        let Io::Tls(tls) = &self.io else {
            return String::new();
        };
        let cipher = tls
            .ssl()
            .current_cipher()
            .map_or("none", |cipher| cipher.name());
        format!("{} {cipher}", tls.ssl().version_str())
    }

    /// The subject and issuer common names of the certificates that the TLS peer sent, leaf first.
    pub fn peer_chain(&self) -> Vec<(String, String)> {
        let Io::Tls(tls) = &self.io else {
            return Vec::new();
        };
        let common = |name: &openssl::x509::X509NameRef| {
            let entry = name.entries_by_nid(openssl::nid::Nid::COMMONNAME).next();
            entry
                .map(|entry| String::from_utf8_lossy(entry.data().as_slice()).into_owned())
                .unwrap_or_default()
        };
        let chain = tls.ssl().peer_cert_chain();
        chain
            .map(|chain| {
                chain
                    .iter()
                    .map(|cert| (common(cert.subject_name()), common(cert.issuer_name())))
                    .collect()
            })
            .unwrap_or_default()
    }

    /// Writes all of `bytes`.
    ///
    /// # Errors
    /// What the connection says, which a test of a broken connection may expect.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        let io = self.io();
        io.write_all(bytes.as_ref())?;
        io.flush()
    }

    fn io(&mut self) -> &mut dyn ReadWrite {
        match &mut self.io {
            Io::Plain(tcp) => tcp,
            Io::Tls(tls) => tls.as_mut(),
        }
    }

    /// The socket below.
    pub fn tcp(&self) -> &TcpStream {
        match &self.io {
            Io::Plain(tcp) => tcp,
            Io::Tls(tls) => tls.get_ref(),
        }
    }

    /// Reads once; 0 is the end, as is a reset or a TLS connection that ends without its closing alert.
    fn fill(&mut self) -> io::Result<usize> {
        let mut piece = [0; 64 * 1024];
        match self.io().read(&mut piece) {
            Ok(read) => {
                let piece = &piece[..read];
                self.log.push(piece);
                self.unread.extend_from_slice(piece);
                Ok(read)
            }
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
                ) =>
            {
                Err(io::Error::new(
                    io::ErrorKind::TimedOut,
                    format!(
                        "nothing came within {:?}; unread: {:?}",
                        wait::LIMIT,
                        self.unread.escape_ascii().to_string()
                    ),
                ))
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => self.fill(),
            Err(_) => Ok(0),
        }
    }

    /// Reads until `pattern` has come, and returns everything up to its end.
    ///
    /// # Errors
    /// `UnexpectedEof` with what came instead; `TimedOut`.
    pub fn until(&mut self, pattern: &[u8]) -> io::Result<Vec<u8>> {
        loop {
            if let Some(at) = find(&self.unread, pattern) {
                return Ok(self.unread.drain(..at + pattern.len()).collect());
            }
            if self.fill()? == 0 {
                let (wanted, got) = (
                    pattern.escape_ascii().to_string(),
                    self.unread.escape_ascii().to_string(),
                );
                return Err(io::Error::new(
                    io::ErrorKind::UnexpectedEof,
                    format!("closed before {wanted:?}; got {got:?}"),
                ));
            }
        }
    }

    /// Reads exactly `count` bytes.
    ///
    /// # Errors
    /// `UnexpectedEof` when fewer come; `TimedOut`.
    pub fn exactly(&mut self, count: usize) -> io::Result<Vec<u8>> {
        while self.unread.len() < count {
            if self.fill()? == 0 {
                let got = self.unread.len();
                return Err(io::Error::new(
                    io::ErrorKind::UnexpectedEof,
                    format!("closed after {got} of {count} bytes"),
                ));
            }
        }
        Ok(self.unread.drain(..count).collect())
    }

    /// Reads to the end of the stream, or to a reset.
    ///
    /// # Errors
    /// `TimedOut`.
    pub fn rest(&mut self) -> io::Result<Vec<u8>> {
        while self.fill()? > 0 {}
        Ok(std::mem::take(&mut self.unread))
    }

    /// Reads once and forgets what came, at most `limit` bytes of it; for bodies that would not fit into memory. Nothing
    /// is logged. 0 is the end of the stream.
    ///
    /// # Errors
    /// What the connection says; `TimedOut`.
    pub fn skip(&mut self, limit: u64) -> io::Result<u64> {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        if !self.unread.is_empty() {
            let count = self.unread.len().min(limit);
            self.unread.drain(..count);
            return Ok(count as u64);
        }
        let mut piece = vec![0; limit.min(256 * 1024)];
        self.io().read(&mut piece).map(|read| read as u64)
    }

    /// Ends the sending direction; the other one stays open.
    pub fn shut(&mut self) {
        if let Io::Tls(tls) = &mut self.io {
            let _ = tls.shutdown();
        }
        let _ = self.tcp().shutdown(Shutdown::Write);
    }

    /// Ends the connection with a reset.
    pub fn reset(mut self) {
        if let Io::Tls(tls) = &mut self.io {
            tls.set_shutdown(ShutdownState::SENT | ShutdownState::RECEIVED);
        }
        let _ = socket2::SockRef::from(self.tcp()).set_linger(Some(std::time::Duration::ZERO));
    }

    /// Sends a request and reads the response to it.
    ///
    /// # Panics
    /// When the connection breaks before the response is complete.
    pub fn ask(&mut self, request: impl AsRef<[u8]>) -> Reply {
        self.send(request).expect("the request can be sent");
        self.reply().expect("a complete response comes")
    }

    /// Reads a response to anything but HEAD: by its length, its chunks, or to the end of the stream.
    ///
    /// # Errors
    /// When the connection ends before the response does.
    pub fn reply(&mut self) -> io::Result<Reply> {
        let head = self.until(b"\r\n\r\n")?;
        let head = String::from_utf8_lossy(&head).into_owned();
        let status = head
            .split(' ')
            .nth(1)
            .and_then(|code| code.parse().ok())
            .unwrap_or(0);
        let chunked = header(&head, "transfer-encoding").is_some();
        let body = match header(&head, "content-length").and_then(|length| length.parse().ok()) {
            _ if chunked => self.chunks()?,
            Some(length) => self.exactly(length)?,
            None if matches!(status, 204 | 304) => Vec::new(),
            None => self.rest()?,
        };
        Ok(Reply { status, head, body })
    }

    fn chunks(&mut self) -> io::Result<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let line = String::from_utf8_lossy(&self.until(b"\r\n")?).into_owned();
            let size = line.split(';').next().unwrap_or_default().trim();
            let size = usize::from_str_radix(size, 16)
                .map_err(|error| io::Error::other(format!("chunk line {line:?}: {error}")))?;
            if size == 0 {
                while self.until(b"\r\n")? != b"\r\n" {}
                return Ok(body);
            }
            body.extend(self.exactly(size)?);
            self.until(b"\r\n")?;
        }
    }
}

trait ReadWrite: Read + Write {}
impl<T: Read + Write> ReadWrite for T {}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack
        .windows(needle.len())
        .position(|window| window == needle)
}

/// One request on a connection of its own, with `Connection: close`.
pub fn get(port: u16, path: &str) -> Reply {
    Wire::connect(port).ask(format!(
        "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    ))
}

/// One absolute-form request through a forward proxy.
pub fn get_through(proxy: u16, url: &str) -> Reply {
    let authority = url.split('/').nth(2).unwrap_or_default();
    Wire::connect(proxy).ask(format!(
        "GET {url} HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\n\r\n"
    ))
}
