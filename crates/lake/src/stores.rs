//! From a bucket's name and the environment to a client of its store. Nothing is asked of anybody yet.

mod azure;
mod connection_string;
mod credential_process;
mod google;
mod profile;
mod s3;
mod variables;

use std::sync::Arc;
use std::time::Duration;

use object_store::prefix::PrefixStore;
use object_store::{BackoffConfig, ClientOptions, ObjectStore, RetryConfig};

use crate::place::{Bucket, Cloud};

pub use variables::Variables;

/// A client of the bucket, which sees nothing outside the prefix. An error is one line.
pub(crate) fn client(bucket: &Bucket, variables: &Variables) -> Result<Arc<dyn ObjectStore>, String> {
    Ok(match bucket.cloud {
        Cloud::S3 => within(s3::client(bucket, variables)?, bucket),
        Cloud::Google => within(google::client(bucket, variables)?, bucket),
        Cloud::Azure => within(azure::client(bucket, variables)?, bucket),
    })
}

fn within(store: impl ObjectStore, bucket: &Bucket) -> Arc<dyn ObjectStore> {
    if bucket.prefix.is_root() { Arc::new(store) } else { Arc::new(PrefixStore::new(store, bucket.prefix.clone())) }
}

/// What all clients have in common. A request as a whole is bounded by the lake.
fn options(allow_http: bool) -> ClientOptions {
    ClientOptions::new()
        .with_allow_http(allow_http)
        .with_connect_timeout(Duration::from_secs(5))
        .with_timeout_disabled()
        .with_user_agent(
            concat!("tributary/", env!("CARGO_PKG_VERSION"))
                .parse()
                .expect("a name and a version are a header's value"),
        )
}

/// A hiccup is tried again here. What lasts longer is the caller's: it pauses, says so, and tries for good.
fn retry(attempts: usize) -> RetryConfig {
    let backoff = BackoffConfig {
        init_backoff: Duration::from_millis(100),
        max_backoff: Duration::from_secs(2),
        ..BackoffConfig::default()
    };
    RetryConfig { backoff, max_retries: attempts.saturating_sub(1), retry_timeout: Duration::from_secs(15) }
}

/// What a builder says, in one line.
fn refusal(error: &object_store::Error) -> String {
    crate::said::line(error)
}

/// Refuses plain HTTP where nobody asked for it. `name` is where the URL comes from, `permit` the variable that allows it.
fn check_endpoint(name: &str, url: &str, allow_http: bool, permit: &str) -> Result<(), String> {
    let parsed = url::Url::parse(url).map_err(|error| format!("{name} is no URL: {error}"))?;
    if !parsed.username().is_empty() || parsed.password().is_some() || parsed.query().is_some() {
        return Err(format!("{name} holds more than an address: a login belongs in variables of its own"));
    }
    match parsed.scheme() {
        "https" => Ok(()),
        "http" if allow_http => Ok(()),
        "http" => {
            Err(format!("{name} is plain HTTP, which anybody on the way can read: set {permit}=true if you mean it"))
        }
        scheme => Err(format!("{name} begins with `{scheme}://`: write https:// or http://")),
    }
}

#[cfg(test)]
mod tests {
    use object_store::ClientConfigKey;

    use super::*;

    /// The client's own half a minute would end every try of a large file over a slow line.
    #[test]
    fn how_long_a_request_may_take_is_the_lakes_to_say() {
        let timeout = options(false).get_config_value(&ClientConfigKey::Timeout);
        assert_eq!(timeout, None);
        assert!(ClientOptions::new().get_config_value(&ClientConfigKey::Timeout).is_some(), "it has one of its own");
    }
}
