//! Requests whose heads are fine and whose bodies are not.

use crate::MAX_BODY;
use crate::hostile::{chunked, exchange, post};

/// Bodies that break a rule each, and what the answer must say of it.
pub(crate) fn bad_bodies(address: &str) {
    let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    let field = |value: &str| format!(r#"{{"site":"a","props":{{"x":{value}}}}}"#).into_bytes();
    let large = vec![b' '; MAX_BODY + 1];
    let over = "the body is larger than 4194304 bytes";
    // What it is, the request, and of its answer: status, reason, how the pointer begins, a part of the detail.
    type Case = (&'static str, Vec<u8>, u16, &'static str, &'static str, &'static str);
    let cases: Vec<Case> = vec![
        ("too large", post(&large), 413, "too_large", "", over),
        ("too large, in chunks", chunked(&large), 413, "too_large", "", over),
        ("10,000 deep", post(&field(&nested(5_000))), 400, "too_deep", "/props", ""),
        ("a million deep in props", post(&field(&nested(1_000_000))), 400, "props_too_large", "/props", "16384"),
        ("a million deep", post(nested(1_000_000).as_bytes()), 400, "wrong_type", "/0", "a hit must be a JSON object"),
        ("a million open", post("[".repeat(1_000_000).as_bytes()), 400, "invalid_json", "", "line 1 column 1000000"),
        ("objects that nest", post(r#"{"a":"#.repeat(700_000).as_bytes()), 400, "invalid_json", "", "line 1 column"),
        ("a million hits", post(many("{}", 1_000_000).as_bytes()), 413, "too_many_hits", "", "more than 1000 hits"),
        ("a thousand bad hits", post(many("{}", 1_000).as_bytes()), 400, "missing_field", "/0/site", "needs a site"),
        ("a key twice", post(br#"{"site":"a","site":"b"}"#), 400, "duplicate_key", "/site", "`site` is there twice"),
        ("a key twice in props", post(&field(r#"{"y":1,"y":2}"#)), 400, "duplicate_key", "/props/x/y", ""),
        ("no number", post(&field("NaN")), 400, "invalid_json", "", "line 1 column 26"),
        ("not UTF-8", post(b"{\"site\":\"\xff\"}"), 400, "invalid_utf8", "", "from byte 9 on"),
        (
            "a long name",
            post(format!(r#"{{"{}":1}}"#, "n".repeat(3_000_000)).as_bytes()),
            400,
            "unknown_field",
            "/nnn",
            "",
        ),
        ("a long text", post(format!(r#"["{}"]"#, "s".repeat(3_000_000)).as_bytes()), 400, "wrong_type", "/0", ""),
        ("empty", post(b""), 400, "invalid_json", "", "line 1 column 0"),
    ];
    for (name, request, status, reason, pointer, detail) in &cases {
        // On a machine that is busy with other things a large body may be too slow.
        let mut answers = (0..10).map(|_| exchange(address, request).unwrap_or_else(|| panic!("{name}: no answer")));
        let answer = answers.find(|answer| answer.status != 408);
        let answer = answer.unwrap_or_else(|| panic!("{name}: too slow ten times"));
        let problem = answer.body.get("error").unwrap_or(&answer.body["rejected"][0]);
        let text = |field: &str| problem[field].as_str().unwrap_or_default();
        assert_eq!((answer.status, text("reason")), (*status, *reason), "{name}: {answer:.300?}");
        let says_where =
            if pointer.is_empty() { text("pointer").is_empty() } else { text("pointer").starts_with(pointer) };
        assert!(says_where && text("detail").contains(detail) && !text("detail").is_empty(), "{name}: {problem}");
        assert!(text("detail").len() < 1024 && text("pointer").len() < 1024, "{name}: it quotes too much");
    }
}

pub(crate) fn many(hit: &str, count: usize) -> String {
    format!("[{}]", vec![hit; count].join(","))
}
