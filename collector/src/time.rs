//! When a hit happened: the client's clock, corrected by what the request says about that clock.

use events::{Span, Timestamp};

/// A difference under this much counts as transit, and the client's clock as right.
pub const TRANSIT: Span = Span::from_secs(5);

/// How far the client's clock lies behind the collector's: added to a client time, it gives ours. Zero where the
/// request does not say when it was sent, and where the difference may be transit.
pub fn skew(received_at: Timestamp, sent_at: Option<Timestamp>) -> Span {
    let difference = sent_at.map_or(Span::ZERO, |sent_at| received_at - sent_at);
    if difference.as_millis().unsigned_abs() < TRANSIT.as_millis().unsigned_abs() { Span::ZERO } else { difference }
}

/// The event time: the client time shifted by the request's skew, never later than received; the received time
/// where the hit has no client time.
pub fn event_time(client_time: Option<Timestamp>, skew: Span, received_at: Timestamp) -> Timestamp {
    client_time.map_or(received_at, |client_time| (client_time + skew).min(received_at))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const RECEIVED: Timestamp = Timestamp::from_millis(1_793_577_600_000);

    fn after(millis: i64) -> Timestamp {
        RECEIVED + Span::from_millis(millis)
    }

    #[test]
    fn transit_is_no_skew() {
        for difference in [0, 1, -1, 4_999, -4_999] {
            assert_eq!(skew(RECEIVED, Some(after(difference))), Span::ZERO, "{difference} ms");
        }
        assert_eq!(skew(RECEIVED, Some(after(-5_000))), Span::from_secs(5));
        assert_eq!(skew(RECEIVED, Some(after(5_000))), Span::from_secs(-5));
        assert_eq!(skew(RECEIVED, None), Span::ZERO);
    }

    #[test]
    fn a_clock_that_is_an_hour_slow_or_fast_is_put_right() {
        for hour in [-3_600_000, 3_600_000] {
            let skew = skew(RECEIVED, Some(after(hour)));
            assert_eq!(event_time(Some(after(hour - 700)), skew, RECEIVED), after(-700));
        }
    }

    #[test]
    fn without_a_client_time_it_happened_when_it_was_received() {
        assert_eq!(event_time(None, Span::from_hours(1), RECEIVED), RECEIVED);
    }

    #[test]
    fn a_request_that_does_not_say_when_it_was_sent_is_believed_up_to_now() {
        assert_eq!(event_time(Some(after(-86_400_000)), Span::ZERO, RECEIVED), after(-86_400_000));
        assert_eq!(event_time(Some(after(60_000)), Span::ZERO, RECEIVED), RECEIVED);
    }

    fn moment() -> impl Strategy<Value = Timestamp> {
        prop_oneof![any::<i64>(), -10_000_000_000_000i64..10_000_000_000_000].prop_map(Timestamp::from_millis)
    }

    proptest! {
        #[test]
        fn the_order_within_a_request_is_kept_and_no_hit_is_later_than_received(
            received in moment(),
            sent in proptest::option::of(moment()),
            mut client_times in proptest::collection::vec(moment(), 1..20),
        ) {
            client_times.sort();
            let skew = skew(received, sent);
            let times: Vec<_> = client_times.iter().map(|&time| event_time(Some(time), skew, received)).collect();
            prop_assert!(times.is_sorted());
            prop_assert!(times.iter().all(|&time| time <= received));
        }

        #[test]
        fn pauses_between_hits_that_were_sent_after_they_happened_are_kept(
            sent in -10_000_000_000_000i64..10_000_000_000_000,
            transit in 0i64..5_000,
            clock_error in -10_000_000_000i64..10_000_000_000,
            ages in proptest::collection::vec(5_000i64..10_000_000, 2..10),
        ) {
            // The true times; the client's clock shows each of them `clock_error` later.
            let received = Timestamp::from_millis(sent + transit);
            let skew = skew(received, Some(Timestamp::from_millis(sent + clock_error)));
            let times: Vec<_> = ages.iter().map(|age| {
                event_time(Some(Timestamp::from_millis(sent - age + clock_error)), skew, received)
            }).collect();
            for (pair, ages) in times.windows(2).zip(ages.windows(2)) {
                prop_assert_eq!(pair[1] - pair[0], Span::from_millis(ages[0] - ages[1]));
            }
            // What remains is at most what counts as transit.
            for (time, age) in times.iter().zip(&ages) {
                prop_assert!((time.as_millis() - (sent - age)).abs() < 2 * TRANSIT.as_millis());
            }
        }
    }
}
