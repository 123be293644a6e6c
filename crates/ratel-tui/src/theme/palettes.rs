//! The palettes, by the names that mitmproxy gives them, and two of our own.

use ratatui::style::Color;

use super::Colours;

/// What of a palette a role takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hue {
    Background,
    Text,
    Strong,
    Dim,
    Red,
    Orange,
    Yellow,
    Green,
    Cyan,
    Blue,
    Violet,
    Magenta,
}

/// A colour among the sixteen, and among 256; none is the terminal's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Ink(Option<Color>, Option<u8>);

/// The colours of one palette, in the order of [`Hue`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Palette {
    name: &'static str,
    inks: [Ink; 12],
}

impl Palette {
    #[cfg(test)]
    pub(super) fn name(&self) -> &'static str {
        self.name
    }

    pub(super) fn colour(&self, hue: Hue, colours: Colours) -> Option<Color> {
        let Ink(few, many) = *self.inks.get(hue as usize)?;
        match colours {
            Colours::None => None,
            Colours::Sixteen => few,
            Colours::Many => many.map(Color::Indexed).or(few),
        }
    }
}

/// The palette of that name; one for an unknown name, which the option refuses.
pub(super) fn find(name: &str) -> &'static Palette {
    let found = PALETTES.iter().find(|palette| palette.name == name);
    found.unwrap_or(&TERMINAL)
}

const fn own() -> Ink {
    Ink(None, None)
}

const fn few(colour: Color) -> Ink {
    Ink(Some(colour), None)
}

const fn both(colour: Color, index: u8) -> Ink {
    Ink(Some(colour), Some(index))
}

use Color::{
    Black, Blue, Cyan, DarkGray, Gray, Green, LightBlue, LightCyan, LightGreen, LightMagenta,
    LightRed, LightYellow, Magenta, Red, White, Yellow,
};

/// The colours that the user has chosen for the terminal.
const TERMINAL: Palette = Palette {
    name: "terminal",
    inks: [
        own(),
        own(),
        own(),
        own(),
        few(Red),
        few(Yellow),
        few(Yellow),
        few(Green),
        few(Cyan),
        few(Blue),
        few(Magenta),
        few(Magenta),
    ],
};

const PALETTES: [Palette; 8] = [
    TERMINAL,
    Palette {
        name: "lowdark",
        inks: [
            few(Black),
            few(Gray),
            few(White),
            few(DarkGray),
            few(LightRed),
            few(Yellow),
            few(LightYellow),
            few(LightGreen),
            few(LightCyan),
            few(LightBlue),
            few(LightMagenta),
            few(LightMagenta),
        ],
    },
    Palette {
        name: "lowlight",
        inks: [
            few(White),
            few(Black),
            few(Black),
            few(DarkGray),
            few(Red),
            few(Red),
            few(Yellow),
            few(Green),
            few(Blue),
            few(Blue),
            few(Magenta),
            few(Magenta),
        ],
    },
    Palette {
        name: "dark",
        inks: [
            both(Black, 234),
            both(Gray, 252),
            both(White, 231),
            both(DarkGray, 244),
            both(LightRed, 203),
            both(Yellow, 215),
            both(LightYellow, 221),
            both(LightGreen, 114),
            both(LightCyan, 80),
            both(LightBlue, 75),
            both(LightMagenta, 141),
            both(LightMagenta, 176),
        ],
    },
    Palette {
        name: "light",
        inks: [
            both(White, 231),
            both(Black, 235),
            both(Black, 16),
            both(DarkGray, 243),
            both(Red, 160),
            both(Red, 166),
            both(Yellow, 136),
            both(Green, 28),
            both(Blue, 30),
            both(Blue, 26),
            both(Magenta, 92),
            both(Magenta, 127),
        ],
    },
    // The accents of Ethan Schoonover's scheme can be read on either background; the nearest of the 256.
    Palette {
        name: "solarized_dark",
        inks: [
            both(Black, 234),
            both(Gray, 244),
            both(White, 254),
            both(DarkGray, 245),
            both(Red, 160),
            both(LightRed, 166),
            both(Yellow, 136),
            both(Green, 64),
            both(Cyan, 37),
            both(Blue, 33),
            both(Magenta, 61),
            both(Magenta, 125),
        ],
    },
    Palette {
        name: "solarized_light",
        inks: [
            both(White, 230),
            both(Black, 241),
            both(Black, 235),
            both(DarkGray, 245),
            both(Red, 160),
            both(Red, 166),
            both(Yellow, 136),
            both(Green, 64),
            both(Cyan, 37),
            both(Blue, 33),
            both(Magenta, 61),
            both(Magenta, 125),
        ],
    },
    // Nothing is dim, and every colour is at least seven times as bright as the background (WCAG 2.2 §1.4.6).
    Palette {
        name: "high_contrast",
        inks: [
            both(Black, 16),
            both(White, 231),
            both(White, 231),
            both(White, 253),
            both(LightRed, 217),
            both(LightYellow, 222),
            both(LightYellow, 228),
            both(LightGreen, 120),
            both(LightCyan, 123),
            both(LightBlue, 153),
            both(LightMagenta, 189),
            both(LightMagenta, 219),
        ],
    },
];
