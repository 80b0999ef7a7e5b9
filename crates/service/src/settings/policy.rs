//! Who may send hits, and what is kept of them.

use std::path::PathBuf;

use clap::Args;
use sites::Networks;

/// Who may send hits, and what is kept of them.
#[derive(Args, Clone, Debug, Default)]
pub struct PolicyArgs {
    /// TOML file of the sites that are taken, and what each asks: docs/sites.md. It is read anew when it changes and on SIGHUP;
    /// one that cannot be read changes nothing. Without it any site is taken, with whole addresses.
    #[arg(long, value_name = "FILE")]
    pub sites: Option<PathBuf>,
    /// Reverse proxies whose Forwarded or X-Forwarded-For is believed: addresses and networks, with commas between them.
    #[arg(long, value_name = "NETWORKS", value_parser = networks)]
    pub trusted_proxies: Option<Networks>,
    /// Database of places in MaxMind's format (.mmdb): hits get the country and region of their address before it is cut. It
    /// is read anew when it changes and on SIGHUP; one that cannot be read changes nothing.
    #[arg(long, value_name = "FILE")]
    pub geoip: Option<PathBuf>,
}

fn networks(text: &str) -> Result<Networks, String> {
    text.parse().map_err(|form| format!("`{text}`: {form}; with commas between several"))
}
