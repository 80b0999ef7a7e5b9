//! Every malformed input with its status and its reason: one list, which these tests send and docs/collect.md shows.

use std::io::Write;

use events::Topic;
use flate2::write::GzEncoder;

use crate::Running;
use crate::client::{Answer, exchange, request};
use crate::double::Double;

/// What people read, what is sent, and what becomes of it.
pub(crate) struct Case {
    pub(crate) words: &'static str,
    pub(crate) request: Vec<u8>,
    status: u16,
    reason: &'static str,
}

/// The flags that it is said under.
pub(crate) const FLAGS: [&str; 2] = ["--max-request-hits=3", "--max-body=16MiB"];

/// A body for `/collect`, as `sendBeacon` sends it.
fn body(words: &'static str, body: impl AsRef<[u8]>, status: u16, reason: &'static str) -> Case {
    with(words, &[("content-type", "text/plain;charset=UTF-8")], body, status, reason)
}

/// A body for `/collect` with a head of its own.
fn with(
    words: &'static str,
    headers: &[(&str, &str)],
    body: impl AsRef<[u8]>,
    status: u16,
    reason: &'static str,
) -> Case {
    Case { words, request: request("POST", "/collect", headers, body.as_ref()), status, reason }
}

fn path(words: &'static str, method: &str, path: &str, body: &str, status: u16, reason: &'static str) -> Case {
    Case { words, request: request(method, path, &[], body.as_bytes()), status, reason }
}

fn deep(open: &str, close: &str) -> String {
    format!("{}{}", open.repeat(1_000_000), close.repeat(1_000_000))
}

fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

/// In the order of the document.
pub(crate) fn cases() -> Vec<Case> {
    let gz = [("content-encoding", "gzip")];
    vec![
        body("no body", "", 400, "invalid_json"),
        body("`hello`", "hello", 400, "invalid_json"),
        body("an object that is not closed", "{\"site\":\"a\"", 400, "invalid_json"),
        body("`NaN`", r#"{"site":"a","props":{"x":NaN}}"#, 400, "invalid_json"),
        body("a number over 64 bits' range, `1e999`", r#"{"site":"a","props":{"x":1e999}}"#, 400, "invalid_json"),
        body("half a surrogate pair, `\"\\ud800\"`", r#"{"site":"a","title":"\ud800"}"#, 400, "invalid_json"),
        body("a byte of zero in a text", "{\"site\":\"a\",\"title\":\"\0\"}", 400, "invalid_json"),
        body("a million opening brackets", deep("[", ""), 400, "invalid_json"),
        body("a million objects, one in the other, and nothing in the last", deep("{\"a\":", "}"), 400, "invalid_json"),
        body("bytes that are not UTF-8", b"{\"site\":\"\xff\"}", 400, "invalid_utf8"),
        body("a gzip file whose head does not say so", b"\x1f\x8b\x08\x00", 400, "invalid_utf8"),
        with("a gzip file that is cut short", &gz, &gzip(b"{\"site\":\"a\"}")[..20], 400, "invalid_encoding"),
        with("JSON whose head says gzip", &gz, "{\"site\":\"a\"}", 400, "invalid_encoding"),
        with("a gzip file that unfolds to more than `--max-body`", &gz, gzip(&vec![b' '; 17 << 20]), 413, "too_large"),
        with(
            "a body longer than `--max-body`",
            &[("expect", "100-continue")],
            vec![b' '; (16 << 20) + 1],
            413,
            "too_large",
        ),
        with(
            "a `Content-Encoding` that is not known",
            &[("content-encoding", "compress")],
            "{}",
            415,
            "unsupported_encoding",
        ),
        with("two of them", &[("content-encoding", "gzip, br")], "{}", 415, "unsupported_encoding"),
        with("a form", &[("content-type", "application/x-www-form-urlencoded")], "a=b", 415, "unsupported_media_type"),
        body("a number", "7", 400, "wrong_type"),
        body("an empty array", "[]", 400, "no_hits"),
        with("lines that are all empty", &[("content-type", "application/x-ndjson")], "\n\n", 400, "no_hits"),
        body("`hits` that is no array", r#"{"hits":{}}"#, 400, "wrong_type"),
        body("more hits than `--max-request-hits`", "[1,2,3,4]", 413, "too_many_hits"),
        body("`hits` twice", r#"{"hits":[{}],"hits":[{}]}"#, 400, "duplicate_key"),
        body("something else beside `hits`", r#"{"hits":[{}],"api_key":1}"#, 400, "unknown_field"),
        body("a hit that is no object", "[7]", 400, "wrong_type"),
        body("a million arrays, one in the other", deep("[", "]"), 400, "wrong_type"),
        body("a text of two megabytes for a hit", format!("[\"{}\"]", "s".repeat(2_000_000)), 400, "wrong_type"),
        body("a hit without a site", "{}", 400, "missing_field"),
        body("a field that a hit does not have", r#"{"site":"a","colour":1}"#, 400, "unknown_field"),
        body(
            "one with a name of two megabytes",
            format!("{{\"site\":\"a\",\"{}\":1}}", "n".repeat(2_000_000)),
            400,
            "unknown_field",
        ),
        body("a million objects, one in the other", deep("{\"a\":", "}").replace(":}", ":1}"), 400, "unknown_field"),
        body("a field whose name the pipeline uses itself", r#"{"site":"a","session_id":"x"}"#, 400, "reserved_field"),
        body("a field twice", r#"{"site":"a","site":"b"}"#, 400, "duplicate_key"),
        body("a number for a text", r#"{"site":"a","url":7}"#, 400, "wrong_type"),
        body("an array for a text", format!("{{\"site\":\"a\",\"title\":{}}}", deep("[", "]")), 400, "wrong_type"),
        body(
            "a title of more than 1,024 bytes",
            format!(r#"{{"site":"a","title":"{}"}}"#, "t".repeat(1025)),
            400,
            "too_long",
        ),
        body("a `schema` that is not known", r#"{"site":"a","schema":"hit/9"}"#, 400, "unknown_schema"),
        body("a `hit_id` that is no UUID", r#"{"site":"a","hit_id":"7"}"#, 400, "invalid_hit_id"),
        body("a site with a slash", r#"{"site":"a/b"}"#, 400, "invalid_site"),
        body("a visitor that begins with `~`", r#"{"site":"a","visitor_id":"~v"}"#, 400, "invalid_visitor"),
        body("an empty `type`", r#"{"site":"a","type":""}"#, 400, "invalid_type"),
        body("a time that is none", r#"{"site":"a","client_time":"soon"}"#, 400, "invalid_time"),
        body("a part of a millisecond", r#"{"site":"a","client_time":1793577600000.5}"#, 400, "invalid_time"),
        body("a time before the year 2000", r#"{"site":"a","client_time":1}"#, 400, "time_out_of_range"),
        body("a `url` that is neither absolute nor a path", r#"{"site":"a","url":"x"}"#, 400, "invalid_url"),
        body("`props` that are no object", r#"{"site":"a","props":[]}"#, 400, "wrong_type"),
        body(
            "`props` with a key twice, at any depth",
            r#"{"site":"a","props":{"x":[{"y":1,"y":2}]}}"#,
            400,
            "duplicate_key",
        ),
        body("`props` deeper than 5", r#"{"site":"a","props":{"a":{"b":{"c":{"d":{"e":{}}}}}}}"#, 400, "too_deep"),
        body(
            "`props` of more than 16 KiB",
            format!("{{\"site\":\"a\",\"props\":{}}}", deep("[", "]")),
            400,
            "props_too_large",
        ),
        body("`props` with 100,000 keys", many_props(), 400, "props_too_large"),
        body(
            "`event_time`, `ip` or `user_agent` without the site's secret key",
            r#"{"site":"a","ip":"::1"}"#,
            400,
            "needs_key",
        ),
        body("an `ip` that is no address", r#"{"site":"a","ip":"here"}"#, 400, "invalid_ip"),
        with(
            "a secret key that is not the site's",
            &[("authorization", "Bearer x")],
            r#"{"site":"a"}"#,
            400,
            "wrong_key",
        ),
        path("a pixel without a site", "GET", "/pixel.gif", "", 400, "missing_field"),
        path("a pixel's parameter that is not UTF-8", "GET", "/pixel.gif?site=%ff", "", 400, "invalid_utf8"),
        path("a pixel's parameter twice", "GET", "/pixel.gif?site=a&site=b", "", 400, "duplicate_key"),
        path(
            "`/api/webeventspub` without a page",
            "POST",
            "/api/webeventspub",
            "{}",
            400,
            "pageUrl: This cannot be empty",
        ),
        path("`GET /collect`", "GET", "/collect", "", 405, "method_not_allowed"),
        path("another path", "POST", "/admin.php", "x", 404, "not_found"),
    ]
}

fn many_props() -> String {
    let props: Vec<_> = (0..100_000).map(|n| format!("\"k{n}\":1")).collect();
    format!("{{\"site\":\"a\",\"props\":{{{}}}}}", props.join(","))
}

/// Status, and the reason for the whole request or for its first hit.
fn verdict(answer: &Answer) -> (u16, String) {
    let json = answer.json();
    if let Some((field, words)) = json["message"].as_object().and_then(|fields| fields.iter().next()) {
        return (answer.status, format!("{field}: {}", words.as_str().unwrap()));
    }
    assert_eq!(json["accepted"], 0, "{json}");
    let reason = json["error"]["reason"].as_str().or_else(|| json["rejected"][0]["reason"].as_str());
    (answer.status, reason.unwrap().to_owned())
}

#[tokio::test]
async fn each_is_answered_with_what_is_wrong_and_kept_for_who_asks_why() {
    let bus = Double::willing();
    let running = Running::start(bus.clone(), &FLAGS).await;
    for case in cases() {
        let before = bus.values(Topic::Rejected).len();
        let answer = exchange(running.address, &case.request).await;
        assert_eq!(verdict(&answer), (case.status, case.reason.to_owned()), "{}", case.words);
        assert!(answer.body.len() < 2048, "an answer quotes a bounded part of the body: {}", case.words);
        // What is not read, or not here, is no rejected hit.
        let is_kept = bus.values(Topic::Rejected).len() - before;
        let is_read = case.status == 400 || case.reason == "too_many_hits" || case.words.contains("unfolds");
        assert_eq!(is_kept, usize::from(is_read), "{}", case.words);
    }
    assert!(bus.values(Topic::Hits).is_empty());
    let kept = bus.values(Topic::Rejected);
    assert!(
        kept.iter().all(|record| record.len() < 100 * 1024),
        "a record carries 16 KiB of the body, and at most six times that once it is escaped"
    );
    // Still well.
    let good = request("POST", "/collect", &[], br#"{"site":"a"}"#);
    assert_eq!(exchange(running.address, &good).await.status, 200);
}

#[test]
fn the_document_shows_all_of_them() {
    let mut table = "| input | status | reason |\n| --- | --- | --- |\n".to_owned();
    for case in cases() {
        table += &format!("| {} | {} | `{}` |\n", case.words, case.status, case.reason);
    }
    let document = include_str!("../../../docs/collect.md");
    assert!(document.contains(&table), "docs/collect.md must have this table:\n\n{table}");
}
