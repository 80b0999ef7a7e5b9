//! What sessions hold by number is given back when they go, whichever way they go.

use events::{Control, NewHit, Offset, Timestamp, Uuid, WindowSettings};

use super::*;

const START: i64 = 1_793_577_600_000;

/// Gives the engine one page view of a visitor after so many minutes, each from another place, referrer and browser.
fn visit(engine: &mut Engine, number: i64, visitor: &str, minute: i64) {
    let time = Timestamp::from_millis(START + minute * 60_000);
    let (referrer, user_agent) = (format!("https://site-{number}.example/"), format!("Client/{number}"));
    let screen = format!("{number}x{number}");
    let mut hit = NewHit::new(Uuid::from_u128(number as u128 + 1), "shop.example", "pageview", time, time);
    hit.visitor_id = Some(visitor);
    hit.url = Some("https://shop.example/");
    hit.referrer = Some(&referrer);
    hit.user_agent = Some(&user_agent);
    hit.screen = Some(&screen);
    apply(engine, number, &hit.to_json());
}

fn apply(engine: &mut Engine, offset: i64, value: &[u8]) {
    let append_time = Timestamp::from_millis(START + 120 * 60_000);
    let input = Input { offset: Offset(offset), append_time, value: Some(value) };
    engine.apply(input, &mut Outputs::default());
}

#[test]
fn what_sessions_hold_is_given_back() {
    let mut engine = Engine::new(0, WindowSettings::default());
    visit(&mut engine, 0, "earlier", 20);
    // An earlier hit gives the session another profile.
    visit(&mut engine, 1, "earlier", 10);
    // The third hit merges the first two.
    visit(&mut engine, 2, "merged", 0);
    visit(&mut engine, 3, "merged", 40);
    visit(&mut engine, 4, "merged", 20);
    // This one makes them final.
    visit(&mut engine, 5, "later", 100);
    assert!(!engine.shared.is_each_held_once());
    apply(&mut engine, 6, &Control::End.to_json());
    assert_eq!((engine.open_sessions(), engine.stubs()), (0, 2));
    assert!(engine.shared.is_each_held_once(), "the pools alone hold them: {:?}", engine.shared);
    assert!(engine.enricher.agents.is_each_held_once(), "the cache alone holds them: {:?}", engine.enricher);
}
