//! Offsets of a group that expired, or that an operator reset.

use crate::short::Short;
use crate::support::kafka::broker;

fn groups(arguments: &[&str]) {
    broker().tool("org.apache.kafka.tools.consumer.group.ConsumerGroupCommand", arguments, "");
}

#[test]
fn offsets_that_expired_or_were_reset_are_overwritten_by_what_the_state_and_the_lake_know() {
    let mut short = Short::begin(broker(), "offsets");
    let both = [short.pipeline.group("sessionizer"), short.pipeline.group("lake-writer")];
    let everybody = ["--group", &both[0], "--group", &both[1]];
    let reset = ["--reset-offsets", "--all-topics", "--execute"];
    // As a group that was away for longer than the broker keeps its offsets.
    let expire = [&["--delete"], &everybody[..]].concat();
    let back = [&reset[..], &["--to-earliest"], &everybody].concat();
    let ahead = [&reset[..], &["--to-latest"], &everybody].concat();
    let mut sent = 0;
    for change in [None, Some(back), Some(ahead), Some(expire)] {
        if let Some(change) = &change {
            short.stop();
            // Some of it stands in the log when they come back, and is not processed yet.
            short.send(sent..sent + 30);
            sent += 30;
            groups(change);
        }
        short.start();
        short.send(sent..sent + 30);
        sent += 30;
        short.all_are_rows(sent);
        for service in [&short.sessionizer, &short.lake_writer] {
            service.must_have_said("the group's offset is not", change.is_some());
        }
    }
    short.all_is_final(sent);
    short.pipeline.wait_for_the_lake(&short.bus);
    short.stop();
    short.pipeline.must_be_sound();
}
