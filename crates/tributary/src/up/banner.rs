//! What `up` prints once it listens: what a person needs next, each to be copied as it stands.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

/// Where everything is.
#[derive(Clone, Debug)]
pub struct Places {
    /// The public port, as bound.
    pub public: SocketAddr,
    /// Whether it speaks TLS.
    pub is_tls: bool,
    /// Where hits are posted to on it.
    pub collect: String,
    /// Where the tracker is on it.
    pub tracker: String,
    /// The admin port, as bound.
    pub admin: SocketAddr,
    /// The log.
    pub bus: String,
    /// The lake, as named.
    pub lake: String,
}

/// The text. Rows are in the lake within `flush_secs` seconds.
pub fn banner(places: &Places, flush_secs: u64) -> String {
    let url = url(if places.is_tls { "https" } else { "http" }, places.public);
    let admin = self::url("http", places.admin);
    // A certificate is for a name, which is not known here.
    let curl = if places.is_tls { "curl --insecure" } else { "curl" };
    let Places { bus, lake, collect, tracker, .. } = places;
    let glob = format!("{}/hits/*/*.parquet", lake.trim_end_matches('/'));
    let read = format!("duckdb.read_parquet({})", python_string(&glob));
    let query = format!("import duckdb; {read}.project(\"time, site, type, url, session_id\").order(\"time\").show()");
    format!(
        "\
tributary is up

  collect   {url}{collect}
  tracker   {url}{tracker}
  admin     {admin}/ready  {admin}/metrics
  log       {bus}
  lake      {lake}

Paste this into a page:
  <script defer src=\"{url}{tracker}\" data-site=\"my-site\"></script>

Or send a hit yourself:
  {curl} -H 'content-type: application/json' -d '{{\"site\":\"my-site\",\"visitor_id\":\"me\",\"url\":\"https://my-site.example/\"}}' {url}{collect}

See it in the lake {flush_secs} seconds later (pip install duckdb):
  python3 -c {}

Ctrl-C stops it.
",
        quoted(&query),
    )
}

/// The URL of a port. What listens everywhere is reached here.
fn url(scheme: &str, address: SocketAddr) -> String {
    let reached = match address {
        SocketAddr::V4(v4) if v4.ip().is_unspecified() => SocketAddr::from((Ipv4Addr::LOCALHOST, v4.port())),
        SocketAddr::V6(v6) if v6.ip().is_unspecified() => SocketAddr::from((Ipv6Addr::LOCALHOST, v6.port())),
        address => address,
    };
    format!("{scheme}://{reached}")
}

/// A text as a shell's word.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

fn python_string(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', r"\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(lake: &str) -> Places {
        Places {
            public: "127.0.0.1:8080".parse().unwrap(),
            is_tls: false,
            admin: "127.0.0.1:9090".parse().unwrap(),
            collect: "/collect".into(),
            tracker: "/tracker.js".into(),
            bus: "embedded:./data/bus".to_owned(),
            lake: lake.to_owned(),
        }
    }

    #[test]
    fn everything_that_a_person_needs_next() {
        insta::assert_snapshot!(banner(&places("./data/lake"), 5));
    }

    #[test]
    fn with_a_certificate_the_public_port_alone_is_https() {
        let said = banner(&Places { is_tls: true, ..places("./data/lake") }, 5);
        assert!(said.contains("src=\"https://127.0.0.1:8080/tracker.js\""), "{said}");
        assert!(said.contains("  curl --insecure -H"), "{said}");
        assert!(said.contains("}' https://127.0.0.1:8080/collect"), "{said}");
        assert!(said.contains("http://127.0.0.1:9090/ready"), "{said}");
    }

    #[test]
    fn what_listens_everywhere_is_reached_here() {
        for (bound, reached) in [
            ("0.0.0.0:80", "http://127.0.0.1:80"),
            ("[::]:80", "http://[::1]:80"),
            ("192.0.2.1:80", "http://192.0.2.1:80"),
        ] {
            assert_eq!(url("http", bound.parse().unwrap()), reached);
        }
    }

    #[test]
    fn a_path_with_quotation_marks_survives_shell_and_python() {
        let said = banner(&places("/it's \"here\""), 5);
        let line = said.lines().find(|line| line.contains("python3")).unwrap().trim();
        // The shell's own rules, undone: the word ends and begins again around each escaped mark.
        let word = line.strip_prefix("python3 -c '").unwrap().strip_suffix('\'').unwrap().replace(r"'\''", "'");
        assert!(word.contains(r#"read_parquet("/it's \"here\"/hits/*/*.parquet")"#), "{word}");
    }
}
