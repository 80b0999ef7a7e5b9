use super::*;

fn agent(user_agent: Option<&str>) -> Arc<Agent> {
    Enricher::new().derive(&hit("/", None, user_agent)).agent
}

#[test]
fn user_agents_and_what_they_are() {
    let user_agents = include_str!("../../../data/samples/user_agents.txt");
    let mut table = String::new();
    for user_agent in user_agents.lines() {
        let Agent { browser, os, device, is_bot, .. } = &*agent(Some(user_agent));
        let (browser, os) = (browser.as_deref().unwrap_or("-"), os.as_deref().unwrap_or("-"));
        let bot = if *is_bot { ", bot" } else { "" };
        table += &format!("{browser}, {os}, {}{bot}\n    {user_agent}\n", device.as_str());
    }
    insta::assert_snapshot!(table);
}

#[test]
fn who_sends_no_user_agent_is_unknown_and_no_bot() {
    for nothing in [None, Some(""), Some("-")] {
        assert_eq!(*agent(nothing), Agent::unknown());
    }
}

#[test]
fn what_stands_behind_the_first_kilobyte_of_a_user_agent_is_not_read() {
    let padded = format!("Mozilla/5.0 {}", "é".repeat(600));
    assert_eq!(agent(Some(&format!("{padded} Googlebot/2.1"))), agent(Some(&padded)));
}

#[test]
fn devices_keep_their_names() {
    for device in Device::ALL {
        assert_eq!(Device::parse(device.as_str()), Some(device));
    }
}

#[test]
fn hits_of_one_user_agent_share_their_agent() {
    let mut enricher = Enricher::new();
    let visit = hit("/", None, Some("curl/8.4.0"));
    let first = enricher.derive(&visit).agent;
    assert!(Arc::ptr_eq(&first, &enricher.derive(&visit).agent));
}

#[test]
fn the_cache_stays_within_its_bound_and_keeps_what_is_asked_for() {
    let mut agents = Agents::new(16 << 10);
    let kept = Arc::clone(agents.get(Some("Mozilla/5.0 (X11; Linux x86_64) Firefox/133.0")));
    for number in 0..500 {
        agents.get(Some(&format!("Client/{number}")));
        let again = agents.get(Some("Mozilla/5.0 (X11; Linux x86_64) Firefox/133.0"));
        assert!(Arc::ptr_eq(&kept, again), "forgotten after {number}");
        assert!(agents.bytes() <= 16 << 10, "{}", agents.bytes());
    }
}
