//! `OAUTHBEARER` by OpenID Connect: who asks which endpoint for a token. The settings are ours alone: librdkafka is told that
//! tokens come from somewhere, and no more.

use super::secret::Secret;
use super::syntax::Entry;
use super::translate::{File, Settings, wrong};
use super::{PropertiesError, keys};

/// Everything that is needed to ask for a token. `Debug` shows no secret.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in super::super) struct Grant {
    /// The token endpoint's URL.
    pub(in super::super) endpoint: String,
    pub(in super::super) client_id: String,
    pub(in super::super) client_secret: Secret,
    pub(in super::super) scope: Option<String>,
    /// Whom to believe that it is the endpoint.
    pub(in super::super) authorities: Authorities,
}

/// Certificates of authorities.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in super::super) enum Authorities {
    /// Those of the machine.
    System,
    /// Those in a file, in PEM.
    File(String),
    /// These, in PEM.
    Pem(String),
}

/// Takes what is about tokens out of the settings.
pub(super) fn grant(mechanism: &Entry, file: File<'_>, settings: &mut Settings) -> Result<Grant, PropertiesError> {
    let mut given: Vec<_> = settings.extract_if(.., |(key, _)| is_ours(key)).collect();
    let mut take = |key: &str| {
        let at = given.iter().position(|(given, _)| given == key)?;
        Some(given.swap_remove(at).1)
    };
    // The line that says so, under any of its names.
    let line = |key: &str| {
        let is_it = |entry: &&Entry| keys::known(&entry.key).is_some_and(|(name, _)| name == key);
        file.entries().find(is_it).unwrap_or(mechanism)
    };
    let is_method = |method: &String| method.eq_ignore_ascii_case("oidc");
    if take("sasl.oauthbearer.method").is_some_and(|method| !is_method(&method)) {
        return Err(wrong(line("sasl.oauthbearer.method"), "must be oidc"));
    }
    let is_grant = |grant: &String| grant.eq_ignore_ascii_case("client_credentials");
    if take("sasl.oauthbearer.grant.type").is_some_and(|grant| !is_grant(&grant)) {
        return Err(wrong(line("sasl.oauthbearer.grant.type"), "must be client_credentials: no other is built in"));
    }
    if take("sasl.oauthbearer.extensions").is_some() {
        let what =
            "has extensions, which are not sent with a token of OpenID Connect: log in by PLAIN or SCRAM-SHA-512";
        return Err(wrong(
            file.get("sasl.oauthbearer.extensions").or(file.get("sasl.jaas.config")).unwrap_or(mechanism),
            what,
        ));
    }
    let key = "sasl.oauthbearer.token.endpoint.url";
    let Some(endpoint) = take(key) else {
        return Err(wrong(mechanism, format!("needs `{key}`, where tokens are asked for")));
    };
    if !(endpoint.starts_with("https://") || endpoint.starts_with("http://")) {
        return Err(wrong(line(key), "must begin with https:// (or http://)"));
    }
    let (id, secret) = (take("sasl.oauthbearer.client.id"), take("sasl.oauthbearer.client.secret"));
    let (Some(client_id), Some(client_secret)) = (id, secret) else {
        return Err(wrong(
            mechanism,
            "needs the client's id and secret: `clientId` and `clientSecret` in `sasl.jaas.config`, or the variables \
             TRIBUTARY_KAFKA_USERNAME and TRIBUTARY_KAFKA_PASSWORD",
        ));
    };
    let scope = take("sasl.oauthbearer.scope").filter(|scope| !scope.is_empty());
    let authorities = match (take("https.ca.pem"), take("https.ca.location")) {
        (Some(pem), _) => Authorities::Pem(super::pem::with_line_breaks(&pem)),
        // librdkafka's word for the machine's.
        (None, Some(path)) if path != "probe" => Authorities::File(path),
        (None, _) => Authorities::System,
    };
    if let Some((key, _)) = given.first() {
        return Err(wrong(line(key), "is for a way to get tokens that is not built in: remove the line"));
    }
    Ok(Grant { endpoint, client_id, client_secret: Secret::new(client_secret), scope, authorities })
}

fn is_ours(key: &str) -> bool {
    key.starts_with("sasl.oauthbearer.") || key.starts_with("https.ca.")
}
