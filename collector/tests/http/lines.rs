//! A hit a line.

use events::Topic;

use crate::Running;
use crate::client::{exchange, request};
use crate::double::Double;

#[tokio::test]
async fn each_line_is_a_hit_and_a_bad_one_takes_no_other_down() {
    let bus = Double::willing();
    let running = Running::start(bus.clone(), &[]).await;
    let body = "{\"site\":\"a\",\"url\":\"/1\"}\n\n{\"site\":\"a\",\"url\":\n{\"site\":\"a\",\"url\":\"/2\"}\r\n[]\n";
    for kind in ["application/x-ndjson", "application/ndjson; charset=utf-8"] {
        let answer =
            exchange(running.address, &request("POST", "/collect", &[("content-type", kind)], body.as_bytes())).await;
        let json = answer.json();
        assert_eq!((answer.status, &json["accepted"]), (200, &2.into()));
        let rejected: Vec<_> =
            json["rejected"].as_array().unwrap().iter().map(|hit| hit["reason"].as_str().unwrap()).collect();
        assert_eq!(rejected, ["invalid_json", "wrong_type"]);
        assert_eq!(json["rejected"][1]["index"], 3);
    }
    assert_eq!((bus.values(Topic::Hits).len(), bus.values(Topic::Rejected).len()), (4, 4));
}
