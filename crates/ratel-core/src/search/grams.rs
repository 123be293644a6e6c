//! Grams: three bytes that follow on each other in a text, with capitals of ASCII made small.
//!
//! A text that holds a needle holds all grams of the needle. A [`Collector`] gathers which grams there are in a block
//! of text. Of text in any language all are kept as long as they are few enough; a block with more keeps those of a
//! fixed part of all grams ([`Level`]), which costs less and excludes less. Bytes at random, as in downloads that are
//! compressed, are a new gram each, and are hardly ever looked for: of them a small part of the printable ones is kept.

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
    /// Those of three printable bytes, and a half, a quarter, an eighth of those.
    Printable,
    PrintableHalf,
    PrintableQuarter,
    PrintableEighth,
}

impl Level {
    /// Whether that gram is in the index of a block that holds it.
    pub(super) fn keeps(self, gram: Gram) -> bool {
        let bits = match self {
            Self::All | Self::Printable => 0,
            Self::Half | Self::PrintableHalf => 1,
            Self::Quarter | Self::PrintableQuarter => 3,
            Self::PrintableEighth => 7,
        };
        gram.bits() & bits == 0 && (self < Self::Printable || gram.is_printable())
    }
}

/// A block of text has at most so many grams in the index, if it is text, where there is a level that does it.
const TEXT_MOST: usize = 4096;

/// The same for other blocks, as a part of their length in bytes.
const BINARY_MOST: usize = 48;

/// Which grams there are in a block. Kept from block to block, since it takes 2 MiB.
pub(super) struct Collector {
    /// A bit for each gram.
    seen: Box<[u64]>,
    grams: Vec<Gram>,
    /// The last two bytes, and how many there were since the run began.
    last: u32,
    run: usize,
    len: usize,
    /// Bytes of the block that are printable, and those that are not found in text.
    printable: u32,
    control: u32,
}

impl Default for Collector {
    fn default() -> Self {
        Self {
            seen: vec![0; GRAMS / 64].into(),
            grams: Vec::new(),
            last: 0,
            run: 0,
            len: 0,
            printable: 0,
            control: 0,
        }
    }
}

/// A byte that is no part of text, 0 for one that is but is not printable ASCII, 1 for printable ASCII.
const fn class(byte: u8) -> u8 {
    match byte {
        b' '..=b'~' => 1,
        b'\t' | b'\n' | b'\r' | 0x80.. => 0,
        _ => 2,
    }
}

/// For each byte: folded in the lowest 8 bits; then its class, so that sums of it can be taken apart.
const TABLE: [u64; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let folded = (byte as u8).to_ascii_lowercase() as u64;
        table[byte] = folded
            | match class(byte as u8) {
                1 => 1 << 8,
                2 => 1 << 36,
                _ => 0,
            };
        byte += 1;
    }
    table
};

impl Collector {
    /// Bytes that follow on the ones before.
    pub(super) fn feed(&mut self, text: &[u8]) {
        let (mut last, mut sum) = (self.last, 0_u64);
        // The first two bytes of a run are not the end of a gram.
        let start = 2_usize.saturating_sub(self.run).min(text.len());
        let (before, rest) = text.split_at(start);
        for byte in before {
            let entry = TABLE[usize::from(*byte)];
            sum += entry >> 8;
            last = (last << 8 | (entry as u32 & 0xff)) & 0xff_ffff;
        }
        for byte in rest {
            let entry = TABLE[usize::from(*byte)];
            sum += entry >> 8;
            last = (last << 8 | (entry as u32 & 0xff)) & 0xff_ffff;
            let bit = 1_u64 << (last & 63);
            if let Some(word) = self.seen.get_mut((last >> 6) as usize)
                && *word & bit == 0
            {
                *word |= bit;
                self.grams.push(Gram(last));
            }
        }
        self.last = last;
        self.run += text.len();
        self.len += text.len();
        self.printable += (sum & 0xfff_ffff) as u32;
        self.control += (sum >> 28) as u32;
    }

    /// What comes next does not follow on what was there. The last two bytes are the start of no gram, and get one, so
    /// that two bytes are found by the grams that begin with them.
    pub(super) fn cut(&mut self) {
        if self.run >= 2 {
            let gram = Gram(self.last << 8 & 0xff_ffff);
            let bit = 1_u64 << (gram.0 & 63);
            if let Some(word) = self.seen.get_mut((gram.0 >> 6) as usize)
                && *word & bit == 0
            {
                *word |= bit;
                self.grams.push(gram);
            }
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
        (self.len, self.printable, self.control) = (0, 0, 0);
        level
    }

    fn level(&self) -> Level {
        use Level::{
            All, Half, Printable, PrintableEighth, PrintableHalf, PrintableQuarter, Quarter,
        };
        let (len, printable) = (self.len, self.printable as usize);
        let is_text = (self.control as usize) <= len / 64;
        let (levels, most): (&[Level], usize) = match is_text {
            true => (&[All, Half, Quarter], TEXT_MOST),
            // Text with numbers between, as in protobuf.
            false if printable > len / 2 => (&[All, Printable, PrintableHalf], TEXT_MOST),
            false => (
                &[
                    All,
                    Printable,
                    PrintableHalf,
                    PrintableQuarter,
                    PrintableEighth,
                ],
                len / BINARY_MOST,
            ),
        };
        let (last, others) = match levels.split_last() {
            Some((last, others)) => (*last, others),
            None => (All, levels),
        };
        let fits = |level: &Level| {
            *level == All && self.grams.len() <= most
                || *level != All && self.grams.iter().filter(|g| level.keeps(**g)).count() <= most
        };
        others.iter().copied().find(fits).unwrap_or(last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn collect(pieces: &[&[u8]]) -> (Level, Vec<Gram>) {
        let mut collector = Collector::default();
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
        let mut collector = Collector::default();
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
        assert!(grams.len() < 400 && grams.iter().all(|gram| level.keeps(*gram)));
        let (level, grams) = collect(&[&base64]);
        assert_eq!(level, Level::Quarter);
        assert!((2000..5000).contains(&grams.len()));
        assert_eq!(collect(&["größer ".repeat(99).as_bytes()]).0, Level::All);
    }
}
