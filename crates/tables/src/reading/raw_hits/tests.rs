use events::{Hit, LogId, NewHit, NextOffset, Uuid};

use super::*;
use crate::{Layout, TableBatch};

const NOON: Timestamp = Timestamp::from_millis(1_431_864_000_000);

/// Makes a file of records, and reads the hits back.
fn back(table: Table, records: &[Vec<u8>]) -> Vec<RawHit> {
    let mut rows = TableBatch::new(table);
    for (offset, record) in (40..).zip(records) {
        rows.push(Offset(offset), record).unwrap();
    }
    let log_id = LogId::try_from("log1".to_owned()).unwrap();
    let lineage = Lineage { table, log_id, partition: 3, start: NextOffset(40), end: NextOffset(99) };
    let [file] = &rows.finish(&lineage, &Layout::default()).unwrap()[..] else { panic!("one day") };
    let (file, mut hits) = (file.bytes.clone(), Vec::new());
    let mut reading = HitReading::begin(file.len() as u64).unwrap();
    loop {
        match reading.advance().unwrap() {
            Next::Needs(ranges) => {
                let piece = |range: &Range<u64>| file.slice(range.start as usize..range.end as usize);
                let bytes = ranges.iter().map(piece).collect();
                reading.bring(ranges, bytes).unwrap();
            }
            Next::Rows(some) => hits.extend(some),
            Next::End => {
                assert_eq!(reading.facts(), Some(&(lineage, hits.len() as u64)));
                return hits;
            }
        }
    }
}

/// A record with what the sessionizer appends to each.
fn with_derived(hit: &[u8], time: Timestamp, raw_offset: i64, more: &str) -> Vec<u8> {
    let hit = hit.strip_suffix(b"}").unwrap();
    [hit, format!(r#","time":"{time}","raw_offset":{raw_offset}{more}}}"#).as_bytes()].concat()
}

fn raw(text: &str) -> &serde_json::value::RawValue {
    serde_json::from_str(text).unwrap()
}

#[test]
fn a_hit_comes_back_to_the_byte() {
    let full = NewHit {
        visitor_id: Some("v"),
        user_id: Some("u"),
        client_time: Some(NOON),
        sent_at: Some(NOON),
        url: Some("https://shop.example/?q=\"a\\b\"\u{1}"),
        title: Some("Caf\u{e9}"),
        referrer: Some("https://from.example/"),
        language: Some("en"),
        timezone: Some("Europe/Rome"),
        screen: Some("1x1"),
        user_agent: Some("x"),
        ip: Some("10.0.0.0"),
        country: Some("IT"),
        region: Some("IT-62"),
        privacy: Some(raw(r#"{"dnt": true}"#)),
        props: Some(raw(r#"{"a":[1, "é"]}"#)),
        ..NewHit::new(Uuid::from_u128(1), "shop.example", "add_to_cart", NOON, NOON)
    };
    let bare = NewHit::new(Uuid::from_u128(2), "shop.example", "pageview", NOON, NOON);
    for (table, more) in [
        (Table::Hits, r#","session_id":"s","path":"/","channel":"direct","is_bot":false"#),
        (Table::Late, r#","late_reason":"session_closed","missed_session_id":"m""#),
    ] {
        let records = [with_derived(&full.to_json(), NOON, 7, more), with_derived(&bare.to_json(), NOON, 9, more)];
        let hit = |hit: &NewHit<'_>, raw_offset| RawHit {
            time: NOON,
            partition: 3,
            raw_offset: Offset(raw_offset),
            key: hit.key(),
            value: hit.to_json(),
        };
        let hits = back(table, &records);
        assert_eq!(hits, [hit(&full, 7), hit(&bare, 9)], "{table}");
        assert!(hits.iter().all(|hit| Hit::parse(&hit.value).is_ok()));
    }
}

#[test]
fn a_hit_from_the_future_keeps_its_own_time_beside_the_logs() {
    let later = Timestamp::from_millis(NOON.as_millis() + 3_600_000);
    let hit = NewHit::new(Uuid::from_u128(1), "shop.example", "pageview", later, NOON);
    let hits = back(Table::Hits, &[with_derived(&hit.to_json(), NOON, 7, r#","clamped":true"#)]);
    assert_eq!((hits[0].time, &hits[0].value), (NOON, &hit.to_json()));
}

#[test]
fn what_another_producer_left_out_stays_out() {
    let hit = br#"{"hit_id":"00000000-0000-0000-0000-000000000001","schema":"hit/1","site":"s","type":"pageview","event_time":"2015-05-17T12:00:00.000Z"}"#;
    assert_eq!(back(Table::Hits, &[with_derived(hit, NOON, 7, "")])[0].value, hit);
}
