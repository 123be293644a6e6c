//! The origin: `/bytes/N` answers N bytes, `/sse/COUNT/MS` an event each MS milliseconds that carries the time of day.
//!
//! `--cert` and `--key` are PEM files. It prints `http PORT` and `https PORT`, then serves until it is killed.

use std::io::Write as _;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use crate::args::Args;
use crate::net::{Stream, content_length, find, now_us, server};

const PIECE: usize = 128 * 1024;
static BODY: [u8; PIECE] = [b'x'; PIECE];

pub(crate) async fn run(args: &Args) -> anyhow::Result<()> {
    let acceptor = TlsAcceptor::from(server(args.required("cert")?, args.required("key")?)?);
    let plain = TcpListener::bind(("127.0.0.1", 0)).await?;
    let tls = TcpListener::bind(("127.0.0.1", 0)).await?;
    let mut out = std::io::stdout();
    writeln!(
        out,
        "http {}\nhttps {}",
        plain.local_addr()?.port(),
        tls.local_addr()?.port()
    )?;
    out.flush()?;
    tokio::try_join!(accept(plain, None), accept(tls, Some(acceptor)))?;
    Ok(())
}

async fn accept(listener: TcpListener, tls: Option<TlsAcceptor>) -> anyhow::Result<()> {
    loop {
        let (tcp, _) = listener.accept().await?;
        let tls = tls.clone();
        // A connection that breaks is the load's to report; the task ends with it.
        tokio::spawn(async move {
            let _ = connection(tcp, tls).await;
        });
    }
}

async fn connection(tcp: TcpStream, tls: Option<TlsAcceptor>) -> std::io::Result<()> {
    tcp.set_nodelay(true)?;
    let mut stream = match tls {
        None => Stream::Plain(tcp),
        Some(acceptor) => Stream::Tls(Box::new(acceptor.accept(tcp).await?.into())),
    };
    let mut buffer = Vec::with_capacity(16 * 1024);
    loop {
        let end = loop {
            if let Some(at) = find(&buffer, b"\r\n\r\n") {
                break at + 4;
            }
            if stream.read_buf(&mut buffer).await? == 0 {
                return Ok(());
            }
        };
        let head = String::from_utf8_lossy(&buffer[..end]).into_owned();
        buffer.drain(..end);
        discard(&mut stream, &mut buffer, content_length(&head).unwrap_or(0)).await?;
        let path = head.split(' ').nth(1).unwrap_or_default();
        let words: Vec<&str> = path.split('/').skip(1).collect();
        let number = |index: usize| {
            words
                .get(index)
                .and_then(|word| word.parse::<usize>().ok())
                .unwrap_or(0)
        };
        match words.first().copied() {
            Some("sse") => events(&mut stream, number(1), number(2)).await?,
            _ => body(&mut stream, number(1)).await?,
        }
    }
}

/// Reads the rest of a request's body.
async fn discard(stream: &mut Stream, buffer: &mut Vec<u8>, length: u64) -> std::io::Result<()> {
    let mut left = length;
    loop {
        let have = usize::try_from(left)
            .unwrap_or(usize::MAX)
            .min(buffer.len());
        buffer.drain(..have);
        left -= have as u64;
        if left == 0 {
            return Ok(());
        }
        if stream.read_buf(buffer).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
    }
}

async fn body(stream: &mut Stream, length: usize) -> std::io::Result<()> {
    let mut first =
        format!("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {length}\r\n\r\n")
            .into_bytes();
    let with_head = length.min(PIECE);
    first.resize(first.len() + with_head, b'x');
    stream.write_all(&first).await?;
    let mut left = length - with_head;
    while left > 0 {
        let count = left.min(PIECE);
        stream.write_all(&BODY[..count]).await?;
        left -= count;
    }
    stream.flush().await
}

async fn events(stream: &mut Stream, count: usize, ms: usize) -> std::io::Result<()> {
    stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n").await?;
    stream.flush().await?;
    for _ in 0..count {
        tokio::time::sleep(Duration::from_millis(ms as u64)).await;
        let event = format!("data: {}\n\n", now_us());
        stream
            .write_all(format!("{:x}\r\n{event}\r\n", event.len()).as_bytes())
            .await?;
        stream.flush().await?;
    }
    stream.write_all(b"0\r\n\r\n").await?;
    stream.flush().await
}
