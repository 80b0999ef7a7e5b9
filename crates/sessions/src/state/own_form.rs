//! A session's own record, read by hand: a restore reads a million of them, and all but few have one form.
//!
//! What is in another form, or has what few sessions have, goes to serde, which knows what is wrong.

use events::{ClosedBy, Offset, Timestamp};

use super::forms::{DIGITS, fingerprint};
use super::rest::Rest;
use super::{Fingerprints, FirstState, NodeState, OpenState, PageState, Str};

/// The record, where it has the form in which this build writes it.
pub(crate) fn node(value: &[u8]) -> Option<NodeState<'_>> {
    let mut rest = Rest(std::str::from_utf8(value).ok()?);
    rest.skip("{\"start\":")?;
    let start = rest.time()?;
    rest.skip(",\"end\":")?;
    let end = rest.time()?;
    rest.skip(",\"chunks\":")?;
    let chunks = rest.integer()?.try_into().ok()?;
    rest.skip(",\"ids\":")?;
    let ids = rest.text()?.as_bytes().chunks(DIGITS).map(fingerprint).collect::<Option<_>>()?;
    let open = match rest.0 {
        "}" => None,
        _ => Some(open(&mut rest)?),
    };
    (rest.0 == "}").then_some(NodeState { start, end, chunks, id_chunks: 0, ids: Fingerprints(ids), open })
}

fn open<'a>(rest: &mut Rest<'a>) -> Option<OpenState<'a>> {
    rest.skip(",\"open\":{\"floor\":")?;
    let floor = if rest.is("null") { None } else { Some(rest.time()?) };
    let start_offset = Offset(rest.named("start_offset")?);
    let first_offset = Offset(rest.named("first_offset")?);
    let last_offset = Offset(rest.named("last_offset")?);
    let hit_count = rest.named("hit_count")?.try_into().ok()?;
    let pageview_count = rest.named("pageview_count")?.try_into().ok()?;
    let event_count = rest.named("event_count")?.try_into().ok()?;
    let engaged_ms = rest.named("engaged_ms")?.try_into().ok()?;
    rest.skip(",\"is_split\":")?;
    let is_split = rest.flag()?;
    let refused_by = match () {
        () if rest.is(",\"refused_by\":\"max_duration\"") => Some(ClosedBy::MaxDuration),
        () if rest.is(",\"refused_by\":\"max_hits\"") => Some(ClosedBy::MaxHits),
        () => None,
    };
    let page_chunks = rest.named("page_chunks")?.try_into().ok()?;
    let pages = pages(rest)?;
    // What few have (`exit`, `user`, `merged_ids`) may stand here.
    let first = first(rest)?;
    rest.skip("}")?;
    Some(OpenState {
        floor,
        start_offset,
        first_offset,
        last_offset,
        hit_count,
        pageview_count,
        event_count,
        engaged_ms,
        is_split,
        refused_by,
        page_chunks,
        pages,
        exit: None,
        user: None,
        merged_ids: Vec::new(),
        first,
    })
}

fn pages<'a>(rest: &mut Rest<'a>) -> Option<Vec<PageState<'a>>> {
    let mut pages = Vec::new();
    rest.skip(",\"pages\":[")?;
    while !rest.is("]") {
        rest.skip(if pages.is_empty() { "[" } else { ",[" })?;
        let time = Timestamp::from_millis(rest.integer()?);
        rest.skip(",")?;
        let offset = Offset(rest.integer()?);
        rest.skip(",")?;
        let path = rest.text()?.into();
        let title = if rest.is(",") { Some(rest.text()?.into()) } else { None };
        rest.skip("]")?;
        pages.push(PageState { time, offset, path, title });
    }
    Some(pages)
}

fn first<'a>(rest: &mut Rest<'a>) -> Option<FirstState<'a>> {
    rest.skip(",\"first\":{")?;
    let mut is_first = true;
    let mut text = |rest: &mut Rest<'a>, name: &str| -> Option<Option<Str<'a>>> {
        let Some(tail) = rest.0.strip_prefix(if is_first { "\"" } else { ",\"" }) else { return Some(None) };
        let Some(tail) = tail.strip_prefix(name).and_then(|tail| tail.strip_prefix("\":")) else { return Some(None) };
        is_first = false;
        rest.0 = tail;
        Some(Some(rest.text()?.into()))
    };
    let referrer = text(rest, "referrer")?;
    let source = text(rest, "source")?;
    let medium = text(rest, "medium")?;
    let campaign = text(rest, "campaign")?;
    let term = text(rest, "term")?;
    let content = text(rest, "content")?;
    let channel = text(rest, "channel")?;
    let browser = text(rest, "browser")?;
    let os = text(rest, "os")?;
    let device = text(rest, "device")?;
    // A device is always there, so that this is never the first.
    rest.skip(",\"is_bot\":")?;
    let is_bot = rest.flag()?;
    let country = text(rest, "country")?;
    let region = text(rest, "region")?;
    let language = text(rest, "language")?;
    let screen = text(rest, "screen")?;
    rest.skip("}")?;
    Some(FirstState {
        referrer,
        source,
        medium,
        campaign,
        term,
        content,
        channel,
        browser,
        os,
        device,
        is_bot,
        country,
        region,
        language,
        screen,
    })
}

#[cfg(test)]
mod tests {
    use events::Uuid;
    use proptest::prelude::*;

    use super::*;
    use crate::state::UserState;

    prop_compose! {
        fn some_text()(text in prop::option::of("[ -~é\n]{0,9}")) -> Option<&'static str> {
            text.map(|text| &*text.leak())
        }
    }

    fn some_pages() -> impl Strategy<Value = Vec<PageState<'static>>> {
        // What has more than eighteen digits is left to serde.
        let page = (any::<i32>(), 0i64..1_000_000_000_000_000_000, "[ -~é]{0,20}", some_text());
        prop::collection::vec(page, 0..4).prop_map(|pages| {
            let state = |(time, offset, path, title): (i32, i64, String, Option<&'static str>)| PageState {
                time: Timestamp::from_millis(time.into()),
                offset: Offset(offset),
                path: (&*path.leak()).into(),
                title: title.map(Into::into),
            };
            pages.into_iter().map(state).collect()
        })
    }

    proptest! {
        /// What is read by hand is what serde reads; and what nearly all sessions have is read by hand.
        #[test]
        fn a_session_is_read_as_it_was_written(
            ids in prop::collection::vec(any::<u64>(), 0..16),
            numbers in prop::array::uniform8(0u32..),
            floor in prop::option::of(any::<i32>()),
            flags in any::<[bool; 4]>(),
            refused_by in prop::sample::select(vec![None, Some(ClosedBy::MaxHits), Some(ClosedBy::MaxDuration)]),
            pages in some_pages(),
            texts in prop::collection::vec(some_text(), 14),
            device in "[a-z]{1,8}",
            rare in 0u8..12,
        ) {
            let [is_open, is_split, is_bot, is_before] = flags;
            let text = |at: usize| texts[at].map(Str::from);
            let number = |at: usize| i64::from(numbers[at]);
            let time = |at: usize| Timestamp::from_millis(if is_before { -number(at) } else { number(at) });
            let open = OpenState {
                floor: floor.map(|millis| Timestamp::from_millis(millis.into())),
                start_offset: Offset(number(0) << 20), first_offset: Offset(number(1)), last_offset: Offset(number(2)),
                hit_count: numbers[3], pageview_count: numbers[4], event_count: numbers[5],
                engaged_ms: numbers[6].into(), is_split, refused_by, page_chunks: numbers[7] as u8, pages,
                exit: (rare == 1).then(|| PageState { time: time(0), offset: Offset(1), path: "/".into(), title: None }),
                user: (rare == 2).then(|| UserState { time: time(1), offset: Offset(2), user_id: "u".into() }),
                merged_ids: if rare == 3 { vec![Uuid::nil()] } else { Vec::new() },
                first: FirstState {
                    referrer: text(0), source: text(1), medium: text(2), campaign: text(3), term: text(4),
                    content: text(5), channel: text(6), browser: text(7), os: text(8),
                    device: Some((&*device).into()), is_bot, country: text(10), region: text(11), language: text(12), screen: text(13),
                },
            };
            let state = NodeState {
                start: time(2), end: time(3), chunks: numbers[0] as u16, id_chunks: 0, ids: Fingerprints(ids),
                open: is_open.then_some(open),
            };
            let written = serde_json::to_vec(&state).unwrap();
            let is_rare = is_open && (1..=3).contains(&rare);
            match node(&written) {
                Some(read) => prop_assert_eq!(&serde_json::to_vec(&read).unwrap(), &written),
                None => prop_assert!(is_rare || written.contains(&b'\\'), "{}", String::from_utf8_lossy(&written)),
            }
            prop_assert!(!is_rare || node(&written).is_none());
        }

        /// Cut short or with a byte changed, it is not read by hand, or as serde reads it.
        #[test]
        fn what_is_broken_is_left_to_serde(at in 0usize..400, byte in prop::sample::select(b"0a\"}],{:-".to_vec()), is_cut in any::<bool>()) {
            let whole = br#"{"start":"2026-11-02T00:00:01.000Z","end":"2026-11-02T00:00:02.000Z","chunks":1,"ids":"931cb102594c755c","open":{"floor":null,"start_offset":4,"first_offset":4,"last_offset":5,"hit_count":2,"pageview_count":2,"event_count":0,"engaged_ms":0,"is_split":false,"page_chunks":0,"pages":[[1793577601000,4,"/a","T"],[1793577602000,5,"/x"]],"first":{"channel":"direct","device":"desktop","is_bot":false,"screen":"1x1"}}}"#;
            prop_assert!(node(whole).is_some());
            let mut changed = whole.to_vec();
            if is_cut {
                changed.truncate(at.min(whole.len() - 1));
            } else if let Some(place) = changed.get_mut(at) {
                *place = byte;
            }
            if let Some(by_hand) = node(&changed) {
                let by_serde: NodeState<'_> = serde_json::from_slice(&changed).unwrap();
                prop_assert_eq!(serde_json::to_vec(&by_hand).unwrap(), serde_json::to_vec(&by_serde).unwrap());
            }
        }
    }
}
