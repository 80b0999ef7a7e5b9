//! Requests whose heads are fine and whose bodies are not.

use std::io::{Read, Write};

use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};

use crate::hostile::{HEAD, chunked, exchange, post};
use crate::{MAX_BODY, MIB};

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

/// A request that means no good, and how it is answered.
pub(crate) struct Abuse {
    pub(crate) name: &'static str,
    pub(crate) request: Vec<u8>,
    pub(crate) status: u16,
    /// Whoever sends on and on may lose the answer with the connection.
    pub(crate) may_be_cut: bool,
}

/// One of each kind.
pub(crate) fn abuses() -> Vec<Abuse> {
    let of = |name, request, status| Abuse { name, request, status, may_be_cut: false };
    let repeated = |text: &str, times: usize| text.repeat(times);
    let title = |text: &str| format!(r#"{{"site":"a","title":"{text}"}}"#);
    let props = |members: Vec<String>| format!(r#"{{"site":"a","props":{{{}}}}}"#, members.join(","));
    let large = vec![b' '; 100 * MIB as usize];
    let head = |fields: &str| format!("{HEAD}{fields}connection: close\r\n\r\n").into_bytes();
    vec![
        of("gzip bomb, 100 MiB", bomb("gzip", &gzip(&large)), 413),
        of("br bomb, 100 MiB", bomb("br", &brotli(&large)), 413),
        of("zstd bomb, 100 MiB", bomb("zstd", &zstd::encode_all(&large[..], 1).unwrap()), 413),
        of("deflate bomb, 100 MiB", bomb("deflate", &zlib(&large)), 413),
        of("JSON whose head says gzip", bomb("gzip", br#"{"site":"a"}"#), 400),
        of(
            "a million arrays, one in the other",
            post((repeated("[", 1_000_000) + &repeated("]", 1_000_000)).as_bytes()),
            400,
        ),
        of("a million opening brackets", post(repeated("[", 1_000_000).as_bytes()), 400),
        of("half a million objects, one in the other", post(repeated(r#"{"a":"#, 500_000).as_bytes()), 400),
        of("100,000 props", post(props((0..100_000).map(|n| format!("\"k{n}\":1")).collect()).as_bytes()), 400),
        of("1,000 props with one name", post(props(vec!["\"k\":1".to_owned(); 1_000]).as_bytes()), 400),
        of(
            "one field 100,000 times",
            post(format!("{{{}}}", vec!["\"site\":\"a\""; 100_000].join(",")).as_bytes()),
            400,
        ),
        of("100,000 halves of surrogate pairs", post(title(&repeated("\\ud800", 100_000)).as_bytes()), 400),
        of("a million bytes of zero", post(title(&repeated("\0", 1_000_000)).as_bytes()), 400),
        of("a million bytes that are no UTF-8", post(&[0xff; 1_000_000]), 400),
        of("a million hits", post(many("{}", 1_000_000).as_bytes()), 413),
        of("a thousand bad hits", post(many("{}", 1_000).as_bytes()), 400),
        Abuse { may_be_cut: true, ..of("100 MiB, announced", post(&large), 413) },
        Abuse { may_be_cut: true, ..of("100 MiB in chunks", chunked(&large), 413) },
        Abuse {
            may_be_cut: true,
            ..of("5,000 header fields", head(&(0..5_000).map(|n| format!("x-{n}: y\r\n")).collect::<String>()), 431)
        },
        Abuse {
            may_be_cut: true,
            ..of("a header of a megabyte", head(&format!("x: {}\r\n", repeated("y", 1_000_000))), 431)
        },
        of("what is no HTTP", b"\x16\x03\x01\0\xa5\x01\0\0\xa1\x03\x03\r\n\r\n".to_vec(), 400),
        of("two lengths", head("content-length: 5\r\ncontent-length: 6\r\n"), 400),
    ]
}

fn bomb(encoding: &str, body: &[u8]) -> Vec<u8> {
    let head =
        format!("{HEAD}connection: close\r\ncontent-encoding: {encoding}\r\ncontent-length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

fn zlib(body: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

fn brotli(body: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    brotli::CompressorReader::new(body, 4096, 1, 22).read_to_end(&mut out).unwrap();
    out
}
