//! What parsing a hit takes from the allocator: nothing, unless a field that is read has an escape.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use allocation_counter::measure;
use events::{Hit, NewHit, Timestamp, Uuid};

fn hit() -> NewHit<'static> {
    let (event, received) = (Timestamp::from_millis(1_793_577_600_000), Timestamp::from_millis(1_793_577_600_040));
    let id = Uuid::from_u128(0x0190_a3f2_0000_7000_8000_0000_0000_000f);
    let mut hit = NewHit::new(id, "shop.example", "pageview", event, received);
    hit.visitor_id = Some("v1");
    hit.user_id = Some("u1");
    hit.url = Some("https://shop.example/a?utm_source=mail");
    hit.title = Some("A");
    hit.referrer = Some("https://news.example/");
    hit.user_agent = Some("Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0");
    hit
}

/// How many allocations it takes to read a hit.
fn allocations(json: &[u8]) -> u64 {
    measure(|| assert!(Hit::parse(json).is_ok())).count_total
}

fn with_field(field: &str) -> Vec<u8> {
    let json = String::from_utf8(hit().to_json()).unwrap();
    json.replacen('{', &format!("{{{field},"), 1).into_bytes()
}

#[test]
fn a_hit_as_the_collector_writes_it_is_read_without_any() {
    assert_eq!(allocations(&hit().to_json()), 0);
}

#[test]
fn a_text_that_nobody_reads_is_passed_over_without_any() {
    for field in [r#""newer":"a \"text\" with \u00e4 and \n""#, r#""newer":-1.5e3"#, r#""newer":true"#] {
        assert_eq!(allocations(&with_field(field)), 0, "{field}");
    }
}

/// Nested ones cost the parser its list of open brackets, and nothing of what stands in them.
#[test]
fn what_nobody_reads_takes_the_same_memory_however_long_it_is() {
    let bytes = |items: usize| {
        let field = format!(r#""newer":{{"a":[{}"the last"],"b":{{}}}}"#, r#"{"c":"\\ \u00e4"},"#.repeat(items));
        let json = with_field(&field);
        measure(|| assert!(Hit::parse(&json).is_ok())).bytes_total
    };
    assert_eq!(bytes(1), bytes(1000));
    assert!(bytes(1000) <= 64, "{} bytes", bytes(1000));
}

/// So that a counter that counts nothing is noticed.
#[test]
fn an_escape_in_a_field_that_is_read_is_undone_in_a_copy() {
    let mut hit = hit();
    hit.title = Some("An \"A\"");
    assert!(allocations(&hit.to_json()) > 0);
}
