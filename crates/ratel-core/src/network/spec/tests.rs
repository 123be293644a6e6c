use super::*;

fn faulty(spec: &str) -> Result<(Option<String>, FaultKind, f64), SpecError> {
    let rule = fault(spec, FilterOptions::default(), Chance::new(0, 0))?;
    let filter = rule.filter.map(|filter| filter.to_string());
    Ok((filter, rule.what.kind, rule.what.probability))
}

fn slow(spec: &str) -> Result<Profile, SpecError> {
    let rule = throttle(spec, FilterOptions::default(), Chance::new(0, 0))?;
    Ok(rule.what.profile.clone())
}

#[test]
fn faults_are_read() {
    use FaultKind as K;
    let second = Duration::from_secs(1);
    let rows = [
        ("503", K::Status(503), 1.0),
        ("~u /pay : 503 @ 20%", K::Status(503), 0.2),
        (
            "~u /a:b : delay 1s-3s @ 0.5",
            K::Delay(second, 3 * second),
            0.5,
        ),
        ("delay 500ms", K::Delay(second / 2, second / 2), 1.0),
        ("timeout", K::Timeout(None), 1.0),
        ("timeout 2m", K::Timeout(Some(120 * second)), 1.0),
        ("reset", K::Reset(None), 1.0),
        ("reset after 1.5k", K::Reset(Some(1536)), 1.0),
        ("~c 200 : truncate 100", K::Truncate(100), 1.0),
        ("~d a.test : tls", K::Tls, 1.0),
        ("grpc UNAVAILABLE", K::Grpc(14), 1.0),
        ("grpc 4 @ 1%", K::Grpc(4), 0.01),
        ("rst_stream", K::RstStream(8), 1.0),
        ("goaway ENHANCE_YOUR_CALM", K::Goaway(11), 1.0),
        ("goaway 300", K::Goaway(300), 1.0),
    ];
    for (spec, kind, probability) in rows {
        let (filter, found, chance) =
            faulty(spec).unwrap_or_else(|error| panic!("{spec}: {error}"));
        assert_eq!((found, chance), (kind, probability), "{spec}");
        assert_eq!(filter.is_some(), spec.starts_with('~'), "{spec}");
    }
}

#[test]
fn profiles_are_read() {
    let preset = slow("~d api.dev : 3g").unwrap();
    assert_eq!(preset.latency, Duration::from_millis(300));
    assert_eq!((preset.down, preset.up), (Some(200_000.0), Some(96_000.0)));
    let changed = slow("3g, latency=1s down=8kbit").unwrap();
    assert_eq!(changed.latency, Duration::from_secs(1));
    assert_eq!((changed.down, changed.up), (Some(1000.0), Some(96_000.0)));
    let own = slow("loss=2% jitter=10ms up=1Mbit/s").unwrap();
    assert_eq!((own.loss, own.stall), (0.02, Duration::from_millis(200)));
    for (written, bytes) in [
        ("8kbit", 1e3),
        ("100kB", 100e3),
        ("1MB/s", 1e6),
        ("512B", 512.0),
        ("8kbps", 1e3),
        ("8Mb/s", 1e6),
        ("0.5Mbit/s", 62_500.0),
    ] {
        let profile = slow(&format!("down={written}")).unwrap();
        assert_eq!(profile.down, Some(bytes), "{written}");
    }
    for preset in PRESETS {
        assert!(slow(preset.name).is_ok(), "{}", preset.name);
    }
}

#[test]
fn errors_have_their_place() {
    let rows = [
        ("~u /pay : 50", 11, "a status is a number"),
        ("~u /pay : 503 @ 200%", 17, "no probability"),
        ("~d a ~zz : 503", 6, "~zz"),
        ("~u /pay", 1, "what happens is missing"),
        ("boom", 1, "`boom` is no fault"),
        ("", 1, "a fault is missing"),
        ("delay", 1, "wants a time"),
        ("delay soon", 7, "is no time"),
        ("reset before", 7, "stands alone"),
        ("~d ü : grpc SAD", 13, "no such code"),
        ("~bs x : 503", 1, "because of `~bs`"),
        ("503 504", 5, "nothing more"),
        ("delay 3s-1s", 7, "ends before it begins"),
        ("~c 200 : 503", 10, "so that `~c` cannot ask for one"),
        ("~u a & ~s : grpc 14", 13, "so that `~s` cannot ask for one"),
        ("!~q : 503", 7, "so that `~q` cannot ask for one"),
        ("~u a & ~m GET : tls", 17, "`~m` cannot be asked"),
        (" ~bq x : 503", 2, "never true"),
        ("~e | ~dns : delay 1s", 1, "because of `~e`"),
        ("~q & ~s : reset", 1, "never true"),
    ];
    for (spec, at, says) in rows {
        let error = faulty(spec).unwrap_err();
        assert_eq!(error.at + 1, at, "{spec}: {error}");
        assert!(error.to_string().contains(says), "{spec}: {error}");
    }
    let rows = [
        ("~d a : 5g", 8, "`5g` is no profile"),
        ("3g speed=1", 4, "is none of"),
        ("3g down=fast", 9, "no bandwidth"),
        ("down=0bit", 6, "no bandwidth"),
        ("down=100", 6, "no bandwidth"),
        ("down=100k", 6, "no bandwidth"),
        ("down=100kb", 6, "`kb` may be bits or bytes"),
        ("~d a : ", 8, "a profile is missing"),
        ("3g 4g", 4, "one profile more beside `3g`"),
        ("latency=1s,latency=2s", 12, "for the second time"),
        ("~d a : 3g stall=1s", 11, "none is lost"),
        ("latency=0s", 1, "slows nothing down"),
        ("~b x : 3g", 1, "because of `~b`"),
        ("~c 200 & ~q : 3g", 1, "never true"),
    ];
    for (spec, at, says) in rows {
        let error = slow(spec).unwrap_err();
        assert_eq!(error.at + 1, at, "{spec}: {error}");
        assert!(error.to_string().contains(says), "{spec}: {error}");
    }
}

/// A filter that can be true in time is taken, whatever else stands in it.
#[test]
fn filters_that_can_hold_are_taken() {
    let faults = [
        "!~s : 503",
        "~q : 503",
        "!~c 200 : 503",
        "~u a | ~c 200 : 503",
        "~u a | ~bs b : 503",
        "~t json : grpc 14",
        "~c 200 : truncate 1k",
        "~s : reset",
        "~d a | ~c 200 : tls",
        "!~m GET : 503",
        "~tcp : reset",
        "~websocket : delay 1s",
    ];
    for spec in faults {
        assert!(faulty(spec).is_ok(), "{spec}: {:?}", faulty(spec));
    }
    for spec in [
        "~s : 3g",
        "~tcp : 3g",
        "~websocket : 3g",
        "!~bq a | ~d a : 3g",
    ] {
        assert!(slow(spec).is_ok(), "{spec}: {:?}", slow(spec));
    }
}

#[test]
fn a_refusal_says_what_can_be_done() {
    let rows = [
        ("~c 200 : 503", "`truncate`"),
        ("~c 200 : tls", "`~d`"),
        ("delay 3s-1s", "write `1s-3s`"),
        ("~bq a : 503", "`~hq`"),
        ("~u a: 503", "needs a blank on both sides"),
    ];
    for (spec, hint) in rows {
        let told = faulty(spec).unwrap_err().with_hint();
        assert!(told.contains(hint), "{spec}: {told}");
    }
    let told = slow("3g 4g").unwrap_err().with_hint();
    assert!(
        told.ends_with("; write two rules to have both: they add up"),
        "{told}"
    );
    let given_first = slow("latency=1s 3g").unwrap();
    assert_eq!(
        given_first.latency,
        Duration::from_secs(1),
        "figures take the place of a name's"
    );
}
