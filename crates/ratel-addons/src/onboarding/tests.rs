use super::*;
use ratel_core::options::Value;
use ratel_flow::Timestamp;
use ratel_flow::http::Scheme;

fn ca(base: &'static str) -> Arc<PublicCa> {
    Arc::new(PublicCa {
        base,
        pem: "-----BEGIN CERTIFICATE-----\nQUJD\nREVG\n-----END CERTIFICATE-----\n".into(),
        der: "ABCDEF".into(),
        p12: "PKCS".into(),
        crl: "CRL".into(),
        crl_path: "/ratel-1.crl".into(),
        sha256: [0xa5; 32],
        subject_hash_old: 0x00c0_ffee,
    })
}

fn addon(options: &[(&str, Value)]) -> Onboarding {
    let mut values = Values::default();
    for (name, value) in options {
        values
            .set(name, value.clone())
            .expect("the option is there");
    }
    let addon = Onboarding::default();
    addon.configure(&values, &[]).expect("any value is fine");
    addon.ca_loaded(&ca("ratel"));
    addon
}

fn request(method: &'static str, path: &'static str) -> Request {
    Request {
        method: method.into(),
        target: path.into(),
        version: Version::Http11,
        line: None,
        headers: Headers::new(),
        pseudo: Headers::new(),
        scheme: Scheme::Http,
        host: "mitm.it".into(),
        port: 80,
        path: path.into(),
        timestamp_start: Timestamp::default(),
    }
}

#[test]
fn its_hosts_are_the_option_s_and_the_reserved_one() {
    let usual = addon(&[]);
    for host in ["mitm.it", "MITM.it", "mitm.it.", "ratel.test", "Ratel.Test"] {
        assert!(usual.serves(host), "{host}");
    }
    for host in [
        "www.mitm.it",
        "mitm.it.example.com",
        "notmitm.it",
        "mitm.it..",
        "",
        ".",
    ] {
        assert!(!usual.serves(host), "{host}");
    }
    let other = addon(&[("onboarding_host", Value::Str("cert.home.arpa".into()))]);
    assert!(other.serves("cert.home.arpa") && other.serves("ratel.test"));
    assert!(!other.serves("mitm.it"));
    let none = addon(&[("onboarding_host", Value::Str(String::new()))]);
    assert!(!none.serves("") && none.serves("ratel.test"));
    let off = addon(&[("onboarding", Value::Bool(false))]);
    assert!(!off.serves("mitm.it") && !off.serves("ratel.test"));
}

#[test]
fn without_a_certificate_nothing_is_served() {
    let addon = Onboarding::default();
    addon
        .configure(&Values::default(), &[])
        .expect("any value is fine");
    assert!(!addon.serves("mitm.it"));
}

#[test]
fn paths_lead_to_files() {
    let rows = [
        ("/cert/pem", CERT, "ratel-ca-cert.pem"),
        ("/cert/cer", CERT, "ratel-ca-cert.cer"),
        ("/cert/der", CERT, "ratel-ca-cert.der"),
        ("/cert/p12", "application/x-pkcs12", "ratel-ca-cert.p12"),
        (
            "/cert/mobileconfig",
            "application/x-apple-aspen-config",
            "ratel-ca-cert.mobileconfig",
        ),
        ("/cert/magisk", "application/zip", "ratel-magisk-module.zip"),
        ("/cert/pem?again", CERT, "ratel-ca-cert.pem"),
    ];
    for (path, content_type, name) in rows {
        let answer = answer(&request("GET", path), &ca("ratel"));
        let head = answer.head(&Version::Http11);
        let disposition = format!("attachment; filename=\"{name}\"");
        assert_eq!(head.status, 200, "{path}");
        let field = |name| head.headers.get(name);
        assert_eq!(field("content-type"), Some(content_type.as_bytes()));
        assert_eq!(field("content-disposition"), Some(disposition.as_bytes()));
        assert_eq!(field("cache-control"), Some(&b"no-store"[..]));
        assert!(!answer.body.is_empty());
    }
    let theirs = answer(&request("GET", "/cert/p12"), &ca("mitmproxy"));
    assert_eq!(theirs.file.as_deref(), Some("mitmproxy-ca-cert.p12"));
}

#[test]
fn everything_else_is_refused() {
    for path in [
        "/cert",
        "/cert/",
        "/cert/key",
        "/../etc/passwd",
        "*",
        "/<script>",
    ] {
        let answer = answer(&request("GET", path), &ca("ratel"));
        assert_eq!(answer.status, 404, "{path}");
        assert!(!answer.body.windows(8).any(|part| part == b"<script>"));
    }
    for method in ["POST", "OPTIONS", "get"] {
        let head = answer(&request(method, "/"), &ca("ratel")).head(&Version::Http11);
        assert_eq!(head.status, 405, "{method}");
        assert_eq!(head.headers.get("allow"), Some(&b"GET, HEAD"[..]));
    }
}

#[test]
fn the_page_begins_with_the_visitor_s_system() {
    let mut request = request("GET", "/");
    let page = |request: &Request| {
        let answer = answer(request, &ca("mitmproxy"));
        String::from_utf8(answer.body.to_vec()).expect("text")
    };
    let unknown = page(&request);
    assert!(unknown.contains("<h2>The certificate</h2>"), "{unknown}");
    request
        .headers
        .append(b"User-Agent", b"Mozilla/5.0 (iPhone) <script>\xff");
    let phone = page(&request);
    assert!(phone.contains("<h2>On this iPhone or iPad</h2>") && !phone.contains("<script>"));
    // What it began with is not listed once more.
    assert_eq!(phone.matches("<details>").count(), 6);
    assert!(phone.contains("mitmproxy-ca-cert.pem") && !phone.contains("{ca}"));
    assert!(phone.contains("A5:A5:A5"));
    for word in ["src=\"http", "href=\"http", "url(", "@import"] {
        assert!(!phone.contains(word), "{word}");
    }
}

#[test]
fn the_profile_holds_the_certificate() {
    let text = profile::text(&ca("ratel"));
    assert!(text.contains("<data>QUJDREVG</data>"), "{text}");
    assert!(
        text.contains("A5A5A5A5-A5A5-85A5-A5A5-A5A5A5A5A5A5"),
        "{text}"
    );
}

#[test]
fn the_module_holds_the_certificate_by_its_hash() {
    let module = magisk::module(&ca("ratel"));
    let text = String::from_utf8_lossy(&module);
    for word in [
        "system/etc/security/cacerts/00c0ffee.0ABCDEF",
        "id=ratel_ca_cert\n",
        "META-INF/com/google/android/update-binary#!/sbin/sh\n",
        "META-INF/com/google/android/updater-script#MAGISK\n",
    ] {
        assert!(text.contains(word), "{word}");
    }
}
