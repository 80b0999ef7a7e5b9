//! `tributary up` with a certificate: what is spoken where, and certificates that are replaced while it works.

#![allow(clippy::unwrap_used, reason = "a test that fails says where")]

mod support;

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use support::process::PATIENCE;
use support::tributary;
use support::up::Up;
use tempfile::tempdir;
use ureq::Agent;
use ureq::tls::{Certificate, RootCerts, TlsConfig};

/// A certificate for this machine with its key, as PEM.
struct Pair {
    certificate: String,
    key: String,
}

impl Pair {
    fn new() -> Self {
        let pair = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
        Self { certificate: pair.cert.pem(), key: pair.signing_key.serialize_pem() }
    }

    /// Whether whoever trusts this certificate alone is answered there.
    fn opens(&self, url: &str) -> bool {
        let roots = vec![Certificate::from_pem(self.certificate.as_bytes()).unwrap()];
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = TlsConfig::builder().root_certs(RootCerts::Specific(Arc::new(roots)));
        let tls = tls.unversioned_rustls_crypto_provider(provider).build();
        let agent: Agent = Agent::config_builder().tls_config(tls).timeout_global(Some(PATIENCE)).build().into();
        agent.get(url).call().is_ok_and(|answer| answer.status() == 200)
    }
}

fn write(folder: &Path, name: &str, text: &str) {
    fs::write(folder.join(name), text).unwrap();
}

/// The value of a metric of a running process.
fn metric(up: &Up, name: &str) -> Option<f64> {
    let text = ureq::get(up.admin("metrics")).call().unwrap().body_mut().read_to_string().unwrap();
    text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok())
}

fn wait_for(what: &str, is_so: impl Fn() -> bool) {
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed() < PATIENCE, "{what} should have come long ago");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn a_certificate_is_used_and_replaced_and_a_pair_that_does_not_fit_is_not() {
    let folder = tempdir().unwrap();
    let (first, second, third) = (Pair::new(), Pair::new(), Pair::new());
    write(folder.path(), "site.pem", &first.certificate);
    write(folder.path(), "site.key", &first.key);
    // Where a disk counts time in ticks, what comes at once would have the same one.
    let before = SystemTime::now() - Duration::from_secs(60);
    for name in ["site.pem", "site.key"] {
        fs::File::options().write(true).open(folder.path().join(name)).unwrap().set_modified(before).unwrap();
    }
    let mut command = tributary();
    command.args(["up", "--data"]).arg(folder.path().join("data")).stderr(Stdio::null());
    command.arg("--tls-certificate").arg(folder.path().join("site.pem"));
    command.arg("--tls-key").arg(folder.path().join("site.key"));
    let up = Up::start(&mut command);
    let tracker = up.url("tracker");
    assert!(tracker.starts_with("https://"), "{tracker}");
    assert!(first.opens(tracker));
    assert!(!second.opens(tracker), "whom somebody trusts makes a difference");
    assert_eq!(metric(&up, "tributary_tls_stale "), Some(0.0));

    // The key comes first: until its certificate is there, the pair before goes on.
    write(folder.path(), "site.key", &second.key);
    wait_for("word of a pair that does not fit", || metric(&up, "tributary_tls_stale ") == Some(1.0));
    assert!(first.opens(tracker));
    write(folder.path(), "site.pem", &second.certificate);
    wait_for("the second certificate", || second.opens(tracker));
    wait_for("word that all is well", || metric(&up, "tributary_tls_stale ") == Some(0.0));
    assert!(!first.opens(tracker), "the first is gone");

    write(folder.path(), "site.pem", "no certificate");
    wait_for("word of what is none", || metric(&up, "tributary_tls_stale ") == Some(1.0));
    assert!(second.opens(tracker));
    write(folder.path(), "site.key", &third.key);
    write(folder.path(), "site.pem", &third.certificate);
    wait_for("the third certificate", || third.opens(tracker));
}
