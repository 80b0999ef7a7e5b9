//! The reference model under test: each rule on a log small enough to work out by hand, and the promises on hostile ones.

#[path = "../logs/mod.rs"]
mod logs;
#[path = "../model/mod.rs"]
mod model;

mod laws;
mod rules_of_hits;
mod rules_of_time;
mod rules_of_visits;
mod story;

/// Names a session so that the order of the names says nothing about the order of arrival.
fn session_id(site: &str, visitor: &str, hit_id: &str) -> String {
    format!("{hit_id}|{site}/{visitor}")
}
