#![no_main]
//! A connection takes any bytes, and the same wherever they are cut.

use bytes::BytesMut;
use libfuzzer_sys::fuzz_target;
use ratel_proto::h2::{Config, Connection, Role};

fn receive(role: Role, pieces: [&[u8]; 2]) -> String {
    let mut connection = Connection::new(Config::new(role));
    let mut buf = BytesMut::new();
    let mut all = String::new();
    for piece in pieces {
        buf.extend_from_slice(piece);
        while let Ok(Some(event)) = connection.receive(&mut buf) {
            all.push_str(&format!("{event:?}"));
        }
    }
    format!("{all}{:?}{:?}", connection.receive(&mut buf), connection.output().take())
}

fuzz_target!(|input: (bool, u16, &[u8])| {
    let (server, cut, input) = input;
    let role = if server { Role::Server } else { Role::Client };
    let cut = usize::from(cut).min(input.len());
    assert_eq!(receive(role, [input, b""]), receive(role, input.split_at(cut).into()));
});
