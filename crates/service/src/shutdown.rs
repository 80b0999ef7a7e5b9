//! When to stop: one token that tasks await and threads ask.

use std::sync::LazyLock;
use std::time::Duration;

use bus::kafka::Stop;
use events::Span;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// What those hear who wait for a broker. Signals are the process's, so there is one.
static STOP: LazyLock<Stop> = LazyLock::new(Stop::default);

/// Set by the first signal that [`Shutdown::cancel_on_signals`] hears.
pub(crate) fn stop() -> Stop {
    STOP.clone()
}

/// Says when to stop, and how long what is at hand may take then. Cheap to clone; all clones are one. Once cancelled it
/// stays so.
#[derive(Clone, Debug)]
pub struct Shutdown {
    token: CancellationToken,
    drain: Duration,
}

impl Shutdown {
    /// How long what is at hand may take, where nobody says otherwise.
    pub const DRAIN: Span = Span::from_secs(10);

    /// A token that nobody has cancelled.
    pub fn new() -> Self {
        Self::with_drain(Self::DRAIN.to_std())
    }

    /// A token that nobody has cancelled, for services that may go on for so long once somebody has.
    pub fn with_drain(drain: Duration) -> Self {
        Self { token: CancellationToken::new(), drain }
    }

    /// How long a service may go on with what is at hand once it is told to stop.
    pub fn drain(&self) -> Duration {
        self.drain
    }

    /// Asks everybody who holds a clone to stop.
    pub fn cancel(&self) {
        self.token.cancel();
    }

    /// Whether it is time to stop. For threads between two steps of work.
    pub fn is_cancelled(&self) -> bool {
        self.token.is_cancelled()
    }

    /// Sleeps, in slices, so that a stop is heard within one. For threads that wait before they try again.
    pub fn sleep(&self, wait: Duration) {
        let slice = Duration::from_millis(50);
        let mut left = wait;
        while !left.is_zero() && !self.is_cancelled() {
            std::thread::sleep(left.min(slice));
            left = left.saturating_sub(slice);
        }
    }

    /// Resolves when it is time to stop. For tasks.
    pub async fn cancelled(&self) {
        self.token.cancelled().await;
    }

    /// Cancels on the first SIGINT or SIGTERM; on the second the process ends at once with code 130, whatever
    /// is still going on. Call it from within the runtime, early: until then a signal kills.
    pub fn cancel_on_signals(&self) -> std::io::Result<()> {
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let shutdown = self.clone();
        tokio::spawn(async move {
            let name = next_signal(&mut interrupt, &mut terminate).await;
            tracing::info!(signal = name, "stopping: no more input, finishing what is at hand (again to stop at once)");
            shutdown.cancel();
            STOP.set();
            let name = next_signal(&mut interrupt, &mut terminate).await;
            tracing::warn!(signal = name, "stopping at once");
            std::process::exit(130);
        });
        Ok(())
    }
}

impl Default for Shutdown {
    fn default() -> Self {
        Self::new()
    }
}

async fn next_signal(interrupt: &mut Signal, terminate: &mut Signal) -> &'static str {
    tokio::select! {
        _ = interrupt.recv() => "SIGINT",
        _ = terminate.recv() => "SIGTERM",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Were the stop not heard, this would take a day.
    #[test]
    fn a_stop_ends_a_sleep() {
        let shutdown = Shutdown::new();
        let sleeper = shutdown.clone();
        let thread = std::thread::spawn(move || sleeper.sleep(Duration::from_secs(86_400)));
        shutdown.cancel();
        thread.join().unwrap();
    }

    #[tokio::test]
    async fn a_thread_asks_and_a_task_awaits() {
        let shutdown = Shutdown::new();
        let asked = shutdown.clone();
        let thread = std::thread::spawn(move || {
            while !asked.is_cancelled() {
                std::thread::yield_now();
            }
        });
        assert!(!shutdown.is_cancelled());
        shutdown.clone().cancel();
        shutdown.cancelled().await;
        thread.join().unwrap();
    }
}
