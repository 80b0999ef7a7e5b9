//! Calls of librdkafka's that may hang, whatever time they were given.

use std::io;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use super::stop::Patience;

/// How often who waits looks whether it may still wait.
const LOOK: Duration = Duration::from_millis(100);

/// Makes a call on a thread of its own, and waits for its answer for as long as patience lasts: then the thread is left behind,
/// with everything that the call holds, and there is no answer. `meanwhile` is done now and then until there is one.
pub(super) fn call<T: Send + 'static>(
    thread: &str,
    patience: &Patience<'_>,
    mut meanwhile: impl FnMut(),
    call: impl FnOnce() -> T + Send + 'static,
) -> io::Result<Option<T>> {
    let (sender, receiver) = mpsc::sync_channel(1);
    std::thread::Builder::new().name(thread.to_owned()).spawn(move || drop(sender.send(call())))?;
    loop {
        match receiver.recv_timeout(LOOK) {
            Ok(answer) => return Ok(Some(answer)),
            Err(RecvTimeoutError::Timeout) if !patience.is_over() => meanwhile(),
            Err(_) => return Ok(None),
        }
    }
}
