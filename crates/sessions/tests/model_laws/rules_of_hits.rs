//! What becomes of a hit, R5 to R11, and of a session's numbers, R16 to R19, each on a log small enough to work out by
//! hand. The numbers follow from the rules in ARCHITECTURE.md, not from the code.

use super::model::{Effect, Kind, Settings};
use super::story::{PLAIN, Story};

#[test]
fn r5_hits_are_the_same_if_site_visitor_and_id_are() {
    Story::new(PLAIN)
        .hit_of("s", "v", "a", 0)
        .hit_of("s", "w", "a", 0)
        .hit_of("t", "v", "a", 0)
        .hit_of_nobody("a", 0)
        .hit_of("s", "v", "a", 50)
        .hit_of_nobody("a", 50)
        .tells(&[
            "a is hit 1 of a",
            "a is hit 1 of a@s/w",
            "a is hit 1 of a@t/v",
            "a counts alone",
            "a is a copy",
            "a is a copy",
        ]);
}

#[test]
fn r5_and_r11_the_newest_4096_late_ids_are_known() {
    let mut story = Story::new(PLAIN).tick(1_000);
    for n in 0..4_097 {
        story = story.hit(&format!("n{n}"), 0);
    }
    let told = story.hit("n1", 0).hit("n0", 0).effects();
    assert!(matches!(told[4_097], Effect::Duplicate { .. }));
    assert!(matches!(told[4_098], Effect::Late { .. }), "the oldest is forgotten");
}

/// The limit of what is promised about copies: it holds for copies that carry the same time.
#[test]
fn r5_a_copy_under_a_later_time_counts_again_once_every_trace_of_the_first_is_gone() {
    Story::new(PLAIN).hit("a", 0).hit("a", 250).hit("a", 251).tells(&[
        "a is hit 1 of a",
        "@1: a 0..0 x1 gap at 200",
        "a is a copy",
        "a is hit 1 of a",
    ]);
}

#[test]
fn r6_a_hit_within_the_gap_of_a_final_session_missed_the_earliest() {
    Story::new(Settings { max_hits: 1, ..PLAIN })
        .hit("b", 0)
        .hit("a", 0)
        .tick(151)
        .hit("c", 100)
        .hit("d", 101)
        .hit("e", -100)
        .hit("f", -101)
        .tells(&[
            "b is hit 1 of b",
            "a is hit 1 of a",
            "@2: a 0..0 x1 gap at 101, split",
            "@2: b 0..0 x1 max_hits at 101, split",
            "c missed a",
            "d is hit 1 of d",
            "e missed a",
            "f is too old",
        ]);
}

#[test]
fn r6_a_hit_at_or_after_the_start_of_an_open_session_near_it_is_not_late() {
    Story::new(Settings { max_hits: 3, ..PLAIN })
        .hit("a", 0)
        .hit("b", 0)
        .hit("c", 0)
        .hit("d", 50)
        .hit("e", 150)
        .tick(151)
        .hit("f", 49)
        .hit("g", 50)
        .tells(&[
            "a is hit 1 of a",
            "b is hit 2 of a",
            "c is hit 3 of a",
            "d is hit 1 of d",
            "e is hit 2 of d",
            "@5: a 0..0 x3 max_hits at 101, split",
            "f missed a",
            "g is hit 3 of d",
        ]);
}

#[test]
fn r7_hits_exactly_a_gap_apart_are_neighbours() {
    Story::new(PLAIN).hit("a", 0).hit("b", 100).hit("c", 201).end().tells(&[
        "a is hit 1 of a",
        "b is hit 2 of a",
        "c is hit 1 of c",
        "@3: a 0..100 x2 end_of_input at 151",
        "@3: c 201..201 x1 end_of_input at 151",
    ]);
}

#[test]
fn r7_a_hit_between_two_sessions_merges_them_into_the_earlier() {
    Story::new(Settings { lateness: 500, ..PLAIN })
        .hit("c", 400)
        .hit("b", 200)
        .hit("a", 0)
        .hit("d", 300)
        .hit("e", 100)
        .end()
        .tells(&[
            "c is hit 1 of c",
            "b is hit 1 of b",
            "a is hit 1 of a",
            "d is hit 2 of b",
            "e is hit 2 of a",
            "@5: a 0..400 x5 end_of_input at -100, with b c",
        ]);
}

#[test]
fn r7_where_the_first_refuses_the_next_takes_the_hit() {
    Story::new(Settings { max_session: 150, lateness: 500, ..PLAIN })
        .hit("a", 0)
        .hit("b", 100)
        .hit("c", 250)
        .hit("d", 180)
        .tick(901)
        .tells(&[
            "a is hit 1 of a",
            "b is hit 2 of a",
            "c is hit 1 of c",
            "d is hit 2 of c",
            "@4: a 0..100 x2 max_duration at 401, split",
            "@4: c 180..250 x2 gap at 401, split",
        ]);
}

#[test]
fn r7_a_refused_merge_leaves_both_split_and_says_so_in_both() {
    let log = |settings| Story::new(settings).hit("a", 0).hit("b", 200).hit("c", 100).end();
    let before = ["a is hit 1 of a", "b is hit 1 of b", "c is hit 2 of a"];
    let tells = |settings, finals: [&str; 2]| log(settings).tells(&[&before[..], &finals].concat());
    let patient = Settings { lateness: 500, ..PLAIN };
    tells(
        Settings { max_hits: 2, ..patient },
        ["@3: a 0..100 x2 max_hits at -300, split", "@3: b 200..200 x1 max_hits at -300, split"],
    );
    // Where both maxima refuse, the duration is named.
    tells(
        Settings { max_hits: 2, max_session: 199, ..patient },
        ["@3: a 0..100 x2 max_duration at -300, split", "@3: b 200..200 x1 max_duration at -300, split"],
    );
    // At the maxima exactly, nothing is refused.
    log(Settings { max_hits: 3, max_session: 200, ..patient })
        .tells(&[&before[..], &["@3: a 0..200 x3 end_of_input at -300, with b"]].concat());
}

#[test]
fn r7_an_open_session_takes_a_hit_however_old() {
    // At 330 the horizon is 180; the session reaches back to its floor, 0, for it opened when the horizon was there.
    Story::new(PLAIN).hit("a", 150).hit("b", 240).hit("c", 330).hit("d", 50).hit("e", 0).tells(&[
        "a is hit 1 of a",
        "b is hit 2 of a",
        "c is hit 3 of a",
        "d is hit 4 of a",
        "e is hit 5 of a",
    ]);
}

#[test]
fn r8_a_hit_too_old_raises_the_floor_above_itself() {
    Story::new(PLAIN).hit("a", 150).hit("b", 250).hit("c", 40).hit("d", 60).hit("e", 40).hit("f", 41).tells(&[
        "a is hit 1 of a",
        "b is hit 2 of a",
        "c is too old",
        "d is hit 3 of a",
        "e is too old",
        "f is hit 4 of a",
    ]);
}

#[test]
fn r9_a_hit_opens_a_session_from_the_horizon_on() {
    Story::new(PLAIN).tick(150).hit("a", -1).hit("b", 0).tells(&["a is too old", "b is hit 1 of b"]);
}

#[test]
fn r9_a_new_session_keeps_its_distance_from_stubs_before_it() {
    // `b` opens after `a` is final, when the horizon is 10. The stub is gone at 251; the floor of `b`, 101, stays.
    Story::new(PLAIN).hit("a", 0).hit("b", 160).hit("c", 251).hit("d", 100).hit("e", 101).tells(&[
        "a is hit 1 of a",
        "@1: a 0..0 x1 gap at 110",
        "b is hit 1 of b",
        "c is hit 2 of b",
        "d is too old",
        "e is hit 3 of b",
    ]);
}

#[test]
fn r9_a_full_partition_opens_nothing_until_a_stub_has_gone() {
    Story::new(Settings { max_open_sessions: 2, ..PLAIN })
        .hit("a", 0)
        .hit_of_nobody("b", 0)
        .hit_of("s", "w", "c", 0)
        .hit_of("s", "w", "c", 0)
        .hit_of_nobody("d", 0)
        .hit("e", 100)
        .hit_of("s", "w", "f", 250)
        .hit_of("s", "w", "g", 251)
        .hit_of("s", "x", "h", 251)
        .hit_of("s", "x", "i", 350)
        .hit_of("s", "x", "j", 351)
        .tells(&[
            "a is hit 1 of a",
            "b counts alone",
            "c finds no room",
            "c is a copy",
            "d finds no room",
            "e is hit 2 of a",
            "f is hit 1 of f@s/w",
            "@7: a 0..100 x2 gap at 201",
            "g is hit 2 of f@s/w",
            "h finds no room",
            "i finds no room",
            "j is hit 1 of j@s/x",
        ]);
}

#[test]
fn r10_whoever_opens_next_to_a_full_session_is_split_and_so_is_the_other() {
    Story::new(Settings { max_hits: 1, ..PLAIN }).hit("a", 0).hit("b", 100).hit("c", 201).end().tells(&[
        "a is hit 1 of a",
        "b is hit 1 of b",
        "@2: a 0..0 x1 max_hits at 151, split",
        "c is hit 1 of c",
        "@3: b 100..100 x1 end_of_input at 151, split",
        "@3: c 201..201 x1 end_of_input at 151",
    ]);
}

#[test]
fn r16_pages_are_in_order_of_time_and_ties_go_to_the_lower_offset() {
    let session = Story::new(PLAIN)
        .hit("a", 0)
        .page("b", 20, "/late")
        .page("c", 10, "/first")
        .page("d", 10, "/second")
        .page("e", 20, "/later still")
        .kind("f", 30, Kind::PageView { path: None })
        .end()
        .session();
    let pages: Vec<&str> = session.pages.iter().map(|(_, _, path)| path.as_str()).collect();
    assert_eq!(pages, ["/first", "/second", "/late", "/later still"]);
    assert_eq!((session.entry_page.as_deref(), session.exit_page.as_deref()), (Some("/first"), Some("/late")));
    assert_eq!((session.hit_count, session.pageview_count, session.event_count), (6, 5, 1));
    assert!(!session.pages_truncated);
}

#[test]
fn r16_the_earliest_hundred_pages_are_listed() {
    let mut story = Story::new(Settings { lateness: 500, ..PLAIN });
    for n in 0..101 {
        story = story.page(&format!("n{n}"), 101 - n, &format!("/{}", 101 - n));
    }
    let session = story.end().session();
    assert_eq!((session.pages.len(), session.pages_truncated, session.pageview_count), (100, true, 101));
    assert_eq!(session.pages[0], (1, 100, "/1".to_owned()));
    assert_eq!(session.pages[99], (100, 1, "/100".to_owned()));
    assert_eq!(session.exit_page.as_deref(), Some("/101"));
}

#[test]
fn r19_lineage_spans_all_hits_and_engagement_adds_up() {
    let engaged = |engaged_ms| Kind::Engagement { engaged_ms };
    let session = Story::new(PLAIN)
        .tick(0)
        .kind("b", 150, engaged(3))
        .kind("a", 0, engaged(4))
        .kind("c", 75, Kind::Request)
        .end()
        .session();
    assert_eq!((session.session_id.as_str(), session.first_offset, session.last_offset), ("a", 1, 3));
    assert_eq!((session.hit_count, session.pageview_count, session.event_count, session.engaged_ms), (3, 0, 0, 7));
}
