use super::*;
use crate::store::segments::{Recorder, Segment};

/// What was appended, and where it went.
struct Written {
    segment: u32,
    at: u32,
    bytes: Vec<u8>,
}

fn recorder(direct: Direct) -> Recorder {
    let mut recorder = Recorder::new(std::env::temp_dir(), 1 << 30).unwrap();
    recorder.direct = direct;
    recorder
}

/// Appends bytes that differ from place to place and from time to time, in three slices.
fn append(recorder: &mut Recorder, len: usize, salt: usize) -> Written {
    let bytes: Vec<u8> = (0..len).map(|n| (n * 7 + n / 251 + salt) as u8).collect();
    let (a, rest) = bytes.split_at(len / 3);
    let (b, c) = rest.split_at(rest.len() / 2);
    let at = recorder
        .append(&mut [a, b, c].map(IoSlice::new), len as u64)
        .expect("there is room");
    let segment = recorder.current().number;
    Written { segment, at, bytes }
}

fn check(segment: &Segment, written: &[Written]) {
    for Written { at, bytes, .. } in written.iter().filter(|w| w.segment == segment.number) {
        let back = segment.read(*at, bytes.len()).unwrap();
        assert!(back == *bytes, "{} bytes at {at}", bytes.len());
    }
}

const BLOCK_LEN: usize = BLOCK as usize;

/// Through the cache and past it in turns, over a new file, then over what other turns left in it.
#[test]
fn bytes_read_back_around_the_edges_of_blocks() {
    let mut recorder = recorder(Direct::forced());
    let edges = [BLOCK_LEN, 2 * BLOCK_LEN, STAGING_BYTES, 2 * STAGING_BYTES];
    for round in 0..4 {
        let mut written = Vec::new();
        for (n, edge) in edges.iter().cycle().take(12).enumerate() {
            for (m, len) in [1, edge - 1, *edge, edge + 1].into_iter().enumerate() {
                let direct = (n + m + round) % 3 != 0;
                recorder.direct.bulk = if direct { 1 } else { u64::MAX };
                let before = recorder.disk_bytes();
                let place = append(&mut recorder, len, round * 100 + n * 4 + m);
                if direct && !recorder.direct.off {
                    assert_eq!(u64::from(place.at) % BLOCK, 0);
                }
                assert!(recorder.disk_bytes() >= before);
                written.push(place);
                // What is in the cache while its neighbour is written must stay right, too.
                check(recorder.current(), &written);
            }
        }
        // The next round overwrites this file: it is dropped while one segment lies between.
        let segment = recorder.current().clone();
        recorder.roll().unwrap();
        check(&segment, &written);
        recorder.dropped(segment);
        recorder.roll().unwrap();
    }
}

#[test]
fn a_failure_falls_back_to_the_cache() {
    let mut recorder = recorder(Direct::forced());
    let mut written = vec![append(&mut recorder, 5000, 1)];
    // Not open for writing.
    recorder.direct.file = Some(File::open("/dev/null").unwrap());
    written.push(append(&mut recorder, 5000, 2));
    assert!(recorder.direct.off);
    written.push(append(&mut recorder, 5000, 3));
    let [_, second, third] = &written[..] else {
        unreachable!("three were written");
    };
    assert_eq!(second.at + 5000, third.at, "without padding");
    recorder.roll().unwrap();
    written.push(append(&mut recorder, 10, 4));
    assert_eq!(written.last().unwrap().at, 0);
    check(recorder.current(), &written);
}

#[test]
fn a_full_disk_takes_back_the_padding() {
    let mut recorder = recorder(Direct::forced());
    recorder.direct.bulk = 100;
    let small = append(&mut recorder, 10, 1);
    recorder
        .disk_left
        .store(0, std::sync::atomic::Ordering::Relaxed);
    assert_eq!(recorder.append(&mut [IoSlice::new(&[1; 5000])], 5000), None);
    assert!(!recorder.direct.off, "it is tried again when there is room");
    recorder
        .disk_left
        .store(u64::MAX, std::sync::atomic::Ordering::Relaxed);
    let next = append(&mut recorder, 10, 2);
    assert_eq!(next.at, 10);
    check(recorder.current(), &[small, next]);
}

#[test]
fn the_pace_is_judged_over_many_writes() {
    let mut pace = Pace::new(1_000_000_000);
    let mib = 1 << 20;
    for _ in 0..7 {
        pace.note(mib, Duration::from_secs(1));
        assert!(!pace.is_slow(), "too few bytes to know");
    }
    pace.note(mib, Duration::from_secs(1));
    assert!(pace.is_slow());
    let mut pace = Pace::new(1_000_000_000);
    for _ in 0..100 {
        pace.note(mib, Duration::from_micros(500));
    }
    pace.note(mib, Duration::from_millis(2));
    assert!(!pace.is_slow(), "once is not enough");
}
