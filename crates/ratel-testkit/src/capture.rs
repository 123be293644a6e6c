//! What passes between two programs, as a packet capture that analysers read.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};

/// Bytes in one packet.
const SEGMENT: usize = 1400;
/// Flags of TCP (RFC 9293 §3.1).
const FIN: u8 = 0x01;
const SYN: u8 = 0x02;
const PSH: u8 = 0x08;
const ACK: u8 = 0x10;

/// A relay to a port of this machine that keeps what passes.
pub struct Capture {
    /// The port it listens on.
    pub port: u16,
    connections: Arc<Mutex<Vec<Connection>>>,
}

/// The pieces of one connection in their order, with whether they came from the client.
type Connection = Arc<Mutex<Vec<(bool, Vec<u8>)>>>;

impl Capture {
    /// Relays connections to this port. The threads end with the test.
    ///
    /// # Panics
    /// When no port is free.
    pub fn start(to: u16) -> Self {
        let listener =
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port of this machine is free");
        let port = listener
            .local_addr()
            .expect("a listener has an address")
            .port();
        let connections = Arc::<Mutex<Vec<Connection>>>::default();
        let kept = connections.clone();
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let pieces = Connection::default();
                lock(&kept).push(pieces.clone());
                let address = SocketAddr::from((Ipv4Addr::LOCALHOST, to));
                let Ok(server) = TcpStream::connect(address) else {
                    continue;
                };
                let (Ok(from), Ok(back)) = (client.try_clone(), server.try_clone()) else {
                    continue;
                };
                let up = pieces.clone();
                std::thread::spawn(move || relay(from, server, true, &up));
                std::thread::spawn(move || relay(back, client, false, &pieces));
            }
        });
        Self { port, connections }
    }

    /// What has passed so far, as a file in the format of libpcap.
    pub fn pcap(&self) -> Vec<u8> {
        let mut file = Vec::new();
        // Magic, version 2.4, no offset of time, no accuracy, 64 KiB a packet, raw IP.
        for word in [0xa1b2_c3d4_u32, 0x0004_0002, 0, 0, 65535, 101] {
            file.extend(word.to_le_bytes());
        }
        for (n, pieces) in lock(&self.connections).iter().enumerate() {
            // A few dozen at most.
            let mut packets = Packets {
                file: &mut file,
                client: 40_000 + n as u16,
                server: self.port,
                sent: [1000, 5000],
            };
            packets.add(true, SYN, &[]);
            packets.add(false, SYN | ACK, &[]);
            packets.add(true, ACK, &[]);
            for (from_client, piece) in lock(pieces).iter() {
                for segment in piece.chunks(SEGMENT) {
                    packets.add(*from_client, PSH | ACK, segment);
                }
            }
            packets.add(true, FIN | ACK, &[]);
            packets.add(false, FIN | ACK, &[]);
        }
        file
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn relay(
    mut from: TcpStream,
    mut to: TcpStream,
    from_client: bool,
    pieces: &Mutex<Vec<(bool, Vec<u8>)>>,
) {
    let mut buffer = [0; 16 * 1024];
    while let Ok(len @ 1..) = from.read(&mut buffer) {
        // On record first: who has the answer finds it there.
        lock(pieces).push((from_client, buffer[..len].to_vec()));
        if to.write_all(&buffer[..len]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}

struct Packets<'f> {
    file: &'f mut Vec<u8>,
    client: u16,
    server: u16,
    /// The next sequence numbers of server and client.
    sent: [u32; 2],
}

impl Packets<'_> {
    fn add(&mut self, from_client: bool, flags: u8, payload: &[u8]) {
        let (source, destination) = if from_client {
            (self.client, self.server)
        } else {
            (self.server, self.client)
        };
        let (sequence, acknowledged) = (
            self.sent[usize::from(from_client)],
            self.sent[usize::from(!from_client)],
        );
        // At most SEGMENT bytes and two headers.
        let len = 40 + payload.len() as u16;
        let record = [0, 0, u32::from(len), u32::from(len)];
        record
            .iter()
            .for_each(|word| self.file.extend(word.to_le_bytes()));
        // IPv4 without checksum, which nobody checks in a capture.
        self.file.extend([0x45, 0]);
        self.file.extend(len.to_be_bytes());
        self.file
            .extend([0, 0, 0, 0, 64, 6, 0, 0, 127, 0, 0, 1, 127, 0, 0, 1]);
        self.file.extend(source.to_be_bytes());
        self.file.extend(destination.to_be_bytes());
        self.file.extend(sequence.to_be_bytes());
        self.file.extend(acknowledged.to_be_bytes());
        self.file.extend([0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
        self.file.extend(payload);
        let counted = u32::from(flags & (SYN | FIN) != 0) + payload.len() as u32;
        self.sent[usize::from(from_client)] = sequence.wrapping_add(counted);
    }
}
