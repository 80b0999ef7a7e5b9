//! A key and a certificate for 127.0.0.1 that signs itself.

use std::path::Path;
use std::process::Command;

/// Writes `key.pem` and `certificate.pem`.
pub(crate) fn write(folder: &Path) {
    let mut openssl = Command::new("openssl");
    openssl.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30"]);
    openssl.args(["-subj", "/CN=store", "-addext", "subjectAltName=IP:127.0.0.1"]);
    // One that calls itself an authority is not taken for a server's.
    openssl.args(["-addext", "basicConstraints=critical,CA:FALSE"]);
    openssl.arg("-keyout").arg(folder.join("key.pem")).arg("-out").arg(folder.join("certificate.pem"));
    let output = openssl.output().expect("`openssl` is there: `make tools` looks after it");
    assert!(output.status.success(), "openssl: {}", String::from_utf8_lossy(&output.stderr));
}
