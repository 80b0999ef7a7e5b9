//! A bus that was lost and made anew beside an old lake: another log, with offsets from 0 again. Nothing of the old
//! one is doubled, and nothing of the new one is taken for known (P2).

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use std::collections::BTreeSet;
use std::path::Path;

use support::binary::{log_text, up, verify};
use support::lake;

/// Sends hits with these numbers, and stops in good order: everything is in the lake then.
fn run(data: &Path, numbers: std::ops::Range<u32>) {
    let mut up = up(data, &["--flush-interval", "200ms"]);
    for number in numbers {
        let body = format!(
            r#"{{"hit_id":"00000000-0000-4000-8000-{number:012x}","site":"shop.example","visitor_id":"v{}","url":"/p"}}"#,
            number % 5
        );
        let answer = ureq::post(up.url("collect")).header("content-type", "application/json").send(body).unwrap();
        assert_eq!(answer.status(), 200);
    }
    assert!(up.process.stop().success(), "{}", log_text(data));
    let verified = verify(data);
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stdout));
}

#[test]
fn a_bus_made_anew_beside_an_old_lake_loses_and_doubles_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path();
    run(data, 0..50);
    std::fs::remove_dir_all(data.join("bus")).unwrap();
    run(data, 50..80);
    run(data, 80..90);
    let rows = lake::rows(&data.join("lake"), "hits");
    let ids: BTreeSet<_> = rows.iter().map(|row| lake::text(row, "hit_id")).collect();
    assert_eq!((rows.len(), ids.len()), (90, 90), "{}", log_text(data));
}
