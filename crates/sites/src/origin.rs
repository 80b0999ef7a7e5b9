//! Pages that may send for a site: an origin, with a wildcard for its subdomains.

use std::fmt;
use std::str::FromStr;

/// `https://shop.example`, `https://*.shop.example` or `http://localhost:3000`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Origin {
    scheme: String,
    /// Whether any subdomain will do, at any depth, and not the host itself.
    is_wildcard: bool,
    /// Lower case.
    host: String,
    port: Option<u16>,
}

const FORM: &str =
    "write scheme and host, such as https://shop.example or https://*.shop.example, and nothing behind them";

impl Origin {
    /// Whether a page's origin, as a browser's `Origin` header has it, is one of these. Case does not count; a scheme's own
    /// port may be there or not.
    pub fn covers(&self, page: &Self) -> bool {
        let is_host = if self.is_wildcard {
            page.host.strip_suffix(&self.host).is_some_and(|below| below.len() > 1 && below.ends_with('.'))
        } else {
            page.host == self.host
        };
        is_host && !page.is_wildcard && page.scheme == self.scheme && page.port == self.port
    }
}

impl FromStr for Origin {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        let text = text.to_ascii_lowercase();
        let (scheme, rest) = text.split_once("://").ok_or(FORM)?;
        let own_port = match scheme {
            "https" => 443,
            "http" => 80,
            _ => return Err(FORM),
        };
        let (host, port) = match rest.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, Some(port.parse::<u16>().map_err(|_| FORM)?)),
            _ => (rest, None),
        };
        let (is_wildcard, host) = host.strip_prefix("*.").map_or((false, host), |host| (true, host));
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._[:]".contains(&byte);
        let has_labels = host.split('.').all(|label| !label.is_empty());
        if !host.bytes().all(is_plain) || !has_labels || (is_wildcard && !host.contains('.')) {
            return Err(FORM);
        }
        let port = port.filter(|port| *port != own_port);
        Ok(Self { scheme: scheme.to_owned(), is_wildcard, host: host.to_owned(), port })
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let wildcard = if self.is_wildcard { "*." } else { "" };
        write!(f, "{}://{wildcard}{}", self.scheme, self.host)?;
        self.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(origin: &str, header: &str) -> bool {
        let origin: Origin = origin.parse().unwrap();
        header.parse().is_ok_and(|page| origin.covers(&page))
    }

    #[test]
    fn an_origin_is_scheme_host_and_port() {
        assert!(matches("https://shop.example", "https://shop.example"));
        assert!(matches("https://Shop.Example", "https://shop.example:443"));
        assert!(matches("http://localhost:3000", "http://localhost:3000"));
        assert!(matches("http://[::1]:3000", "http://[::1]:3000"));
        for header in
            ["http://shop.example", "https://shop.example:444", "https://a.shop.example", "null", "", "shop.example"]
        {
            assert!(!matches("https://shop.example", header), "{header}");
        }
    }

    #[test]
    fn a_wildcard_is_for_subdomains_and_not_for_names_that_end_alike() {
        for header in ["https://a.shop.example", "https://b.a.shop.example"] {
            assert!(matches("https://*.shop.example", header), "{header}");
        }
        for header in
            ["https://shop.example", "https://evilshop.example", "https://.shop.example", "https://*.shop.example"]
        {
            assert!(!matches("https://*.shop.example", header), "{header}");
        }
    }

    #[test]
    fn what_is_no_origin_is_refused() {
        for text in [
            "shop.example",
            "https://",
            "https://a/b",
            "https://*",
            "https://*.example",
            "ftp://a.b",
            "https://a:x",
            "*",
        ] {
            assert!(text.parse::<Origin>().is_err(), "{text}");
        }
    }
}
