//! What a session knows of its visitor, R16 and R17, each on a log small enough to work out by hand. The numbers follow from
//! the rules in ARCHITECTURE.md, not from the code.

use super::model::{Details, FinalSession, Known, Visit};
use super::story::{PLAIN, Story};

/// A hit that came from there.
fn from(referrer: &str) -> Details {
    Details { visit: Visit { referrer: Some(referrer.to_owned()), ..Visit::default() }, ..Details::default() }
}

fn user(user_id: &str) -> Details {
    Details { user_id: Some(user_id.to_owned()), ..Details::default() }
}

fn title(title: &str) -> Details {
    Details { title: Some(title.to_owned()), ..Details::default() }
}

fn known(story: Story) -> Known {
    story.end().session().known.expect("a story tells all")
}

fn referrer(story: Story) -> Option<String> {
    known(story).visit.referrer
}

fn user_id(story: Story) -> Option<String> {
    known(story).user_id
}

#[test]
fn r17_the_visit_is_that_of_the_lowest_time_whoever_arrives_first() {
    let story = Story::new(PLAIN)
        .hit("a", 50)
        .saying(from("second"))
        .hit("b", 0)
        .saying(from("first"))
        .hit("c", 100)
        .saying(from("third"));
    assert_eq!(referrer(story).as_deref(), Some("first"));
}

#[test]
fn r17_the_visit_of_a_tie_is_that_of_the_lower_offset() {
    let story = Story::new(PLAIN).hit("a", 0).saying(from("first")).hit("b", 0).saying(from("second"));
    assert_eq!(referrer(story).as_deref(), Some("first"));
}

#[test]
fn r17_the_visit_is_that_of_the_first_hit_though_it_says_nothing() {
    let story = Story::new(PLAIN).hit("a", 0).hit("b", 1).saying(from("second"));
    assert_eq!(referrer(story), None);
}

/// The sessions of `a` and `b` grow together; `c` joins the earlier one, and is neither's first hit.
#[test]
fn r17_the_visit_of_merged_sessions_is_that_of_the_earlier_one() {
    let story = Story::new(PLAIN)
        .hit("a", 120)
        .saying(from("second"))
        .hit("b", 0)
        .saying(from("first"))
        .hit("c", 60)
        .saying(from("third"));
    let session = story.end().session();
    assert_eq!((session.session_id.as_str(), session.merged_ids), ("b", vec!["a".to_owned()]));
    assert_eq!(session.known.and_then(|known| known.visit.referrer).as_deref(), Some("first"));
}

#[test]
fn r17_a_copy_and_a_late_hit_tell_nothing() {
    let story = Story::new(PLAIN)
        .hit("a", 0)
        .saying(from("first"))
        .hit("a", 0)
        .saying(Details { user_id: Some("copy".to_owned()), ..from("copy") })
        .tick(151)
        .hit("b", -1)
        .saying(Details { user_id: Some("late".to_owned()), ..from("late") });
    let Known { visit, user_id, .. } = known(story);
    assert_eq!((visit.referrer.as_deref(), user_id), (Some("first"), None));
}

#[test]
fn r17_the_user_is_that_of_the_highest_time_that_has_one() {
    let story = Story::new(PLAIN).hit("a", 50).saying(user("last")).hit("b", 0).saying(user("first")).hit("c", 100);
    assert_eq!(user_id(story).as_deref(), Some("last"));
}

#[test]
fn r17_the_user_of_a_tie_is_that_of_the_lower_offset() {
    let story = Story::new(PLAIN).hit("a", 0).saying(user("first")).hit("b", 0).saying(user("second"));
    assert_eq!(user_id(story).as_deref(), Some("first"));
}

#[test]
fn r16_a_page_has_its_own_title_cut_between_two_characters() {
    let story = Story::new(PLAIN)
        .page("a", 10, "/second")
        .saying(title(&format!("+{}", "ä".repeat(128))))
        .page("b", 0, "/first")
        .hit("c", 5)
        .saying(title("no page"));
    assert_eq!(known(story).titles, [None, Some(format!("+{}", "ä".repeat(127)))]);
}

#[test]
fn a_bounce_is_one_page_view_and_no_custom_event() {
    let one = || Story::new(PLAIN).page("a", 0, "/");
    let is_bounce = |story: Story| story.end().session().is_bounce;
    assert!(is_bounce(one()));
    assert!(!is_bounce(one().page("b", 1, "/")));
    assert!(!is_bounce(one().hit("b", 1)));
    assert!(!is_bounce(Story::new(PLAIN).hit("a", 0)));
}

#[test]
fn a_session_lasts_from_its_first_hit_to_its_last() {
    let FinalSession { start, end, duration_ms, .. } = Story::new(PLAIN).hit("a", 50).hit("b", -20).end().session();
    assert_eq!((start, end, duration_ms), (-20, 50, 70));
}
