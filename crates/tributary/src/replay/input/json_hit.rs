//! A line that is a hit in JSON, as `POST /collect` takes it.

use bytes::Bytes;
use events::{IncomingHit, Invalid, Limits, NewHit, Reason, Uuid};

use super::format::ReadHit;

/// Makes a hit of a line. Its own `event_time` is believed, or its `client_time` where it has none; that is the
/// time it was received at, too. `site` holds where the line names none, `line_id` where it has no `hit_id`.
pub fn read(line: &[u8], line_id: Uuid, site: Option<&str>, limits: &Limits) -> Result<ReadHit, Invalid> {
    let json = std::str::from_utf8(line).map_err(|error| {
        Invalid::new(Reason::InvalidUtf8, "", format!("not UTF-8 from byte {}", error.valid_up_to()))
    })?;
    let mut incoming = IncomingHit::parse(json, limits)?;
    if incoming.site.is_none() {
        incoming.site = site.map(Into::into);
    }
    let time = incoming.event_time.or(incoming.client_time).ok_or_else(|| {
        Invalid::new(Reason::MissingField, "/event_time", "a replayed hit needs an event_time or a client_time")
    })?;
    incoming.complete(time, limits)?;

    let site = incoming.site.as_deref().unwrap_or_default();
    let ip = incoming.ip.map(|ip| ip.to_string());
    let kind = incoming.kind.as_deref().unwrap_or("pageview");
    let mut hit = NewHit::new(incoming.hit_id.unwrap_or(line_id), site, kind, time, time);
    hit.visitor_id = incoming.visitor_id.as_deref();
    hit.user_id = incoming.user_id.as_deref();
    hit.client_time = incoming.client_time;
    hit.sent_at = incoming.sent_at;
    hit.url = incoming.url.as_deref();
    hit.title = incoming.title.as_deref();
    hit.referrer = incoming.referrer.as_deref();
    hit.language = incoming.language.as_deref();
    hit.timezone = incoming.timezone.as_deref();
    hit.screen = incoming.screen.as_deref();
    hit.user_agent = incoming.user_agent.as_deref();
    hit.ip = ip.as_deref();
    hit.props = incoming.props.as_deref();
    Ok(ReadHit { time, key: Bytes::from(hit.key()), value: Bytes::from(hit.to_json()) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_line(line: &str) -> Result<String, Invalid> {
        let id = Uuid::from_u128(7);
        read(line.as_bytes(), id, None, &Limits::default()).map(|hit| String::from_utf8(hit.value.to_vec()).unwrap())
    }

    #[test]
    fn a_hit_as_collect_takes_it() {
        let full = r#"{"hit_id":"0190a3f2-0000-7000-8000-00000000000f","site":"shop.example","visitor_id":"v1","user_id":"u1","type":"add_to_cart","event_time":"2015-05-17T10:05:03.250Z","client_time":"2015-05-17T10:05:00.000Z","sent_at":"2015-05-17T10:05:01.000Z","url":"https://shop.example/","title":"Caf\u00e9","referrer":"https://from.example/","language":"en","timezone":"Europe/Rome","screen":"1x1","user_agent":"x","props":{"a": [1]}}"#;
        insta::assert_snapshot!(read_line(full).unwrap());
    }

    #[test]
    fn what_is_absent_follows_from_the_line() {
        insta::assert_snapshot!(read_line(r#"{"site":"s","client_time":1431857103000}"#).unwrap());
    }

    #[test]
    fn the_site_of_the_command_holds_where_the_line_names_none() {
        let key = |site: &str| {
            let line = format!(r#"{{{site}"visitor_id":"v","event_time":1431857103000}}"#);
            read(line.as_bytes(), Uuid::nil(), Some("mine"), &Limits::default()).unwrap().key
        };
        assert_eq!(key(""), "mine/v");
        assert_eq!(key(r#""site":"own","#), "own/v");
    }

    #[test]
    fn what_breaks_a_rule_is_named() {
        let lines = [
            "",
            "{",
            "[]",
            r#"{"site":"s"}"#,
            r#"{"event_time":"2015-05-17T10:05:03Z"}"#,
            r#"{"site":"a/b","event_time":"2015-05-17T10:05:03Z"}"#,
            r#"{"site":"s","event_time":"yesterday"}"#,
            r#"{"site":"s","event_time":"1970-01-01T00:00:00Z"}"#,
            r#"{"site":"s","visitor_id":"~v","event_time":"2015-05-17T10:05:03Z"}"#,
            r#"{"site":"s","event_time":"2015-05-17T10:05:03Z","session_id":"x"}"#,
            r#"{"site":"s","site":"s","event_time":"2015-05-17T10:05:03Z"}"#,
        ];
        let said: Vec<_> = lines
            .iter()
            .map(|line| {
                let invalid = read_line(line).unwrap_err();
                format!("{line}\n    {} {} {}", invalid.reason, invalid.pointer, invalid.detail)
            })
            .collect();
        insta::assert_snapshot!(said.join("\n"));
        let invalid = read(b"{\"a\":\"\xff\"}", Uuid::nil(), None, &Limits::default()).unwrap_err();
        assert_eq!(invalid.reason, Reason::InvalidUtf8);
    }
}
