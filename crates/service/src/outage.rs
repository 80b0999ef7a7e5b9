//! A bus that is away, as its operator sees it: a line in the log, `/ready`, a metric. Whoever works hears of it by the calls
//! that fail; who has nothing to do would go on looking well.

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use bus::{Away, Bus, SharedBus};

use crate::health::{Health, Readiness};
use crate::metrics::{BUS_EXPIRED_UNCOMMITTED, BUS_PRODUCERS_REPLACED, BUS_QUEUED_BYTES, BUS_UP};

/// How often the bus is looked at. It asks nobody anything: the bus knows.
const LOOK: Duration = Duration::from_millis(500);

/// How often it is said that an outage goes on.
const AGAIN: Duration = Duration::from_secs(30);

/// Watches the bus until nobody holds it any more, and has a say in the health that is given. Call it from within the runtime.
pub(crate) fn watch(bus: &SharedBus, health: Option<&Health>) {
    tokio::spawn(look_on(Arc::downgrade(bus), health.map(|health| health.register("bus"))));
}

async fn look_on(bus: Weak<dyn Bus>, readiness: Option<Readiness>) {
    let mut outage = Outage::default();
    while let Some((condition, queued)) = bus.upgrade().map(|bus| (bus.condition(), bus.queued_bytes())) {
        metrics::gauge!(BUS_QUEUED_BYTES).set(queued as f64);
        metrics::counter!(BUS_PRODUCERS_REPLACED).absolute(condition.producers_replaced);
        metrics::counter!(BUS_EXPIRED_UNCOMMITTED).absolute(condition.expired_uncommitted);
        metrics::gauge!(BUS_UP).set(if condition.away.is_some() { 0.0 } else { 1.0 });
        match (&readiness, &condition.away) {
            (Some(readiness), Some(away)) => readiness.not_ready(format!("the bus is away: {}", away.why)),
            (Some(readiness), None) => readiness.ready(),
            (None, _) => {}
        }
        let why = condition.away.as_ref().map_or("", |away| &away.why);
        match outage.look(condition.away.as_ref(), Instant::now()) {
            Some(News::Away) => tracing::warn!("the bus is away: {why}"),
            Some(News::StillAway(passed)) => tracing::warn!("the bus is away for {} s now: {why}", passed.as_secs()),
            Some(News::Back(passed)) => tracing::info!("the bus is back; it was away for {} s", passed.as_secs()),
            None => {}
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// What was said of an outage so far. Pure.
#[derive(Clone, Copy, Debug, Default)]
struct Outage(Option<Said>);

#[derive(Clone, Copy, Debug)]
struct Said {
    /// When the bus answered last.
    since: Instant,
    /// When somebody was told last.
    at: Instant,
}

/// A line that is worth writing; how long the bus has been away.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum News {
    Away,
    StillAway(Duration),
    Back(Duration),
}

impl Outage {
    fn look(&mut self, away: Option<&Away>, now: Instant) -> Option<News> {
        let passed = |since| now.saturating_duration_since(since);
        match (away, self.0) {
            (None, None) => None,
            (None, Some(Said { since, .. })) => {
                self.0 = None;
                Some(News::Back(passed(since)))
            }
            (Some(away), None) => {
                self.0 = Some(Said { since: away.since, at: now });
                Some(News::Away)
            }
            (Some(_), Some(Said { at, .. })) if passed(at) < AGAIN => None,
            (Some(_), Some(Said { since, .. })) => {
                self.0 = Some(Said { since, at: now });
                Some(News::StillAway(passed(since)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn an_outage_is_said_once_then_each_half_minute_and_so_is_its_end() {
        let start = Instant::now();
        let mut outage = Outage::default();
        assert_eq!(outage.look(None, start), None);
        let away = Away { since: start, why: "connection refused".to_owned() };
        let seen = (5..=70).filter_map(|n| Some((n, outage.look(Some(&away), start + SECOND * n)?)));
        let still = |seconds| News::StillAway(SECOND * seconds);
        assert_eq!(seen.collect::<Vec<_>>(), [(5, News::Away), (35, still(35)), (65, still(65))]);
        assert_eq!(outage.look(None, start + SECOND * 80), Some(News::Back(SECOND * 80)));
        assert_eq!(outage.look(None, start + SECOND * 81), None);
        assert_eq!(outage.look(Some(&away), start + SECOND * 90), Some(News::Away), "the next one is another");
    }
}
