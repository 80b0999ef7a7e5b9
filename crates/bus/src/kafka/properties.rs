//! `--kafka-config FILE`: a Java client's properties file, as settings of librdkafka.
//!
//! What both know under one name goes through; what librdkafka calls otherwise is translated; what a promise of Tributary
//! stands on is refused, and so is what neither knows. Passwords may come from the environment instead ([`VARIABLES`]).
//! Everything here is a function of its arguments: no file and no environment is read.

mod jaas;
mod keys;
mod oidc;
mod pem;
mod secret;
mod syntax;
#[cfg(test)]
mod tests;
mod translate;

pub(super) use oidc::{Authorities, Grant};
pub use secret::Secret;

use super::oauth::Tokens;

/// Variables that win over the file. With `OAUTHBEARER` the first two are the client's id and secret; the third opens a
/// PKCS#12 keystore or an encrypted key.
pub const VARIABLES: [&str; 3] =
    ["TRIBUTARY_KAFKA_USERNAME", "TRIBUTARY_KAFKA_PASSWORD", "TRIBUTARY_KAFKA_KEY_PASSWORD"];

/// Settings of librdkafka, by its own names. `Debug` shows no secret.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Properties {
    settings: Vec<Setting>,
    /// Where tokens come from, if they are the login.
    tokens: Option<Tokens>,
}

/// One setting of librdkafka.
#[derive(Clone, PartialEq, Eq)]
struct Setting {
    key: &'static str,
    value: Secret,
    scope: Scope,
}

/// Which clients a setting is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Scope {
    Both,
    Consumer,
    Producer,
}

/// What is wrong with a file of properties. Never shows a value that may be a secret.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum PropertiesError {
    /// A `\u` escape without its four digits.
    #[error("line {line}: a \\u must be followed by four hexadecimal digits")]
    Escape {
        /// The line, from 1.
        line: usize,
    },
    /// A setting that is given twice, maybe by another of its names: which one holds is a guess.
    #[error("line {line}: `{key}` says again what line {first} says: remove one of them")]
    Twice {
        /// The second line.
        line: usize,
        /// The setting.
        key: String,
        /// The first line.
        first: usize,
    },
    /// Neither the Java clients nor librdkafka have such a setting.
    #[error("line {line}: `{key}` is no setting of a Kafka client; did you mean `{nearest}`?")]
    Unknown {
        /// The line, from 1.
        line: usize,
        /// The setting.
        key: String,
        /// The nearest that there is.
        nearest: &'static str,
    },
    /// A setting that Tributary decides.
    #[error("line {line}: `{key}` is set by Tributary ({why}): remove the line")]
    Fixed {
        /// The line, from 1.
        line: usize,
        /// The setting.
        key: String,
        /// The reason.
        why: &'static str,
    },
    /// A setting that means nothing outside Java.
    #[error("line {line}: `{key}` is a setting of Kafka's Java clients alone ({hint}): remove the line")]
    JavaOnly {
        /// The line, from 1.
        line: usize,
        /// The setting.
        key: String,
        /// What there is instead.
        hint: &'static str,
    },
    /// A setting whose value cannot be used, or not with the others.
    #[error("line {line}: `{key}` {what}")]
    Value {
        /// The line, from 1.
        line: usize,
        /// The setting.
        key: String,
        /// What is wrong, and the way out.
        what: String,
    },
}

/// Translates a file. `variable` looks up one of [`VARIABLES`]; an empty one counts as absent.
pub fn parse(text: &str, variable: impl Fn(&str) -> Option<String>) -> Result<Properties, PropertiesError> {
    let entries = syntax::entries(text).map_err(|syntax::BadEscape(line)| PropertiesError::Escape { line })?;
    for (at, entry) in entries.iter().enumerate() {
        check(entry)?;
        let name = |key| keys::known(key).map_or(key, |(name, _)| name);
        if let Some(first) = entries[..at].iter().find(|first| name(&first.key) == name(&entry.key)) {
            return Err(PropertiesError::Twice { line: entry.line, key: entry.key.clone(), first: first.line });
        }
    }
    let variable = |name: &str| variable(name).filter(|value| !value.is_empty());
    let (translated, grant) = translate::all(&entries, variable)?;
    let settings = translated.into_iter().map(|(key, value)| {
        let (key, scope) = keys::known(&key).expect("translations name settings that there are");
        Setting { key, value: Secret::new(value), scope }
    });
    Ok(Properties { settings: settings.collect(), tokens: grant.map(Tokens::new) })
}

/// Whether the name is one that a file may use.
fn check(entry: &syntax::Entry) -> Result<(), PropertiesError> {
    let (line, key) = (entry.line, entry.key.clone());
    if let Some(why) = keys::fixed(&key) {
        Err(PropertiesError::Fixed { line, key, why })
    } else if let Some(hint) = keys::java_only(&key) {
        Err(PropertiesError::JavaOnly { line, key, hint })
    } else if key.starts_with("sasl.kerberos.") {
        Err(PropertiesError::Value { line, key, what: "is for Kerberos, which is not built in".to_owned() })
    } else if keys::known(&key).is_none() && !keys::TRANSLATED.contains(&key.as_str()) {
        let nearest = keys::nearest(&key);
        Err(PropertiesError::Unknown { line, key, nearest })
    } else {
        Ok(())
    }
}

impl Properties {
    /// What every client of the cluster is told, one that only administers it too.
    pub fn common(&self) -> impl Iterator<Item = (&str, &str)> {
        self.of(&[Scope::Both])
    }

    /// What a consumer is told, with what all are told.
    pub fn consumer(&self) -> impl Iterator<Item = (&str, &str)> {
        self.of(&[Scope::Both, Scope::Consumer])
    }

    /// What a producer is told, with what all are told.
    pub fn producer(&self) -> impl Iterator<Item = (&str, &str)> {
        self.of(&[Scope::Both, Scope::Producer])
    }

    /// Where tokens come from; `None` where the login is another one.
    pub(super) fn tokens(&self) -> Option<&Tokens> {
        self.tokens.as_ref()
    }

    fn of(&self, scopes: &'static [Scope]) -> impl Iterator<Item = (&str, &str)> {
        let settings = self.settings.iter().filter(|setting| scopes.contains(&setting.scope));
        settings.map(|setting| (setting.key, setting.value.reveal()))
    }
}

impl std::fmt::Debug for Properties {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut map = f.debug_map();
        for Setting { key, value, .. } in &self.settings {
            if keys::is_secret(key) {
                map.entry(key, value);
            } else {
                map.entry(key, &value.reveal());
            }
        }
        if let Some(tokens) = &self.tokens {
            map.entry(&"tokens", tokens);
        }
        map.finish()
    }
}
