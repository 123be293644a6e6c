#![no_main]
//! Frames that are well formed on the outside, between commands of the owner.

use bytes::{Bytes, BytesMut};
use libfuzzer_sys::fuzz_target;
use ratel_proto::Headers;
use ratel_proto::detect::HTTP2_PREFACE;
use ratel_proto::h2::frame::{FrameKind, put_header};
use ratel_proto::h2::{Config, Connection, Reason, Role, StreamId};

fuzz_target!(|input: (bool, Vec<(u8, u8, u8, &[u8], u8)>)| {
    let (server, steps) = input;
    let role = if server { Role::Server } else { Role::Client };
    let mut connection = Connection::new(Config::new(role));
    let mut buf = BytesMut::new();
    if server {
        buf.extend_from_slice(HTTP2_PREFACE);
    }
    put_header(&mut buf, FrameKind::SETTINGS, 0, StreamId(0), 0);
    let pseudo: [(&[u8], &[u8]); 1] = [(b":status", b"200")];
    for (kind, flags, id, payload, command) in steps {
        let id = StreamId((id % 12).into());
        put_header(&mut buf, FrameKind(kind % 11), flags, id, payload.len());
        buf.extend_from_slice(payload);
        while let Ok(Some(_)) = connection.receive(&mut buf) {}
        let end = command & 1 == 0;
        match command >> 1 {
            0..20 => drop(connection.open()),
            20..40 => drop(connection.send_headers(id, pseudo, &Headers::new(), end)),
            40..60 => drop(connection.send_data(id, Bytes::from(vec![0; 50_000]), end)),
            60..70 => drop(connection.send_trailers(id, &Headers::new())),
            70..80 => connection.reset(id, Reason::CANCEL),
            80..90 => connection.consume(id, 1000),
            90..100 => drop(connection.output().take()),
            _ => connection.pump(),
        }
        assert!(!connection.is_closed(id) || connection.queued(id) == 0);
    }
});
