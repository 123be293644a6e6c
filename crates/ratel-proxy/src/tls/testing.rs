//! What the tests of this folder share: certificates of every kind, and OpenSSL as the other side of handshakes.

use std::io::{Read, Write};
use std::net::IpAddr;
use std::os::unix::net::UnixStream;
use std::thread::JoinHandle;

use bytes::Bytes;
use openssl::asn1::Asn1Time;
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::rsa::Rsa;
use openssl::ssl::{
    Ssl, SslContext, SslContextBuilder, SslMethod, SslStream, SslVerifyMode, SslVersion,
};
use openssl::x509::extension::{
    BasicConstraints, ExtendedKeyUsage, KeyUsage, SubjectAlternativeName,
};
use openssl::x509::{X509, X509Name};
use ratel_flow::Certificates;

use super::mint;

/// What current peers speak.
pub(crate) const ANY: (SslVersion, SslVersion) = (SslVersion::TLS1_2, SslVersion::TLS1_3);
/// TLS 1.2 and nothing else.
pub(crate) const ONLY_12: (SslVersion, SslVersion) = (SslVersion::TLS1_2, SslVersion::TLS1_2);

/// What a test's certificate is like.
#[derive(Clone)]
pub(crate) struct Cert {
    pub(crate) common: Option<&'static str>,
    pub(crate) organization: Option<&'static str>,
    pub(crate) names: &'static [&'static str],
    /// Valid from and to, in days from today.
    pub(crate) days: (i64, i64),
    pub(crate) ca: bool,
    /// None: P-256.
    pub(crate) rsa_bits: Option<u32>,
    pub(crate) digest: fn() -> MessageDigest,
    /// Where the issuer's certificate is found.
    pub(crate) issuer_url: Option<&'static str>,
    /// As X.509 counts them: 3 for all that are not very old.
    pub(crate) version: i32,
}

impl Default for Cert {
    fn default() -> Self {
        Self {
            common: Some("test"),
            organization: None,
            names: &[],
            days: (-1, 30),
            ca: false,
            rsa_bits: None,
            digest: MessageDigest::sha256,
            issuer_url: None,
            version: 3,
        }
    }
}

/// A certificate with its key and those that vouch for it.
#[derive(Clone)]
pub(crate) struct Issued {
    pub(crate) cert: X509,
    pub(crate) key: PKey<Private>,
    pub(crate) above: Vec<X509>,
}

/// An authority.
pub(crate) struct Issuer(Issued);

impl Issuer {
    pub(crate) fn new() -> Self {
        Self::like(&Cert::default())
    }

    pub(crate) fn named(name: &'static str) -> Self {
        let cert = Cert {
            common: Some(name),
            ca: true,
            ..Cert::default()
        };
        Self(Issued::self_signed(&cert))
    }

    pub(crate) fn like(cert: &Cert) -> Self {
        let cert = Cert {
            common: Some("test authority"),
            ca: true,
            ..cert.clone()
        };
        Self(Issued::self_signed(&cert))
    }

    /// An authority below this one.
    pub(crate) fn below(&self, cert: &Cert) -> Self {
        let cert = Cert {
            common: Some("test intermediate"),
            ca: true,
            ..cert.clone()
        };
        Self(self.issue(&cert))
    }

    pub(crate) fn issue(&self, cert: &Cert) -> Issued {
        let mut issued = Issued::make(cert, Some(&self.0));
        issued.above = vec![self.0.cert.clone()];
        issued.above.extend(self.0.above.iter().cloned());
        issued
    }

    pub(crate) fn pem(&self) -> Vec<u8> {
        self.0.cert.to_pem().expect("PEM")
    }
}

impl Issued {
    pub(crate) fn self_signed(cert: &Cert) -> Self {
        Self::make(cert, None)
    }

    fn make(what: &Cert, issuer: Option<&Self>) -> Self {
        let key = match what.rsa_bits {
            Some(bits) => PKey::from_rsa(Rsa::generate(bits).expect("a key")),
            None => {
                let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).expect("P-256");
                PKey::from_ec_key(EcKey::generate(&group).expect("a key"))
            }
        }
        .expect("a key");
        let cert = build(what, &key, issuer).expect("a certificate");
        Self {
            cert,
            key,
            above: Vec::new(),
        }
    }

    /// As a server shows it.
    pub(crate) fn chain(&self) -> Certificates {
        let all = std::iter::once(&self.cert).chain(&self.above);
        all.map(|cert| Bytes::from(cert.to_der().expect("DER")))
            .collect()
    }
}

fn build(
    what: &Cert,
    key: &PKey<Private>,
    issuer: Option<&Issued>,
) -> Result<X509, openssl::error::ErrorStack> {
    let mut name = X509Name::builder()?;
    if let Some(common) = what.common {
        name.append_entry_by_nid(Nid::COMMONNAME, common)?;
    }
    if let Some(organization) = what.organization {
        name.append_entry_by_nid(Nid::ORGANIZATIONNAME, organization)?;
    }
    let name = name.build();
    let day = |offset: i64| Asn1Time::from_unix(mint::unix_now() + offset * mint::DAY);
    let mut builder = X509::builder()?;
    builder.set_version(what.version - 1)?;
    builder.set_serial_number(mint::serial()?.as_ref())?;
    builder.set_subject_name(&name)?;
    builder.set_issuer_name(issuer.map_or(&name, |issuer| issuer.cert.subject_name()))?;
    builder.set_pubkey(key)?;
    builder.set_not_before(day(what.days.0)?.as_ref())?;
    builder.set_not_after(day(what.days.1)?.as_ref())?;
    if let Some(url) = what.issuer_url {
        // RFC 5280 §4.2.2.1: AccessDescription { id-ad-caIssuers, uniformResourceIdentifier [6] }
        let method = mint::tlv(0x06, &[&[0x2b, 6, 1, 5, 5, 7, 48, 2]]);
        let place = mint::tlv(0x86, &[url.as_bytes()]);
        let access = mint::tlv(0x30, &[&mint::tlv(0x30, &[&method, &place])]);
        builder.append_extension(mint::extension(Nid::INFO_ACCESS, false, &access)?)?;
    }
    if what.version == 3 {
        if what.ca {
            builder.append_extension(BasicConstraints::new().critical().ca().build()?)?;
            builder.append_extension(
                KeyUsage::new()
                    .digital_signature()
                    .key_cert_sign()
                    .build()?,
            )?;
        } else {
            builder.append_extension(ExtendedKeyUsage::new().server_auth().build()?)?;
        }
        let mut san = SubjectAlternativeName::new();
        for name in what.names {
            match name.parse::<IpAddr>() {
                Ok(_) => san.ip(name),
                Err(_) => san.dns(name),
            };
        }
        if !what.names.is_empty() {
            let san = san.build(&builder.x509v3_context(None, None))?;
            builder.append_extension(san)?;
        }
    }
    builder.sign(issuer.map_or(key, |issuer| &issuer.key), (what.digest)())?;
    Ok(builder.build())
}

/// An OpenSSL server on a pipe that shows `issued` and answers every byte with itself.
pub(crate) fn openssl_server(
    issued: &Issued,
    versions: (SslVersion, SslVersion),
) -> tokio::net::UnixStream {
    let mut context = context(SslMethod::tls_server(), versions);
    context
        .set_certificate(&issued.cert)
        .expect("a certificate");
    context.set_private_key(&issued.key).expect("its key");
    for cert in &issued.above {
        context
            .add_extra_chain_cert(cert.clone())
            .expect("a certificate");
    }
    let context = context.build();
    let (ours, theirs) = pipe();
    std::thread::spawn(move || {
        let mut stream = Ssl::new(&context)
            .expect("a connection")
            .accept(theirs)
            .ok()?;
        let mut buf = [0; 100];
        while let Ok(len @ 1..) = stream.read(&mut buf) {
            stream.write_all(&buf[..len]).ok()?;
        }
        stream.shutdown().ok()
    });
    ours
}

/// What an OpenSSL client saw.
pub(crate) type Seen = Result<Vec<X509>, openssl::ssl::HandshakeError<UnixStream>>;

/// An OpenSSL client on a pipe, set up by `tune`, that asks for `host`, sends "ping", reads four bytes back and says
/// which chain it was shown.
pub(crate) fn openssl_client(
    host: &'static str,
    trusted: &[u8],
    versions: (SslVersion, SslVersion),
    tune: impl FnOnce(&mut SslContextBuilder),
) -> (tokio::net::UnixStream, JoinHandle<Seen>) {
    let mut context = context(SslMethod::tls_client(), versions);
    for cert in X509::stack_from_pem(trusted).expect("PEM") {
        context
            .cert_store_mut()
            .add_cert(cert)
            .expect("a certificate");
    }
    context.set_verify(SslVerifyMode::PEER);
    tune(&mut context);
    let context = context.build();
    let (ours, theirs) = pipe();
    let client = std::thread::spawn(move || {
        let mut ssl = Ssl::new(&context).expect("a connection");
        ssl.set_hostname(host).expect("a name");
        ssl.param_mut().set_host(host).expect("a name");
        let mut stream: SslStream<_> = ssl.connect(theirs)?;
        stream.write_all(b"ping").expect("an open connection");
        let mut back = [0; 4];
        stream.read_exact(&mut back).expect("an open connection");
        assert_eq!(&back, b"pong");
        let chain = stream.ssl().peer_cert_chain().expect("a chain");
        Ok(chain.iter().map(|cert| cert.to_owned()).collect())
    });
    (ours, client)
}

/// Both ends of a pipe: one for a task, one for a thread.
fn pipe() -> (tokio::net::UnixStream, UnixStream) {
    let (ours, theirs) = UnixStream::pair().expect("a pipe");
    ours.set_nonblocking(true).expect("a pipe");
    (
        tokio::net::UnixStream::from_std(ours).expect("a runtime"),
        theirs,
    )
}

fn context(method: SslMethod, (min, max): (SslVersion, SslVersion)) -> SslContextBuilder {
    let mut context = SslContext::builder(method).expect("a context");
    context.set_security_level(0);
    context.set_cipher_list("ALL:@SECLEVEL=0").expect("ciphers");
    context.set_min_proto_version(Some(min)).expect("a version");
    context.set_max_proto_version(Some(max)).expect("a version");
    context
}
