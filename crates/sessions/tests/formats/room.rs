//! Records are written into room that was measured before, so no text of a hit may be longer than it was thought to be:
//! whoever could send one that is would stop a partition.

use events::{NewHit, Offset, Session, Timestamp, Topic, Uuid};
use proptest::prelude::*;
use serde_json::Value;
use sessions::{Input, Outputs};

use crate::{log, records};

/// 2026-11-02T00:00:00Z.
const START: i64 = 1_793_577_600_000;

/// What becomes longest as JSON, and what stands between: up to six bytes for one.
fn strange() -> impl Strategy<Value = String> {
    let short = "[\u{0}-\u{1f}\"\\\\a-cé%&?#=/ ]{0,40}";
    prop_oneof![4 => short, 1 => "\u{1}{900,1100}", 1 => "\"{250,2000}", 1 => "(%22|%01|%5C){250,700}"]
}

/// Who sends each hit, its texts, and which form its URL has.
type Sent = (usize, Vec<String>, usize);

/// Each hit becomes a record, and each record is what its type would write.
fn must_have_room(visitors: &[String], hits: &[Sent], repeated: usize) {
    let (mut engine, mut out) = (log::engine(), Outputs::default());
    let mut sent = 0;
    for (visitor, texts, form) in hits.iter().cycle().take(hits.len() * repeated) {
        let time = Timestamp::from_millis(START + sent * 1000);
        let mut hit = NewHit::new(Uuid::from_u128(1 + sent as u128), "shop.example", "pageview", time, time);
        let visitor = visitors[*visitor].trim_start_matches('~');
        hit.visitor_id = (!visitor.is_empty()).then_some(visitor);
        let campaign = ["source", "medium", "campaign", "term", "content"];
        let query: Vec<_> = campaign.iter().zip(texts).map(|(name, text)| format!("utm_{name}={text}")).collect();
        let host = ["https://shop.example", "", "//\""][*form];
        let url = format!("{host}/{}?{}", texts[5], query.join("&"));
        let referrer = format!("https://{}/{}", texts[6], texts[7]);
        hit.url = Some(&url);
        hit.referrer = Some(&referrer);
        hit.title = Some(&texts[8]);
        hit.user_id = Some(&texts[9]);
        hit.language = Some(&texts[10]);
        hit.screen = Some(&texts[11]);
        hit.country = Some(&texts[12]);
        hit.user_agent = Some(&texts[13]);
        engine.apply(Input { offset: Offset(sent), append_time: time, value: Some(&hit.to_json()) }, &mut out);
        sent += 1;
    }
    let append_time = Timestamp::from_millis(START + sent * 1000);
    engine.apply(Input { offset: Offset(sent), append_time, value: Some(br#"{"control":"end"}"#) }, &mut out);

    let topics = [Topic::HitsEnriched, Topic::Late, Topic::Rejected];
    let of_hits: Vec<_> = topics.into_iter().flat_map(|topic| records(&out, topic)).collect();
    assert_eq!(of_hits.len() as i64, sent, "each hit is a record");
    for (_, value) in of_hits {
        assert!(serde_json::from_str::<Value>(&value).is_ok(), "{value}");
    }
    for (_, value) in records(&out, Topic::Sessions) {
        let mut again = Vec::new();
        serde_json::from_str::<Session<'_>>(&value).unwrap().write_json(&mut again);
        assert_eq!(value, String::from_utf8(again).unwrap());
    }
}

#[test]
fn there_is_room_for_the_longest_of_everything() {
    for longest in ["%22".repeat(300), "\u{1}".repeat(1024), "\"".repeat(4000)] {
        for form in 0..3 {
            let all = vec![longest.clone(); 14];
            // What one text leaves of its room must not be what another one needs.
            let all_but_path =
                all.iter().enumerate().map(|(at, text)| if at == 5 { "a" } else { text }.to_owned()).collect();
            must_have_room(&["\"".repeat(128)], &[(0, all, form)], 120);
            must_have_room(&["v".to_owned()], &[(0, all_but_path, form)], 1);
        }
    }
}

proptest! {
    #[test]
    fn there_is_room_for_any_text(
        visitors in prop::collection::vec("[!-.0-}]{1,128}", 2),
        hits in prop::collection::vec((0usize..2, prop::collection::vec(strange(), 14), 0usize..3), 1..6),
        repeated in 1usize..40,
    ) {
        must_have_room(&visitors, &hits, repeated);
    }
}
