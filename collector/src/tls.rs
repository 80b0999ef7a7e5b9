//! TLS on the public port, where no proxy has it: one certificate, read anew when its files change and when somebody asks.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use service::metrics::{TLS_READ, TLS_STALE};
use service::{Shutdown, TlsArgs};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::MissedTickBehavior;
use tokio_rustls::TlsAcceptor;

use crate::stamp::{Stamp, stamp};

/// How often the files are looked at: as often as the others.
const LOOK: Duration = Duration::from_secs(1);

/// HTTP/2 in ALPN.
pub(crate) const H2: &[u8] = b"h2";

/// The certificate as it was last read, and where from.
pub struct Tls {
    certificate: PathBuf,
    key: PathBuf,
    /// The files' state when they were opened.
    opened: [Stamp; 2],
    config: ArcSwap<ServerConfig>,
}

/// The certificate cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The file of certificates.
    #[error("--tls-certificate {}: {error}; it must hold the certificate and those that vouch for it, in PEM", .path.display())]
    Certificate {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        error: pem::Error,
    },
    /// The file of the key.
    #[error("--tls-key {}: {error}; it must hold the certificate's private key in PEM, without a password", .path.display())]
    Key {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        error: pem::Error,
    },
    /// Both can be read, and do not go together.
    #[error("--tls-certificate {} with --tls-key {}: {error}", .certificate.display(), .key.display())]
    Pair {
        /// The file of certificates.
        certificate: PathBuf,
        /// The file of the key.
        key: PathBuf,
        /// What is wrong.
        error: rustls::Error,
    },
}

impl Tls {
    /// What the settings say; none: plain HTTP.
    ///
    /// # Errors
    ///
    /// Where a file cannot be used.
    pub fn open(args: &TlsArgs) -> Result<Option<Arc<Self>>, TlsError> {
        let (Some(certificate), Some(key)) = (args.tls_certificate.clone(), args.tls_key.clone()) else {
            return Ok(None);
        };
        // The state before the reading: a change in between is seen at the next look.
        let opened = [stamp(&certificate), stamp(&key)];
        let config = ArcSwap::from_pointee(read(&certificate, &key)?);
        Ok(Some(Arc::new(Self { certificate, key, opened, config })))
    }

    /// Shakes hands with the certificate of this moment.
    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(self.config.load_full())
    }

    /// Begins to hear SIGHUP, which ends nobody from here on: before the process says that it is up.
    ///
    /// # Errors
    ///
    /// Where signals cannot be heard.
    pub fn following(self: Arc<Self>) -> io::Result<Following> {
        Ok(Following { asked: signal(SignalKind::hangup())?, tls: self })
    }

    fn read_anew(&self) {
        match read(&self.certificate, &self.key) {
            Ok(config) => {
                self.config.store(Arc::new(config));
                metrics::gauge!(TLS_STALE).set(0);
                metrics::counter!(TLS_READ, "result" => "used").increment(1);
                tracing::info!(file = %self.certificate.display(), "the certificate was read anew");
            }
            // Where it and its key are written one after the other, they go together at the next look.
            Err(error) => {
                metrics::gauge!(TLS_STALE).set(1);
                metrics::counter!(TLS_READ, "result" => "refused").increment(1);
                tracing::error!(%error, "the certificate cannot be used; the one before it goes on");
            }
        }
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").field("certificate", &self.certificate).finish_non_exhaustive()
    }
}

/// A certificate whose files will be followed.
#[derive(Debug)]
pub struct Following {
    tls: Arc<Tls>,
    asked: Signal,
}

impl Following {
    /// Follows the files until it is told to stop. What cannot be used changes nothing: log and metric say so.
    pub async fn run(mut self, stop: Shutdown) {
        let mut look = tokio::time::interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut seen = self.tls.opened;
        metrics::gauge!(TLS_STALE).set(0);
        loop {
            let is_asked = tokio::select! {
                () = stop.cancelled() => return,
                _ = self.asked.recv() => true,
                _ = look.tick() => false,
            };
            let now = [stamp(&self.tls.certificate), stamp(&self.tls.key)];
            if is_asked || seen != now {
                seen = now;
                self.tls.read_anew();
            }
        }
    }
}

fn read(certificate: &Path, key: &Path) -> Result<ServerConfig, TlsError> {
    let in_certificate = |error| TlsError::Certificate { path: certificate.to_owned(), error };
    let in_key = |error| TlsError::Key { path: key.to_owned(), error };
    let chain = CertificateDer::pem_file_iter(certificate).map_err(in_certificate)?;
    let chain = chain.collect::<Result<Vec<_>, _>>().map_err(in_certificate)?;
    if chain.is_empty() {
        return Err(in_certificate(pem::Error::NoItemsFound));
    }
    let private = PrivateKeyDer::from_pem_file(key).map_err(in_key)?;
    let pair = |error| TlsError::Pair { certificate: certificate.to_owned(), key: key.to_owned(), error };
    let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, private))
        .map_err(pair)?;
    config.alpn_protocols = vec![H2.to_vec(), b"http/1.1".to_vec()];
    // A browser that comes again is spared half of the handshake, and we keep nothing for it.
    config.ticketer = aws_lc_rs::Ticketer::new().map_err(pair)?;
    Ok(config)
}
