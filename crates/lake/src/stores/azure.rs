//! Azure's blobs.

use object_store::azure::{AzureConfigKey, MicrosoftAzure, MicrosoftAzureBuilder};

use super::{Variables, check_endpoint, connection_string, options, refusal, retry};
use crate::place::Bucket;

/// What is handed on as it is. docs/object-stores.md explains each.
const HANDED_ON: [&str; 15] = [
    "AZURE_STORAGE_ACCOUNT_NAME",
    "AZURE_STORAGE_ACCOUNT_KEY",
    "AZURE_STORAGE_SAS_TOKEN",
    "AZURE_STORAGE_TOKEN",
    "AZURE_STORAGE_ENDPOINT",
    "AZURE_STORAGE_USE_EMULATOR",
    "AZURE_CLIENT_ID",
    "AZURE_CLIENT_SECRET",
    "AZURE_TENANT_ID",
    "AZURE_AUTHORITY_HOST",
    "AZURE_FEDERATED_TOKEN_FILE",
    "AZURE_OBJECT_ID",
    "AZURE_MSI_RESOURCE_ID",
    "AZURE_USE_AZURE_CLI",
    "AZURE_SKIP_SIGNATURE",
];

/// What is read besides: other names of the same, and what needs a closer look.
const READ_TOO: [&str; 4] =
    ["AZURE_STORAGE_ACCOUNT", "AZURE_STORAGE_KEY", "AZURE_STORAGE_CONNECTION_STRING", "AZURE_ALLOW_HTTP"];

const ATTEMPTS: usize = 4;

pub(super) fn client(bucket: &Bucket, variables: &Variables) -> Result<MicrosoftAzure, String> {
    variables.check_spelling("AZURE_", &[&HANDED_ON[..], &READ_TOO].concat())?;
    variables.at_most_one(&[
        "AZURE_STORAGE_ACCOUNT_NAME",
        "AZURE_STORAGE_ACCOUNT",
        "AZURE_STORAGE_CONNECTION_STRING",
    ])?;
    variables.at_most_one(&[
        "AZURE_STORAGE_ACCOUNT_KEY",
        "AZURE_STORAGE_KEY",
        "AZURE_STORAGE_SAS_TOKEN",
        "AZURE_STORAGE_TOKEN",
        "AZURE_STORAGE_CONNECTION_STRING",
    ])?;
    let said = variables.get("AZURE_STORAGE_CONNECTION_STRING").map(connection_string::read).transpose()?;
    let said = said.unwrap_or_default();
    let get = |name: &str| {
        let other = match name {
            "AZURE_STORAGE_ACCOUNT_NAME" => variables.get("AZURE_STORAGE_ACCOUNT"),
            "AZURE_STORAGE_ACCOUNT_KEY" => variables.get("AZURE_STORAGE_KEY"),
            _ => None,
        };
        said.get(name).or_else(|| variables.get(name)).or(other)
    };
    let allow_http = variables.is_on("AZURE_ALLOW_HTTP")?;
    let is_emulator = said.is_on("AZURE_STORAGE_USE_EMULATOR")? || variables.is_on("AZURE_STORAGE_USE_EMULATOR")?;
    if let Some(url) = get("AZURE_STORAGE_ENDPOINT") {
        check_endpoint("AZURE_STORAGE_ENDPOINT", url, allow_http, "AZURE_ALLOW_HTTP")?;
    }
    for name in ["AZURE_USE_AZURE_CLI", "AZURE_SKIP_SIGNATURE"] {
        variables.switch(name)?;
    }
    for (there, missing) in [
        ("AZURE_CLIENT_SECRET", "AZURE_CLIENT_ID"),
        ("AZURE_CLIENT_SECRET", "AZURE_TENANT_ID"),
        ("AZURE_FEDERATED_TOKEN_FILE", "AZURE_TENANT_ID"),
    ] {
        if variables.get(there).is_some() && variables.get(missing).is_none() {
            return Err(format!("{there} is there, and {missing} is not"));
        }
    }

    let mut builder = MicrosoftAzureBuilder::new().with_container_name(&bucket.name).with_retry(retry(ATTEMPTS));
    for name in HANDED_ON {
        let key: AzureConfigKey = name.to_ascii_lowercase().parse().expect("the client knows the names in this file");
        builder = get(name).into_iter().fold(builder, |builder, value| builder.with_config(key, value));
    }
    if let Some(endpoint) = variables.get("IDENTITY_ENDPOINT") {
        builder = builder.with_config(AzureConfigKey::MsiEndpoint, endpoint);
    }
    match (&bucket.account, get("AZURE_STORAGE_ACCOUNT_NAME")) {
        (Some(account), Some(other)) if account.name != other => {
            return Err(format!("the URL names the account `{}`, and the environment `{other}`", account.name));
        }
        (Some(account), _) => {
            builder = builder.with_account(&account.name);
            if get("AZURE_STORAGE_ENDPOINT").is_none() {
                builder = builder.with_config(AzureConfigKey::Endpoint, &account.endpoint);
            }
        }
        (None, None) if !is_emulator => {
            return Err("no account was named: set AZURE_STORAGE_ACCOUNT_NAME, or write \
                        abfss://CONTAINER@ACCOUNT.dfs.core.windows.net/PREFIX"
                .to_owned());
        }
        (None, _) => {}
    }
    builder.with_client_options(options(allow_http)).build().map_err(|error| refusal(&error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::place::Place;
    use crate::stores::variables::variables;

    const ACCOUNT: (&str, &str) = ("AZURE_STORAGE_ACCOUNT_NAME", "acme");
    const KEY: (&str, &str) = ("AZURE_STORAGE_ACCOUNT_KEY", "aHVudGVyMg==");

    fn build(place: &str, all: &[(&str, &str)]) -> Result<MicrosoftAzure, String> {
        let Ok(Place::Bucket(bucket)) = Place::parse(place) else { panic!() };
        client(&bucket, &variables(all))
    }

    #[test]
    fn keys_tokens_identities_and_the_emulator_are_clients() {
        let short = "az://clicks/lake";
        let long = "abfss://clicks@acme.dfs.core.windows.net/lake";
        for (place, all) in [
            (short, vec![ACCOUNT, KEY]),
            (short, vec![("AZURE_STORAGE_ACCOUNT", "acme"), ("AZURE_STORAGE_KEY", KEY.1)]),
            (short, vec![ACCOUNT, ("AZURE_STORAGE_SAS_TOKEN", "?sv=2026-01-01&sig=aGk%3D")]),
            (short, vec![("AZURE_STORAGE_CONNECTION_STRING", "AccountName=acme;AccountKey=aGk=")]),
            (short, vec![("AZURE_STORAGE_USE_EMULATOR", "true")]),
            (short, vec![ACCOUNT]),
            (long, vec![KEY]),
            (long, vec![ACCOUNT, ("AZURE_CLIENT_ID", "c"), ("AZURE_CLIENT_SECRET", "s"), ("AZURE_TENANT_ID", "t")]),
        ] {
            build(place, &all).unwrap_or_else(|error| panic!("{all:?}: {error}"));
        }
    }

    #[test]
    fn what_contradicts_itself_is_refused_in_one_line_without_secrets() {
        let place = "abfss://clicks@acme.dfs.core.windows.net/lake";
        for (all, says) in [
            (vec![("AZURE_STORAGE_ACCOUNT", "other")], "the URL names the account `acme`"),
            (vec![KEY, ("AZURE_STORAGE_SAS_TOKEN", "sig=hunter2")], "contradict each other"),
            (vec![("AZURE_STORAGE_ACCOUNT_KEY", "no base64: hunter2")], "Invalid Access Key"),
            (vec![("AZURE_CLIENT_SECRET", "hunter2")], "AZURE_CLIENT_ID is not"),
            (vec![("AZURE_STORAGE_ENDPOINT", "http://x"), KEY], "set AZURE_ALLOW_HTTP=true"),
            (vec![("AZURE_STORAGE_ACOUNT", "x")], "did you mean"),
        ] {
            let line = build(place, &all).unwrap_err();
            assert!(line.contains(says) && !line.contains('\n') && !line.contains("hunter2"), "{line}");
        }
        assert!(build("az://clicks/lake", &[KEY]).unwrap_err().contains("no account was named"));
    }
}
