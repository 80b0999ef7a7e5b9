//! A broker's key and certificate, made anew for each process of tests by Java's keytool.

use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

/// Opens the key store.
pub(crate) const PASSWORD: &str = "tributary";

/// What TLS needs, as the contents of files.
#[derive(Debug)]
pub(crate) struct Certificates {
    /// PKCS#12: the broker's key, and its certificate for 127.0.0.1 and localhost.
    pub(crate) keystore: Vec<u8>,
    /// PEM: signs itself, so that it is its own authority.
    pub(crate) authority: Vec<u8>,
    /// PEM: an authority that has signed nothing of the broker's.
    pub(crate) stranger: Vec<u8>,
}

impl Certificates {
    /// The same for all brokers of this process.
    pub(crate) fn get() -> &'static Self {
        static CERTIFICATES: OnceLock<Certificates> = OnceLock::new();
        CERTIFICATES.get_or_init(|| {
            let folder = tempfile::tempdir().expect("a temporary folder");
            let (keystore, authority) = certificate(&folder.path().join("broker.p12"));
            let (_, stranger) = certificate(&folder.path().join("stranger.p12"));
            Self { keystore, authority, stranger }
        })
    }
}

/// A key store of a new key, and the certificate in it.
fn certificate(keystore: &Path) -> (Vec<u8>, Vec<u8>) {
    let store = ["-alias", "broker", "-storetype", "PKCS12", "-storepass", PASSWORD, "-keystore"];
    let mut make = Command::new("keytool");
    make.args(["-genkeypair", "-keyalg", "EC", "-groupname", "secp256r1", "-validity", "30", "-dname", "CN=127.0.0.1"]);
    run(make.args(["-ext", "san=ip:127.0.0.1,dns:localhost"]).args(store).arg(keystore));
    let certificate = run(Command::new("keytool").args(["-exportcert", "-rfc"]).args(store).arg(keystore));
    (std::fs::read(keystore).expect("keytool has written it"), certificate)
}

fn run(keytool: &mut Command) -> Vec<u8> {
    let output = keytool.output().expect("`keytool` comes with Java: `make tools` looks after it");
    assert!(output.status.success(), "keytool: {}", String::from_utf8_lossy(&output.stdout));
    output.stdout
}
