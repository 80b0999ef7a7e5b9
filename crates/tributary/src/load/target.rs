//! Where the load goes, and whether it may.

use std::net::{SocketAddr, ToSocketAddrs};

use anyhow::{Context, Result, bail};

/// A collector's address, looked up once.
#[derive(Debug)]
pub(super) struct Target {
    /// `host:port` as it was given.
    authority: String,
    /// Path and query.
    path: String,
    address: SocketAddr,
}

impl Target {
    /// Takes `http://host:port/path` apart and looks the host up. One that is not this machine is refused unless the caller
    /// says that it is theirs.
    pub(super) fn find(url: &str, is_owned: bool) -> Result<Self> {
        let Some(rest) = url.strip_prefix("http://") else {
            bail!("--url {url}: write http://HOST:PORT/PATH; nothing but plain HTTP is spoken here");
        };
        let (authority, path) = rest.find('/').map_or((rest, "/collect"), |at| rest.split_at(at));
        let is_plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic());
        if authority.is_empty() || authority.contains('@') || !is_plain(authority) || !is_plain(path) {
            bail!("--url {url}: write http://HOST:PORT/PATH");
        }
        let host = match authority.rsplit_once(':') {
            Some((_, port)) if port.parse::<u16>().is_ok() => authority.to_owned(),
            _ => format!("{authority}:80"),
        };
        let addresses: Vec<_> = host.to_socket_addrs().with_context(|| format!("--url {url}"))?.collect();
        let address = *addresses.first().with_context(|| format!("--url {url}: the host has no address"))?;
        // All of them: a name that is this machine only today must not become another one tomorrow.
        if !is_owned && !addresses.iter().all(|address| address.ip().to_canonical().is_loopback()) {
            bail!(
                "--url {url}: {} is not this machine, and a load that nobody asked for is an attack; if it is yours to \
                 load, add --i-own-this-host",
                address.ip()
            );
        }
        Ok(Self { authority: authority.to_owned(), path: path.to_owned(), address })
    }

    pub(super) fn authority(&self) -> &str {
        &self.authority
    }

    pub(super) fn path(&self) -> &str {
        &self.path
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}{}", self.authority, self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_may_be_loaded() {
        for (url, authority, path, port) in [
            ("http://127.0.0.1:8080/collect", "127.0.0.1:8080", "/collect", 8080),
            ("http://[::1]:81/a?b=c", "[::1]:81", "/a?b=c", 81),
            ("http://127.9.9.9", "127.9.9.9", "/collect", 80),
            ("http://[::ffff:127.0.0.1]:8080/collect", "[::ffff:127.0.0.1]:8080", "/collect", 8080),
        ] {
            let target = Target::find(url, false).unwrap();
            assert_eq!((target.authority(), target.path(), target.address().port()), (authority, path, port), "{url}");
        }
    }

    #[test]
    fn another_machine_must_be_said_to_be_ones_own() {
        for url in ["http://192.0.2.1:8080/collect", "http://0.0.0.0:8080/", "http://[2001:db8::1]:1/"] {
            let error = Target::find(url, false).unwrap_err().to_string();
            assert!(error.contains("is not this machine") && error.contains("--i-own-this-host"), "{error}");
            assert!(Target::find(url, true).is_ok());
        }
    }

    #[test]
    fn what_is_no_plain_http_is_refused_in_one_line() {
        for url in
            ["https://127.0.0.1/collect", "127.0.0.1:8080", "http:///collect", "http://a@127.0.0.1/", "http://a b/"]
        {
            let error = Target::find(url, true).unwrap_err().to_string();
            assert!(error.starts_with(&format!("--url {url}: ")) && !error.contains('\n'), "{error}");
        }
    }
}
