//! The wall clock as services read it: each is handed one, and asks no other. Adapters that know no services read their own: the
//! embedded bus, which stamps append times, and the tokens of Kafka's logins.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use events::Timestamp;

/// Says what time it is. Handed to whatever needs the time, so that tests can say it themselves.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// The machine's clock, in UTC.
pub fn system() -> Clock {
    Arc::new(|| {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_millis(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
    })
}

/// A clock that stands still.
pub fn fixed(now: Timestamp) -> Clock {
    Arc::new(move || now)
}
