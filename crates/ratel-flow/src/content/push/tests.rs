use proptest::prelude::*;
use ratel_proto::Headers;

use super::*;

fn codings(value: &str) -> Codings {
    let mut headers = Headers::new();
    headers.append(b"content-encoding", value.as_bytes());
    Codings::of(&headers).expect("known codings")
}

const EVENTS: [&[u8]; 3] = [b"data: 1\n\n", b"data: 22\n\n", b"data: 333\n\n"];

/// Feeds each compressed event by itself and says what came out of it.
fn decoded(coding: &str, pieces: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let mut decoder = PushDecoder::new(&codings(coding));
    let step = |piece: &Vec<u8>| {
        let mut out = Vec::new();
        decoder
            .feed(piece, &mut |piece| out.extend(piece))
            .expect("it is well-formed");
        out
    };
    pieces.iter().map(step).collect()
}

macro_rules! pieces {
    ($encoder:expr) => {{
        let mut encoder = $encoder;
        EVENTS.map(|event| {
            encoder.write_all(event).expect("memory");
            encoder.flush().expect("memory");
            std::mem::take(encoder.get_mut())
        })
    }};
}

#[test]
fn each_event_comes_out_as_soon_as_its_bytes_are_in() {
    use flate2::Compression;
    use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
    let level = Compression::default();
    let cases = [
        ("gzip", pieces!(GzEncoder::new(Vec::new(), level))),
        ("deflate", pieces!(ZlibEncoder::new(Vec::new(), level))),
        ("deflate", pieces!(DeflateEncoder::new(Vec::new(), level))),
        (
            "br",
            pieces!(brotli::CompressorWriter::new(Vec::new(), 4096, 5, 20)),
        ),
        (
            "zstd",
            pieces!(zstd::stream::write::Encoder::new(Vec::new(), 3).expect("memory")),
        ),
    ];
    for (coding, pieces) in cases {
        assert_eq!(decoded(coding, &pieces), EVENTS, "{coding}");
    }
}

#[test]
fn stacked_codings_are_undone_in_turn() {
    use flate2::write::GzEncoder;
    let inner = pieces!(GzEncoder::new(Vec::new(), flate2::Compression::fast())).concat();
    let outer = zstd::encode_all(&inner[..], 3).expect("memory");
    assert_eq!(decoded("gzip, zstd", &[outer]), [EVENTS.concat()]);
}

#[test]
fn bombs_and_damage_end_the_decoding() {
    let zeros = vec![0; 200 << 20];
    let bomb = zstd::encode_all(&zeros[..], 19).expect("memory");
    let mut decoder = PushDecoder::new(&codings("zstd"));
    let mut total = 0;
    let fed = decoder.feed(&bomb, &mut |piece| total += piece.len());
    assert!(
        matches!(fed, Err(PushError::Bomb)),
        "{total} bytes came out"
    );
    let mut decoder = PushDecoder::new(&codings("gzip"));
    let fed = decoder.feed(b"this is no gzip", &mut |_| {});
    assert!(fed.is_err_and(|error| error.to_string().starts_with("it is not gzip")));
}

/// What `body` decodes to when it comes in pieces of so many bytes.
fn pushed(coding: &str, body: &[u8], piece: usize) -> (Vec<u8>, Result<(), PushError>) {
    let (mut decoder, mut all) = (PushDecoder::new(&codings(coding)), Vec::new());
    for piece in body.chunks(piece) {
        let fed = decoder.feed(piece, &mut |decoded| {
            assert!(!decoded.is_empty() && decoded.len() <= PIECE);
            all.extend(decoded);
        });
        if fed.is_err() {
            return (all, fed);
        }
    }
    (all, Ok(()))
}

fn encoded(which: usize, data: &[u8]) -> (&'static str, Vec<u8>) {
    use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
    let level = flate2::Compression::best();
    macro_rules! flate {
        ($encoder:ident) => {{
            let mut encoder = $encoder::new(Vec::new(), level);
            encoder.write_all(data).expect("memory");
            encoder.finish().expect("memory")
        }};
    }
    match which {
        0 => ("gzip", flate!(GzEncoder)),
        1 => ("gzip", flate!(ZlibEncoder)),
        2 => ("deflate", flate!(ZlibEncoder)),
        3 => ("deflate", flate!(DeflateEncoder)),
        4 => ("deflate", flate!(GzEncoder)),
        5 => {
            let mut encoder = brotli::CompressorWriter::new(Vec::new(), 4096, 9, 20);
            encoder.write_all(data).expect("memory");
            ("br", encoder.into_inner())
        }
        _ => ("zstd", zstd::encode_all(data, 3).expect("memory")),
    }
}

const CODINGS: usize = 7;

#[test]
fn a_bomb_is_told_by_what_all_of_it_decodes_to() {
    let zeros = vec![0; 48 << 20];
    for which in 0..CODINGS {
        let (coding, bomb) = encoded(which, &zeros);
        let (out, fed) = pushed(coding, &bomb, 1000);
        assert!(matches!(fed, Err(PushError::Bomb)), "{coding}");
        assert!(out.len() as u64 <= ALLOWANCE + RATIO * bomb.len() as u64);
        // So is one in the middle of a stack.
        let (outer, twice) = encoded(0, &bomb);
        let (_, fed) = pushed(&format!("{coding}, {outer}"), &twice, 1000);
        assert!(matches!(fed, Err(PushError::Bomb)), "{coding} in {outer}");
    }
}

#[test]
fn what_few_bytes_stand_for_comes_out_whole() {
    let zeros = vec![0; 8 << 20];
    for which in 0..CODINGS {
        let (coding, body) = encoded(which, &zeros);
        let (out, fed) = pushed(coding, &body, 7);
        assert!(fed.is_ok() && out == zeros, "{coding}");
    }
}

#[test]
fn members_and_frames_follow_one_another_and_other_bytes_mean_nothing() {
    for which in 0..CODINGS {
        let (coding, one) = encoded(which, b"one");
        let (_, two) = encoded(which, b"two");
        let body = [one, two].concat();
        let expected: &[u8] = match which {
            0 | 4 | 6 => b"onetwo",
            _ => b"one",
        };
        for piece in [1, 5, 1000] {
            let (out, fed) = pushed(coding, &body, piece);
            assert!(fed.is_ok() && out == expected, "{coding}: {out:?}");
        }
    }
}

#[test]
fn damage_comes_after_what_stands_before_it() {
    let text: String = (0..60_000).map(|n| format!("line {n}\n")).collect();
    for which in 0..CODINGS {
        let (coding, mut body) = encoded(which, text.as_bytes());
        let middle = body.len() / 2;
        body[middle..middle + 40].fill(0xff);
        let (out, _) = pushed(coding, &body, 100);
        assert!(
            out.len() > 1000 && out[..1000] == text.as_bytes()[..1000],
            "{coding}"
        );
    }
}

#[test]
fn windows_beyond_the_standard_are_refused() {
    // Brotli with windows of up to 1 GiB is not RFC 7932.
    let params = brotli::enc::BrotliEncoderParams {
        large_window: true,
        lgwin: 30,
        ..Default::default()
    };
    let mut encoder = brotli::CompressorWriter::with_params(Vec::new(), 4096, &params);
    encoder.write_all(&[b'x'; 100]).expect("memory");
    let (out, fed) = pushed("br", &encoder.into_inner(), 100);
    assert!(out.is_empty() && fed.is_err());
    let mut encoder = zstd::Encoder::new(Vec::new(), 1).expect("memory");
    encoder.window_log(27).expect("it is a window");
    encoder.include_contentsize(false).expect("it is an option");
    encoder.write_all(&[b'x'; 100]).expect("memory");
    let (out, fed) = pushed("zstd", &encoder.finish().expect("memory"), 100);
    assert!(out.is_empty() && fed.is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn pieces_make_no_difference(
        data in prop::collection::vec(any::<u8>(), 0..2000),
        stack in prop::collection::vec(0..CODINGS, 0..4),
        (repeats, piece) in (1_usize..60, 1_usize..500),
    ) {
        let data = data.repeat(repeats);
        let (mut body, mut names) = (data.clone(), Vec::new());
        for which in stack {
            let (name, coded) = encoded(which, &body);
            body = coded;
            names.push(name);
        }
        let (out, fed) = pushed(&names.join(","), &body, piece);
        prop_assert!(fed.is_ok());
        prop_assert!(out == data);
    }

    #[test]
    fn damaged_bodies_decode_to_what_their_whole_decodes_to(
        data in prop::collection::vec(any::<u8>(), 0..300),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..3),
        more in prop::collection::vec(any::<u8>(), 0..20),
        (which, keep, piece) in (0..CODINGS, 0_usize..400, 1_usize..50),
    ) {
        let (coding, mut body) = encoded(which, &data);
        body.truncate(keep);
        for (at, with) in damage {
            if !body.is_empty() {
                let at = at.index(body.len());
                body[at] = with;
            }
        }
        body.extend(more);
        let (out, fed) = pushed(coding, &body, piece);
        let (whole, end) = crate::content::decode(&codings(coding), &body, 64 << 20);
        if end == crate::content::End::Complete {
            prop_assert!(whole.starts_with(&out));
            prop_assert!(fed.is_err() || whole == out);
        }
    }
}
