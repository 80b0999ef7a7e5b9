//! A request's body and a pixel's query: whatever is in them becomes hits that the sessionizer can read, and rejections.

use std::net::Ipv4Addr;

use bus::Outgoing;
use collector::accept::{Sender, accept};
use collector::body::Batch;
use collector::policy::{Facts, Rules, Salts};
use events::{Hit, Limits, Timestamp, Topic, Uuid, query as parameters};
use hyper::{HeaderMap, Uri};
use serde_json::value::RawValue;
use sites::Sites;

const RECEIVED: Timestamp = Timestamp::from_millis(1_793_577_600_000);

/// Most hits of a request here.
const MOST: usize = 50;

/// A body, as JSON and as lines.
pub(super) fn body(bytes: &[u8]) {
    for batch in [Batch::parse(bytes, MOST, &Limits::default()), Batch::lines(bytes, MOST)] {
        match batch {
            Ok(batch) => taken(&batch),
            Err(invalid) => assert!(!invalid.detail.is_empty()),
        }
    }
}

/// A pixel's query.
pub(super) fn query(bytes: &[u8]) {
    let Ok(query) = std::str::from_utf8(bytes) else { return };
    let _ = parameters::parameter(query, "site");
    for page in [None, Some("https://shop.example/")] {
        if let Ok(hit) = parameters::to_json(query, page) {
            object(&hit);
            taken(&Batch::one(&hit));
        }
    }
}

/// One object, well formed. Half a surrogate pair is that too; whoever reads the text refuses it.
pub(super) fn object(hit: &str) {
    let value: &RawValue = serde_json::from_str(hit).unwrap();
    assert!(value.get().starts_with('{'));
}

/// Every hit of a request becomes one record, and each record can be read.
fn taken(batch: &Batch<'_>) {
    assert!((1..=MOST).contains(&batch.hits.len()));
    let (limits, rules) = (Limits::default(), Rules::new(Sites::any()));
    let (uri, headers) = (Uri::from_static("/collect"), HeaderMap::new());
    let facts = Facts::of(Ipv4Addr::new(192, 0, 2, 7).into(), &uri, &headers);
    let sender = Sender {
        received_at: RECEIVED,
        facts: &facts,
        rules: &rules,
        salts: &Salts::default(),
        visitors: None,
        new_id: &|_| Uuid::nil(),
        limits: &limits,
    };
    let outcome = accept(batch, &sender);
    assert_eq!(outcome.records.len(), batch.hits.len());
    assert_eq!(outcome.accepted + outcome.rejected.len(), batch.hits.len());
    outcome.records.iter().for_each(readable);
}

fn readable(record: &Outgoing) {
    assert!(!record.value.contains(&b'\n'), "a record is one line");
    if record.topic == Topic::Hits {
        let hit = Hit::parse(&record.value).unwrap();
        assert!(hit.event_time <= RECEIVED);
        let mut key = Vec::new();
        hit.write_key(&mut key);
        assert_eq!(record.key.as_deref(), Some(&key[..]));
    } else {
        let _: serde_json::Value = serde_json::from_slice(&record.value).unwrap();
    }
}
