use super::*;

#[test]
fn visits_and_where_they_came_from() {
    let visits = include_str!("../../../data/samples/visits.txt");
    let mut table = String::new();
    for visit in visits.lines().filter(|line| !line.starts_with('#')) {
        let (url, referrer) = visit.split_once(" | ").unwrap_or((visit, ""));
        let origin = origin(url, referrer);
        let Origin { source, medium, campaign, term, content, channel } = &origin;
        let channel = channel.map_or("(internal)", Channel::as_str);
        let fields =
            [("source", source), ("medium", medium), ("campaign", campaign), ("term", term), ("content", content)];
        let fields = fields.iter().filter_map(|(name, text)| Some(format!(" {name}={:?}", text.as_deref()?)));
        table += &format!("{visit}\n    {channel}{}\n", fields.collect::<String>());
    }
    insta::assert_snapshot!(table);
}

#[test]
fn the_site_itself_is_no_source() {
    let table = [
        ("https://shop.example/", "https://shop.example/a"),
        ("https://shop.example/", "http://WWW.Shop.Example:8080/a"),
        ("https://www.shop.example/", "https://shop.example/"),
        ("https://blog.shop.example/", "https://shop.example/"),
        ("https://shop.example/", "https://checkout.shop.example/"),
        ("https://www.google.com/maps", "https://www.google.com/"),
    ];
    for (url, referrer) in table {
        assert_eq!(origin(url, referrer), Origin::default(), "{referrer} -> {url}");
    }
    for other in ["https://myshop.example/", "https://example/", "https://shop.example.org/"] {
        assert_eq!(origin("https://shop.example/", other).channel, Some(Channel::Referral), "{other}");
    }
}

#[test]
fn a_bare_path_is_on_the_host_that_the_site_is_named_by() {
    let mut visit = hit("/cart", Some("https://www.shop.example/"), None);
    assert_eq!(origin_of(&visit).channel, Some(Channel::Referral));
    visit.site = Text::from("shop.example");
    assert_eq!(origin_of(&visit).channel, None);
}

#[test]
fn a_long_value_is_cut_at_a_character() {
    let plain = origin(&format!("https://shop.example/?utm_source={}", "é".repeat(300)), "");
    assert_eq!(plain.source.as_deref(), Some(&*"é".repeat(128)));
    let escaped = origin(&format!("https://shop.example/?utm_source={}", "%C3%A9".repeat(3_000)), "");
    assert_eq!(escaped.source.as_deref(), Some(&*"é".repeat(128)));
}

#[test]
fn what_a_campaign_says_is_borrowed() {
    use std::borrow::Cow;
    for url in ["https://shop.example/?utm_source=newsletter&utm_medium=email", "https://shop.example/?gclid=1"] {
        let visit = hit(url, Some(""), None);
        let origin = origin_of(&visit);
        assert!(matches!((origin.source, origin.medium), (Some(Cow::Borrowed(_)), Some(Cow::Borrowed(_)))), "{url}");
    }
}

#[test]
fn hits_with_one_referrer_share_what_it_says() {
    let mut enricher = Enricher::new();
    let visit = hit("https://shop.example/", Some("https://www.google.com/"), None);
    let (Came::Elsewhere(first), Came::Elsewhere(second)) =
        (enricher.derive(&visit).origin, enricher.derive(&visit).origin)
    else {
        panic!("Google is no part of the shop")
    };
    assert_eq!(first, second);
}

#[test]
fn one_referrer_is_within_one_site_and_elsewhere_for_another() {
    let mut enricher = Enricher::new();
    for _ in 0..2 {
        for (url, is_within) in [("https://shop.example/", true), ("https://news.example/", false)] {
            let visit = hit(url, Some("https://blog.shop.example/a"), None);
            assert_eq!(enricher.derive(&visit).origin == Came::Within, is_within, "{url}");
        }
    }
}
