//! Hits in a query, answered with an image.

use events::Topic;
use serde_json::Value;

use crate::Running;
use crate::client::{exchange, get, request};
use crate::double::Double;

/// What browsers say when they load an image.
const IMAGE: (&str, &str) = ("accept", "image/avif,image/webp,*/*;q=0.8");

#[tokio::test]
async fn a_query_is_a_hit_and_the_answer_an_image_that_no_cache_keeps() {
    let bus = Double::willing();
    let running = Running::start(bus.clone(), &[]).await;
    let path = "/pixel.gif?site=news.example&visitor_id=v1&type=open&title=It%27s+here&props.mail=spring&_=1";
    let answer = get(running.address, path, &[IMAGE, ("referer", "https://news.example/mail")]).await;
    assert_eq!((answer.status, answer.bytes.len()), (200, 43));
    assert!(answer.bytes.starts_with(b"GIF89a\x01\0\x01\0") && answer.bytes.ends_with(b";"));
    assert_eq!(answer.header("content-type"), Some("image/gif"));
    assert_eq!(answer.header("content-length"), Some("43"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.header("cross-origin-resource-policy"), Some("cross-origin"));
    let hit: Value = serde_json::from_str(&bus.values(Topic::Hits)[0]).unwrap();
    assert_eq!(hit["url"], "https://news.example/mail");
    assert_eq!(
        (&hit["type"], &hit["title"], &hit["props"]["mail"]),
        (&"open".into(), &"It's here".into(), &"spring".into())
    );
}

#[tokio::test]
async fn a_bad_query_is_said_by_the_status_and_to_people_in_words() {
    let bus = Double::willing();
    let running = Running::start(bus.clone(), &[]).await;
    let seen = get(running.address, "/pixel.gif?site=a&colour=red", &[IMAGE]).await;
    assert_eq!((seen.status, seen.bytes.len()), (400, 43));
    let told = get(running.address, "/pixel.gif?site=a&colour=red", &[("accept", "*/*")]).await;
    assert_eq!((told.status, &told.json()["rejected"][0]["reason"]), (400, &"unknown_field".into()));
    assert_eq!(told.header("cache-control"), Some("no-store"));
    let kept: Value = serde_json::from_str(&bus.values(Topic::Rejected)[0]).unwrap();
    assert_eq!((&kept["pointer"], &kept["site"]), (&"/colour".into(), &"a".into()));
}

#[tokio::test]
async fn who_only_asks_whether_it_is_there_is_no_hit() {
    let bus = Double::willing();
    let running = Running::start(bus.clone(), &[]).await;
    let answer = exchange(running.address, &request("HEAD", "/pixel.gif?site=a", &[], b"")).await;
    assert_eq!((answer.status, answer.header("content-length")), (200, Some("43")));
    assert_eq!(bus.values(Topic::Hits).len(), 0);
}
