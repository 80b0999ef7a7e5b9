//! Somebody else's transaction, open for long.

use std::time::Duration;

use bus::Source;
use events::Topic;
use rdkafka::producer::{BaseRecord, Producer};

use crate::short::{Short, raw_producer};
use crate::support::kafka::{broker, count, wait_until};
use crate::support::reference;

#[test]
fn who_takes_over_waits_for_what_is_committed_above_an_open_transaction() {
    let mut short = Short::begin(broker(), "above");
    short.sessionizer.start_and_wait();
    short.lake_writer.start();
    let bus = short.bus.clone();
    short.send(0..50);
    wait_until("50 enriched hits", || count(&bus, Topic::HitsEnriched) == 50);

    // Somebody's transaction is open, in the state and in an output: until it times out, nobody reads what is committed
    // behind it, and nobody ever reads what it wrote: rows that are there already, and positions of the past.
    let newest = |topic, partition| reference::records(&bus, topic, partition).pop().unwrap();
    let copies = [Topic::SessionsOpen, Topic::HitsEnriched].map(|topic| (0..4).map(move |n| (topic, n)));
    let copies: Vec<_> = copies.into_iter().flatten().map(|(topic, n)| (topic, n, newest(topic, n))).collect();
    let name = format!("{}somebody", short.pipeline.topic_prefix());
    let somebody = raw_producer(broker(), &[("transactional.id", &name), ("transaction.timeout.ms", "15000")]);
    somebody.init_transactions(Duration::from_secs(30)).unwrap();
    somebody.begin_transaction().unwrap();
    let write_copies = || {
        for (topic, partition, record) in &copies {
            let (topic, key, value) = (short.pipeline.topic(*topic), record.key.as_deref(), record.value.as_deref());
            let mut copy: BaseRecord<'_, [u8], [u8]> = BaseRecord::to(&topic).partition(*partition as i32);
            (copy.key, copy.payload) = (key, value);
            somebody.send(copy).unwrap();
        }
        somebody.flush(Duration::from_secs(30)).unwrap();
    };
    write_copies();
    let position = || -> i64 {
        (0..4).map(|n| bus.bounds(Source { topic: Topic::HitsEnriched, partition: n }).unwrap().end.0).sum()
    };
    let before = position();
    short.send(50..100);
    wait_until("50 more enriched hits, which nobody can read yet", || position() >= before + 50);
    // Their commit follows; the state's record of it is what must not be missed.
    std::thread::sleep(Duration::from_secs(1));
    short.sessionizer.kill();
    write_copies();

    short.sessionizer = short.pipeline.sessionizer("second");
    short.sessionizer.start();
    short.send(100..110);
    short.all_is_final(110);
    short.all_are_rows(110);
    short.stop();
    short.pipeline.must_be_sound();
    drop(somebody);
}
