//! TLS on the public port.

use std::path::PathBuf;

use clap::Args;

/// TLS on the public port, where no proxy has it.
#[derive(Args, Clone, Debug, Default)]
pub struct TlsArgs {
    /// File with the public port's certificate and those that vouch for it (PEM). It is read anew, with --tls-key, when either
    /// changes and on SIGHUP; one that cannot be used changes nothing. Without it the port speaks plain HTTP.
    #[arg(long, value_name = "FILE")]
    pub tls_certificate: Option<PathBuf>,
    /// File with that certificate's private key (PEM, without a password).
    #[arg(long, value_name = "FILE")]
    pub tls_key: Option<PathBuf>,
}
