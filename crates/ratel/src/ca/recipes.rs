//! How each runtime is told to trust the certificate: one line to copy for each.

use std::path::Path;

use ratel_core::ca::{TRUST_LINES, shell_word, trust_line};

/// The lines, for a certificate in `cert`.
pub(super) fn text(cert: &Path) -> String {
    let cert = shell_word(&cert.to_string_lossy());
    let mut text = String::new();
    for (what, line) in TRUST_LINES {
        let line = trust_line(line, &cert);
        text += &format!("{what:17} {line}\n");
    }
    text += "\nThese programs then trust Ratel's certificate alone (Node and Deno: also it). With\n\
             `eval \"$(ratel env)\"` they trust the system's as well.\n";
    text
}
