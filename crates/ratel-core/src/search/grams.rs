//! Grams: three bytes that follow on each other in a text, with capitals of ASCII made small.
//!
//! A text that holds a needle holds all grams of the needle. A [`Collector`] gathers which grams there are in a block
//! of text. Of text in any language all are kept as long as they are few enough; a block with more keeps those of a
//! fixed part of all grams ([`Level`]), which costs less and excludes less. Bytes at random, as in downloads that are
//! compressed, are a new gram each, and are hardly ever looked for: of them a small part of the printable ones is kept,
//! and the others are passed over at once. So blocks are of one [`Kind`] of bytes.

/// Three bytes, the first one highest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Gram(pub(super) u32);

/// The number of grams.
const GRAMS: usize = 1 << 24;

impl Gram {
    pub(super) fn of(bytes: [u8; 3]) -> Self {
        let [a, b, c] = bytes.map(fold).map(u32::from);
        Self(a << 16 | b << 8 | c)
    }

    /// The grams of a text that is looked for, each once.
    pub(super) fn all_of(text: &[u8]) -> Vec<Self> {
        let windows = text.windows(3);
        let grams = windows.filter_map(|three| Some(Self::of(three.try_into().ok()?)));
        let mut grams: Vec<_> = grams.collect();
        grams.sort_unstable();
        grams.dedup();
        grams
    }

    fn is_printable(self) -> bool {
        self.0.to_be_bytes().iter().skip(1).all(|b| class(*b) == 1)
    }

    /// Three bits that have little to do with what it is.
    fn bits(self) -> u32 {
        self.0.wrapping_mul(0x9e37_79b1) >> 29
    }
}

/// Capitals of ASCII made small, as everything is before it is indexed.
pub(super) fn fold(byte: u8) -> u8 {
    byte.to_ascii_lowercase()
}

/// Which grams of a block are in the index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(super) enum Level {
    /// All.
    All,
    /// Half of them, and a quarter.
    Half,
    Quarter,
    /// Those of three printable bytes, and a half, a quarter of those.
    Printable,
    PrintableHalf,
    PrintableQuarter,
}

impl Level {
    /// Whether that gram is in the index of a block that holds it.
    pub(super) fn keeps(self, gram: Gram) -> bool {
        let bits = match self {
            Self::All | Self::Printable => 0,
            Self::Half | Self::PrintableHalf => 1,
            Self::Quarter | Self::PrintableQuarter => 3,
        };
        gram.bits() & bits == 0 && (self < Self::Printable || gram.is_printable())
    }
}

/// A block has at most so many grams in the index, where there is a level that does it.
const GRAMS_MOST: usize = 4096;

/// Bytes by which the kind of a text is judged.
const SAMPLE: usize = 512;

/// What bytes are, as far as it matters for their grams. Where it is judged wrongly, that costs room or time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Text in any language.
    Text,
    /// Text with numbers between, as in protobuf.
    Mixed,
    /// As good as random.
    Binary,
}

impl Kind {
    /// Judges by the start and the middle.
    pub(super) fn of(bytes: &[u8]) -> Self {
        let start = bytes.get(..SAMPLE).unwrap_or(bytes);
        let middle = bytes.get(bytes.len() / 2..).unwrap_or_default();
        let middle = middle.get(..SAMPLE).unwrap_or(middle);
        let mut counts = [0_usize; 3];
        for byte in start.iter().chain(middle) {
            if let Some(count) = counts.get_mut(usize::from(class(*byte))) {
                *count += 1;
            }
        }
        let [other, printable, control] = counts;
        let all = other + printable + control;
        if control <= all / 64 {
            Self::Text
        } else if printable > all / 2 {
            Self::Mixed
        } else {
            Self::Binary
        }
    }

    /// The one for this kind.
    pub(super) fn of_them<T>(self, [text, mixed, binary]: &mut [T; 3]) -> &mut T {
        match self {
            Self::Text => text,
            Self::Mixed => mixed,
            Self::Binary => binary,
        }
    }

    /// The levels that blocks of this kind can have, each with fewer grams than the one before.
    fn levels(self) -> &'static [Level] {
        match self {
            Self::Text => &[Level::All, Level::Half, Level::Quarter],
            Self::Mixed => &[Level::All, Level::Printable, Level::PrintableHalf],
            Self::Binary => &[Level::PrintableQuarter],
        }
    }
}

/// Which grams there are in a block. Kept from block to block, since it takes 2 MiB.
pub(super) struct Collector {
    /// A bit for each gram; empty before the first one.
    seen: Box<[u64]>,
    grams: Vec<Gram>,
    kind: Kind,
    /// The last two bytes, and how many there were since the run began.
    last: u32,
    run: usize,
    len: usize,
}

/// 2 for a byte that is no part of text, 0 for one that is but is not printable ASCII, 1 for printable ASCII.
const fn class(byte: u8) -> u8 {
    match byte {
        b' '..=b'~' => 1,
        b'\t' | b'\n' | b'\r' | 0x80.. => 0,
        _ => 2,
    }
}

/// Each byte folded.
const FOLDED: [u8; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = (byte as u8).to_ascii_lowercase();
        byte += 1;
    }
    table
};

impl Collector {
    /// For blocks of that kind of bytes.
    pub(super) fn new(kind: Kind) -> Self {
        Self {
            seen: Box::default(),
            grams: Vec::new(),
            kind,
            last: 0,
            run: 0,
            len: 0,
        }
    }

    /// Bytes that follow on the ones before.
    pub(super) fn feed(&mut self, text: &[u8]) {
        if self.seen.is_empty() {
            self.seen = vec![0; GRAMS / 64].into();
        }
        self.len += text.len();
        match self.kind {
            Kind::Text | Kind::Mixed => self.feed_all(text),
            Kind::Binary => self.feed_printable(text),
        }
    }

    fn feed_all(&mut self, text: &[u8]) {
        let mut last = self.last;
        // The first two bytes of a run are not the end of a gram.
        let start = 2_usize.saturating_sub(self.run).min(text.len());
        let (before, rest) = text.split_at(start);
        for byte in before {
            last = (last << 8 | u32::from(FOLDED[usize::from(*byte)])) & 0xff_ffff;
        }
        for byte in rest {
            last = (last << 8 | u32::from(FOLDED[usize::from(*byte)])) & 0xff_ffff;
            note(&mut self.seen, &mut self.grams, Gram(last));
        }
        self.last = last;
        self.run += text.len();
    }

    /// Only the grams that the level keeps.
    fn feed_printable(&mut self, text: &[u8]) {
        let (mut last, mut run) = (self.last, self.run);
        for byte in text {
            if class(*byte) != 1 {
                run = 0;
                continue;
            }
            last = (last << 8 | u32::from(fold(*byte))) & 0xff_ffff;
            run += 1;
            if run >= 3 && Level::PrintableQuarter.keeps(Gram(last)) {
                note(&mut self.seen, &mut self.grams, Gram(last));
            }
        }
        (self.last, self.run) = (last, run);
    }

    /// What comes next does not follow on what was there. The last two bytes are the start of no gram, and get one, so
    /// that two bytes are found by the grams that begin with them.
    pub(super) fn cut(&mut self) {
        if self.run >= 2 && self.kind != Kind::Binary {
            note(
                &mut self.seen,
                &mut self.grams,
                Gram(self.last << 8 & 0xff_ffff),
            );
        }
        self.run = 0;
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.grams.len()
    }

    /// Bytes since the block began.
    pub(super) fn bytes(&self) -> usize {
        self.len
    }

    /// Ends the block: gives `take` its grams, in no order, and says at which level they are.
    pub(super) fn finish(&mut self, mut take: impl FnMut(Gram)) -> Level {
        self.cut();
        let level = self.level();
        for gram in self.grams.drain(..) {
            if let Some(word) = self.seen.get_mut((gram.0 >> 6) as usize) {
                *word = 0;
            }
            if level.keeps(gram) {
                take(gram);
            }
        }
        self.len = 0;
        level
    }

    fn level(&self) -> Level {
        let [levels @ .., last] = self.kind.levels() else {
            return Level::All;
        };
        if self.grams.len() <= GRAMS_MOST
            && let Some(first) = levels.first()
        {
            return *first;
        }
        let fits = |level: &&Level| {
            **level != Level::All
                && self.grams.iter().filter(|g| level.keeps(**g)).count() <= GRAMS_MOST
        };
        levels.iter().find(fits).copied().unwrap_or(*last)
    }
}

fn note(seen: &mut [u64], grams: &mut Vec<Gram>, gram: Gram) {
    let bit = 1_u64 << (gram.0 & 63);
    if let Some(word) = seen.get_mut((gram.0 >> 6) as usize)
        && *word & bit == 0
    {
        *word |= bit;
        grams.push(gram);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn collect(pieces: &[&[u8]]) -> (Level, Vec<Gram>) {
        let mut collector = Collector::new(Kind::of(&pieces.concat()));
        let mut grams = Vec::new();
        for piece in pieces {
            collector.feed(piece);
        }
        let level = collector.finish(|gram| grams.push(gram));
        grams.sort_unstable();
        (level, grams)
    }

    #[test]
    fn grams_do_not_depend_on_how_the_text_is_cut() {
        let text = b"Hello, World";
        let whole = collect(&[text]).1;
        for at in 0..text.len() {
            let (a, b) = text.split_at(at);
            assert_eq!(collect(&[a, b, b""]).1, whole, "{at}");
        }
        let mut expected = Gram::all_of(b"hello, WORLD");
        expected.push(Gram::of(*b"ld\0"));
        expected.sort_unstable();
        assert_eq!(whole, expected);
    }

    #[test]
    fn short_texts_have_few() {
        assert_eq!(collect(&[b""]).1, []);
        assert_eq!(collect(&[b"a"]).1, []);
        assert_eq!(collect(&[b"AB"]).1, [Gram::of(*b"ab\0")]);
    }

    #[test]
    fn a_collector_forgets_the_block_before() {
        let mut collector = Collector::new(Kind::Text);
        collector.feed(b"some text with \x00\x01\x02 in it");
        collector.finish(|_| ());
        let mut grams = Vec::new();
        collector.feed(b"xyz");
        collector.finish(|gram| grams.push(gram));
        assert_eq!(grams, [Gram::of(*b"xyz"), Gram::of(*b"yz\0")]);
        assert!(collector.seen.iter().all(|word| *word == 0));
    }

    #[test]
    fn levels_go_by_what_the_text_is() {
        let mut state = 1_u64;
        let mut random = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (state >> 33) as u32
        };
        let noise: Vec<u8> = (0..16_384).map(|_| random() as u8).collect();
        let base64: Vec<u8> = (0..16_384)
            .map(|_| {
                b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
                    [random() as usize % 64]
            })
            .collect();
        let (level, grams) = collect(&[&noise]);
        assert_eq!(level, Level::PrintableQuarter);
        assert!((50..400).contains(&grams.len()) && grams.iter().all(|gram| level.keeps(*gram)));
        let (level, grams) = collect(&[&base64]);
        assert_eq!(level, Level::Quarter);
        assert!((2000..5000).contains(&grams.len()));
        assert_eq!(collect(&["größer ".repeat(99).as_bytes()]).0, Level::All);
    }
}
