use super::*;

const ROLES: [Role; 6] = [
    Role::Text,
    Role::Error,
    Role::UrlHost,
    Role::Dim,
    Role::Focus,
    Role::Bar,
];

#[test]
fn every_palette_that_can_be_chosen_is_there() {
    let def = ratel_core::options::def("console_palette").unwrap();
    for name in def.choices {
        assert_eq!(palettes::find(name).name(), *name);
        for colours in [Colours::Sixteen, Colours::Many] {
            let theme = Theme::new(name, true, colours);
            assert!(theme.style(Role::Error).fg.is_some(), "{name}");
            assert_eq!(
                theme.style(Role::Text).fg,
                None,
                "{name} keeps the colour of text"
            );
            assert_eq!(theme.base(), None, "{name} keeps the background");
        }
    }
    assert!(Theme::new("light", false, Colours::Many).base().is_some());
    assert_eq!(Theme::new("terminal", false, Colours::Many).base(), None);
}

#[test]
fn without_colours_there_are_none() {
    for name in ["dark", "high_contrast"] {
        let theme = Theme::new(name, false, Colours::None);
        assert_eq!(theme.base(), None);
        for role in ROLES {
            assert_eq!((theme.style(role).fg, theme.style(role).bg), (None, None));
        }
    }
}

/// Relative luminance of one of the 256 colours (WCAG 2.2).
fn luminance(index: u8) -> f64 {
    let channels = match index {
        16..=231 => {
            let levels = [0u8, 95, 135, 175, 215, 255];
            let at = index - 16;
            [at / 36, at / 6 % 6, at % 6].map(|level| levels[usize::from(level)])
        }
        232..=255 => [8 + (index - 232) * 10; 3],
        _ => panic!("{index} depends on the terminal"),
    };
    let [r, g, b] = channels.map(|c| {
        let c = f64::from(c) / 255.0;
        if c <= 0.04045 {
            c / 12.92
        } else {
            ((c + 0.055) / 1.055).powf(2.4)
        }
    });
    0.2126 * r + 0.7152 * g + 0.0722 * b
}

#[test]
fn high_contrast_is_that() {
    let theme = Theme::new("high_contrast", false, Colours::Many);
    let index = |colour: Option<Color>| match colour {
        Some(Color::Indexed(index)) => index,
        other => panic!("{other:?}"),
    };
    let background = luminance(index(theme.base().unwrap().bg));
    for hue in [
        Hue::Text,
        Hue::Strong,
        Hue::Dim,
        Hue::Red,
        Hue::Orange,
        Hue::Yellow,
        Hue::Green,
        Hue::Cyan,
        Hue::Blue,
        Hue::Violet,
        Hue::Magenta,
    ] {
        let contrast = (luminance(index(theme.colour(Some(hue)))) + 0.05) / (background + 0.05);
        assert!(contrast >= 7.0, "{hue:?} has a contrast of {contrast}");
    }
}

#[test]
fn the_environment_says_how_many_colours_there_are() {
    let rows: [(&[(&str, &str)], Colours); 9] = [
        (&[("TERM", "xterm-256color")], Colours::Many),
        (
            &[("TERM", "xterm-256color"), ("NO_COLOR", "1")],
            Colours::None,
        ),
        (
            &[("TERM", "xterm-256color"), ("NO_COLOR", "")],
            Colours::Many,
        ),
        (
            &[("TERM", "xterm"), ("COLORTERM", "truecolor")],
            Colours::Many,
        ),
        (&[("TERM", "linux")], Colours::Sixteen),
        (&[("TERM", "dumb")], Colours::None),
        (&[("TERM", "xterm-kitty")], Colours::Many),
        (&[("TERM", "xterm-16color")], Colours::Sixteen),
        (&[], Colours::Sixteen),
    ];
    for (variables, expected) in rows {
        let look = |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        assert_eq!(Colours::detect(look), expected, "{variables:?}");
    }
}
