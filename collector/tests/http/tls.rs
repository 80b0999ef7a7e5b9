//! TLS on the public port: what is spoken through it, and what cannot hurt it. Certificates that are replaced are in
//! `crates/tributary/tests/tls.rs`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use collector::tls::Tls;
use events::Topic;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use service::TlsArgs;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::Running;
use crate::client::{read_answer, request};
use crate::double::{Double, soon};

/// A certificate of `collector.test`, with its key, as files.
struct Files {
    folder: TempDir,
    certificate: CertificateDer<'static>,
}

impl Files {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let certificate = write_pair(folder.path());
        Self { folder, certificate }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn args(&self) -> TlsArgs {
        TlsArgs { tls_certificate: Some(self.path("certificate.pem")), tls_key: Some(self.path("key.pem")) }
    }

    async fn start(&self, bus: Arc<Double>, more: &[&str]) -> Running {
        let flags = ["certificate", "key"].map(|name| {
            let file = self.path(&format!("{name}.pem"));
            format!("--tls-{name}={}", file.display())
        });
        let flags: Vec<_> = flags.iter().map(String::as_str).chain(more.iter().copied()).collect();
        Running::start(bus, &flags).await
    }
}

fn write_pair(folder: &Path) -> CertificateDer<'static> {
    let pair = rcgen::generate_simple_self_signed(["collector.test".to_owned()]).unwrap();
    std::fs::write(folder.join("key.pem"), pair.signing_key.serialize_pem()).unwrap();
    std::fs::write(folder.join("certificate.pem"), pair.cert.pem()).unwrap();
    pair.cert.der().clone()
}

/// A client that trusts this certificate alone.
async fn connect(
    running: &Running,
    trusted: &CertificateDer<'static>,
    protocol: &[u8],
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.clone()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let mut config = config.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![protocol.to_vec()];
    let stream = TcpStream::connect(running.address).await.unwrap();
    let name = ServerName::try_from("collector.test").unwrap();
    soon("a handshake", TlsConnector::from(Arc::new(config)).connect(name, stream)).await
}

const HIT: &[u8] = br#"{"site":"a"}"#;

#[tokio::test]
async fn a_hit_is_taken_over_http_1() {
    let (bus, files) = (Double::willing(), Files::new());
    let running = files.start(bus.clone(), &[]).await;
    let mut stream = connect(&running, &files.certificate, b"http/1.1").await.unwrap();
    stream.write_all(&request("POST", "/collect", &[], HIT)).await.unwrap();
    assert_eq!(read_answer(&mut stream).await.status, 200);
    assert_eq!(bus.values(Topic::Hits).len(), 1);
}

#[tokio::test]
async fn a_hit_is_taken_over_http_2_where_the_client_asks_for_it() {
    let (bus, files) = (Double::willing(), Files::new());
    let running = files.start(bus.clone(), &[]).await;
    let stream = connect(&running, &files.certificate, b"h2").await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let (client, connection) = h2::client::handshake(stream).await.unwrap();
    tokio::spawn(connection);
    let post = hyper::Request::post("https://collector.test/collect").body(()).unwrap();
    let (answer, mut body) = client.ready().await.unwrap().send_request(post, false).unwrap();
    body.send_data(Bytes::from_static(HIT), true).unwrap();
    assert_eq!(soon("an answer", answer).await.unwrap().status(), 200);
    assert_eq!(bus.values(Topic::Hits).len(), 1);
}

#[tokio::test]
async fn who_speaks_plain_http_or_nothing_is_cut_and_harms_nobody() {
    let (bus, files) = (Double::willing(), Files::new());
    let running = files.start(bus.clone(), &["--read-timeout=4s", "--max-connections=2"]).await;
    let mut silent = TcpStream::connect(running.address).await.unwrap();
    let mut plain = TcpStream::connect(running.address).await.unwrap();
    plain.write_all(&request("POST", "/collect", &[], HIT)).await.unwrap();
    let mut rest = Vec::new();
    for stream in [&mut plain, &mut silent] {
        rest.clear();
        let _ = soon("the end of a connection", stream.read_to_end(&mut rest)).await;
        assert!(!rest.starts_with(b"HTTP"), "nothing is said in the clear");
    }
    // Both places are free again.
    let mut stream = connect(&running, &files.certificate, b"http/1.1").await.unwrap();
    stream.write_all(&request("POST", "/collect", &[], HIT)).await.unwrap();
    assert_eq!(read_answer(&mut stream).await.status, 200);
    assert_eq!(bus.values(Topic::Hits).len(), 1);
}

#[tokio::test]
async fn a_handshake_that_hangs_does_not_hold_up_the_end() {
    let files = Files::new();
    let running = files.start(Double::willing(), &["--read-timeout=1h", "--drain-timeout=1h"]).await;
    let mut hanging = TcpStream::connect(running.address).await.unwrap();
    hanging.write_all(&[22, 3, 1]).await.unwrap();
    // Whoever comes after it is served, so that it was taken.
    connect(&running, &files.certificate, b"http/1.1").await.unwrap();
    soon("the end", running.stop()).await;
}

/// What a start with these files ends with.
fn refused(files: &Files) -> String {
    let error = Tls::open(&files.args()).unwrap_err().to_string();
    error.replace(&files.folder.path().display().to_string(), "FOLDER")
}

#[test]
fn files_that_cannot_be_used_are_named() {
    let files = Files::new();
    let text = |name: &str| std::fs::read_to_string(files.path(name)).unwrap();
    let (certificate, key) = (text("certificate.pem"), text("key.pem"));
    let write = |name: &str, text: &str| std::fs::write(files.path(name), text).unwrap();
    let mut said = Vec::new();
    write("certificate.pem", &key);
    said.push(refused(&files));
    write("certificate.pem", &certificate);
    write("key.pem", &certificate);
    said.push(refused(&files));
    write_pair(files.folder.path());
    write("certificate.pem", &certificate);
    said.push(refused(&files));
    std::fs::remove_file(files.path("key.pem")).unwrap();
    said.push(refused(&files));
    std::fs::remove_file(files.path("certificate.pem")).unwrap();
    said.push(refused(&files));
    // Line breaks that became blanks, or two letters, as an unquoted variable has them: nothing of the key is said.
    for broken in [" ", "\\n"] {
        write("certificate.pem", &certificate);
        write("key.pem", &key.replace('\n', broken));
        said.push(refused(&files));
        write("certificate.pem", &key.replace('\n', broken));
        said.push(refused(&files));
    }
    insta::assert_snapshot!(said.join("\n"));
}
