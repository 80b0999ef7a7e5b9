//! From the Java clients' settings to librdkafka's: values, logins, trust stores and key stores.

use super::jaas::{self, Module};
use super::oidc::{self, Grant};
use super::syntax::Entry;
use super::{PropertiesError, keys, pem};

pub(super) type Settings = Vec<(String, String)>;

/// Every setting of librdkafka that the entries and the variables come to, and how to get tokens, where that is the login.
pub(super) fn all(
    entries: &[Entry],
    variable: impl Fn(&str) -> Option<String>,
) -> Result<(Settings, Option<Grant>), PropertiesError> {
    let file = File(entries);
    let mut settings: Settings = Vec::new();
    for entry in entries.iter().filter(|entry| !GROUPED.contains(&entry.key.as_str())) {
        let key = keys::known(&entry.key).map_or(entry.key.as_str(), |(key, _)| key);
        settings.push((key.to_owned(), value(entry)));
    }
    trust(file, &mut settings)?;
    own_key(file, &variable, &mut settings)?;
    let grant = login(file, &variable, &mut settings)?;
    settings.retain(|(key, _)| !keys::TRANSLATED.contains(&key.as_str()));
    Ok((settings, grant))
}

/// Settings that say something together, and are translated together.
const GROUPED: [&str; 5] =
    ["ssl.keystore.location", "ssl.keystore.password", "ssl.key.password", "sasl.mechanisms", "sasl.mechanism"];

/// A file's entries by name. Copies are cheap.
#[derive(Clone, Copy)]
pub(super) struct File<'a>(&'a [Entry]);

impl<'a> File<'a> {
    pub(super) fn entries(self) -> impl Iterator<Item = &'a Entry> {
        self.0.iter()
    }

    pub(super) fn get(self, key: &str) -> Option<&'a Entry> {
        self.0.iter().find(|entry| entry.key == key)
    }
}

pub(super) fn wrong(entry: &Entry, what: impl Into<String>) -> PropertiesError {
    PropertiesError::Value { line: entry.line, key: entry.key.clone(), what: what.into() }
}

/// A value that both sides know, as librdkafka writes it.
fn value(entry: &Entry) -> String {
    let value = entry.value.as_str();
    match entry.key.as_str() {
        "security.protocol" => value.to_lowercase(),
        "ssl.endpoint.identification.algorithm" if value.is_empty() => "none".to_owned(),
        "ssl.endpoint.identification.algorithm" => value.to_lowercase(),
        // The system's own size.
        "receive.buffer.bytes" | "send.buffer.bytes" if value == "-1" => "0".to_owned(),
        "ssl.ca.pem" | "ssl.certificate.pem" | "ssl.key.pem" => pem::with_line_breaks(value),
        _ => value.to_owned(),
    }
}

/// Whom to believe: `ssl.truststore.*`.
fn trust(file: File<'_>, settings: &mut Settings) -> Result<(), PropertiesError> {
    let kind = file.get("ssl.truststore.type");
    let is_pem = kind.is_some_and(|kind| kind.value.eq_ignore_ascii_case("PEM"));
    if let Some(location) = file.get("ssl.truststore.location") {
        if !is_pem {
            let kind = kind.map_or("JKS", |kind| &kind.value);
            let convert = format!(
                "names a store of type {kind}, and only PEM can be read: run `keytool -list -rfc -keystore {} > ca.pem`, \
                 then say `ssl.truststore.type=PEM` and `ssl.truststore.location=ca.pem`",
                location.value
            );
            return Err(wrong(location, convert));
        }
        settings.push(("ssl.ca.location".to_owned(), location.value.clone()));
    }
    if let Some(certificates) = file.get("ssl.truststore.certificates") {
        if !is_pem {
            return Err(wrong(certificates, "needs `ssl.truststore.type=PEM`"));
        }
        settings.push(("ssl.ca.pem".to_owned(), pem::with_line_breaks(&certificates.value)));
    }
    match file.get("ssl.truststore.password") {
        Some(password) => Err(wrong(password, "has nothing to open: certificates in PEM have no password")),
        None => Ok(()),
    }
}

/// Who we are to the broker's TLS: `ssl.keystore.*`. Without a type it is a PKCS#12 file, as librdkafka has it and as
/// keytool writes them.
fn own_key(
    file: File<'_>,
    variable: &impl Fn(&str) -> Option<String>,
    settings: &mut Settings,
) -> Result<(), PropertiesError> {
    let kind = file.get("ssl.keystore.type");
    let name = kind.map_or("PKCS12", |kind| &kind.value).to_uppercase();
    let password = variable("TRIBUTARY_KAFKA_KEY_PASSWORD");
    let of = |key: &str| file.get(key).map(|entry| entry.value.clone());
    let key_password = password.clone().or_else(|| of("ssl.key.password"));
    let mut set = |key: &str, value: Option<String>| settings.extend(value.map(|value| (key.to_owned(), value)));

    let location = file.get("ssl.keystore.location");
    if let Some(location) = location {
        let is_jks = name == "JKS" || kind.is_none() && location.value.to_lowercase().ends_with(".jks");
        match name.as_str() {
            _ if is_jks => {
                let convert = format!(
                    "names a JKS store, and only PEM and PKCS12 can be read: run `keytool -importkeystore -srckeystore {} \
                     -destkeystore client.p12 -deststoretype PKCS12`, then say `ssl.keystore.type=PKCS12` and \
                     `ssl.keystore.location=client.p12`",
                    location.value
                );
                return Err(wrong(location, convert));
            }
            // One file with the key and the certificates: OpenSSL finds each in it.
            "PEM" => {
                set("ssl.key.location", Some(location.value.clone()));
                set("ssl.certificate.location", Some(location.value.clone()));
            }
            "PKCS12" => {
                set("ssl.keystore.location", Some(location.value.clone()));
                let store_password = password.clone().or_else(|| of("ssl.keystore.password"));
                set("ssl.keystore.password", store_password.or_else(|| key_password.clone()));
            }
            _ => return Err(wrong(kind.unwrap_or(location), "must be PEM or PKCS12")),
        }
    }
    for (java, ours) in [("ssl.keystore.key", "ssl.key.pem"), ("ssl.keystore.certificate.chain", "ssl.certificate.pem")]
    {
        if let Some(entry) = file.get(java) {
            if name != "PEM" {
                return Err(wrong(entry, "needs `ssl.keystore.type=PEM`"));
            }
            set(ours, Some(pem::with_line_breaks(&entry.value)));
        }
    }
    match file.get("ssl.keystore.password") {
        Some(entry) if name == "PEM" => Err(wrong(entry, "opens nothing: a key in PEM has `ssl.key.password`")),
        Some(entry) if location.is_none() => Err(wrong(entry, "needs `ssl.keystore.location`")),
        _ => {
            let has_key =
                ["ssl.key.location", "ssl.key.pem", "ssl.keystore.key"].iter().any(|key| file.get(key).is_some());
            let is_pem_file = location.is_some() && name == "PEM";
            set("ssl.key.password", key_password.filter(|_| has_key || is_pem_file));
            Ok(())
        }
    }
}

/// Who we are to the broker's SASL: `sasl.mechanism`, `sasl.jaas.config`, and the variables.
fn login(
    file: File<'_>,
    variable: &impl Fn(&str) -> Option<String>,
    settings: &mut Settings,
) -> Result<Option<Grant>, PropertiesError> {
    let jaas = file.get("sasl.jaas.config");
    let Some(mechanism) = file.get("sasl.mechanism").or_else(|| file.get("sasl.mechanisms")) else {
        return match jaas {
            Some(jaas) => Err(wrong(jaas, "needs `sasl.mechanism`, such as `sasl.mechanism=SCRAM-SHA-512`")),
            None => Ok(None),
        };
    };
    let name = mechanism.value.to_uppercase();
    if !["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"].contains(&name.as_str()) {
        let what = "must be one of PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 and OAUTHBEARER";
        return Err(wrong(mechanism, what));
    }
    let protocol = file.get("security.protocol").map(|protocol| protocol.value.to_lowercase());
    if !protocol.is_some_and(|protocol| protocol.starts_with("sasl_")) {
        return Err(wrong(mechanism, "is used only with `security.protocol=SASL_SSL` (or SASL_PLAINTEXT)"));
    }
    let is_unsecured = file.get("enable.sasl.oauthbearer.unsecure.jwt").is_some_and(|entry| entry.value == "true");
    let mut set = |key: &str, value: String| {
        settings.retain(|(given, _)| given != key);
        settings.push((key.to_owned(), value));
    };
    set("sasl.mechanisms", name.clone());
    if let Some(entry) = jaas {
        let login = jaas::parse(&entry.value).map_err(|what| wrong(entry, what))?;
        if !login.module.serves(&name) {
            return Err(wrong(entry, format!("has the {}, which is not for {name}", login.module.name())));
        }
        let mut extensions = Vec::new();
        for (option, value) in login.options {
            let value = value.reveal().to_owned();
            match (login.module, option.as_str()) {
                (Module::Plain | Module::Scram, "username") => set("sasl.username", value),
                (Module::Plain | Module::Scram, "password") => set("sasl.password", value),
                (Module::OAuthBearer, "clientId") => set("sasl.oauthbearer.client.id", value),
                (Module::OAuthBearer, "clientSecret") => set("sasl.oauthbearer.client.secret", value),
                (Module::OAuthBearer, "scope") => set("sasl.oauthbearer.scope", value),
                (Module::OAuthBearer, option) if option.starts_with("extension_") => {
                    extensions.push(format!("{}={value}", &option["extension_".len()..]));
                }
                (module, _) => {
                    return Err(wrong(entry, format!("has an option that {} has not: `{option}`", module.name())));
                }
            }
        }
        if !extensions.is_empty() {
            set("sasl.oauthbearer.extensions", extensions.join(","));
        }
    }
    let is_oauth = name == "OAUTHBEARER";
    let (user, password) = match is_oauth {
        true => ("sasl.oauthbearer.client.id", "sasl.oauthbearer.client.secret"),
        false => ("sasl.username", "sasl.password"),
    };
    for (key, name) in [(user, "TRIBUTARY_KAFKA_USERNAME"), (password, "TRIBUTARY_KAFKA_PASSWORD")] {
        if let Some(value) = variable(name) {
            set(key, value);
        }
    }
    // Java asks for a handler class where librdkafka asks for a method.
    if let Some(handler) = file.get("sasl.login.callback.handler.class")
        && !(is_oauth && handler.value.ends_with(".OAuthBearerLoginCallbackHandler"))
    {
        return Err(wrong(handler, "names a Java class; only the OAuthBearerLoginCallbackHandler has a counterpart"));
    }
    // Found here, the error says so at the start; found by librdkafka, it would be a retry for good.
    let missing = |key: &str| !settings.iter().any(|(given, _)| given == key);
    if !is_oauth && (missing(user) || missing(password)) {
        return Err(wrong(
            mechanism,
            "needs a user and a password: `sasl.jaas.config`, or the variables TRIBUTARY_KAFKA_USERNAME and \
             TRIBUTARY_KAFKA_PASSWORD",
        ));
    }
    match is_oauth && !is_unsecured {
        true => oidc::grant(mechanism, file, settings).map(Some),
        false => Ok(None),
    }
}
