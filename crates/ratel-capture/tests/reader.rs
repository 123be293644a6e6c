//! Captures made by hand: what networks and capture programs do to packets.

mod common;

use common::packets::{ACK, FIN, PSH, RST, SYN, Talk, ip, pcap, tcp, udp};
use common::{flows, lines};
use ratel_capture::CaptureReader;
use ratel_flow::Side;

const ONE: &str = "GET http://a.example/one HTTP/1.1 200 first";
const TWO: &str = "GET http://a.example/two HTTP/1.1 200 second";

/// Two requests on one connection.
fn talk() -> Talk {
    let mut talk = Talk::new();
    talk.open()
        .exchange("/one", "first")
        .exchange("/two", "second")
        .close();
    talk
}

#[test]
fn a_connection_is_read() {
    for (client, server) in [
        ("192.0.2.1:40000", "198.51.100.2:80"),
        ("[2001:db8::1]:40000", "[2001:db8::2]:80"),
    ] {
        let mut talk = Talk::between(client, server);
        talk.open()
            .exchange("/one", "first")
            .exchange("/two", "second")
            .close();
        let found = flows(&talk.pcap(), None);
        assert_eq!(lines(&found), [ONE, TWO]);
        let flow = &found[0];
        assert_eq!(flow.client_conn.peername.to_string(), client);
        assert_eq!(flow.client_conn.sockname.to_string(), server);
        let server_conn = flow.server_conn.as_ref().expect("a server");
        assert_eq!(
            server_conn.peername.map(|peer| peer.to_string()).as_deref(),
            Some(server)
        );
        let times = talk
            .packets
            .iter()
            .map(|packet| packet.time)
            .collect::<Vec<_>>();
        assert_eq!(flow.client_conn.timestamp_start.0, times[0]);
        assert_eq!(
            server_conn.timestamp_tcp_setup.map(|time| time.0),
            Some(times[1])
        );
        let http = flow.http().expect("HTTP");
        assert_eq!(http.request.timestamp_start.0, times[3]);
        assert_eq!(http.response_end.map(|time| time.0), Some(times[5]));
    }
}

#[test]
fn any_two_packets_may_change_places_and_any_may_come_twice() {
    let whole = talk();
    // What opens and closes the connection stays where it is.
    for n in 3..whole.packets.len() - 5 {
        let mut talk = talk();
        talk.packets.swap(n, n + 1);
        assert_eq!(lines(&flows(&talk.pcap(), None)), [ONE, TWO], "{n}");
    }
    for n in 0..whole.packets.len() {
        let mut talk = talk();
        let again = talk.packets[n].clone();
        let len = talk.packets.len();
        talk.packets.insert((n + 4).min(len), again);
        assert_eq!(lines(&flows(&talk.pcap(), None)), [ONE, TWO], "{n}");
    }
}

#[test]
fn what_overlaps_counts_once() {
    let mut talk = Talk::new();
    talk.open();
    let request = b"GET /one HTTP/1.1\r\nHost: a.example\r\n\r\n";
    let start = talk.next[0];
    talk.segment(true, ACK, &request[..10]);
    talk.next[0] = start.wrapping_add(5);
    // The second time it says something else.
    let mut other = request.to_vec();
    other[5..8].copy_from_slice(b"two");
    talk.segment(true, ACK | PSH, &other[5..]);
    talk.server(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfirst")
        .close();
    assert_eq!(lines(&flows(&talk.pcap(), None)), [ONE]);
}

#[test]
fn a_lost_part_of_a_body_is_missed_and_nothing_else() {
    let body = "x".repeat(1000);
    let mut talk = Talk::new();
    talk.open()
        .exchange("/large", &body)
        .exchange("/two", "second")
        .close();
    let lost = talk.with_payload()[4];
    talk.lose(lost);
    assert_eq!(
        lines(&flows(&talk.pcap(), None)),
        [
            "GET http://a.example/large HTTP/1.1 200 900b !100 bytes of the response's body are not in the capture",
            TWO,
        ]
    );
}

#[test]
fn a_lost_head_costs_its_exchange() {
    for (lost, expected) in [
        // The first request, the first response, the second request, the second response.
        (
            0,
            vec![
                "TCP [<HTTP/1.1 200 OK\\r\\nContent-Length: 5\\r\\n\\r\\nfirst] !38 bytes of this connection are not in the capture"
                    .into(),
                TWO.to_owned(),
            ],
        ),
        (
            1,
            vec![
                "GET http://a.example/one HTTP/1.1 !43 bytes of what the server has sent are not in the capture".into(),
                TWO.to_owned(),
            ],
        ),
        (2, vec![ONE.to_owned()]),
        (
            3,
            vec![
                ONE.to_owned(),
                "GET http://a.example/two HTTP/1.1 !44 bytes of what the server has sent are not in the capture".into(),
            ],
        ),
    ] {
        let mut talk = talk();
        let number = talk.with_payload()[lost];
        talk.lose(number);
        assert_eq!(lines(&flows(&talk.pcap(), None)), expected, "{lost}");
    }
}

#[test]
fn a_lost_part_of_chunks_is_not_guessed() {
    let mut talk = Talk::new();
    talk.open()
        .client(b"GET /chunks HTTP/1.1\r\nHost: a.example\r\n\r\n");
    let chunk = format!("64\r\n{}\r\n", "x".repeat(100));
    let response = format!(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{}0\r\n\r\n",
        chunk.repeat(5)
    );
    talk.server(response.as_bytes())
        .exchange("/two", "second")
        .close();
    let lost = talk.with_payload()[3];
    talk.lose(lost);
    let found = lines(&flows(&talk.pcap(), None));
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(
        found[0].ends_with("!100 bytes of what the server has sent are not in the capture"),
        "{found:?}"
    );
    assert_eq!(found[1], TWO);
}

#[test]
fn packets_may_be_cut_short() {
    let body = "x".repeat(500);
    let mut talk = Talk::new();
    talk.open().exchange("/large", &body).close();
    for packet in &mut talk.packets {
        packet.kept = packet.kept.min(100);
    }
    let found = flows(&talk.pcap(), None);
    // Of each segment 60 of 100 bytes were kept, the head among them.
    assert_eq!(
        lines(&found),
        [
            "GET http://a.example/large HTTP/1.1 200 300b !200 bytes of the response's body are not in the capture"
        ]
    );
    let hint = found[0].error.as_ref().and_then(|error| error.hint.clone());
    assert!(hint.expect("a hint").contains("tcpdump -s 0"));
    for packet in &mut talk.packets {
        packet.kept = packet.kept.min(39);
    }
    let found = lines(&flows(&talk.pcap(), None));
    assert_eq!(
        found,
        ["connection !580 bytes of this connection are not in the capture"]
    );
}

#[test]
fn a_capture_may_begin_and_end_anywhere() {
    let whole = talk();
    for from in 0..whole.packets.len() {
        for to in from..=whole.packets.len() {
            let found = lines(&flows(&pcap(&whole.packets[from..to]), None));
            // Nothing is made up: there is the request, its answer, or a part of them as it is.
            for line in &found {
                let known = line.starts_with("GET http://a.example/one HTTP/1.1")
                    || line.starts_with("GET http://a.example/two HTTP/1.1")
                    || line.starts_with("TCP [")
                    || line.contains("did not answer");
                let paired = line.contains(" 200 ") && line.starts_with("GET");
                let right = [ONE, TWO].iter().any(|whole| *whole == line);
                let broken = line.contains(" !");
                assert!(
                    known && (!paired || right || broken),
                    "{from}..{to}: {line}"
                );
            }
            if from <= 3 && to >= 6 {
                assert_eq!(found[0], ONE, "{from}..{to}");
            }
            if from <= 7 && to >= 10 {
                assert!(found.contains(&TWO.to_owned()), "{from}..{to}: {found:?}");
            }
        }
    }
}

#[test]
fn resets_and_refusals_are_told() {
    let mut talk = Talk::new();
    talk.open()
        .client(b"GET /one HTTP/1.1\r\nHost: a.example\r\n\r\n");
    talk.server(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nfirst");
    talk.segment(false, RST, b"");
    assert_eq!(
        lines(&flows(&talk.pcap(), None)),
        [
            "GET http://a.example/one HTTP/1.1 200 first !the server reset the connection before the response was complete"
        ]
    );
    let mut talk = Talk::new();
    talk.open()
        .client(b"GET /one HTTP/1.1\r\nHost: a.example\r\n\r\n");
    talk.segment(true, RST, b"");
    let found = flows(&talk.pcap(), None);
    assert_eq!(
        lines(&found),
        [
            "GET http://a.example/one HTTP/1.1 !the client reset the connection before a response came"
        ]
    );
    assert!(found[0].error.as_ref().expect("an error").by_client);
    let mut talk = Talk::new();
    talk.segment(true, SYN, b"").segment(false, RST | ACK, b"");
    assert_eq!(
        lines(&flows(&talk.pcap(), None)),
        ["connection !198.51.100.2:80 refused the connection"]
    );
    let mut talk = Talk::new();
    talk.segment(true, SYN, b"");
    talk.next[0] -= 1;
    talk.segment(true, SYN, b"");
    assert_eq!(
        lines(&flows(&talk.pcap(), None)),
        ["connection !198.51.100.2:80 did not answer"]
    );
    // Opened, not used, closed.
    let mut talk = Talk::new();
    talk.open().close();
    assert_eq!(flows(&talk.pcap(), None).len(), 0);
}

#[test]
fn ports_are_used_again() {
    let mut first = Talk::new();
    first.open().exchange("/one", "first").close();
    let mut second = Talk::new();
    second.next = [70_000, 90_000];
    second.open().exchange("/two", "second").close();
    let mut packets = first.packets;
    // Without an end.
    packets.truncate(packets.len() - 3);
    packets.append(&mut second.packets);
    let found = flows(&pcap(&packets), None);
    assert_eq!(lines(&found), [ONE, TWO]);
    assert_ne!(found[0].client_conn.id, found[1].client_conn.id);
}

#[test]
fn pipelines_upgrades_and_informational_responses_are_followed() {
    let mut talk = Talk::new();
    talk.open();
    talk.client(
        b"GET /one HTTP/1.1\r\nHost: a.example\r\n\r\nGET /two HTTP/1.1\r\nHost: a.example\r\n\r\n",
    );
    talk.server(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfirstHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n");
    talk.server(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecond");
    talk.client(
        b"GET /x HTTP/1.1\r\nHost: a.example\r\nConnection: upgrade\r\nUpgrade: other\r\n\r\n",
    );
    talk.server(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: other\r\n\r\nready");
    talk.client(b"something else").close();
    let found = flows(&talk.pcap(), None);
    assert_eq!(
        lines(&found),
        [
            ONE,
            TWO,
            "GET http://a.example/x HTTP/1.1 101 ",
            "TCP [<ready >something else]"
        ]
    );
    assert_eq!(
        found[1].http().map(|http| http.informational.len()),
        Some(1)
    );
}

#[test]
fn a_connection_may_become_http2() {
    const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    let frame = |kind: u8, flags: u8, stream: u8, payload: &[u8]| {
        let mut frame = vec![0, 0, payload.len() as u8, kind, flags, 0, 0, 0, stream];
        frame.extend(payload);
        frame
    };
    let mut talk = Talk::new();
    talk.open().client(
        b"GET /one HTTP/1.1\r\nHost: a.example\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: \r\n\r\n",
    );
    let mut server =
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n".to_vec();
    server.extend(frame(4, 0, 0, b""));
    // 0x88 is `:status: 200`.
    server.extend(frame(1, 4, 1, b"\x88"));
    talk.server(&server)
        .server(&frame(0, 0, 1, b"fir"))
        .server(&frame(0, 9, 1, b"\x02st\0\0"));
    let mut client = PREFACE.to_vec();
    client.extend(frame(4, 0, 0, b""));
    // GET, http, /, and a name; the head goes on in another frame.
    client.extend(frame(1, 1, 3, b"\x82\x86\x84"));
    client.extend(frame(9, 4, 3, b"\x41\x09a.example"));
    talk.client(&client)
        .server(&frame(1, 4, 3, b"\x88"))
        .server(&frame(3, 0, 3, b"\0\0\0\x02"))
        .close();
    let found = flows(&talk.pcap(), None);
    assert_eq!(
        lines(&found),
        [
            ONE,
            "GET http://a.example/ HTTP/2.0 200  !the server reset the stream: INTERNAL_ERROR (2)",
        ]
    );
    let http = found[0].http().expect("HTTP");
    assert_eq!(http.informational.len(), 1);
    let version = http
        .response
        .as_ref()
        .map(|response| response.version.clone());
    assert_eq!(version, Some(ratel_flow::Version::Http2));
}

#[test]
fn tunnels_are_looked_into() {
    let mut talk = Talk::between("192.0.2.1:40000", "198.51.100.2:3128");
    talk.open()
        .client(b"CONNECT b.example:8000 HTTP/1.1\r\nHost: b.example:8000\r\n\r\n");
    talk.server(b"HTTP/1.1 200 Connection established\r\n\r\n");
    talk.client(b"GET /in HTTP/1.1\r\nHost: b.example:8000\r\n\r\n");
    talk.server(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi");
    talk.close();
    let found = flows(&talk.pcap(), None);
    assert_eq!(
        lines(&found),
        [
            "CONNECT b.example HTTP/1.1 200 ",
            "GET http://b.example/in HTTP/1.1 200 hi"
        ]
    );
    let inner = &found[1];
    assert_eq!(inner.http().map(|http| http.request.port), Some(8000));
    let server = inner.server_conn.as_ref().expect("a server");
    assert_eq!((&*server.address.0, server.address.1), ("b.example", 8000));
    assert_eq!(server.peername.map(|peer| peer.port()), Some(3128));
    // A proxy that says no.
    let mut talk = Talk::between("192.0.2.1:40000", "198.51.100.2:3128");
    talk.open()
        .client(b"CONNECT b.example:443 HTTP/1.1\r\n\r\n");
    talk.server(b"HTTP/1.1 407 No\r\nContent-Length: 3\r\n\r\nwho");
    talk.client(b"GET http://b.example/in HTTP/1.1\r\n\r\n")
        .server(b"HTTP/1.0 200 OK\r\n\r\nto the end")
        .close();
    assert_eq!(
        lines(&flows(&talk.pcap(), None)),
        [
            "CONNECT b.example HTTP/1.1 407 who",
            "GET http://b.example/in HTTP/1.1 200 to the end"
        ]
    );
}

#[test]
fn what_is_no_http_is_a_raw_connection() {
    let mut talk = Talk::between("192.0.2.1:40000", "198.51.100.2:25");
    talk.open()
        .server(b"220 mail.example ESMTP\r\n")
        .client(b"EHLO a.example\r\n")
        .server(b"250 OK\r\n")
        .close();
    let found = flows(&talk.pcap(), None);
    assert_eq!(
        lines(&found),
        ["TCP [<220 mail.example ESMTP >EHLO a.example <250 OK]"]
    );
    // A request that is answered by something else.
    let mut talk = Talk::new();
    talk.open()
        .client(b"GET /one HTTP/1.1\r\nHost: a.example\r\n\r\n")
        .server(b"ICY 200 OK\r\n\r\nmusic")
        .close();
    let found = lines(&flows(&talk.pcap(), None));
    assert!(
        found[0]
            .starts_with("GET http://a.example/one HTTP/1.1 !the response cannot be understood"),
        "{found:?}"
    );
    assert_eq!(found[1], "TCP [<ICY 200 OK\\r\\n\\r\\nmusic]");
}

#[test]
fn datagrams_and_questions_are_read() {
    let client = "192.0.2.1:40000".parse().expect("an address");
    let server = "198.51.100.2:9999".parse().expect("an address");
    let resolver = "198.51.100.2:53".parse().expect("an address");
    let mut talk = Talk::new();
    let question = b"\0\x07\x01\0\0\x01\0\0\0\0\0\0\x01a\x07example\0\0\x01\0\x01";
    let mut answer = question.to_vec();
    answer[2] = 0x81;
    answer[7] = 1;
    answer.extend(b"\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x04\xc0\0\x02\x01");
    talk.add(udp((client, server), b"ping"));
    talk.add(udp((client, resolver), question));
    // Again, since no answer came at once.
    talk.add(udp((client, resolver), question));
    talk.add(udp((server, client), b"pong"));
    talk.add(udp((resolver, client), &answer));
    let mut other = question.to_vec();
    other[1] = 8;
    talk.add(udp((client, resolver), &other));
    talk.add(udp((client, resolver), b"no message"));
    let found = flows(&talk.pcap(), None);
    assert_eq!(
        lines(&found),
        [
            "DNS a.example Some(1)",
            "UDP [>ping <pong]",
            "DNS a.example None !no answer came",
            "UDP [>no message]",
        ]
    );
    assert!(
        found[1]
            .client_conn
            .extra
            .as_ref()
            .is_some_and(|extra| extra.udp)
    );
    // After a long silence it is about something else.
    let mut talk = Talk::new();
    talk.add(udp((client, server), b"ping"));
    talk.add(udp((client, server), b"ping"));
    talk.packets[1].time += 100_000_000_000;
    talk.add(udp((server, client), b"pong"));
    talk.packets[2].time += 100_000_000_000;
    assert_eq!(
        lines(&flows(&talk.pcap(), None)),
        ["UDP [>ping]", "UDP [>ping <pong]"]
    );
    // Over TCP, and in pieces.
    let mut talk = Talk::between("192.0.2.1:40000", "198.51.100.2:53");
    let framed = |message: &[u8]| [&(message.len() as u16).to_be_bytes(), message].concat();
    talk.open()
        .client(&framed(question)[..9])
        .client(&framed(question)[9..])
        .server(&framed(&answer))
        .close();
    assert_eq!(lines(&flows(&talk.pcap(), None)), ["DNS a.example Some(1)"]);
}

#[test]
fn fragments_are_put_together() {
    let (source, destination) = (
        "192.0.2.1:40000".parse().expect("an address"),
        "198.51.100.2:80".parse().expect("an address"),
    );
    let mut talk = Talk::new();
    talk.open();
    let request = b"GET /one HTTP/1.1\r\nHost: a.example\r\nX-Long: 0123456789012345678901234567890123456789\r\n\r\n";
    let whole = tcp(
        (source, destination),
        talk.next[0],
        talk.next[1],
        ACK | PSH,
        request,
    );
    let payload = &whole[20..];
    for (offset, part, more) in [(48, &payload[48..], false), (0, &payload[..48], true)] {
        let mut fragment = ip((source.ip(), destination.ip()), 6, part);
        let flags = (offset / 8) as u16 | if more { 0x2000 } else { 0 };
        fragment[4..6].copy_from_slice(&[7, 7]);
        fragment[6..8].copy_from_slice(&flags.to_be_bytes());
        talk.add(fragment);
    }
    talk.next[0] += request.len() as u32;
    talk.server(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfirst")
        .close();
    assert_eq!(lines(&flows(&talk.pcap(), None)), [ONE]);
}

#[test]
fn only_one_side_is_in_the_capture() {
    for side in [Side::Client, Side::Server] {
        let mut talk = talk();
        let port = |packet: &[u8]| u16::from_be_bytes([packet[20], packet[21]]);
        talk.packets
            .retain(|packet| (port(&packet.bytes) == 80) == (side == Side::Server));
        let found = lines(&flows(&talk.pcap(), None));
        for line in &found {
            let paired = line.starts_with("GET") && line.contains(" 200 ");
            assert!(!paired, "nothing answers anything: {line}");
        }
        if side == Side::Client {
            assert_eq!(found.len(), 2, "{found:?}");
        }
    }
}

#[test]
fn memory_is_bounded_whatever_comes() {
    // Connections that are opened, half say something, and never end.
    let mut packets = Vec::new();
    for n in 0..3000_u32 {
        let client = format!("10.0.{}.{}:40000", n / 200, n % 200 + 1);
        let mut talk = Talk::between(&client, "198.51.100.2:80");
        talk.open().segment(
            true,
            ACK,
            b"POST /x HTTP/1.1\r\nContent-Length: 100000\r\n\r\n",
        );
        talk.segment(true, ACK, &[b'x'; 1400]);
        packets.append(&mut talk.packets);
    }
    let limits = ratel_capture::CaptureLimits {
        memory: 1024 * 1024,
        connections: 500,
        ..Default::default()
    };
    let capture = std::io::Cursor::new(pcap(&packets));
    let reader =
        CaptureReader::with_limits(capture, Default::default(), limits).expect("a capture");
    let found: Vec<_> = reader.map(|flow| flow.expect("it is whole")).collect();
    assert_eq!(found.len(), 3000);
    let abandoned = found
        .iter()
        .filter(|flow| common::line(flow).contains("too many connections"));
    assert!(abandoned.count() >= 2500);
    // The end of one direction alone ends nothing.
    let mut talk = Talk::new();
    talk.open().segment(true, FIN | ACK, b"");
    assert_eq!(flows(&talk.pcap(), None).len(), 0);
}
