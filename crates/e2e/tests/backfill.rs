//! A backfill from bucket to bucket.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use std::path::Path;

use object_servers::{Kind, fresh_name, shared};
use serde_json::{Value, json};
use support::binary::tributary;
use support::real_file::real_file;

type Variables = Vec<(String, String)>;

/// Replays into a lake: its figures, or what it said.
fn replay(args: &[&str], lake: &str, variables: &Variables) -> Result<Value, String> {
    let output = tributary(["replay", "--json", "--lake", lake]).args(args).envs(variables.clone()).output().unwrap();
    if output.status.success() {
        Ok(serde_json::from_slice(&output.stdout).unwrap())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

#[test]
fn a_bucket_is_sessionized_anew_into_another_place() {
    let sample = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../tributary/tests/data/access_sample.log");
    let (log, hits, sessions) = match real_file("apache_access.log.gz") {
        Some(real) => (real, 9_999, 3_223),
        None => (sample(), 300, 100),
    };
    let server = shared(Kind::Versitygw);
    let bucket = fresh_name("backfill");
    server.make_bucket(&bucket);
    let [live, mended] = ["live", "mended"].map(|prefix| server.lake(&bucket, prefix));
    let straight = server.variables();
    replay(&[log.to_str().unwrap()], &live, &straight).unwrap();
    let figures = replay(&["--format", "lake", &live], &mended, &straight).unwrap();
    let counted = ["accepted", "sessions", "late"].map(|name| figures[name].clone());
    assert_eq!(counted, [json!(hits), json!(sessions), json!(0)]);
    let said = replay(&["--format", "lake", &live], &format!("{live}/"), &straight).unwrap_err();
    assert!(said.contains("would be read and written"), "{said}");
    let said = replay(&["--format", "lake", &mended], &live, &straight).unwrap_err();
    assert!(said.contains("holds something else already") && said.lines().count() == 1, "{said}");

    let verify =
        tributary(["verify", "--deep", "--data", "/no/such/folder", "--lake", &mended]).envs(straight).output();
    let verify = verify.unwrap();
    assert!(verify.status.success(), "{}", String::from_utf8_lossy(&verify.stdout));
}
