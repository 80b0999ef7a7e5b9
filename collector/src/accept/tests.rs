use std::net::Ipv4Addr;

use events::{Reason, Span};
use hyper::Uri;
use hyper::header::{HeaderMap, HeaderValue};
use proptest::prelude::*;
use sites::Sites;

use super::*;

const RECEIVED: Timestamp = Timestamp::from_millis(1_793_577_600_000);

/// What becomes of a body that is received at 2026-11-02T00:00:00Z from 192.0.2.7.
fn take(body: &str) -> Outcome {
    take_under(Sites::any(), ("accept", "*/*"), body)
}

/// The same under rules, with a header more.
fn take_under(sites: Sites, header: (&'static str, &str), body: &str) -> Outcome {
    let limits = Limits::default();
    let mut headers = HeaderMap::new();
    headers.insert("user-agent", HeaderValue::from_static("Browser/1"));
    headers.insert(header.0, HeaderValue::from_bytes(header.1.as_bytes()).unwrap());
    let uri = Uri::from_static("/collect");
    let facts = Facts::of(Ipv4Addr::new(192, 0, 2, 7).into(), &uri, &headers);
    let sender = Sender {
        received_at: RECEIVED,
        facts: &facts,
        rules: &Rules::new(sites),
        salts: &Salts::default(),
        visitors: None,
        new_id: &|_| Uuid::from_u128(0x0190_a3f2_0000_7000_8000_0000_0000_0001),
        limits: &limits,
    };
    accept(&Batch::parse(body.as_bytes(), 100, &limits).unwrap(), &sender)
}

/// The records as lines: topic, key, value.
fn lines(outcome: &Outcome) -> String {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let line = |record: &Outgoing| {
        let key = record.key.as_deref().map_or_else(|| "-".to_owned(), text);
        format!("{} {key} {}\n", record.topic, text(&record.value))
    };
    outcome.records.iter().map(line).collect()
}

/// The values of one field in the accepted hits.
fn field(outcome: &Outcome, name: &str) -> Vec<String> {
    let hits = outcome.records.iter().filter(|record| record.topic == Topic::Hits);
    let values = hits.map(|record| serde_json::from_slice::<serde_json::Value>(&record.value).unwrap());
    values.map(|hit| hit[name].as_str().unwrap_or("-").to_owned()).collect()
}

#[test]
fn a_hit_with_everything_and_one_with_nothing_but_a_site() {
    let full = r#"{"hit_id":"0190A3F2-0000-7000-8000-00000000000F","schema":"hit/1","site":"shop.example",
        "visitor_id":"v1","user_id":"ann","type":"signup","client_time":"2026-11-01T23:59:58Z","sent_at":1793577599500,
        "url":"https://shop.example/a?b=c","title":"T\u00e9 \"x\"","referrer":"https://news.example/","language":"de-DE",
        "timezone":"Europe/Berlin","screen":"1920x1080","props":{ "plan": "pro", "n": [1, null] }}"#;
    insta::assert_snapshot!(lines(&take(&format!("[{full},{{\"site\":\"shop.example\"}}]"))));
}

#[test]
fn a_record_is_one_line_however_its_props_were_written() {
    let outcome = take("{\"site\":\"a\",\n\"props\":{\r\n  \"x\": \"1\\n2\"\n}}");
    let hit = String::from_utf8(outcome.records[0].value.to_vec()).unwrap();
    assert!(hit.ends_with(r#""props":{    "x": "1\n2" }}"#), "{hit}");
}

#[test]
fn what_the_envelope_says_holds_for_hits_that_say_nothing() {
    let outcome = take(
        r#"{"site":"a.example","visitor_id":"v1","sent_at":"2026-11-01T23:00:00Z",
            "hits":[{},{"site":"b.example","visitor_id":"v2"},{"visitor_id":null}]}"#,
    );
    assert_eq!(field(&outcome, "site"), ["a.example", "b.example", "a.example"]);
    assert_eq!(field(&outcome, "visitor_id"), ["v1", "v2", "v1"]);
    assert_eq!(field(&outcome, "sent_at"), ["2026-11-01T23:00:00.000Z"; 3]);
}

#[test]
fn a_bad_hit_is_rejected_where_it_stands_and_the_others_are_taken() {
    let outcome = take(
        r#"{"site":"shop.example","hits":[{"url":"/a"},{"url":7},{"colour":"red"},{"props":{"a":{"b":1,"b":2}}},
            {"event_time":"2026-11-01T00:00:00Z"},7,{"url":"/b"}]}"#,
    );
    assert_eq!(field(&outcome, "url"), ["/a", "/b"]);
    let rejected: Vec<_> =
        outcome.rejected.iter().map(|(index, why)| format!("{index} {} {}", why.reason, why.pointer)).collect();
    assert_eq!(
        rejected,
        [
            "1 wrong_type /hits/1/url",
            "2 unknown_field /hits/2/colour",
            "3 duplicate_key /hits/3/props/a/b",
            "4 needs_key /hits/4/event_time",
            "5 wrong_type /hits/5",
        ]
    );
    let rejections: String = lines(&outcome).lines().filter(|line| line.starts_with("rejected")).take(2).collect();
    insta::assert_snapshot!(rejections.replace("rejected - ", "\n"));
}

#[test]
fn a_slow_clock_is_put_right_and_the_order_of_the_request_is_kept() {
    let hour_ago = RECEIVED - Span::from_hours(1);
    let body = format!(
        r#"{{"site":"a","sent_at":"{hour_ago}","hits":[{{"client_time":"{}"}},{{"client_time":"{hour_ago}"}},{{}}]}}"#,
        hour_ago - Span::from_secs(3),
    );
    let three_seconds_ago = (RECEIVED - Span::from_secs(3)).to_string();
    assert_eq!(field(&take(&body), "event_time"), [three_seconds_ago, RECEIVED.to_string(), RECEIVED.to_string()]);
}

#[test]
fn hits_of_an_array_share_the_latest_time_of_sending() {
    let at = |minutes| RECEIVED - Span::from_mins(minutes);
    let hit = |minutes| format!(r#"{{"site":"a","client_time":"{0}","sent_at":"{0}"}}"#, at(minutes));
    let outcome = take(&format!("[{},{}]", hit(70), hit(60)));
    assert_eq!(field(&outcome, "event_time"), [at(10).to_string(), at(0).to_string()]);
}

#[test]
fn a_header_that_is_too_long_is_cut_and_no_reason_to_refuse_a_hit() {
    let outcome = take_under(Sites::any(), ("user-agent", &"é".repeat(600)), r#"{"site":"a"}"#);
    assert_eq!(field(&outcome, "user_agent"), ["é".repeat(512)]);
}

#[test]
fn each_hit_of_a_request_is_under_the_rules_of_its_own_site() {
    let sites =
        "[sites.a]\nip = \"full\"\nkeep_rejected = false\ntime_zone = \"Europe/Berlin\"\n[sites.b]\nip = \"none\"";
    let outcome = take_under(
        Sites::parse(sites).unwrap(),
        ("accept", "*/*"),
        r#"[{"site":"a"},{"site":"b"},{"site":"c"},{"site":"a","colour":1},{"site":"b","url":1},{"site":"a"}]"#,
    );
    insta::assert_snapshot!(lines(&outcome));
}

#[test]
fn who_asks_not_to_be_tracked_leaves_no_trace_of_who_it_was() {
    let outcome = take_under(
        Sites::parse("[sites.a]\nip = \"full\"").unwrap(),
        ("sec-gpc", "1"),
        r#"{"site":"a","visitor_id":"v1","hits":[{"user_id":"ann","url":"/a"},{"user_id":"ann","url":1}]}"#,
    );
    assert_eq!(outcome.noted, Noted { anonymous: 1, ..Noted::default() });
    let lines = lines(&outcome);
    for trace in ["v1", "ann", "192.0.2"] {
        assert!(!lines.contains(trace), "{trace} in {lines}");
    }
    insta::assert_snapshot!(lines);
}

/// What becomes of a body that a backend sent with the key of the site `a`.
fn take_from_backend(body: &str) -> Outcome {
    let sites = Sites::parse("[sites.a]\nip = \"truncated\"\nsecret_key = \"open-sesame-please\"").unwrap();
    take_under(sites, ("authorization", "Bearer open-sesame-please"), body)
}

#[test]
fn a_backend_speaks_for_others() {
    let outcome = take_from_backend(
        r#"{"site":"a","hits":[{"ip":"::ffff:203.0.113.7","user_agent":"Own/2","event_time":"2026-11-01T00:00:00Z"},
            {"event_time":"2026-11-02T00:00:59Z"},{}]}"#,
    );
    assert_eq!(field(&outcome, "ip"), ["203.0.113.0", "192.0.2.0", "192.0.2.0"]);
    assert_eq!(field(&outcome, "user_agent"), ["Own/2", "Browser/1", "Browser/1"]);
    let received = RECEIVED.to_string();
    assert_eq!(field(&outcome, "event_time"), ["2026-11-01T00:00:00.000Z", &received, &received]);
}

#[test]
fn a_backends_visitors_are_told_apart_by_the_addresses_that_it_names() {
    let sites = Sites::parse("[sites.a]\nidentity = \"cookieless\"\nsecret_key = \"open-sesame-please\"").unwrap();
    let body = r#"{"site":"a","hits":[{"ip":"203.0.113.7"},{"ip":"203.0.113.8"},{"ip":"203.0.113.7"},{}]}"#;
    let outcome = take_under(sites, ("authorization", "Bearer open-sesame-please"), body);
    let [one, other, again, own] = &field(&outcome, "visitor_id")[..] else { panic!("{outcome:?}") };
    assert_eq!(one, again);
    assert!(one != other && one != own && other != own);
}

#[test]
fn a_tutorials_events_are_hits_beside_our_own() {
    let outcome = take(
        r#"[{"id":1,"type":"click","event":{"user_agent":"Own/2","ip":"203.0.113.9","timestamp":"2026-11-01T23:00:00Z",
            "page":"https://shop.example/p/1","query":"shoes","product":7,"referrer":"","position":"2"}},
           {"site":"a"},{"id":2,"type":"view","event":{"page":"home","timestamp":"soon"}},{"id":3,"event":{},"colour":1}]"#,
    );
    assert_eq!(field(&outcome, "site"), ["shop.example", "a"]);
    assert_eq!(field(&outcome, "user_agent"), ["Own/2", "Browser/1"]);
    assert_eq!(field(&outcome, "ip"), ["192.0.2.7"; 2], "the address that a body claims is nobody's");
    let rejected: Vec<_> = outcome.rejected.iter().map(|(_, why)| (why.reason, why.pointer.as_str())).collect();
    assert_eq!(rejected, [(Reason::InvalidTime, "/2/client_time"), (Reason::UnknownField, "/3/id")]);
    insta::assert_snapshot!(lines(&outcome).lines().next().unwrap());
}

proptest! {
    /// Whatever a browser's clock shows, now or when it sends.
    #[test]
    fn the_order_of_a_request_is_kept_and_nothing_happens_later_than_it_was_received(
        sent in proptest::option::of(946_684_800_000i64..3_000_000_000_000),
        mut times in proptest::collection::vec(946_684_800_000i64..3_000_000_000_000, 1..20),
        near in any::<bool>(),
    ) {
        if near {
            times.iter_mut().for_each(|time| *time = RECEIVED.as_millis() + *time % 20_000 - 10_000);
        }
        times.sort_unstable();
        let hits: Vec<_> = times.iter().map(|time| format!(r#"{{"client_time":{time}}}"#)).collect();
        let sent = sent.map_or("null".to_owned(), |sent| sent.to_string());
        let outcome = take(&format!(r#"{{"site":"a","sent_at":{sent},"hits":[{}]}}"#, hits.join(",")));
        let times: Vec<Timestamp> = field(&outcome, "event_time").iter().map(|time| time.parse().unwrap()).collect();
        prop_assert_eq!(times.len(), hits.len());
        prop_assert!(times.is_sorted());
        prop_assert!(times.iter().all(|time| *time <= RECEIVED));
    }
}
