//! A bucket that vanishes under a running pipeline, and comes back.

use std::process::Stdio;
use std::time::{Duration, Instant};

use object_servers::{Kind, ObjectServer};

use crate::place::Place;
use crate::support::process::PATIENCE;
use crate::support::up::Up;

fn post(up: &Up, from: usize, count: usize) {
    let hits: Vec<_> = (from..from + count)
        .map(|n| format!(r#"{{"url":"https://shop.example/{n}","visitor_id":"v{}"}}"#, n % 7))
        .collect();
    let body = format!(r#"{{"site":"shop","hits":[{}]}}"#, hits.join(","));
    let url = format!("http://{}/collect", up.address("collect"));
    let mut answer = ureq::post(url).content_type("application/json").send(body).unwrap();
    assert_eq!(answer.body_mut().read_to_string().unwrap(), format!(r#"{{"accepted":{count},"rejected":[]}}"#));
}

/// The status of `/ready`, and what it says.
fn ready(up: &Up) -> (u16, String) {
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let mut answer = agent.get(up.admin("ready")).call().unwrap();
    (answer.status().as_u16(), answer.body_mut().read_to_string().unwrap())
}

fn wait_for(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < PATIENCE, "{what} does not happen");
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn hits(place: &Place) -> u64 {
    crate::rows(&place.verify(), "hits")
}

#[test]
fn a_bucket_that_vanishes_is_waited_for_and_nothing_is_lost() {
    let server = ObjectServer::start(Kind::Versitygw);
    server.make_bucket("clicks");
    let place = Place::new(server.lake("clicks", "lake"), server.variables());
    let log = std::fs::File::create(place.data.path().join("stderr.log")).unwrap();
    let mut command = place.command(["up", "--flush-interval", "300ms"]);
    let mut up = Up::start(command.stderr(Stdio::from(log)));
    post(&up, 0, 100);
    wait_for("the first rows", || hits(&place) == 100);
    wait_for("ready", || ready(&up).0 == 200);

    server.take_away("clicks");
    post(&up, 100, 100);
    wait_for("not ready", || ready(&up).0 == 503);
    let (_, why) = ready(&up);
    assert!(why.contains("there is no such bucket (NoSuchBucket)"), "{why}");
    // Hits are still taken: the log keeps them.
    post(&up, 200, 100);

    server.give_back("clicks");
    wait_for("ready again", || ready(&up).0 == 200);
    wait_for("all rows", || hits(&place) == 300);
    assert!(up.process.stop().success());
    assert_eq!(hits(&place), 300);
    let log = std::fs::read_to_string(place.data.path().join("stderr.log")).unwrap();
    assert!(log.contains("the lake's store is away") && log.contains("the lake's store is back"), "{log}");
    assert!(!log.contains("tributary-secret"), "{log}");
}
