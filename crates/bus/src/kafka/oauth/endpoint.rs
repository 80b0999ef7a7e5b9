//! One request to a token endpoint (RFC 6749, 4.4): who we are goes as basic authentication, as Kafka's own clients do it.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use ureq::Agent;
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};

use super::super::error::one_line;
use super::super::properties::{Authorities, Grant};

/// How long one request may take, from the name's lookup to the last byte.
const TIMEOUT: Duration = Duration::from_secs(5);

/// The largest answer in bytes. A token has some kilobytes.
const MOST: u64 = 256 << 10;

pub(super) struct Endpoint {
    grant: Grant,
    /// Made when it is needed: the certificates may be in a file.
    agent: OnceLock<Agent>,
}

/// What came of it.
pub(super) struct Answer {
    pub(super) token: String,
    /// For how many seconds it holds, as the endpoint says.
    pub(super) expires_in: Option<u64>,
}

/// Why there is no token. Shows no secret.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub(in super::super) enum Failure {
    /// Asking again is in vain.
    #[error("{0}")]
    Refused(String),
    /// The endpoint is away, or has trouble of its own.
    #[error("{0}")]
    Passing(String),
}

impl Endpoint {
    pub(super) fn new(grant: Grant) -> Self {
        Self { grant, agent: OnceLock::new() }
    }

    pub(super) fn grant(&self) -> &Grant {
        &self.grant
    }

    pub(super) fn ask(&self) -> Result<Answer, Failure> {
        let Grant { endpoint, client_id, client_secret, scope, .. } = &self.grant;
        let agent = match self.agent.get() {
            Some(agent) => agent,
            None => {
                let agent = agent(&self.grant.authorities)?;
                self.agent.get_or_init(|| agent)
            }
        };
        let login = STANDARD.encode(format!("{client_id}:{}", client_secret.reveal()));
        let mut form = vec![("grant_type", "client_credentials")];
        form.extend(scope.as_deref().map(|scope| ("scope", scope)));
        let request = agent.post(endpoint.as_str()).header("authorization", format!("Basic {login}"));
        let failed = |error: ureq::Error| failed(endpoint, &error);
        let mut response = request.header("accept", "application/json").send_form(form).map_err(failed)?;
        let status = response.status().as_u16();
        let body = response.body_mut().with_config().limit(MOST).read_to_string().map_err(failed)?;
        read(endpoint, status, &body)
    }
}

fn agent(authorities: &Authorities) -> Result<Agent, Failure> {
    let roots = match authorities {
        Authorities::System => RootCerts::PlatformVerifier,
        Authorities::File(path) => {
            let pem = std::fs::read(path);
            let pem = pem.map_err(|error| Failure::Refused(format!("`https.ca.location` {path}: {error}")))?;
            RootCerts::Specific(Arc::new(certificates(&pem, &format!("`https.ca.location` {path}"))?))
        }
        Authorities::Pem(pem) => RootCerts::Specific(Arc::new(certificates(pem.as_bytes(), "`https.ca.pem`")?)),
    };
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let tls = TlsConfig::builder().root_certs(roots).unversioned_rustls_crypto_provider(provider).build();
    // A redirect would carry the secret to somebody else.
    let config = Agent::config_builder().tls_config(tls).max_redirects(0).http_status_as_error(false);
    Ok(config.timeout_global(Some(TIMEOUT)).build().into())
}

fn certificates(pem: &[u8], place: &str) -> Result<Vec<Certificate<'static>>, Failure> {
    let items = parse_pem(pem).filter_map(|item| match item {
        Ok(PemItem::Certificate(certificate)) => Some(certificate),
        _ => None,
    });
    let found: Vec<_> = items.collect();
    match found.is_empty() {
        true => Err(Failure::Refused(format!("{place} has no certificate in PEM"))),
        false => Ok(found),
    }
}

fn failed(endpoint: &str, error: &ureq::Error) -> Failure {
    let line = format!("the token endpoint {endpoint} cannot be reached: {}", one_line(&error.to_string()));
    // A certificate that is not believed comes as an error of the connection.
    if line.contains("invalid peer certificate") {
        return Failure::Refused(format!("{line}; `https.ca.location` in --kafka-config names whom to believe"));
    }
    match error {
        ureq::Error::Rustls(_) | ureq::Error::BadUri(_) | ureq::Error::Tls(_) => Failure::Refused(line),
        _ => Failure::Passing(line),
    }
}

/// What an endpoint answers, well or not (RFC 6749, 5.1 and 5.2).
#[derive(Deserialize)]
struct Body {
    access_token: Option<String>,
    #[serde(default)]
    expires_in: serde_json::Value,
    error: Option<String>,
    error_description: Option<String>,
}

pub(super) fn read(endpoint: &str, status: u16, body: &str) -> Result<Answer, Failure> {
    let parsed = serde_json::from_str::<Body>(body);
    if status == 200 {
        let parsed = parsed.ok().and_then(|body| body.access_token.map(|token| (token, body.expires_in)));
        return match parsed {
            Some((token, expires_in)) => Ok(Answer { token, expires_in: number(&expires_in) }),
            None => Err(Failure::Refused(format!("the token endpoint {endpoint} answers without an `access_token`"))),
        };
    }
    let said = parsed.ok().and_then(|body| match (body.error, body.error_description) {
        (Some(error), Some(description)) => Some(format!(" {error}: {description}")),
        (one, other) => one.or(other).map(|said| format!(" {said}")),
    });
    let said: String = one_line(&said.unwrap_or_default()).chars().take(300).collect();
    let line = format!("the token endpoint {endpoint} answers {status} {said}");
    match status {
        // Too many at once, and its own trouble.
        408 | 429 | 500.. => Err(Failure::Passing(line.trim_end().to_owned())),
        _ => Err(Failure::Refused(line.trim_end().to_owned())),
    }
}

/// Some write it as a text.
fn number(value: &serde_json::Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_f64().map(|number| number as u64)).or_else(|| value.as_str()?.parse().ok())
}
