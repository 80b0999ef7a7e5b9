//! S3: Amazon's, and all who speak as it does.

use std::fs;
use std::sync::Arc;

use object_store::Certificate;
use object_store::aws::{AmazonS3, AmazonS3Builder, AmazonS3ConfigKey};
use url::Url;

use super::credential_process::ProcessLogin;
use super::profile::{self, Profile};
use super::{Variables, check_endpoint, options, refusal, retry};
use crate::place::Bucket;

/// What is read. docs/object-stores.md explains each.
const READ: [&str; 33] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_PROFILE",
    "AWS_CONFIG_FILE",
    "AWS_SHARED_CREDENTIALS_FILE",
    "AWS_ROLE_ARN",
    "AWS_ROLE_SESSION_NAME",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_ENDPOINT_URL_STS",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    "AWS_EC2_METADATA_DISABLED",
    "AWS_EC2_METADATA_SERVICE_ENDPOINT",
    "AWS_SKIP_SIGNATURE",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_S3",
    "AWS_USE_DUALSTACK_ENDPOINT",
    "AWS_USE_FIPS_ENDPOINT",
    "AWS_VIRTUAL_HOSTED_STYLE_REQUEST",
    "AWS_ALLOW_HTTP",
    "AWS_CA_BUNDLE",
    "AWS_MAX_ATTEMPTS",
    "AWS_SERVER_SIDE_ENCRYPTION",
    "AWS_SSE_KMS_KEY_ID",
    "AWS_SSE_BUCKET_KEY_ENABLED",
    "AWS_SSE_CUSTOMER_KEY_BASE64",
    "AWS_CHECKSUM_ALGORITHM",
    "AWS_UNSIGNED_PAYLOAD",
    "AWS_REQUEST_PAYER",
];

/// What other programs read and this one does not, although it would change what happens.
const NOT_READ: [(&str, &str); 3] = [
    ("AWS_ENDPOINT", "write AWS_ENDPOINT_URL"),
    ("AWS_ALLOW_INVALID_CERTIFICATES", "name the authority's certificate in AWS_CA_BUNDLE"),
    ("AWS_S3_EXPRESS", "directory buckets are not supported"),
];

/// How often a request is tried, where nobody says: hiccups and no more.
const ATTEMPTS: usize = 4;

pub(super) fn client(bucket: &Bucket, variables: &Variables) -> Result<AmazonS3, String> {
    let read = |path: &std::path::Path| match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(format!("{}: {error}", path.display())),
    };
    let builder = builder(bucket, variables, read)?;
    builder.build().map_err(|error| refusal(&error))
}

fn builder(
    bucket: &Bucket,
    variables: &Variables,
    read: impl Fn(&std::path::Path) -> Result<Option<String>, String>,
) -> Result<AmazonS3Builder, String> {
    variables.check_spelling("AWS_", &READ)?;
    if let Some((name, instead)) = NOT_READ.iter().find(|(name, _)| variables.get(name).is_some()) {
        return Err(format!("variable {name} is not read: {instead}"));
    }
    let profile = profile::find(variables, read)?;
    let of_profile = |key| profile.as_ref().and_then(|profile| profile.get(key));

    let region = variables.first(&["AWS_REGION", "AWS_DEFAULT_REGION"]).map(|(_, region)| region);
    let region = region.or_else(|| of_profile("region")).unwrap_or("us-east-1");
    // Little is deleted, and one by one is what every store can do.
    let builder = AmazonS3Builder::new().with_config(AmazonS3ConfigKey::DisableBulkDelete, "true");
    let builder = builder.with_bucket_name(&bucket.name).with_region(region);

    let allow_http = variables.is_on("AWS_ALLOW_HTTP")?;
    let mut options = options(allow_http);
    if let Some(file) = variables.get("AWS_CA_BUNDLE").or_else(|| of_profile("ca_bundle")) {
        let pem = fs::read(file).map_err(|error| format!("AWS_CA_BUNDLE, {file}: {error}"))?;
        let bundle = Certificate::from_pem_bundle(&pem).map_err(|_| format!("AWS_CA_BUNDLE: {file} is no PEM"))?;
        options = bundle.into_iter().fold(options, object_store::ClientOptions::with_root_certificate);
    }
    let attempts = match variables.get("AWS_MAX_ATTEMPTS").map(str::parse) {
        None => ATTEMPTS,
        Some(Ok(attempts @ 1..=20)) => attempts,
        Some(_) => return Err("AWS_MAX_ATTEMPTS is no number from 1 to 20".to_owned()),
    };
    let builder = builder.with_client_options(options).with_retry(retry(attempts));

    let custom = variables.first(&["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"]);
    let custom = custom.or_else(|| Some(("the profile's endpoint_url", of_profile("endpoint_url")?)));
    let (endpoint, is_virtual) = endpoint(&bucket.name, region, custom, variables)?;
    let builder = builder.with_virtual_hosted_style_request(is_virtual).with_endpoint(endpoint);
    let builder = with_encryption(builder, variables)?;
    with_login(with_switches(builder, variables)?, variables, profile)
}

/// The endpoint, with the bucket in it where it belongs into the host's name; and whether it does.
fn endpoint(
    bucket: &str,
    region: &str,
    custom: Option<(&str, &str)>,
    variables: &Variables,
) -> Result<(String, bool), String> {
    let is_virtual = variables.switch("AWS_VIRTUAL_HOSTED_STYLE_REQUEST")?;
    let (fips, dual) = (variables.is_on("AWS_USE_FIPS_ENDPOINT")?, variables.is_on("AWS_USE_DUALSTACK_ENDPOINT")?);
    let Some((name, custom)) = custom else {
        // A name with a dot does not fit the certificate.
        let is_virtual = is_virtual.unwrap_or(!bucket.contains('.'));
        let (fips, dual) = (if fips { "-fips" } else { "" }, if dual { ".dualstack" } else { "" });
        let country = if region.starts_with("cn-") { ".cn" } else { "" };
        let prefix = if is_virtual { format!("{bucket}.") } else { String::new() };
        return Ok((format!("https://{prefix}s3{fips}{dual}.{region}.amazonaws.com{country}"), is_virtual));
    };
    check_endpoint(name, custom, variables.is_on("AWS_ALLOW_HTTP")?, "AWS_ALLOW_HTTP")?;
    if fips || dual {
        return Err(format!("{name} and AWS_USE_FIPS_ENDPOINT or AWS_USE_DUALSTACK_ENDPOINT contradict each other"));
    }
    let custom = custom.trim_end_matches('/');
    if is_virtual != Some(true) {
        return Ok((custom.to_owned(), false));
    }
    let mut url = Url::parse(custom).map_err(|error| format!("{name} is no URL: {error}"))?;
    let host = url.host_str().ok_or_else(|| format!("{name} names no host"))?.to_owned();
    if !host.starts_with(&format!("{bucket}.")) {
        url.set_host(Some(&format!("{bucket}.{host}"))).map_err(|_| {
            format!("{name}: the bucket cannot be a part of `{host}`; leave AWS_VIRTUAL_HOSTED_STYLE_REQUEST out")
        })?;
    }
    Ok((url.as_str().trim_end_matches('/').to_owned(), true))
}

fn with_encryption(mut builder: AmazonS3Builder, variables: &Variables) -> Result<AmazonS3Builder, String> {
    let kind = variables.get("AWS_SERVER_SIDE_ENCRYPTION");
    if !matches!(kind, None | Some("AES256" | "aws:kms" | "aws:kms:dsse" | "sse-c")) {
        return Err("AWS_SERVER_SIDE_ENCRYPTION is none of AES256, aws:kms, aws:kms:dsse, sse-c".to_owned());
    }
    for (name, fits) in [
        ("AWS_SSE_KMS_KEY_ID", kind.is_some_and(|kind| kind.starts_with("aws:kms"))),
        ("AWS_SSE_BUCKET_KEY_ENABLED", kind == Some("aws:kms")),
        ("AWS_SSE_CUSTOMER_KEY_BASE64", kind == Some("sse-c")),
    ] {
        if variables.get(name).is_some() && !fits {
            let kind = kind.map_or("is absent".to_owned(), |kind| format!("is {kind}"));
            return Err(format!("{name} does not fit: AWS_SERVER_SIDE_ENCRYPTION {kind}"));
        }
    }
    for name in [
        "AWS_SERVER_SIDE_ENCRYPTION",
        "AWS_SSE_KMS_KEY_ID",
        "AWS_SSE_BUCKET_KEY_ENABLED",
        "AWS_SSE_CUSTOMER_KEY_BASE64",
    ] {
        builder = with(builder, name, variables);
    }
    if kind == Some("sse-c") && variables.get("AWS_SSE_CUSTOMER_KEY_BASE64").is_none() {
        return Err("AWS_SERVER_SIDE_ENCRYPTION is sse-c, and AWS_SSE_CUSTOMER_KEY_BASE64 is absent".to_owned());
    }
    Ok(builder)
}

fn with_switches(mut builder: AmazonS3Builder, variables: &Variables) -> Result<AmazonS3Builder, String> {
    if !matches!(variables.get("AWS_CHECKSUM_ALGORITHM"), None | Some("sha256" | "crc64nvme")) {
        return Err("AWS_CHECKSUM_ALGORITHM is neither sha256 nor crc64nvme".to_owned());
    }
    for name in ["AWS_UNSIGNED_PAYLOAD", "AWS_REQUEST_PAYER", "AWS_SKIP_SIGNATURE"] {
        variables.switch(name)?;
        builder = with(builder, name, variables);
    }
    Ok(with(builder, "AWS_CHECKSUM_ALGORITHM", variables))
}

/// Whose login: the variables', a web identity's, the profile's, the container's, the machine's; the first that is there,
/// in the order of Amazon's own clients.
fn with_login(
    builder: AmazonS3Builder,
    variables: &Variables,
    profile: Option<Profile>,
) -> Result<AmazonS3Builder, String> {
    let is_there = |name| variables.get(name).is_some();
    if variables.is_on("AWS_SKIP_SIGNATURE")? {
        return Ok(builder);
    }
    match (variables.get("AWS_ACCESS_KEY_ID"), variables.get("AWS_SECRET_ACCESS_KEY")) {
        (Some(id), Some(secret)) => {
            let builder = builder.with_access_key_id(id).with_secret_access_key(secret);
            return Ok(with(builder, "AWS_SESSION_TOKEN", variables));
        }
        (Some(_), None) => return Err("AWS_ACCESS_KEY_ID is there, and AWS_SECRET_ACCESS_KEY is not".to_owned()),
        (None, Some(_)) => return Err("AWS_SECRET_ACCESS_KEY is there, and AWS_ACCESS_KEY_ID is not".to_owned()),
        (None, None) => {}
    }
    if let Some(file) = variables.get("AWS_WEB_IDENTITY_TOKEN_FILE") {
        if !is_there("AWS_ROLE_ARN") {
            return Err("AWS_WEB_IDENTITY_TOKEN_FILE is there, and AWS_ROLE_ARN is not".to_owned());
        }
        fs::metadata(file).map_err(|error| format!("AWS_WEB_IDENTITY_TOKEN_FILE, {file}: {error}"))?;
        let names = ["AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_ARN", "AWS_ROLE_SESSION_NAME", "AWS_ENDPOINT_URL_STS"];
        return Ok(names.into_iter().fold(builder, |builder, name| with(builder, name, variables)));
    }
    if let Some(profile) = profile.filter(Profile::has_login) {
        return with_profile(builder, &profile);
    }
    if is_there("AWS_CONTAINER_CREDENTIALS_FULL_URI") && !is_there("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE") {
        let names = "AWS_CONTAINER_CREDENTIALS_FULL_URI is there, and AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE is not";
        return Err(names.to_owned());
    }
    let containers = [
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    ];
    let is_container = containers.into_iter().any(is_there);
    if !is_container && variables.is_on("AWS_EC2_METADATA_DISABLED")? {
        return Err("no login was given, and AWS_EC2_METADATA_DISABLED forbids to ask the machine for one".to_owned());
    }
    let builder = containers.into_iter().fold(builder, |builder, name| with(builder, name, variables));
    Ok(match variables.get("AWS_EC2_METADATA_SERVICE_ENDPOINT") {
        Some(endpoint) => builder.with_metadata_endpoint(endpoint),
        None => builder,
    })
}

fn with_profile(builder: AmazonS3Builder, profile: &Profile) -> Result<AmazonS3Builder, String> {
    let keys = (profile.get("aws_access_key_id"), profile.get("aws_secret_access_key"));
    if let (Some(id), Some(secret)) = keys {
        let builder = builder.with_access_key_id(id).with_secret_access_key(secret);
        return Ok(match profile.get("aws_session_token") {
            Some(token) => builder.with_token(token),
            None => builder,
        });
    }
    if let (Some(file), Some(role)) = (profile.get("web_identity_token_file"), profile.get("role_arn")) {
        let builder = builder.with_config(AmazonS3ConfigKey::WebIdentityTokenFile, file);
        return Ok(builder.with_config(AmazonS3ConfigKey::RoleArn, role));
    }
    if let Some(command) = profile.get("credential_process") {
        return Ok(builder.with_credentials(Arc::new(ProcessLogin::new(command))));
    }
    Err(profile.refuse())
}

/// Hands a variable on under its own name.
fn with(builder: AmazonS3Builder, name: &str, variables: &Variables) -> AmazonS3Builder {
    let key: AmazonS3ConfigKey = name.to_ascii_lowercase().parse().expect("the client knows the names in this file");
    match variables.get(name) {
        Some(value) => builder.with_config(key, value),
        None => builder,
    }
}

#[cfg(test)]
mod tests;
