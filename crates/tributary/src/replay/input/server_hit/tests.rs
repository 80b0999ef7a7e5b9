use super::*;
use crate::replay::input::access_log;

const COMBINED: &str = r#"192.0.2.1 - frank [10/Oct/2000:13:55:36 -0700] "GET /a?b=c HTTP/1.1" 200 2326 "http://from.example/" "Mozilla/4.08 [en] (Win98)""#;

fn read_line(line: &str, combined: bool) -> Result<String, Invalid> {
    let fields = access_log::parse(line.as_bytes(), combined).expect("a line of the format");
    read(&fields, Uuid::from_u128(7), "site", &Limits::default())
        .map(|hit| String::from_utf8(hit.value.to_vec()).unwrap())
}

/// The hit of a line with this request and status.
fn hit(request: &str, status: u16) -> serde_json::Value {
    let line = COMBINED.replace("GET /a?b=c HTTP/1.1", request).replace(" 200 ", &format!(" {status} "));
    serde_json::from_str(&read_line(&line, true).unwrap()).unwrap()
}

#[test]
fn a_combined_line_is_a_hit() {
    insta::assert_snapshot!(read_line(COMBINED, true).unwrap());
}

#[test]
fn a_common_line_is_a_hit() {
    insta::assert_snapshot!(read_line(COMBINED, false).unwrap());
}

#[test]
fn a_line_that_asks_for_nothing_is_a_hit_too() {
    insta::assert_snapshot!(read_line(r#"- - - [17/May/2015:10:05:03 +0000] "-" 408 - "-" "-""#, true).unwrap());
}

#[test]
fn a_page_is_got_and_found_and_no_asset() {
    for (request, status) in [
        ("GET / HTTP/1.1", 200),
        ("GET /blog/ HTTP/1.0", 304),
        ("GET /a.css.html HTTP/1.1", 200),
        ("GET /search?q=logo.png HTTP/2.0", 200),
        ("GET /v1.2/docs HTTP/1.1", 302),
        ("GET http://other.example HTTP/1.1", 200),
        ("GET http://other.example/page HTTP/1.1", 200),
        ("GET /with a space HTTP/1.1", 200),
        ("GET /old", 200),
    ] {
        assert_eq!(hit(request, status)["type"], "pageview", "{request} {status}");
    }
    for (request, status) in [
        ("GET / HTTP/1.1", 404),
        ("GET / HTTP/1.1", 199),
        ("GET / HTTP/1.1", 400),
        ("HEAD / HTTP/1.1", 200),
        ("POST /form HTTP/1.1", 200),
        ("get / HTTP/1.1", 200),
        ("GET /logo.PNG?v=3 HTTP/1.1", 200),
        ("GET /robots.txt HTTP/1.1", 200),
        ("GET http://other.example/logo.png HTTP/1.1", 200),
        ("GET http://site.png/ignored.css#x HTTP/1.1", 200),
        ("OPTIONS * HTTP/1.0", 200),
        ("CONNECT host.example:443 HTTP/1.1", 200),
        ("GET", 200),
    ] {
        assert_eq!(hit(request, status)["type"], "request", "{request} {status}");
    }
}

#[test]
fn a_request_without_a_url_stands_in_the_props_as_it_came() {
    for request in ["OPTIONS * HTTP/1.0", "CONNECT host.example:443 HTTP/1.1", r"\x16\x03\x01", "GET", "~ ~ ~"] {
        let hit = hit(request, 400);
        assert_eq!((&hit["props"]["request"], hit.get("url")), (&request.into(), None), "{request}");
    }
    assert_eq!(hit("GET /a HTTP/1.1", 200)["props"].get("request"), None);
}

#[test]
fn the_url_is_the_target_as_it_stands() {
    assert_eq!(hit("GET /a b?c=%20d HTTP/1.1", 200)["url"], "/a b?c=%20d");
    assert_eq!(hit("GET http://other.example/x HTTP/1.1", 200)["url"], "http://other.example/x");
    assert_eq!(hit("GET //double/slash HTTP/1.1", 200)["url"], "//double/slash");
}

/// Visitors' ids stand in users' lakes: they may never change.
#[test]
fn visitors_are_fixed() {
    let all = [
        ids::visitor_of("192.0.2.1", Some("Mozilla/5.0")),
        ids::visitor_of("192.0.2.1", None),
        ids::visitor_of("-", None),
    ];
    insta::assert_snapshot!(all.join("\n"));
}

/// So do hits' ids.
#[test]
fn a_lines_id_follows_from_the_line_and_its_place() {
    let id = line_id(0, 1, b"a line");
    insta::assert_snapshot!(id.to_string());
    assert_eq!(id.get_version_num(), 8);
    for other in [line_id(1, 1, b"a line"), line_id(0, 2, b"a line"), line_id(0, 1, b"a lime")] {
        assert_ne!(id, other);
    }
}

#[test]
fn fields_over_the_limits_are_named() {
    let long = "x".repeat(5000);
    let cases = [
        COMBINED.replace("/a?b=c", &format!("/{long}")),
        COMBINED.replace("http://from.example/", &long),
        COMBINED.replace("Mozilla/4.08", &long),
        COMBINED.replace("frank", &long),
        COMBINED.replace("192.0.2.1", &long),
        COMBINED.replace("GET /a?b=c HTTP/1.1", &long),
    ];
    let said: Vec<_> = cases.iter().map(|line| read_line(line, true).unwrap_err()).collect();
    let said: Vec<_> = said.iter().map(|it| format!("{} {} {}", it.reason, it.pointer, it.detail)).collect();
    insta::assert_snapshot!(said.join("\n"));
}
