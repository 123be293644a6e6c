use proptest::prelude::*;

use super::*;

/// What a direction brought, with neighbouring bytes joined.
#[derive(Debug, Default, PartialEq)]
struct Got {
    text: String,
    ended: bool,
}

impl Got {
    fn take(&mut self, part: Part<'_>) {
        assert!(!self.ended, "nothing follows the end");
        match part {
            Part::Data { bytes, .. } => self.text.push_str(&String::from_utf8_lossy(bytes)),
            Part::Gap { len, cut, .. } => {
                self.text
                    .push_str(&format!("[{len}{}]", if cut { " cut" } else { "" }));
            }
            Part::End { .. } => self.ended = true,
        }
    }
}

fn segment(sequence: u32, payload: &[u8]) -> Segment<'_> {
    Segment {
        source: 1,
        destination: 2,
        sequence,
        acknowledged: None,
        syn: false,
        fin: false,
        reset: false,
        push: false,
        payload,
        missing: 0,
    }
}

fn stream() -> Stream {
    Stream::new(&Gauge::new(usize::MAX))
}

/// Segments after a SYN with the number before `isn`.
fn read(isn: u32, segments: &[Segment<'_>]) -> Got {
    let (mut stream, mut got) = (stream(), Got::default());
    let syn = Segment {
        syn: true,
        ..segment(isn.wrapping_sub(1), b"")
    };
    for segment in std::iter::once(&syn).chain(segments) {
        stream.take(segment, Timestamp(1), &mut |part| got.take(part));
    }
    stream.flush(Timestamp(1), &mut |part| got.take(part));
    assert_eq!(stream.share.gauge().bytes(), 0, "nothing is held");
    got
}

#[test]
fn bytes_come_in_order_once_and_the_first_count() {
    let rows: [(&[(u32, &str)], &str); 9] = [
        (&[(0, "abc"), (3, "def")], "abcdef"),
        (&[(3, "def"), (0, "abc")], "abcdef"),
        (&[(0, "abc"), (0, "abc"), (3, "def")], "abcdef"),
        (&[(0, "abc"), (0, "ABCdef")], "abcdef"),
        (&[(0, "abc"), (1, "BCdef"), (6, "g")], "abcdefg"),
        (&[(3, "def"), (0, "abcDEFghi")], "abcdefghi"),
        (&[(2, "cd"), (6, "gh"), (0, "abCDefGHij")], "abcdefghij"),
        (&[(4, "ef"), (2, "cdE"), (0, "abC")], "abcdef"),
        (&[(0, "abc"), (6, "ghi")], "abc[3]ghi"),
    ];
    for (segments, expected) in rows {
        for isn in [1000, u32::MAX, u32::MAX - 2, 0x7fff_fffe] {
            let segments: Vec<_> = segments
                .iter()
                .map(|(at, text)| segment(isn.wrapping_add(*at), text.as_bytes()))
                .collect();
            assert_eq!(read(isn, &segments).text, expected, "{segments:?}");
        }
    }
}

#[test]
fn the_end_is_told_when_everything_before_it_is_there() {
    let fin = Segment {
        fin: true,
        ..segment(13, b"def")
    };
    let got = read(10, &[fin, segment(10, b"abc"), segment(16, b"late")]);
    assert_eq!((got.text.as_str(), got.ended), ("abcdef", true));
    let got = read(10, &[fin]);
    assert_eq!((got.text.as_str(), got.ended), ("[3]def", true));
    // Without payload, and again.
    let fin = Segment {
        fin: true,
        ..segment(13, b"")
    };
    let got = read(10, &[segment(10, b"abc"), fin, fin]);
    assert_eq!((got.text.as_str(), got.ended), ("abc", true));
}

#[test]
fn what_was_cut_off_is_no_hole() {
    let cut = Segment {
        missing: 4,
        ..segment(10, b"abc")
    };
    let got = read(10, &[cut, segment(17, b"def"), cut]);
    assert_eq!(got.text, "abc[4 cut]def");
    let got = read(10, &[segment(17, b"def"), cut]);
    assert_eq!(got.text, "abc[4 cut]def");
    // A retransmission that is cut where it begins to be of use.
    let again = Segment {
        missing: 4,
        ..segment(10, b"ab")
    };
    assert_eq!(read(10, &[segment(10, b"abcd"), again]).text, "abcd[2 cut]");
}

#[test]
fn a_capture_may_begin_in_the_middle() {
    let (mut stream, mut got) = (stream(), Got::default());
    stream.take(&segment(70, b"new"), Timestamp(1), &mut |part| {
        got.take(part)
    });
    stream.take(&segment(60, b"0123456789"), Timestamp(1), &mut |part| {
        got.take(part)
    });
    stream.take(&segment(73, b"er"), Timestamp(1), &mut |part| {
        got.take(part)
    });
    // Another connection's number.
    let stray = segment(73_u32.wrapping_add(0x7000_0000), b"stray");
    stream.take(&stray, Timestamp(1), &mut |part| got.take(part));
    stream.flush(Timestamp(1), &mut |part| got.take(part));
    assert_eq!(got.text, "newer");
}

#[test]
fn what_the_receiver_has_and_the_capture_lacks_is_a_gap() {
    let (mut stream, mut got) = (stream(), Got::default());
    let mut out = |part: Part<'_>| got.take(part);
    stream.take(&segment(10, b"abc"), Timestamp(1), &mut out);
    // The response acknowledges a request that is not there, and might still come.
    for _ in 0..PATIENCE_MAX.0 {
        stream.confirm(16, Timestamp(2), &mut out);
    }
    stream.take(&segment(13, b"d"), Timestamp(3), &mut out);
    stream.confirm(16, Timestamp(3), &mut out);
    stream.take(&segment(16, b"ghi"), Timestamp(4), &mut out);
    stream.confirm(19, Timestamp(5), &mut out);
    assert_eq!(got.text, "abcd[2]ghi");
}

#[test]
fn time_passes_too() {
    let (mut stream, mut got) = (stream(), Got::default());
    let mut out = |part: Part<'_>| got.take(part);
    stream.take(&segment(10, b"abc"), Timestamp(1), &mut out);
    stream.confirm(16, Timestamp(2), &mut out);
    stream.confirm(16, Timestamp(1_000_000_000), &mut out);
    assert_eq!(got.text, "abc[3]");
}

#[test]
fn a_number_that_only_the_end_can_have_is_no_gap() {
    let (mut stream, mut got) = (stream(), Got::default());
    let mut out = |part: Part<'_>| got.take(part);
    stream.take(&segment(10, b"abc"), Timestamp(1), &mut out);
    stream.confirm(14, Timestamp(2), &mut out);
    stream.flush(Timestamp(2), &mut out);
    assert_eq!(got.text, "abc");
}

#[test]
fn memory_is_bounded() {
    let gauge = Gauge::new(usize::MAX);
    let mut stream = Stream::new(&gauge);
    let mut lost = 0;
    let mut out = |part: Part<'_>| {
        if let Part::Gap { len, .. } = part {
            lost += len;
        }
    };
    stream.take(&segment(0, b"x"), Timestamp(1), &mut out);
    let payload = vec![0; 60_000];
    for n in 1..1000 {
        stream.take(&segment(n * 100_000, &payload), Timestamp(1), &mut out);
        assert!(gauge.bytes() < 2 * WAITING_MAX);
    }
    for n in 0..20_000 {
        stream.take(&segment(200_000_000 + n * 2, b"x"), Timestamp(1), &mut out);
        assert!(stream.waiting.len() <= PIECES_MAX + 1);
    }
    assert!(lost > 0);
}

proptest! {
    /// However segments are cut, ordered and repeated, the bytes come out as they were sent.
    #[test]
    fn any_order_gives_the_same(
        len in 1_usize..200,
        isn in any::<u32>(),
        cuts in prop::collection::vec((0_usize..200, 1_usize..40), 0..40),
        order in any::<prop::sample::Index>(),
    ) {
        let text: Vec<u8> = (0..len).map(|n| b'a' + (n % 26) as u8).collect();
        let mut segments: Vec<_> = cuts
            .iter()
            .filter(|(at, _)| *at < len)
            .map(|(at, n)| segment(isn.wrapping_add(*at as u32), &text[*at..(at + n).min(len)]))
            .collect();
        let at = order.index(segments.len() + 1);
        segments.insert(at, segment(isn, &text));
        let got = read(isn, &segments);
        prop_assert_eq!(got.text.as_bytes(), &text[..]);
    }
}
