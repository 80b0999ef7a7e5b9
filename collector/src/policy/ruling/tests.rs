use sites::Sites;

use super::*;
use crate::policy::{Place, Rules};

const BOT: &str = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)";

fn facts() -> Facts<'static> {
    Facts {
        address: "203.0.113.77".parse().unwrap(),
        user_agent: Some("Browser/1".into()),
        origin: None,
        write_key: None,
        secret_key: None,
        host: None,
        place: Place::default(),
        cookies: None,
        signals: Signals::default(),
        purpose: None,
    }
}

fn rules(site: &str) -> Rules {
    Rules::new(Sites::parse(&format!("[sites.shop]\n{site}")).unwrap())
}

/// What becomes of a hit: its reason, or `taken`.
fn judged(site: &str, facts: &Facts<'_>, hit: &str) -> &'static str {
    let (rules, limits) = (rules(site), Limits::default());
    let mut hit = IncomingHit::parse(hit, &limits).unwrap();
    match rules.ruling("shop", facts).judge(&mut hit, facts, &limits) {
        Ok(()) => "taken",
        Err(invalid) => invalid.reason.as_str(),
    }
}

#[test]
fn a_site_that_is_none_of_ours_is_refused_by_name() {
    let (rules, facts, limits) = (rules(""), facts(), Limits::default());
    let refused = rules.ruling("shpo", &facts).judge(&mut IncomingHit::default(), &facts, &limits).unwrap_err();
    assert_eq!((refused.reason, refused.pointer.as_str()), (Reason::UnknownSite, "/site"));
    assert!(refused.detail.contains("`shpo`"));
}

#[test]
fn pages_of_other_origins_may_not_send() {
    let site = r#"origins = ["https://shop.example", "https://*.shop.example"]"#;
    let from = |origin| judged(site, &Facts { origin, ..facts() }, "{}");
    assert_eq!(from(Some("https://shop.example")), "taken");
    assert_eq!(from(Some("https://a.shop.example")), "taken");
    assert_eq!(from(Some("https://evil.example")), "origin_not_allowed");
    assert_eq!(from(Some("null")), "origin_not_allowed");
    assert_eq!(from(None), "taken", "a server says no origin");
    assert_eq!(
        judged("", &Facts { origin: Some("null"), ..facts() }, "{}"),
        "taken",
        "a site that names none takes all"
    );
}

#[test]
fn a_write_key_that_is_asked_for_must_be_there() {
    let with = |key: Option<&'static str>| {
        let write_key = key.map(Into::into);
        judged("write_key = \"wk_1\"", &Facts { write_key, ..facts() }, "{}")
    };
    assert_eq!([with(Some("wk_1")), with(Some("wk_2")), with(None)], ["taken", "wrong_write_key", "wrong_write_key"]);
}

#[test]
fn own_addresses_and_own_hosts_do_not_count() {
    let site = "exclude_addresses = [\"203.0.113.0/28\"]\nexclude_hosts = [\"test.shop.example\"]";
    let from = |address: &str, url: &str| {
        let facts = Facts { address: address.parse().unwrap(), ..facts() };
        judged(site, &facts, &format!("{{\"url\":\"{url}\"}}"))
    };
    assert_eq!(from("203.0.113.7", "/"), "excluded");
    assert_eq!(from("203.0.113.77", "/"), "taken");
    for url in ["https://Test.shop.example", "https://u:p@test.shop.example:8080/a", "http://test.shop.example?x=1#y"] {
        assert_eq!(from("203.0.113.77", url), "excluded", "{url}");
    }
    for url in ["https://shop.example/test.shop.example", "https://atest.shop.example", "https://[::1]:80/"] {
        assert_eq!(from("203.0.113.77", url), "taken", "{url}");
    }
}

#[test]
fn bots_and_pages_that_nobody_asked_for_are_dropped_where_the_site_says_so() {
    let bot = Facts { user_agent: Some(BOT.into()), ..facts() };
    let early = Facts { purpose: Some("prerender"), ..facts() };
    assert_eq!([judged("", &bot, "{}"), judged("bots = \"drop\"", &bot, "{}")], ["taken", "bot"]);
    assert_eq!([judged("", &early, "{}"), judged("prefetch = \"drop\"", &early, "{}")], ["taken", "prefetch"]);
    let said = format!("{{\"user_agent\":\"{BOT}\"}}");
    assert_eq!(judged("bots = \"drop\"", &facts(), &said), "bot", "what the hit says goes before the header");
    assert_eq!(judged("bots = \"drop\"", &facts(), "{}"), "taken");
}

/// Taken or not, visitor, address and note of somebody who asks not to be tracked.
fn asked(privacy: &str) -> String {
    let (limits, rules) = (Limits::default(), rules(&format!("privacy = \"{privacy}\"\nip = \"full\"")));
    let facts = Facts { signals: Signals { gpc: true, dnt: true }, ..facts() };
    let ruling = rules.ruling("shop", &facts);
    let mut hit = IncomingHit::parse(r#"{"visitor_id":"v1","user_id":"ann"}"#, &limits).unwrap();
    let judged = ruling.judge(&mut hit, &facts, &limits).map_or_else(|invalid| invalid.reason.as_str(), |()| "taken");
    format!(
        "{judged} {} {} {} {} raw={}",
        hit.visitor_id.as_deref().unwrap_or("-"),
        hit.user_id.as_deref().unwrap_or("-"),
        ruling.ip().unwrap_or("-"),
        ruling.privacy().map_or("-", RawValue::get),
        ruling.keeps_raw(),
    )
}

#[test]
fn who_asks_not_to_be_tracked_is_counted_without_identity_or_dropped_or_ignored_as_the_site_says() {
    assert_eq!(asked("anonymous"), r#"taken - - - {"gpc":true,"dnt":true,"done":"anonymous"} raw=false"#);
    assert!(asked("drop").starts_with("do_not_track"), "{}", asked("drop"));
    assert!(asked("drop").contains(" - {") && asked("drop").ends_with("raw=false"), "no address: {}", asked("drop"));
    assert_eq!(asked("ignore"), r#"taken v1 ann 203.0.113.77 {"gpc":true,"dnt":true,"done":"ignored"} raw=true"#);
}

#[test]
fn an_address_is_cut_before_anybody_can_write_it() {
    let ip = |site: &str, name: &str| rules(site).ruling(name, &facts()).ip().map(str::to_owned);
    assert_eq!(ip("", "shop").as_deref(), Some("203.0.113.0"));
    assert_eq!(ip("ip = \"full\"", "shop").as_deref(), Some("203.0.113.77"));
    assert_eq!(ip("ip = \"none\"", "shop"), None);
    assert_eq!(ip("ip = \"none\"", "other"), None, "what no site is known for is kept as the most careful would");
    assert_eq!(rules("ip = \"none\"").unplaced(&facts()).ip(), None);
}

#[test]
fn unknown_fields_go_to_props_where_the_site_says_so() {
    let (limits, facts) = (Limits::default(), facts());
    let mut hit = IncomingHit::parse(r#"{"site":"shop","colour":"red"}"#, &limits).unwrap();
    rules("unknown_fields = \"props\"").ruling("shop", &facts).judge(&mut hit, &facts, &limits).unwrap();
    assert_eq!(hit.props.unwrap().get(), r#"{"colour":"red"}"#);
}
