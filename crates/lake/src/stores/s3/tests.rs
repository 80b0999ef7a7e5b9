//! Which requests the settings lead to: seen by what would be signed, and by what is refused.

use std::path::Path;
use std::time::Duration;

use object_store::signer::{Method, Signer};

use super::*;
use crate::place::{Cloud, Place};
use crate::stores::variables::variables;

const KEYS: [(&str, &str); 2] = [("AWS_ACCESS_KEY_ID", "AKIA"), ("AWS_SECRET_ACCESS_KEY", "hunter2")];

fn bucket(name: &str) -> Bucket {
    match Place::parse(&format!("s3://{name}/lake")) {
        Ok(Place::Bucket(bucket)) if bucket.cloud == Cloud::S3 => bucket,
        other => panic!("{other:?}"),
    }
}

fn build(name: &str, all: &[(&str, &str)], files: &[(&str, &str)]) -> Result<AmazonS3, String> {
    let read = |path: &Path| {
        let found = files.iter().find(|(name, _)| path == Path::new(name));
        Ok(found.map(|(_, text)| (*text).to_owned()))
    };
    let builder = builder(&bucket(name), &variables(all), read)?;
    builder.build().map_err(|error| refusal(&error))
}

/// Where an object would be asked for, and with whose key.
async fn asked(name: &str, all: &[(&str, &str)], files: &[(&str, &str)]) -> String {
    let client = build(name, all, files).unwrap();
    let url = client.signed_url(Method::GET, &"key".into(), Duration::from_secs(60)).await.unwrap();
    let login = url.query_pairs().find(|(name, _)| name == "X-Amz-Credential").unwrap().1.into_owned();
    let login: Vec<_> = login.split('/').collect();
    format!("{} {} {}", url.as_str().split('?').next().unwrap(), login[0], login[2])
}

#[tokio::test]
async fn an_endpoint_has_the_bucket_where_it_belongs() {
    let with = |more: &[(&'static str, &'static str)]| [&KEYS[..], more].concat();
    for (name, more, expected) in [
        ("clicks", vec![], "https://clicks.s3.us-east-1.amazonaws.com/key AKIA us-east-1"),
        ("my.clicks", vec![], "https://s3.us-east-1.amazonaws.com/my.clicks/key AKIA us-east-1"),
        (
            "clicks",
            vec![("AWS_REGION", "eu-central-1")],
            "https://clicks.s3.eu-central-1.amazonaws.com/key AKIA eu-central-1",
        ),
        (
            "clicks",
            vec![("AWS_REGION", "cn-north-1")],
            "https://clicks.s3.cn-north-1.amazonaws.com.cn/key AKIA cn-north-1",
        ),
        (
            "clicks",
            vec![("AWS_USE_FIPS_ENDPOINT", "true"), ("AWS_USE_DUALSTACK_ENDPOINT", "true")],
            "https://clicks.s3-fips.dualstack.us-east-1.amazonaws.com/key AKIA us-east-1",
        ),
        ("clicks", vec![("AWS_ENDPOINT_URL", "https://s3.example/")], "https://s3.example/clicks/key AKIA us-east-1"),
        (
            "clicks",
            vec![("AWS_ENDPOINT_URL", "https://other.example"), ("AWS_ENDPOINT_URL_S3", "https://s3.example")],
            "https://s3.example/clicks/key AKIA us-east-1",
        ),
        (
            "clicks",
            vec![("AWS_ENDPOINT_URL", "https://s3.example:9000"), ("AWS_VIRTUAL_HOSTED_STYLE_REQUEST", "true")],
            "https://clicks.s3.example:9000/key AKIA us-east-1",
        ),
        (
            "clicks",
            vec![("AWS_ENDPOINT_URL", "http://127.0.0.1:9000"), ("AWS_ALLOW_HTTP", "true")],
            "http://127.0.0.1:9000/clicks/key AKIA us-east-1",
        ),
    ] {
        assert_eq!(asked(name, &with(&more), &[]).await, expected);
    }
}

#[tokio::test]
async fn a_login_is_found_where_amazons_clients_find_it() {
    const CREDENTIALS: &str = "[default]\naws_access_key_id = D\naws_secret_access_key = s # not ours\n\
                               [work]\naws_access_key_id=W\naws_secret_access_key=s\n";
    const CONFIG: &str = "[default]\nregion = eu-west-1\n[profile work]\nregion=eu-west-2\ns3 =\n  addressing_style = path\n\
                          [profile process]\ncredential_process = echo '{\"Version\": 1, \"AccessKeyId\": \"P\", \"SecretAccessKey\": \"s\"}'\n";
    let files = [("/home/a/.aws/credentials", CREDENTIALS), ("/home/a/.aws/config", CONFIG)];
    let home = ("HOME", "/home/a");
    for (all, expected) in [
        (vec![home], "D eu-west-1"),
        (vec![home, ("AWS_PROFILE", "work")], "W eu-west-2"),
        (vec![home, ("AWS_PROFILE", "process")], "P us-east-1"),
        (vec![home, ("AWS_PROFILE", "work"), ("AWS_REGION", "us-west-1")], "W us-west-1"),
        (vec![home, KEYS[0], KEYS[1]], "AKIA eu-west-1"),
        (vec![("AWS_SHARED_CREDENTIALS_FILE", "/home/a/.aws/credentials")], "D us-east-1"),
    ] {
        let found = asked("clicks", &all, &files).await;
        assert!(found.ends_with(expected), "{all:?}: {found}");
    }
}

#[test]
fn what_contradicts_itself_is_refused_in_one_line_without_secrets() {
    let sso = "[profile sso]\nsso_session = work\n[profile half]\naws_access_key_id = hunter2\n[profile role]\nrole_arn = r\nsource_profile = x\n";
    let files = [("/c", sso)];
    for (all, says) in [
        (vec![KEYS[0]], "AWS_SECRET_ACCESS_KEY is not"),
        (vec![KEYS[1]], "AWS_ACCESS_KEY_ID is not"),
        (vec![("AWS_WEB_IDENTITY_TOKEN_FILE", "/none")], "AWS_ROLE_ARN is not"),
        (vec![("AWS_WEB_IDENTITY_TOKEN_FILE", "/none"), ("AWS_ROLE_ARN", "r")], "/none: No such file"),
        (vec![("AWS_EC2_METADATA_DISABLED", "true")], "no login was given"),
        (vec![("AWS_REGIN", "x")], "did you mean AWS_REGION?"),
        (vec![("AWS_ENDPOINT", "https://x")], "write AWS_ENDPOINT_URL"),
        (vec![("AWS_ENDPOINT_URL", "http://s3.example")], "set AWS_ALLOW_HTTP=true"),
        (vec![("AWS_ENDPOINT_URL", "https://AKIA:hunter2@s3.example")], "a login belongs in variables"),
        (vec![("AWS_ENDPOINT_URL", "s3.example:9000")], "write https://"),
        (vec![("AWS_ENDPOINT_URL", "https://x"), ("AWS_USE_FIPS_ENDPOINT", "true")], "contradict each other"),
        (vec![("AWS_ALLOW_HTTP", "maybe")], "neither true nor false"),
        (vec![("AWS_VIRTUAL_HOSTED_STYLE_REQUEST", "path")], "neither true nor false"),
        (vec![("AWS_SERVER_SIDE_ENCRYPTION", "rot13")], "none of AES256"),
        (vec![("AWS_SSE_KMS_KEY_ID", "k")], "AWS_SERVER_SIDE_ENCRYPTION is absent"),
        (vec![("AWS_SERVER_SIDE_ENCRYPTION", "sse-c")], "AWS_SSE_CUSTOMER_KEY_BASE64 is absent"),
        (vec![("AWS_MAX_ATTEMPTS", "0")], "no number from 1 to 20"),
        (vec![("AWS_CA_BUNDLE", "/none")], "/none: No such file"),
        (vec![("AWS_PROFILE", "absent"), ("AWS_CONFIG_FILE", "/c")], "there is no profile `absent`"),
        (vec![("AWS_PROFILE", "sso"), ("AWS_CONFIG_FILE", "/c")], "credential_process"),
        (vec![("AWS_PROFILE", "role"), ("AWS_CONFIG_FILE", "/c")], "credential_process"),
        (vec![("AWS_PROFILE", "half"), ("AWS_CONFIG_FILE", "/c")], "aws_secret_access_key"),
    ] {
        let line = build("clicks", &all, &files).unwrap_err();
        assert!(line.contains(says) && !line.contains('\n') && !line.contains("hunter2"), "{line}");
    }
}

#[test]
fn a_login_of_the_machine_or_none_is_a_client_too() {
    for all in [
        vec![],
        vec![("AWS_SKIP_SIGNATURE", "true")],
        vec![("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2/x")],
        vec![("AWS_SERVER_SIDE_ENCRYPTION", "aws:kms"), ("AWS_SSE_KMS_KEY_ID", "k"), KEYS[0], KEYS[1]],
    ] {
        build("clicks", &all, &[]).unwrap();
    }
}
