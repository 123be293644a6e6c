//! A configuration profile for Apple's systems that holds the certificate.

use ratel_core::ca::PublicCa;

/// The profile. It is not signed, which the device says when it is installed.
pub(super) fn text(ca: &PublicCa) -> String {
    let name = ca.base;
    // What a PEM file has between its first and last line is what a property list wants.
    let pem = String::from_utf8_lossy(&ca.pem);
    let data: String = pem.lines().filter(|l| !l.starts_with('-')).collect();
    let (root, payload) = (uuid(&ca.sha256, 0), uuid(&ca.sha256, 1));
    format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
  <key>PayloadType</key><string>Configuration</string>
  <key>PayloadVersion</key><integer>1</integer>
  <key>PayloadIdentifier</key><string>test.ratel.{root}</string>
  <key>PayloadUUID</key><string>{root}</string>
  <key>PayloadDisplayName</key><string>Certificate of {name}</string>
  <key>PayloadDescription</key><string>Lets the proxy whose certificate this is read the encrypted traffic of this device.</string>
  <key>PayloadContent</key>
  <array>
    <dict>
      <key>PayloadType</key><string>com.apple.security.root</string>
      <key>PayloadVersion</key><integer>1</integer>
      <key>PayloadIdentifier</key><string>test.ratel.{payload}</string>
      <key>PayloadUUID</key><string>{payload}</string>
      <key>PayloadDisplayName</key><string>{name}</string>
      <key>PayloadCertificateFileName</key><string>{name}-ca-cert.cer</string>
      <key>PayloadContent</key>
      <data>{data}</data>
    </dict>
  </array>
</dict>
</plist>
"#
    )
}

/// The certificate's own identifiers, so that installing it twice replaces it (RFC 9562 §5.8, version 8).
fn uuid(sha256: &[u8; 32], half: usize) -> String {
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&sha256[16 * half..][..16]);
    bytes[6] = (bytes[6] & 0x0f) | 0x80;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    let hex: String = bytes.iter().map(|byte| format!("{byte:02X}")).collect();
    let parts = [0..8, 8..12, 12..16, 16..20, 20..32];
    parts.map(|part| hex[part].to_owned()).join("-")
}
