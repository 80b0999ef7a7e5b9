//! The collector that hits are sent to, and its answers.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use ureq::Agent;
use ureq::config::AutoHeaderValue;
use ureq::tls::{RootCerts, TlsConfig};

/// How long one request may take.
const TIMEOUT: Duration = Duration::from_secs(30);

/// How often a request is sent that the collector has no room for.
const TRIES: u32 = 10;

/// The longest pause that a collector may ask for.
const LONGEST_PAUSE: u64 = 60;

/// A collector somewhere.
pub(super) struct Collector {
    agent: Agent,
    url: String,
    headers: Vec<(String, String)>,
}

/// What it says of a request's hits.
#[derive(Deserialize, Debug)]
pub(super) struct Answer {
    pub(super) accepted: u64,
    pub(super) rejected: Vec<Rejected>,
}

/// A hit that was not taken.
#[derive(Deserialize, Debug)]
pub(super) struct Rejected {
    pub(super) index: usize,
    reason: String,
    #[serde(default)]
    pointer: String,
    detail: String,
}

impl fmt::Display for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.pointer.as_str() {
            "" => write!(f, "{}: {}", self.reason, self.detail),
            // The first part says which hit of the request, and the line says that already.
            pointer => {
                let place = pointer[1..].find('/').map_or("", |at| &pointer[1 + at..]);
                write!(f, "{} at {place}: {}", self.reason, self.detail)
            }
        }
    }
}

impl Collector {
    /// Nothing is sent yet. Headers are `Name: value`.
    pub(super) fn new(url: &str, headers: &[String]) -> Result<Self> {
        if !url.starts_with("http://") && !url.starts_with("https://") {
            bail!("--url {url}: write http://HOST:PORT/PATH or https://HOST/PATH");
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = TlsConfig::builder().root_certs(RootCerts::PlatformVerifier);
        let config = Agent::config_builder()
            .tls_config(tls.unversioned_rustls_crypto_provider(provider).build())
            // A header would be taken for the visitors' browser.
            .user_agent(AutoHeaderValue::None)
            // A redirect would carry the key to somebody else.
            .max_redirects(0)
            .http_status_as_error(false)
            .timeout_global(Some(TIMEOUT));
        let parts = headers.iter().filter_map(|line| line.split_once(':'));
        let headers = parts.map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned())).collect();
        Ok(Self { agent: config.build().into(), url: url.to_owned(), headers })
    }

    /// Whether requests carry a site's secret key, and so may say more of a hit than a browser may.
    pub(super) fn carries_a_key(&self) -> bool {
        self.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("authorization"))
    }

    /// Sends hits, one a line. Where there is no room for them now, they are sent again later: copies are found by their ids.
    pub(super) fn send(&self, lines: &str) -> Result<Answer> {
        for again in 1.. {
            let mut request = self.agent.post(&self.url).header("content-type", "application/x-ndjson");
            for (name, value) in &self.headers {
                request = request.header(name, value);
            }
            let mut response = request.send(lines).with_context(|| self.url.clone())?;
            let status = response.status().as_u16();
            let pause = response.headers().get("retry-after").and_then(|value| value.to_str().ok()?.parse().ok());
            let body = response.body_mut().read_to_string().with_context(|| self.url.clone())?;
            if matches!(status, 429 | 503) && again < TRIES {
                std::thread::sleep(Duration::from_secs(pause.unwrap_or(1).min(LONGEST_PAUSE)));
                continue;
            }
            let answer = serde_json::from_str::<Answer>(&body);
            return answer.ok().filter(|answer| answer.accepted > 0 || !answer.rejected.is_empty()).with_context(
                || format!("{} answered {status}: {}", self.url, body.chars().take(300).collect::<String>()),
            );
        }
        unreachable!("the last try has an answer")
    }
}
