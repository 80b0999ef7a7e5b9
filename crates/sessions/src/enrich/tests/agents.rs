use super::*;

fn agent(user_agent: Option<&str>) -> Agent {
    let mut enricher = Enricher::new();
    let number = enricher.derive(&hit("/", None, user_agent)).agent;
    enricher.agent(number).clone()
}

#[test]
fn user_agents_and_what_they_are() {
    let user_agents = include_str!("../../../data/samples/user_agents.txt");
    let mut table = String::new();
    for user_agent in user_agents.lines() {
        let Agent { browser, os, device, is_bot, .. } = &agent(Some(user_agent));
        let (browser, os) = (browser.as_deref().unwrap_or("-"), os.as_deref().unwrap_or("-"));
        let bot = if *is_bot { ", bot" } else { "" };
        table += &format!("{browser}, {os}, {}{bot}\n    {user_agent}\n", device.as_str());
    }
    insta::assert_snapshot!(table);
}

#[test]
fn who_sends_no_user_agent_is_unknown_and_no_bot() {
    for nothing in [None, Some(""), Some("-")] {
        assert_eq!(agent(nothing), Agent::unknown());
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
    assert_eq!(first, enricher.derive(&visit).agent);
}

#[test]
fn the_cache_stays_within_its_bound_and_keeps_what_is_asked_for() {
    let mut agents = Agents::new(16 << 10);
    let user_agent = Some("Mozilla/5.0 (X11; Linux x86_64) Firefox/133.0");
    let kept = agents.of(user_agent);
    for number in 0..500 {
        agents.of(Some(&format!("Client/{number}")));
        assert_eq!(kept, agents.of(user_agent), "forgotten after {number}");
        agents.make_room();
        assert!(agents.bytes() <= (16 << 10) + 2 * 320, "{}", agents.bytes());
    }
}

#[test]
fn an_agent_that_a_session_has_outlives_the_cache() {
    let mut agents = Agents::new(4 << 10);
    let number = agents.of(Some("curl/8.4.0"));
    let held = agents.hold(number);
    let told = agents.get(held).clone();
    for number in 0..100 {
        agents.of(Some(&format!("Client/{number}")));
        agents.make_room();
    }
    assert_eq!(*agents.get(held), told);
    let all = agents.held();
    agents.release(held);
    assert_eq!(agents.held(), all - 1);
}
