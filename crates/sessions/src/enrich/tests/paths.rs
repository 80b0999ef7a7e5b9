use super::*;

fn path(url: &str) -> Option<String> {
    Enricher::new().derive(&hit(url, None, None)).path.map(str::to_owned)
}

#[test]
fn the_path_is_what_stands_between_host_and_query() {
    let table = [
        ("https://shop.example/a/b?c=d#e", "/a/b"),
        ("https://shop.example/a#e?c=d", "/a"),
        ("https://shop.example", "/"),
        ("https://shop.example?c=/d", "/"),
        ("https://user:p@ss@shop.example:8443/a", "/a"),
        ("https://[::1]:8443/a", "/a"),
        ("https://shop.example/caf%C3%A9", "/caf%C3%A9"),
        ("https://shop.example/redirect/https://other.example/", "/redirect/https://other.example/"),
        ("app://settings/privacy", "/privacy"),
    ];
    for (url, expected) in table {
        assert_eq!(path(url).as_deref(), Some(expected), "{url}");
    }
}

#[test]
fn a_bare_path_of_a_server_log_is_taken_as_it_is() {
    let table = [
        ("/a?b", "/a"),
        ("//wp-admin/x.php", "//wp-admin/x.php"),
        ("/go?to=https://other.example/", "/go"),
        ("/go/http://x", "/go/http://x"),
        ("?b", "/"),
        ("*", "*"),
    ];
    for (url, expected) in table {
        assert_eq!(path(url).as_deref(), Some(expected), "{url}");
    }
}

#[test]
fn a_hit_without_url_has_no_path() {
    assert_eq!(Enricher::new().derive(&hit(None, None, None)).path, None);
    assert_eq!(path(""), None);
}
