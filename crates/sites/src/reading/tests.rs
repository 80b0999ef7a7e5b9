use super::*;
use crate::Sites;

const GOOD: &str = r#"
[sites."shop.example"]
origins = ["https://shop.example", "https://*.shop.example"]
write_key = "wk_1"
secret_key = "0123456789abcdef"
ip = "none"
identity = "cookieless"
privacy = "drop"
unknown_fields = "props"
quota = 5_00
bots = "drop"
prefetch = "drop"
exclude_hosts = ["Test.shop.example"]
exclude_addresses = ["10.0.0.0/8", "2001:db8::7"]
time_zone = "Europe/Berlin"
keep_rejected = false
schemas = { purchase = "purchase.json", "purchase/2" = "purchase-2.json" }

[sites.blog]
"#;

fn problems(text: &str) -> String {
    let problems = Sites::parse(text).unwrap_err();
    problems.iter().map(|problem| format!("{problem}\n")).collect()
}

#[test]
fn a_site_has_what_it_says_and_else_the_defaults() {
    let sites = Sites::parse(GOOD).unwrap();
    assert_eq!(sites.iter().map(|(name, _)| name).collect::<Vec<_>>(), ["blog", "shop.example"]);
    insta::assert_debug_snapshot!(sites.get("shop.example").unwrap());
    assert_eq!(sites.get("blog"), Some(&Site::silent()));
    assert_eq!(sites.get("blog").unwrap().ip, IpPolicy::Truncated, "no more is kept than is asked for");
    assert_eq!(sites.get("other"), None, "with a file, others are none of ours");
}

#[test]
fn without_a_file_any_site_is_taken_and_no_address_is_cut() {
    assert_eq!(Sites::any().get("whatever").unwrap().ip, IpPolicy::Full);
    assert_eq!(Sites::parse("").unwrap().get("whatever"), None, "an empty file has no sites");
}

#[test]
fn everything_that_is_wrong_is_said_at_once_each_with_its_line() {
    insta::assert_snapshot!(problems(
        r#"
colour = "red"
[sites."a/b"]
[sites.shop]
origins = ["https://shop.example", "shop.example",
  7]
ip = "half"
identity = "us"
secret_key = "short"
keep_rejected = "yes"
quota = 0
quote = 7
bots = false
exclude_addresses = ["10.0.0.0/33"]
exclude_hosts = "test.example"
time_zone = "Berlin"
write_key = ""
schemas = { "purchase/two" = "a.json", pageview = "b.json", signup = 7 }
"#
    ));
}

#[test]
fn what_is_no_toml_is_said_with_its_line() {
    insta::assert_snapshot!(problems("[sites.shop]\nip = \nbots = \"drop\"\n"));
    insta::assert_snapshot!(problems("[sites.shop]\nip = \"full\"\nip = \"none\"\n"));
}

proptest::proptest! {
    #[test]
    fn no_text_is_a_panic(text in "(\\[sites\\.[a\"]{0,3}\\]\n|ip|quota| = |\"full\"|7|\n|\\PC){0,40}") {
        let _ = Sites::parse(&text);
    }
}
