//! The rules of time, R1 to R4 and R12 to R15, each on a log small enough to work out by hand. The numbers follow from
//! the rules in ARCHITECTURE.md, not from the code.

use super::model::{Effect, Settings};
use super::story::{PLAIN, Story};

#[test]
fn r1_a_clock_is_believed_up_to_a_minute_ahead() {
    let story = Story::new(PLAIN).hit_that_arrives(0, "a", 60_000).hit_that_arrives(70_000, "b", 130_001);
    assert_eq!(
        story.effects()[0],
        Effect::Enriched { offset: 0, session_id: Some("a".into()), seq: Some(1), time: 60_000, clamped: false }
    );
    assert_eq!(
        story.effects()[2],
        Effect::Enriched { offset: 1, session_id: Some("b".into()), seq: Some(1), time: 70_000, clamped: true }
    );
}

#[test]
fn r1_a_tick_reaches_no_further_than_its_append_time() {
    Story::new(PLAIN)
        .hit_that_arrives(0, "a", 0)
        .tick_that_arrives(150, 9_999)
        .tick_that_arrives(151, 9_999)
        .tells(&["a is hit 1 of a", "@2: a 0..0 x1 gap at 101"]);
}

#[test]
fn r1_a_copy_raises_the_stream_time_before_it_is_found_to_be_one() {
    Story::new(PLAIN).hit("a", 0).hit("a", 151).tells(&["a is hit 1 of a", "@1: a 0..0 x1 gap at 101", "a is a copy"]);
}

#[test]
fn r2_sessions_become_final_by_end_then_key_then_id() {
    // The key `s.x/v` is before `s/v`, for the dot is before the slash.
    Story::new(Settings { max_hits: 1, ..PLAIN })
        .hit_of("s", "v", "f", 0)
        .hit_of("s", "v", "e", 0)
        .hit_of("s.x", "v", "g", 0)
        .hit_of("s", "w", "h", -10)
        .tick(150)
        .tick(151)
        .tells(&[
            "f is hit 1 of f",
            "e is hit 1 of e",
            "g is hit 1 of g@s.x/v",
            "h is hit 1 of h@s/w",
            "@4: h@s/w -10..-10 x1 gap at 100",
            "@5: g@s.x/v 0..0 x1 gap at 101",
            "@5: e 0..0 x1 gap at 101, split",
            "@5: f 0..0 x1 max_hits at 101, split",
        ]);
}

#[test]
fn r3_a_final_session_raises_the_floor_of_a_later_open_one() {
    // When `b` opens, `a` is still open and the horizon is 0. Once `a` is final and forgotten, only the floor keeps a
    // hit at 100 from joining `b` and standing within the gap of `a`.
    Story::new(PLAIN)
        .hit("a", 0)
        .hit("b", 150)
        .tick(151)
        .hit("c", 200)
        .hit("d", 251)
        .hit("e", 100)
        .hit("f", 101)
        .tells(&[
            "a is hit 1 of a",
            "b is hit 1 of b",
            "@2: a 0..0 x1 gap at 101",
            "c is hit 2 of b",
            "d is hit 3 of b",
            "e is too old",
            "f is hit 4 of b",
        ]);
}

#[test]
fn r4_a_stub_goes_once_the_horizon_is_beyond_its_reach() {
    Story::new(PLAIN).hit("a", 0).tick(250).hit("a", 0).tick(251).hit("a", 0).tells(&[
        "a is hit 1 of a",
        "@1: a 0..0 x1 gap at 200",
        "a is a copy",
        "a is too old",
    ]);
}

#[test]
fn r4_a_stub_stays_while_an_open_session_is_near() {
    Story::new(Settings { max_hits: 3, ..PLAIN })
        .hit("a", 0)
        .hit("b", 0)
        .hit("c", 0)
        .hit("d", 50)
        .hit("e", 150)
        .hit("f", 240)
        .tick(251)
        .hit("a", 0)
        .tick(391)
        .hit("b", 0)
        .hit("d", 50)
        .tells(&[
            "a is hit 1 of a",
            "b is hit 2 of a",
            "c is hit 3 of a",
            "d is hit 1 of d",
            "e is hit 2 of d",
            "@5: a 0..0 x3 max_hits at 190, split",
            "f is hit 3 of d",
            "a is a copy",
            "@8: d 50..240 x3 gap at 341, split",
            "b missed d",
            "d is a copy",
        ]);
}

#[test]
fn r12_a_hit_of_nobody_is_known_until_the_horizon_has_passed_it() {
    Story::new(PLAIN)
        .hit_of_nobody("a", 0)
        .tick(150)
        .hit_of_nobody("a", 0)
        .tick(151)
        .hit_of_nobody("a", 0)
        .hit_of_nobody("a", 0)
        .tells(&["a counts alone", "a is a copy", "a is too old", "a is a copy"]);
}

#[test]
fn r13_smaller_settings_make_sessions_final_at_once() {
    Story::new(PLAIN)
        .hit("a", 0)
        .tick(100)
        .set(Settings { gap: 49, ..PLAIN })
        .tells(&["a is hit 1 of a", "@2: a 0..0 x1 gap at 50"]);
    Story::new(PLAIN)
        .hit("a", 0)
        .tick(150)
        .set(Settings { lateness: 49, ..PLAIN })
        .tells(&["a is hit 1 of a", "@2: a 0..0 x1 gap at 101"]);
}

#[test]
fn r13_greater_settings_let_neither_watermark_nor_horizon_fall() {
    Story::new(PLAIN)
        .tick(150)
        .set(Settings { lateness: 500, gap: 1_000, ..PLAIN })
        .hit("a", -1)
        .hit("b", 0)
        .set(PLAIN)
        .tick(151)
        .tells(&["a is too old", "b is hit 1 of b", "@5: b 0..0 x1 gap at 101"]);
}

#[test]
fn r14_a_draining_record_does_nothing() {
    Story::new(PLAIN).hit("a", 0).draining().hit("b", 100).tells(&["a is hit 1 of a", "b is hit 2 of a"]);
}

#[test]
fn r14_and_r15_at_the_end_every_session_is_final_in_order() {
    Story::new(Settings { max_hits: 2, ..PLAIN })
        .hit("a", 10)
        .hit_of("s", "u", "b", 10)
        .hit_of("s", "w", "c", 0)
        .hit("d", 10)
        .hit("e", 10)
        .end()
        .tells(&[
            "a is hit 1 of a",
            "b is hit 1 of b@s/u",
            "c is hit 1 of c@s/w",
            "d is hit 2 of a",
            "e is hit 1 of e",
            "@5: c@s/w 0..0 x1 end_of_input at -40",
            "@5: b@s/u 10..10 x1 end_of_input at -40",
            "@5: a 10..10 x2 max_hits at -40, split",
            "@5: e 10..10 x1 end_of_input at -40, split",
        ]);
}
