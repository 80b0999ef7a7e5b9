//! The real binary on real object stores: the same rows on each, read by strangers, through faults and outages.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod complete;
mod outage;
mod place;
#[path = "../support/mod.rs"]
mod support;

use std::time::Duration;

use object_servers::{Fault, Kind, Plan, Proxy, fresh_name, shared};
use place::{Place, log, says};
use serde_json::{Value, json};

/// A lake of the access log in each store. `hits` and `sessions` are the log's own.
#[test]
fn an_access_log_gives_the_same_rows_in_every_store() {
    let (file, hits, sessions) = log();
    let google = Proxy::google(shared(Kind::Versitygw));
    let places = [
        Place::folder(),
        Place::of(Kind::Versitygw),
        Place::of(Kind::Minio),
        Place::of(Kind::Azurite),
        Place::google(&google),
    ];
    for place in &places {
        let summary = place.replay(&file);
        let counted = (&summary["accepted"], &summary["sessions"], &summary["late"]);
        assert_eq!(counted, (&json!(hits), &json!(sessions), &json!(0)), "{}", place.lake);
        let found = place.verify();
        assert_eq!(rows(&found, "hits"), hits, "{}", place.lake);
        assert_eq!(rows(&found, "sessions"), sessions, "{}", place.lake);
        // The same once more adds nothing.
        place.replay(&file);
        assert_eq!(place.verify(), found, "{}", place.lake);
    }
}

fn rows(found: &Value, table: &str) -> u64 {
    let all = found["series"].as_array().unwrap().iter();
    all.filter(|series| series["table"] == table).map(|series| series["rows"].as_u64().unwrap()).sum()
}

/// pyarrow has an S3 client of its own, which is Amazon's for C++; DuckDB asks its questions through it.
#[test]
fn strangers_read_a_bucket_as_it_is() {
    let (file, hits, sessions) = log();
    for kind in [Kind::Versitygw, Kind::Minio] {
        let place = Place::of(kind);
        place.replay(&file);
        let found = place.read_by_strangers();
        assert_eq!(found["hits"], json!([hits, hits]), "{kind:?}");
        assert_eq!(found["sessions"], json!([sessions, sessions]), "{kind:?}");
        assert_eq!(found["hits_of_sessions"], json!(hits), "{kind:?}");
    }
}

/// One request of six goes wrong, in any way.
#[test]
fn a_replay_over_a_bad_line_loses_and_doubles_nothing() {
    let (file, hits, sessions) = log();
    for seed in 1..=3 {
        let server = shared(Kind::Versitygw);
        let proxy = Proxy::to(server);
        let bucket = fresh_name("bad-line");
        server.make_bucket(&bucket);
        let straight = Place::new(server.lake(&bucket, "lake"), server.variables());
        let through = Place::new(server.lake(&bucket, "lake"), server.variables_at(proxy.address()));
        proxy.plan(Plan::seeded(seed, 6, &Fault::AT_ONCE));
        let mut replays = 0;
        // A start that meets one fault too many says so and ends; whoever started it starts it again.
        while through.try_replay(&file).is_err() {
            replays += 1;
            assert!(replays < 20, "seed {seed}: it never comes to an end");
        }
        assert!(proxy.faults() > 3, "seed {seed}: nothing went wrong");
        let found = straight.verify();
        assert_eq!((rows(&found, "hits"), rows(&found, "sessions")), (hits, sessions), "seed {seed}");
    }
}

/// Both stores bear fifteen minutes.
#[test]
fn a_clock_that_is_an_hour_ahead_stops_the_start_with_one_line() {
    for kind in [Kind::Versitygw, Kind::Minio] {
        let place = Place::of(kind);
        let mut ahead = place.command(["verify"]);
        ahead.envs(kafka_broker::clock_ahead(Duration::from_secs(3_600)));
        let said = says(ahead);
        assert!(said.contains("this machine's clock is not the store's (RequestTimeTooSkewed)"), "{kind:?}: {said}");
    }
}

#[test]
fn what_is_missing_stops_the_start_with_one_line_without_secrets() {
    let (file, ..) = log();
    let server = shared(Kind::Versitygw);
    let bucket = fresh_name("missing");
    server.make_bucket(&bucket);
    let with = |name: &str, value: &str| {
        let all = server.variables().into_iter().chain([(name.to_owned(), value.to_owned())]);
        Place::new(server.lake(&bucket, "lake"), all.collect())
    };
    for (place, expected) in [
        (
            Place::new("s3://no-such-bucket/lake".to_owned(), server.variables()),
            "there is no such bucket (NoSuchBucket)",
        ),
        (with("AWS_SECRET_ACCESS_KEY", "hunter2"), "does not accept the login (SignatureDoesNotMatch)"),
        (with("AWS_REGION", "eu-west-7"), "another region"),
        (with("AWS_ENDPOINT_URL", "http://127.0.0.1:9"), "nobody is there"),
        (with("AWS_ALLOW_HTTP", ""), "set AWS_ALLOW_HTTP=true"),
        (with("AWS_REGIN", "x"), "did you mean AWS_REGION?"),
    ] {
        for said in [place.try_replay(&file).unwrap_err(), says(place.command(["verify"])), says(place.up())] {
            let line =
                said.lines().find(|line| line.contains(expected)).unwrap_or_else(|| panic!("{expected}: {said}"));
            assert!(!said.contains("hunter2") && !said.contains("tributary-secret"), "{line}");
        }
    }
}
