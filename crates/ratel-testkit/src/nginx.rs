//! An nginx of the test's own: one process, configuration and files in a temporary folder.

use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use crate::pki::Identity;
use crate::{peer, wait};

/// A running nginx with a plain and a TLS port; ended on drop.
///
/// `/hello` answers `hello from nginx`, `/echo-host` the Host header that came; anything else is a file of
/// [`Nginx::root`].
pub struct Nginx {
    child: Child,
    folder: TempDir,
    /// The port that speaks HTTP.
    pub http: u16,
    /// The port that speaks HTTPS.
    pub https: u16,
}

impl Nginx {
    /// Starts it; `None` when nginx is not installed.
    ///
    /// # Panics
    /// When it does not listen within the limit.
    pub fn start(identity: &Identity) -> Option<Self> {
        Self::with(identity, "ssl", "")
    }

    /// As [`Nginx::start`], with HTTP/2 over TLS and these `location`s beside its own.
    ///
    /// # Panics
    /// When it does not listen within the limit.
    pub fn http2(identity: &Identity, locations: &str) -> Option<Self> {
        Self::with(identity, "ssl http2", locations)
    }

    fn with(identity: &Identity, listen: &str, locations: &str) -> Option<Self> {
        let program = peer::find("nginx")?;
        let folder = tempfile::tempdir().expect("a temporary folder");
        std::fs::create_dir(folder.path().join("www")).expect("a folder can be made");
        let (http, https) = (free_port(), free_port());
        std::fs::write(
            folder.path().join("nginx.conf"),
            config(folder.path(), identity, (http, https), listen, locations),
        )
        .expect("a file can be written");
        let child = Command::new(program)
            .arg("-p")
            .arg(folder.path())
            .arg("-c")
            .arg(folder.path().join("nginx.conf"))
            .args(["-e", "stderr"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("nginx can be started");
        let mut nginx = Self {
            child,
            folder,
            http,
            https,
        };
        wait::until("nginx to listen", || {
            let ended = nginx.child.try_wait().expect("a child can be asked");
            assert!(
                ended.is_none(),
                "nginx ended with {ended:?}: {}",
                nginx.errors()
            );
            TcpStream::connect((Ipv4Addr::LOCALHOST, nginx.https)).ok()
        });
        Some(nginx)
    }

    /// The folder whose files it serves.
    pub fn root(&self) -> std::path::PathBuf {
        self.folder.path().join("www")
    }

    fn errors(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("error.log")).unwrap_or_default()
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// nginx cannot be asked which port it took for port 0, so one that was free a moment ago has to do.
pub fn free_port() -> u16 {
    let listener =
        TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port of this machine is free");
    listener
        .local_addr()
        .expect("a listener has an address")
        .port()
}

fn config(
    folder: &Path,
    identity: &Identity,
    (http, https): (u16, u16),
    listen: &str,
    locations: &str,
) -> String {
    // One process without a master: nothing changes user, and a kill leaves nobody behind.
    format!(
        r#"
daemon off; master_process off; worker_processes 1;
pid {folder}/nginx.pid; error_log {folder}/error.log warn;
events {{ worker_connections 1024; }}
http {{
  access_log off; default_type text/plain;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  server {{
    listen 127.0.0.1:{http};
    listen 127.0.0.1:{https} {listen};
    ssl_certificate {cert}; ssl_certificate_key {key};
    root {folder}/www;
    location = /hello {{ return 200 "hello from nginx\n"; }}
    location = /echo-host {{ return 200 "$http_host\n"; }}
    location = /echo-uri {{ return 200 "$request_uri\n"; }}
    {locations}
    location = /health {{ return 200 "{{\"status\":\"ok\"}}\n"; }}
  }}
}}
"#,
        folder = folder.display(),
        cert = identity.cert_file().display(),
        key = identity.key_file().display(),
    )
}
