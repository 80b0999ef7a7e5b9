//! What is promised of session windows, on generated logs.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::logs::{self, Log};
use super::model::{self, ClosedBy, Effect, Entry, FinalSession, LateReason, Settings};
use super::session_id;

/// Site, visitor, hit id: what makes two hits the same.
type Identity = (String, Option<String>, String);

fn run(log: &Log) -> Vec<Effect> {
    model::run(log.settings, &session_id, &log.entries)
}

/// Every hit of the log by its offset: who it is, and its time after clamping.
fn hits(log: &Log) -> BTreeMap<i64, (Identity, i64)> {
    let mut hits = BTreeMap::new();
    for entry in &log.entries {
        if let Entry::Hit { offset, append, event_time, site, visitor, hit_id, .. } = entry {
            let time = if *event_time > append + 60_000 { *append } else { *event_time };
            hits.insert(*offset, ((site.clone(), visitor.clone(), hit_id.clone()), time));
        }
    }
    hits
}

fn finals(effects: &[Effect]) -> Vec<&FinalSession> {
    effects
        .iter()
        .filter_map(|effect| if let Effect::Session(session, _) = effect { Some(session) } else { None })
        .collect()
}

fn settings_of(log: &Log) -> Vec<Settings> {
    let later = log.entries.iter().filter_map(|entry| match *entry {
        Entry::Settings { gap, lateness, max_session, max_hits, max_open_sessions, .. } => {
            Some(Settings { gap, lateness, max_session, max_hits, max_open_sessions })
        }
        _ => None,
    });
    std::iter::once(log.settings).chain(later).collect()
}

/// Every record of a hit has exactly one outcome, and outcomes come in the log's order.
fn check_conservation(log: &Log, effects: &[Effect]) -> Result<(), TestCaseError> {
    let outcomes: Vec<i64> = effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Enriched { offset, .. } | Effect::Late { offset, .. } | Effect::Duplicate { offset } => {
                Some(*offset)
            }
            Effect::Session(..) => None,
        })
        .collect();
    prop_assert_eq!(outcomes, hits(log).into_keys().collect::<Vec<_>>());
    Ok(())
}

/// A hit at one time counts once at most.
fn check_nothing_counts_twice(log: &Log, effects: &[Effect]) -> Result<(), TestCaseError> {
    let hits = hits(log);
    let mut counted = BTreeSet::new();
    for effect in effects {
        if let Effect::Enriched { offset, .. } = effect {
            prop_assert!(counted.insert(&hits[offset]), "the hit at {} had counted before", offset);
        }
    }
    Ok(())
}

/// Each hit that names a session is in the one final session of that name, or that took over that name.
fn check_counts(effects: &[Effect]) -> Result<(), TestCaseError> {
    let mut named: BTreeMap<&str, usize> = BTreeMap::new();
    let mut newest_seq: BTreeMap<&str, u32> = BTreeMap::new();
    for effect in effects {
        if let Effect::Enriched { session_id: Some(id), seq: Some(seq), .. } = effect {
            *named.entry(id).or_default() += 1;
            let before = newest_seq.insert(id, *seq);
            prop_assert!(before.is_none_or(|before| before < *seq), "arrival numbers of {} do not rise", id);
        }
    }
    let with_identity: usize = named.values().sum();
    let finals = finals(effects);
    prop_assert_eq!(finals.iter().map(|session| session.hit_count).sum::<usize>(), with_identity);
    for session in &finals {
        let mut ids = vec![&session.session_id];
        ids.extend(&session.merged_ids);
        let hits: usize = ids.into_iter().map(|id| named.remove(id.as_str()).unwrap_or(0)).sum();
        prop_assert_eq!(session.hit_count, hits, "{:?}", session);
    }
    prop_assert!(named.is_empty(), "{:?} are named by hits and never final", named);
    Ok(())
}

/// Two final sessions of a visitor are more than the gap apart, unless both are marked split. Where settings changed,
/// the smallest gap is what any of them can promise.
fn check_distance(log: &Log, effects: &[Effect]) -> Result<(), TestCaseError> {
    let gap = settings_of(log).iter().map(|settings| settings.gap).min().expect("there are settings");
    let finals = finals(effects);
    for (number, one) in finals.iter().enumerate() {
        for other in &finals[number + 1..] {
            let are_of_one_visitor = (&one.site, &one.visitor) == (&other.site, &other.visitor);
            let are_apart = one.start.max(other.start) - one.end.min(other.end) > gap;
            let are_split = one.is_split && other.is_split;
            prop_assert!(!are_of_one_visitor || are_apart || are_split, "{:?}\n{:?}", one, other);
        }
    }
    Ok(())
}

/// What a final session says about itself agrees with the settings.
fn check_finals(log: &Log, effects: &[Effect]) -> Result<(), TestCaseError> {
    let settings = settings_of(log);
    let longest = settings.iter().map(|settings| settings.max_session).max().expect("there are settings");
    let most = settings.iter().map(|settings| settings.max_hits).max().expect("there are settings");
    let gap = settings.iter().map(|settings| settings.gap).min().expect("there are settings");
    let mut newest_watermark = i64::MIN;
    for session in finals(effects) {
        prop_assert!(session.start <= session.end && session.end - session.start <= longest);
        prop_assert!((1..=most).contains(&session.hit_count));
        prop_assert!(session.pages.is_sorted() && session.pages.len() <= 100);
        prop_assert!(session.first_offset <= session.last_offset);
        if session.closed_by == ClosedBy::Gap {
            prop_assert!(session.closed_at > session.end + gap, "closed too early: {:?}", session);
        }
        prop_assert!(newest_watermark <= session.closed_at, "the watermark fell");
        newest_watermark = session.closed_at;
    }
    Ok(())
}

/// With one set of settings: whoever is within the lateness is not late, and the reasons are true.
fn check_lateness(log: &Log, effects: &[Effect]) -> Result<(), TestCaseError> {
    let Settings { gap, lateness, .. } = log.settings;
    let hits = hits(log);
    for (at, effect) in effects.iter().enumerate() {
        let Effect::Late { offset, reason, missed, time } = effect else { continue };
        let stream = log.entries.iter().filter(|entry| entry.offset() <= *offset).filter_map(|entry| match entry {
            Entry::Hit { offset, .. } => Some(hits[offset].1),
            Entry::Tick { append, time, .. } => Some(*time.min(append)),
            _ => None,
        });
        let watermark = stream.max().expect("the hit itself") - lateness;
        prop_assert_eq!(*reason == LateReason::SessionClosed, missed.is_some());
        match reason {
            LateReason::StateFull => {}
            LateReason::TooOld => prop_assert!(*time < watermark - gap),
            LateReason::SessionClosed => {
                prop_assert!(*time < watermark);
                // A copy with a later time than the first may have opened a session of the same id long after: any of them.
                let is_near = finals(&effects[..at]).into_iter().any(|session| {
                    Some(&session.session_id) == missed.as_ref()
                        && session.start - gap <= *time
                        && *time <= session.end + gap
                });
                prop_assert!(is_near, "the hit at {} missed nothing", offset);
            }
        }
    }
    Ok(())
}

/// A session without its ids, which depend on who came first.
fn shape(session: &FinalSession) -> impl Ord + std::fmt::Debug + use<> {
    let FinalSession { site, visitor, start, end, duration_ms, hit_count, pageview_count, event_count, .. } =
        session.clone();
    (
        site,
        visitor,
        start,
        end,
        duration_ms,
        hit_count,
        pageview_count,
        event_count,
        session.is_bounce,
        session.engaged_ms,
    )
}

/// What depends on who came first only where two hits have the same time: its pages, and what it knows of its visitor.
fn known(session: &FinalSession) -> impl Ord + std::fmt::Debug + use<> {
    let FinalSession { pages, entry_page, exit_page, known, .. } = session.clone();
    let pages: Vec<_> = pages.into_iter().map(|(time, _, path)| (time, path)).collect();
    (shape(session), pages, entry_page, exit_page, known)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn orderly_logs_give_what_sorting_and_cutting_gives(log in logs::orderly()) {
        let effects = run(&log);
        let mut sessions: Vec<model::SplitSession> = finals(&effects)
            .into_iter()
            .map(|session| model::SplitSession {
                site: session.site.clone(),
                visitor: session.visitor.clone(),
                start: session.start,
                end: session.end,
                hit_count: session.hit_count,
                first_offset: session.first_offset,
                last_offset: session.last_offset,
            })
            .collect();
        sessions.sort();
        prop_assert_eq!(sessions, model::sort_and_split(log.settings.gap, &log.entries));
        prop_assert!(finals(&effects).iter().all(|session| !session.is_split));
    }

    #[test]
    fn the_order_of_arrival_within_the_lateness_does_not_matter(shuffled in logs::shuffled()) {
        let sessions = |log| {
            let effects = run(log);
            let mut sessions: Vec<_> = finals(&effects).into_iter().map(shape).collect();
            sessions.sort();
            sessions
        };
        prop_assert_eq!(sessions(&shuffled.one), sessions(&shuffled.other));
    }

    #[test]
    fn nor_does_it_matter_to_what_a_session_knows_where_no_two_hits_have_the_same_time(
        shuffled in logs::shuffled_without_ties()
    ) {
        let sessions = |log: &Log| {
            let details = |offset: i64| log.says[&offset].details();
            let effects = model::run_with_details(log.settings, &session_id, &details, &log.entries);
            let mut sessions: Vec<_> = finals(&effects).into_iter().map(known).collect();
            sessions.sort();
            sessions
        };
        prop_assert_eq!(sessions(&shuffled.one), sessions(&shuffled.other));
    }

    #[test]
    fn hostile_logs_break_no_promise(log in logs::adversarial()) {
        let effects = run(&log);
        check_conservation(&log, &effects)?;
        check_nothing_counts_twice(&log, &effects)?;
        check_finals(&log, &effects)?;
        check_distance(&log, &effects)?;
    }

    #[test]
    fn steady_settings_promise_more(log in logs::steady()) {
        let effects = run(&log);
        check_conservation(&log, &effects)?;
        check_nothing_counts_twice(&log, &effects)?;
        check_finals(&log, &effects)?;
        check_distance(&log, &effects)?;
        check_lateness(&log, &effects)?;
    }

    #[test]
    fn entangled_sessions_break_no_promise(log in logs::entangled()) {
        let effects = run(&log);
        check_conservation(&log, &effects)?;
        check_nothing_counts_twice(&log, &effects)?;
        check_counts(&effects)?;
        check_finals(&log, &effects)?;
        check_distance(&log, &effects)?;
    }

    #[test]
    fn where_copies_are_faithful_each_id_counts_once_in_one_final_session(log in logs::faithful_copies()) {
        let effects = run(&log);
        check_conservation(&log, &effects)?;
        check_nothing_counts_twice(&log, &effects)?;
        check_counts(&effects)?;
        check_distance(&log, &effects)?;
    }

    #[test]
    fn no_id_counts_twice_even_where_late_ids_are_forgotten_at_once(log in logs::faithful_copies()) {
        let effects = model::run_remembering(0, log.settings, &session_id, &log.entries);
        check_conservation(&log, &effects)?;
        check_nothing_counts_twice(&log, &effects)?;
        check_counts(&effects)?;
        check_distance(&log, &effects)?;
    }

    #[test]
    fn long_sessions_list_their_earliest_pages(log in logs::long_sessions()) {
        let effects = run(&log);
        check_counts(&effects)?;
        check_finals(&log, &effects)?;
    }
}
