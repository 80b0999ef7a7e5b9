use super::sources::{self, LISTS, Source};
use super::*;

#[test]
fn channels_keep_their_names() {
    for channel in Channel::ALL {
        assert_eq!(Channel::parse(channel.as_str()), Some(channel));
    }
    assert_eq!(Channel::parse("Direct"), None);
    let names: Vec<_> = Channel::ALL.iter().map(|channel| channel.as_str()).collect();
    insta::assert_snapshot!(names.join(" "), @"direct cross_network paid_shopping paid_search paid_social paid_video display paid_other organic_shopping organic_social organic_video organic_search referral email affiliates audio sms mobile_push unassigned");
}

#[test]
fn a_referrer_and_a_tag_that_say_the_same_are_in_the_same_channel() {
    for (kind, list) in LISTS {
        for name in list.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split(' ').next()) {
            assert_eq!(sources::by_name(name).map(|source| source.name), Some(name));
            assert_eq!(Channel::of(Some(name), Some(kind.medium()), None), Channel::from(kind), "{name}");
        }
    }
    assert_eq!(Channel::of(Some("example.org"), Some("referral"), None), Channel::Referral);
}

#[test]
fn every_host_on_a_list_is_found_as_its_own() {
    for (kind, list) in LISTS {
        for line in list.lines().filter(|line| !line.starts_with('#')) {
            let mut words = line.split(' ');
            let name = words.next().unwrap();
            for word in words {
                let found = sources::by_name(&word.replace(".*", ".co.uk"));
                assert_eq!(found, Some(Source { name, kind }), "{word} is on two lists");
            }
        }
    }
}

#[test]
fn a_workshop_is_no_shop() {
    let of = |campaign| Channel::of(Some("a"), Some("b"), Some(campaign));
    for campaign in ["shop", "eshop", "my-shop-2", "SHOP", "shopping", "windowshopping"] {
        assert_eq!(of(campaign), Channel::OrganicShopping, "{campaign}");
    }
    for campaign in ["workshop", "bishop", "spring"] {
        assert_eq!(of(campaign), Channel::Unassigned, "{campaign}");
    }
}
