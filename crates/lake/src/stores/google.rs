//! Google Cloud Storage.

use std::fs;
use std::sync::Arc;

use object_store::StaticCredentialProvider;
use object_store::gcp::{GcpCredential, GoogleCloudStorage, GoogleCloudStorageBuilder, GoogleConfigKey};
use serde::Deserialize;

use super::{Variables, check_endpoint, options, refusal, retry};
use crate::place::Bucket;

/// What is read. docs/object-stores.md explains each.
const READ: [&str; 7] = [
    "GOOGLE_APPLICATION_CREDENTIALS",
    "GOOGLE_SERVICE_ACCOUNT",
    "GOOGLE_SERVICE_ACCOUNT_KEY",
    "GOOGLE_BEARER_TOKEN",
    "GOOGLE_BASE_URL",
    "GOOGLE_ALLOW_HTTP",
    "GOOGLE_SKIP_SIGNATURE",
];

/// Of these one is enough.
const LOGINS: [&str; 4] =
    ["GOOGLE_APPLICATION_CREDENTIALS", "GOOGLE_SERVICE_ACCOUNT", "GOOGLE_SERVICE_ACCOUNT_KEY", "GOOGLE_BEARER_TOKEN"];

const ATTEMPTS: usize = 4;

/// As much of a file of Google's as is needed to see whether it can be used.
#[derive(Deserialize)]
struct LoginFile {
    r#type: String,
}

pub(super) fn client(bucket: &Bucket, variables: &Variables) -> Result<GoogleCloudStorage, String> {
    variables.check_spelling("GOOGLE_", &READ)?;
    variables.check_spelling("STORAGE_", &["STORAGE_EMULATOR_HOST"])?;
    variables.at_most_one(&LOGINS)?;
    variables.at_most_one(&["GOOGLE_BASE_URL", "STORAGE_EMULATOR_HOST"])?;
    for name in ["GOOGLE_APPLICATION_CREDENTIALS", "GOOGLE_SERVICE_ACCOUNT"] {
        variables.get(name).map_or(Ok(()), |path| check_login(name, path))?;
    }
    let mut builder = GoogleCloudStorageBuilder::new().with_bucket_name(&bucket.name).with_retry(retry(ATTEMPTS));
    for name in READ.into_iter().filter(|name| LOGINS.contains(name)) {
        let key: GoogleConfigKey = name.to_ascii_lowercase().parse().expect("the client knows the names in this file");
        builder = variables.get(name).into_iter().fold(builder, |builder, value| builder.with_config(key, value));
    }
    let (mut allow_http, mut is_open) =
        (variables.is_on("GOOGLE_ALLOW_HTTP")?, variables.is_on("GOOGLE_SKIP_SIGNATURE")?);
    if let Some(host) = variables.get("STORAGE_EMULATOR_HOST") {
        // Google's own clients take both forms, and ask an emulator for nothing but objects.
        let url = if host.contains("://") { host.to_owned() } else { format!("http://{host}") };
        check_endpoint("STORAGE_EMULATOR_HOST", &url, true, "")?;
        builder = builder.with_base_url(url.trim_end_matches('/'));
        (allow_http, is_open) = (true, true);
    } else if let Some(url) = variables.get("GOOGLE_BASE_URL") {
        check_endpoint("GOOGLE_BASE_URL", url, allow_http, "GOOGLE_ALLOW_HTTP")?;
        builder = builder.with_base_url(url.trim_end_matches('/'));
    }
    if is_open {
        // Else the machine is asked for a login that nobody needs.
        let nobody = GcpCredential { bearer: String::new() };
        builder = builder.with_credentials(Arc::new(StaticCredentialProvider::new(nobody))).with_skip_signature(true);
    }
    let builder = builder.with_client_options(options(allow_http));
    builder.build().map_err(|error| refusal(&error))
}

/// Refuses a file that is not there, or whose kind of login the client does not know.
fn check_login(name: &str, path: &str) -> Result<(), String> {
    let text = fs::read_to_string(path).map_err(|error| format!("{name}, {path}: {error}"))?;
    let Ok(LoginFile { r#type }) = serde_json::from_str(&text) else {
        return Err(format!("{name}: {path} is no JSON of Google's with a `type`"));
    };
    match r#type.as_str() {
        "service_account" | "authorized_user" => Ok(()),
        other => Err(format!(
            "{name}: a login of the type {other} is not supported; give a service account's key, or run \
                              where the machine has a login"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::place::Place;
    use crate::stores::variables::variables;

    fn build(all: &[(&str, &str)]) -> Result<GoogleCloudStorage, String> {
        let Ok(Place::Bucket(bucket)) = Place::parse("gs://clicks/lake") else { panic!() };
        client(&bucket, &variables(all))
    }

    #[test]
    fn an_emulator_a_token_or_the_machine_is_a_client() {
        for all in [
            vec![],
            vec![("STORAGE_EMULATOR_HOST", "127.0.0.1:4443")],
            vec![("STORAGE_EMULATOR_HOST", "http://127.0.0.1:4443")],
            vec![("GOOGLE_BASE_URL", "https://storage.example"), ("GOOGLE_SKIP_SIGNATURE", "true")],
        ] {
            build(&all).unwrap();
        }
    }

    #[test]
    fn what_cannot_be_used_is_refused_in_one_line_without_secrets() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("login.json");
        fs::write(&path, r#"{"type": "external_account", "secret": "hunter2"}"#).unwrap();
        let (login, none) = (path.to_str().unwrap(), dir.path().join("none"));
        for (all, says) in [
            (vec![("GOOGLE_APPLICATION_CREDENTIALS", none.to_str().unwrap())], "No such file"),
            (vec![("GOOGLE_APPLICATION_CREDENTIALS", login)], "type external_account is not supported"),
            (
                vec![("GOOGLE_APPLICATION_CREDENTIALS", login), ("GOOGLE_BEARER_TOKEN", "hunter2")],
                "contradict each other",
            ),
            (vec![("GOOGLE_SERVICE_ACCOUNT_KEY", "hunter2")], "Unable to decode"),
            (vec![("GOOGLE_BASE_URL", "http://x")], "set GOOGLE_ALLOW_HTTP=true"),
            (vec![("GOOGLE_SERVICE_ACOUNT", "x")], "did you mean GOOGLE_SERVICE_ACCOUNT?"),
        ] {
            let line = build(&all).unwrap_err();
            assert!(line.contains(says) && !line.contains('\n') && !line.contains("hunter2"), "{line}");
        }
    }
}
