//! Whether any broker answers: a small question every two seconds, so that who has nothing to do hears of an outage, too.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::stop::Stop;
use super::watcher::Watcher;
use crate::{Away, BusError};

/// How often is asked while there are answers.
const EVERY: Duration = Duration::from_secs(2);

/// How often while there are none.
const AGAIN: Duration = Duration::from_millis(200);

/// How long nobody may answer before the brokers count as away: one that is restarted in good order is back by then.
const PATIENCE: Duration = Duration::from_secs(5);

/// Asks, on a thread of its own, until it is dropped.
pub(super) struct Pulse {
    beat: Arc<Mutex<Beat>>,
    is_over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Pulse {
    /// Asks about this topic, which is there.
    pub(super) fn start(watcher: Arc<Watcher>, topic: String, stop: Stop) -> Result<Self, BusError> {
        let beat = Arc::new(Mutex::new(Beat::new(Instant::now())));
        let is_over = Arc::new(AtomicBool::new(false));
        let thread = std::thread::Builder::new().name("kafka pulse".to_owned()).spawn({
            let (beat, is_over) = (beat.clone(), is_over.clone());
            move || {
                while !is_over.load(Ordering::Acquire) {
                    let answer = watcher.answers(&topic);
                    let mut beat = lock(&beat);
                    let wait = beat.heard(answer, Instant::now());
                    stop.note_away(beat.away.is_some());
                    drop(beat);
                    std::thread::park_timeout(wait);
                }
            }
        });
        let thread = thread.map_err(|error| BusError::Unavailable(format!("no thread can be started: {error}")))?;
        Ok(Self { beat, is_over, thread: Some(thread) })
    }

    /// Asks nobody, and knows of no outage: for those who look once and go.
    pub(super) fn none() -> Self {
        let beat = Arc::new(Mutex::new(Beat::new(Instant::now())));
        Self { beat, is_over: Arc::default(), thread: None }
    }

    /// Since when no broker answers; `None` while one does.
    pub(super) fn away(&self) -> Option<Away> {
        lock(&self.beat).away.clone()
    }

    /// For how long the brokers have answered, since they came back.
    pub(super) fn answers_for(&self, now: Instant) -> Duration {
        lock(&self.beat).answers_for(now)
    }
}

fn lock(beat: &Mutex<Beat>) -> MutexGuard<'_, Beat> {
    beat.lock().expect("nobody panics while holding the pulse")
}

impl Drop for Pulse {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            drop(thread.join());
        }
    }
}

/// What was heard so far. Pure.
struct Beat {
    /// The last answer.
    last: Instant,
    /// The first answer after the last question that got none.
    since: Option<Instant>,
    away: Option<Away>,
}

impl Beat {
    /// Of brokers that have answered just now.
    fn new(now: Instant) -> Self {
        Self { last: now, since: Some(now), away: None }
    }

    /// Notes what became of a question; how long to wait for the next one.
    fn heard(&mut self, answer: Result<(), String>, now: Instant) -> Duration {
        match answer {
            Ok(()) => {
                self.last = now;
                self.since.get_or_insert(now);
                self.away = None;
                EVERY
            }
            Err(why) => {
                self.since = None;
                if self.away.is_some() || now.saturating_duration_since(self.last) >= PATIENCE {
                    self.away = Some(Away { since: self.last, why });
                }
                AGAIN
            }
        }
    }

    fn answers_for(&self, now: Instant) -> Duration {
        self.since.map_or(Duration::ZERO, |since| now.saturating_duration_since(since))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn refused() -> Result<(), String> {
        Err("connection refused".to_owned())
    }

    #[test]
    fn brokers_are_away_when_nobody_has_answered_for_five_seconds_and_back_with_the_first_answer() {
        let start = Instant::now();
        let mut beat = Beat::new(start);
        beat.heard(Ok(()), start + SECOND);
        beat.heard(refused(), start + 2 * SECOND);
        beat.heard(refused(), start + 5 * SECOND);
        assert_eq!(beat.away, None, "it may be a restart");
        beat.heard(refused(), start + 6 * SECOND);
        let away = Away { since: start + SECOND, why: "connection refused".to_owned() };
        assert_eq!(beat.away, Some(away));
        beat.heard(Ok(()), start + 60 * SECOND);
        assert_eq!(beat.away, None);
    }

    #[test]
    fn how_long_brokers_answer_counts_from_their_return() {
        let start = Instant::now();
        let mut beat = Beat::new(start);
        assert_eq!(beat.answers_for(start + SECOND), SECOND);
        beat.heard(refused(), start + SECOND);
        assert_eq!(beat.answers_for(start + 9 * SECOND), Duration::ZERO);
        beat.heard(Ok(()), start + 10 * SECOND);
        beat.heard(Ok(()), start + 12 * SECOND);
        assert_eq!(beat.answers_for(start + 13 * SECOND), 3 * SECOND);
    }
}
