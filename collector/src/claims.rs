//! What the collector finds out by itself, and whose word is taken for it instead: a hit's address, user agent and time.
//!
//! A browser's is not: anybody could be anybody, at any time. A backend that has the site's secret key is believed.

use events::incoming::IncomingHit;
use events::{Invalid, Reason, Span};

use crate::accept::Sender;
use crate::policy::Ruling;

/// How far a backend's clock may be ahead of ours.
const AHEAD: Span = Span::from_secs(60);

/// Refuses a hit that claims what its sender may not say. A key that is not the site's is a mistake that nobody would
/// find otherwise, and refused also where nothing is claimed.
pub(crate) fn check(hit: &IncomingHit<'_>, ruling: &Ruling<'_>, sender: &Sender<'_>) -> Result<(), Invalid> {
    match sender.facts.secret_key {
        Some(key) if !ruling.is_opened_by(key) => {
            let detail = "the secret key of the request is not the site's";
            return Err(Invalid::new(Reason::WrongKey, "", detail));
        }
        Some(_) => {}
        None => {
            if let Some(name) = claimed(hit) {
                let detail =
                    format!("only who has the site's secret key may set {name}; others send client_time and sent_at");
                return Err(Invalid::new(Reason::NeedsKey, format!("/{name}"), detail));
            }
        }
    }
    match hit.event_time {
        Some(time) if time > sender.received_at + AHEAD => {
            let detail = format!("event_time {time} is more than {AHEAD} in the future");
            Err(Invalid::new(Reason::TimeOutOfRange, "/event_time", detail))
        }
        _ => Ok(()),
    }
}

/// The first field that is only believed with a key.
fn claimed(hit: &IncomingHit<'_>) -> Option<&'static str> {
    let claims =
        [("event_time", hit.event_time.is_some()), ("ip", hit.ip.is_some()), ("user_agent", hit.user_agent.is_some())];
    claims.into_iter().find(|(_, is_set)| *is_set).map(|(name, _)| name)
}

#[cfg(test)]
mod tests {
    use events::{Limits, Timestamp, Uuid};
    use hyper::{HeaderMap, Uri, header};
    use sites::Sites;

    use super::*;
    use crate::policy::{Facts, Rules, Salts};

    const RECEIVED: Timestamp = Timestamp::from_millis(1_793_577_600_000);
    const KEY: &str = "open-sesame-please";

    /// The site `a` has a secret key, `b` has none.
    fn verdict(json: &str, key: Option<&str>) -> Result<(), (Reason, String)> {
        let limits = Limits::default();
        let rules = Rules::new(Sites::parse(&format!("[sites.a]\nsecret_key = \"{KEY}\"\n[sites.b]")).unwrap());
        let (uri, mut headers) = (Uri::from_static("/collect"), HeaderMap::new());
        if let Some(key) = key {
            headers.insert(header::AUTHORIZATION, format!("Bearer {key}").parse().unwrap());
        }
        let facts = Facts::of("192.0.2.1".parse().unwrap(), &uri, &headers);
        let sender = Sender {
            received_at: RECEIVED,
            facts: &facts,
            rules: &rules,
            salts: &Salts::default(),
            visitors: None,
            new_id: &|_| Uuid::nil(),
            limits: &limits,
        };
        let hit = IncomingHit::parse(json, &limits).unwrap();
        let ruling = rules.ruling(hit.site.as_deref().unwrap(), &facts);
        check(&hit, &ruling, &sender).map_err(|invalid| (invalid.reason, invalid.pointer))
    }

    #[test]
    fn without_a_key_nobody_is_believed_and_with_the_sites_own_everything_is() {
        for (name, value) in [("ip", "192.0.2.7"), ("user_agent", "Own/1"), ("event_time", "2026-11-01T00:00:00Z")] {
            let json = format!(r#"{{"site":"a","{name}":"{value}"}}"#);
            assert_eq!(verdict(&json, None), Err((Reason::NeedsKey, format!("/{name}"))));
            assert_eq!(verdict(&json, Some(KEY)), Ok(()));
            assert_eq!(verdict(&json, Some("open")), Err((Reason::WrongKey, String::new())));
            let other = json.replace("\"a\"", "\"b\"");
            assert_eq!(verdict(&other, Some(KEY)), Err((Reason::WrongKey, String::new())));
        }
        assert_eq!(verdict(r#"{"site":"a"}"#, None), Ok(()));
        assert_eq!(verdict(r#"{"site":"a"}"#, Some("open")), Err((Reason::WrongKey, String::new())));
    }

    #[test]
    fn a_backend_lives_in_the_present_or_in_the_past() {
        let at = |seconds| format!(r#"{{"site":"a","event_time":"{}"}}"#, RECEIVED + Span::from_secs(seconds));
        assert_eq!(verdict(&at(60), Some(KEY)), Ok(()));
        assert_eq!(verdict(&at(61), Some(KEY)), Err((Reason::TimeOutOfRange, "/event_time".to_owned())));
        assert_eq!(verdict(&at(-100_000), Some(KEY)), Ok(()));
    }
}
