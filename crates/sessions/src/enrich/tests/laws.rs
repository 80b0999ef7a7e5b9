use proptest::prelude::*;

use super::*;

/// Texts that look like URLs, and texts that do not.
fn url() -> impl Strategy<Value = String> {
    let part = "[a-z/.:@?#&=%+ é\\[\\]]{0,12}";
    let name =
        prop::sample::select(vec!["utm_source", "utm_medium", "utm_campaign", "amp;utm_term", "gclid", "fbclid"]);
    let query = (name, part).prop_map(|(name, value)| format!("?{name}={value}&"));
    let scheme = prop::sample::select(vec!["", "https://", "http://www.", "android-app://", "//", "/"]);
    let host = prop::sample::select(vec!["", "shop.example", "google.co.uk", "a.b.facebook.com", "co.uk", "é.de"]);
    prop_oneof![
        2 => (scheme, host, part, prop::collection::vec(query, 0..4))
            .prop_map(|(scheme, host, path, query)| format!("{scheme}{host}{path}{}", query.concat())),
        1 => any::<String>(),
    ]
}

fn user_agent() -> impl Strategy<Value = String> {
    let samples: Vec<&str> = include_str!("../../../data/samples/user_agents.txt").lines().collect();
    prop_oneof![3 => prop::sample::select(samples).prop_map(str::to_owned), 1 => any::<String>()]
}

proptest! {
    #[test]
    fn any_text_gives_a_path_that_is_part_of_it_and_values_within_bounds(url in url(), referrer in url()) {
        let visit = hit(&*url, Some(&referrer), None);
        let mut enricher = Enricher::new();
        let derived = enricher.derive(&visit);
        prop_assert_eq!(derived.path.is_none(), url.is_empty());
        if let Some(path) = derived.path {
            prop_assert!(!path.is_empty() && (path == "/" || url.contains(path)));
            prop_assert!(!path.contains(['?', '#']));
        }
        let Origin { source, medium, campaign, term, content, channel } = enricher.origin(&derived.origin);
        for text in [source, medium, campaign, term, content].into_iter().flatten() {
            prop_assert!(!text.is_empty() && text.len() <= 256);
        }
        prop_assert_eq!(source.is_some() && channel.is_none(), false, "whoever has a source has a channel");
    }

    #[test]
    fn no_answer_depends_on_what_was_asked_before(
        visits in prop::collection::vec((url(), url(), user_agent()), 1..40),
        cache_bytes in 0_usize..4_000,
    ) {
        let mut enricher = Enricher::with_cache_bytes(cache_bytes);
        for (url, referrer, user_agent) in &visits {
            let visit = hit(&**url, Some(referrer), Some(user_agent));
            let mut other = Enricher::new();
            let (one, another) = (enricher.derive(&visit), other.derive(&visit));
            prop_assert_eq!(one.path, another.path);
            prop_assert_eq!(enricher.origin(&one.origin), other.origin(&another.origin));
            prop_assert_eq!(enricher.agent(one.agent), other.agent(another.agent));
            enricher.make_room();
        }
    }
}
