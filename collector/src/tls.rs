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
use rustls::server::NoServerSessionStorage;
use service::metrics::{TLS_READ, TLS_STALE};
use service::{Shutdown, TlsArgs};
use tokio::net::TcpStream;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::MissedTickBehavior;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::stamp::{Stamp, stamp};

/// How often the files are looked at: as often as the others.
const LOOK: Duration = Duration::from_secs(1);

/// The longest handshake: until it is done, a client may have sent 64 KiB that nothing else counts.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// Most bytes of answers that wait to be sent, beside the 64 KiB that HTTP has for them.
const SEND_BYTES: usize = 16 * 1024;

/// HTTP/2 in ALPN.
pub(crate) const H2: &[u8] = b"h2";

/// The state of certificate and key.
type Stamps = (Stamp, Stamp);

/// The certificate as it was last read, and where from.
pub struct Tls {
    certificate: PathBuf,
    key: PathBuf,
    /// The files' state when they were opened.
    opened: Stamps,
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
        error: PemError,
    },
    /// The file of the key.
    #[error("--tls-key {}: {error}; it must hold the certificate's private key in PEM, without a password", .path.display())]
    Key {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        error: PemError,
    },
    /// Both can be read, and do not go together.
    #[error("--tls-certificate {} with --tls-key {}: {error}; the key must be the one that the certificate was made for", .certificate.display(), .key.display())]
    Pair {
        /// The file of certificates.
        certificate: PathBuf,
        /// The file of the key.
        key: PathBuf,
        /// What is wrong.
        error: rustls::Error,
    },
}

/// Why a file is no PEM, in words of our own: the parser's hold what it stumbled over, which may be the key.
#[derive(Debug, thiserror::Error)]
pub enum PemError {
    /// It cannot be read.
    #[error(transparent)]
    Unreadable(io::Error),
    /// It can, and something else is in it.
    #[error("there is none in it")]
    Absent,
    /// It is torn, or its line breaks are gone.
    #[error("it begins and is not whole, line by line")]
    Torn,
}

impl From<pem::Error> for PemError {
    fn from(error: pem::Error) -> Self {
        match error {
            pem::Error::Io(error) => Self::Unreadable(error),
            pem::Error::NoItemsFound => Self::Absent,
            _ => Self::Torn,
        }
    }
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
        let opened = (stamp(&certificate), stamp(&key));
        let config = ArcSwap::from_pointee(read(&certificate, &key)?);
        Ok(Some(Arc::new(Self { certificate, key, opened, config })))
    }

    /// Shakes hands with the certificate of this moment, and gives the connection no more room than plain ones have.
    pub(crate) async fn accept(&self, stream: TcpStream) -> io::Result<Box<TlsStream<TcpStream>>> {
        let acceptor = TlsAcceptor::from(self.config.load_full());
        let shaking_hands = acceptor.accept_with(stream, |connection| connection.set_buffer_limit(Some(SEND_BYTES)));
        Ok(Box::new(timeout(HANDSHAKE, shaking_hands).await??))
    }

    /// Begins to hear SIGHUP, which ends nobody from here on: before the process says that it is up.
    ///
    /// # Errors
    ///
    /// Where signals cannot be heard.
    pub fn following(self: Arc<Self>) -> io::Result<Following> {
        Ok(Following { asked: signal(SignalKind::hangup())?, tls: self })
    }

    fn stamps(&self) -> Stamps {
        (stamp(&self.certificate), stamp(&self.key))
    }

    fn read_anew(&self) -> Result<(), TlsError> {
        self.config.store(Arc::new(read(&self.certificate, &self.key)?));
        Ok(())
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
    /// Follows the files until it is told to stop. What cannot be used changes nothing and is read again at each look, until it
    /// can: rights to a file may come without a change of it.
    pub async fn run(mut self, stop: Shutdown) {
        let mut look = tokio::time::interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut used, mut said) = (self.tls.opened, None);
        metrics::gauge!(TLS_STALE).set(0);
        loop {
            let is_asked = tokio::select! {
                () = stop.cancelled() => return,
                _ = self.asked.recv() => true,
                _ = look.tick() => false,
            };
            // The state before the reading: a change in between is seen at the next look.
            let now = self.tls.stamps();
            if !is_asked && used == now {
                continue;
            }
            let tls = self.tls.clone();
            let Ok(read) = tokio::task::spawn_blocking(move || tls.read_anew()).await else { return };
            match read {
                Ok(()) => (used, said) = (now, None),
                // Said once. Where certificate and key are written one after the other, they go together at the next look.
                Err(error) => {
                    let text = Some(error.to_string());
                    if is_asked || text != said {
                        metrics::gauge!(TLS_STALE).set(1);
                        metrics::counter!(TLS_READ, "result" => "refused").increment(1);
                        tracing::error!(%error, "the certificate cannot be used; the one before it goes on");
                    }
                    said = text;
                    continue;
                }
            }
            metrics::gauge!(TLS_STALE).set(0);
            metrics::counter!(TLS_READ, "result" => "used").increment(1);
            tracing::info!(file = %self.tls.certificate.display(), "the certificate was read anew");
        }
    }
}

fn read(certificate: &Path, key: &Path) -> Result<ServerConfig, TlsError> {
    let in_certificate =
        |error: pem::Error| TlsError::Certificate { path: certificate.to_owned(), error: error.into() };
    let in_key = |error: pem::Error| TlsError::Key { path: key.to_owned(), error: error.into() };
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
    // A browser that comes again is spared half of the handshake, and nothing is kept for it here.
    config.ticketer = aws_lc_rs::Ticketer::new().map_err(pair)?;
    config.session_storage = Arc::new(NoServerSessionStorage {});
    Ok(config)
}
