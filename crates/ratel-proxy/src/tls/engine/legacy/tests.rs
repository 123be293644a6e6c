use openssl::ssl::SslContext;

use super::*;
use crate::tls::testing::{Cert, Issued};

/// Whether `list` has `cipher`: both sides of a handshake, one of which knows nothing else, find it.
fn has(list: &str, cipher: &str) -> bool {
    old_algorithms();
    let context = |method, list: &str| {
        let mut context = SslContext::builder(method)?;
        context.set_security_level(0);
        context.clear_options(SslOptions::NO_SSLV3);
        context.set_min_proto_version(Some(SslVersion::SSL3))?;
        context.set_max_proto_version(Some(SslVersion::TLS1_2))?;
        context.set_cipher_list(list)?;
        context.set_tmp_dh(&*dh()?)?;
        context.set_verify(SslVerifyMode::NONE);
        Ok::<_, ErrorStack>(context)
    };
    let issued = Issued::self_signed(&Cert {
        rsa_bits: Some(2048),
        ..Cert::default()
    });
    let mut server =
        context(SslMethod::tls_server(), &format!("{cipher}:@SECLEVEL=0")).expect("a context");
    server.set_certificate(&issued.cert).expect("a certificate");
    server.set_private_key(&issued.key).expect("its key");
    let client = context(SslMethod::tls_client(), list)
        .expect("a context")
        .build();
    let (ours, theirs) = std::os::unix::net::UnixStream::pair().expect("a pipe");
    let server = server.build();
    let serving = std::thread::spawn(move || {
        Ssl::new(&server)
            .expect("a connection")
            .accept(theirs)
            .is_ok()
    });
    let asked = Ssl::new(&client)
        .expect("a connection")
        .connect(ours)
        .is_ok();
    serving.join().expect("no panic") && asked
}

/// The OpenSSL that is built in was built with what today's lack.
#[test]
fn what_is_old_is_there_and_only_where_it_is_allowed() {
    for cipher in [
        "DES-CBC3-SHA",
        "AES128-SHA",
        "DHE-RSA-AES256-SHA",
        "ECDHE-RSA-AES128-SHA",
        "CAMELLIA128-SHA",
    ] {
        assert!(has(CIPHERS, cipher), "{cipher}");
    }
    for cipher in ["RC4-MD5", "RC4-SHA", "SEED-SHA"] {
        assert!(
            !has(CIPHERS, cipher) && has(CIPHERS_PERMISSIVE, cipher),
            "{cipher}"
        );
    }
    for cipher in ["ADH-AES128-SHA", "NULL-SHA"] {
        assert!(
            !has(CIPHERS_PERMISSIVE, cipher) && has(CIPHERS_INSECURE, cipher),
            "{cipher}"
        );
    }
}

#[test]
fn alpn_lists_are_read_and_written() {
    let protocols = [Bytes::from_static(b"h2"), Bytes::from_static(b"http/1.1")];
    let list = alpn_list(&protocols);
    assert_eq!(list, b"\x02h2\x08http/1.1");
    assert_eq!(names(&list).collect::<Vec<_>>(), protocols);
    assert_eq!(names(b"\x02h2\x09http/1.1").count(), 1);
    assert_eq!(alpn_list(&[Bytes::from(vec![b'a'; 256])]), b"");
}
