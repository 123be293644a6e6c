//! A Magisk module that puts the certificate into the system's store of a rooted Android device.

use ratel_core::ca::PublicCa;

use super::zip;

const PLACE: &str = "META-INF/com/google/android";

/// What the app looks for in an archive; it installs the module itself. A recovery runs it instead.
const UPDATE_BINARY: &str = r##"#!/sbin/sh
# Called as: update-binary API FD ZIP. Magisk's own functions do the work.
OUTFD=$2
ZIPFILE=$3
umask 022
mount /data 2>/dev/null
FUNCTIONS=/data/adb/magisk/util_functions.sh
if [ ! -f "$FUNCTIONS" ]; then
  printf 'ui_print This module needs Magisk 20.4 or later.\nui_print\n' >> "/proc/self/fd/$OUTFD"
  exit 1
fi
. "$FUNCTIONS"
install_module
exit 0
"##;

/// Tells Magisk from other archives that a recovery can install.
const UPDATER_SCRIPT: &str = "#MAGISK\n";

/// Before Android 14 the files in `system` are all it takes. Since then the store lies in a module of the system that
/// can't be overlaid, so a copy with the certificate in it is mounted over it.
const POST_FS_DATA: &str = r#"#!/system/bin/sh
MODDIR=${0%/*}
OURS=$MODDIR/system/etc/security/cacerts
STORE=/apex/com.android.conscrypt/cacerts
COPY=$MODDIR/cacerts

chown -R 0:0 "$OURS"
chmod 644 "$OURS"/*
chcon u:object_r:system_security_cacerts_file:s0 "$OURS"/* 2>/dev/null

[ -d "$STORE" ] || exit 0
rm -rf "$COPY"
mkdir -p "$COPY" || exit 0
cp "$STORE"/* "$COPY"/ || exit 0
cp "$OURS"/* "$COPY"/
chown -R 0:0 "$COPY"
chmod 755 "$COPY"
chmod 644 "$COPY"/*
chcon -R u:object_r:system_security_cacerts_file:s0 "$COPY"
mount --bind "$COPY" "$STORE"
"#;

/// The module, as an archive.
pub(super) fn module(ca: &PublicCa) -> Vec<u8> {
    let id = ca.base;
    let print: String = ca.sha256[..4].iter().map(|b| format!("{b:02x}")).collect();
    let properties = format!(
        "id={id}_ca_cert\n\
         name=Certificate of {id}\n\
         version={print}\n\
         versionCode=1\n\
         author={id}\n\
         description=Lets the proxy whose certificate this is read the encrypted traffic of this device.\n"
    );
    let cert = format!("system/etc/security/cacerts/{:08x}.0", ca.subject_hash_old);
    zip::archive(&[
        ("module.prop".into(), properties.as_bytes(), false),
        ("post-fs-data.sh".into(), POST_FS_DATA.as_bytes(), true),
        (cert, &ca.der, false),
        (
            format!("{PLACE}/update-binary"),
            UPDATE_BINARY.as_bytes(),
            true,
        ),
        (
            format!("{PLACE}/updater-script"),
            UPDATER_SCRIPT.as_bytes(),
            false,
        ),
    ])
}
