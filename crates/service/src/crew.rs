//! Several services in one process: started together, stopped one after the other.

use std::any::Any;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};

use tokio::sync::mpsc;

use crate::shutdown::Shutdown;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Tasks and threads that live and end together.
///
/// They are stopped in the order in which they were added, each only when the one before has ended: sources
/// first, so that whatever comes behind can still finish what it was given. The first that ends by itself,
/// well or not, stops the others.
#[derive(Debug)]
pub struct Crew {
    shutdown: Shutdown,
    members: Vec<Member>,
    ended: mpsc::UnboundedReceiver<Ended>,
    /// One message for each member, so that it holds no more than there are members.
    report: mpsc::UnboundedSender<Ended>,
}

#[derive(Debug)]
struct Member {
    name: String,
    stop: Shutdown,
    has_ended: bool,
}

#[derive(Debug)]
struct Ended {
    member: usize,
    result: Result<(), BoxError>,
}

/// The first failure in a crew.
#[derive(Debug, thiserror::Error)]
#[error("{name}: {error}")]
pub struct CrewError {
    /// Who failed.
    pub name: String,
    /// Why.
    pub error: BoxError,
}

impl Crew {
    /// An empty crew that stops when the token says so; each member has as long for it as the token says.
    pub fn new(shutdown: &Shutdown) -> Self {
        let (report, ended) = mpsc::unbounded_channel();
        Self { shutdown: shutdown.clone(), members: Vec::new(), ended, report }
    }

    /// Starts a task. Call it from within the runtime.
    pub fn task<F, E>(&mut self, name: impl Into<String>, start: impl FnOnce(Shutdown) -> F)
    where
        F: Future<Output = Result<(), E>> + Send + 'static,
        E: Into<BoxError> + Send + 'static,
    {
        let (member, stop) = self.add(name.into());
        let report = self.report.clone();
        let task = tokio::spawn(start(stop));
        tokio::spawn(async move {
            let result = match task.await {
                Ok(result) => result.map_err(Into::into),
                Err(error) => Err(error.try_into_panic().map_or_else(BoxError::from, |panic| panic_message(&*panic))),
            };
            // Nobody listens any more when the crew was dropped; then nobody wants to know.
            let _ = report.send(Ended { member, result });
        });
    }

    /// Starts a thread of its own, for work that blocks. It asks its token between two steps.
    pub fn thread<E>(&mut self, name: impl Into<String>, work: impl FnOnce(Shutdown) -> Result<(), E> + Send + 'static)
    where
        E: Into<BoxError>,
    {
        let name = name.into();
        let (member, stop) = self.add(name.clone());
        let report = self.report.clone();
        let started = std::thread::Builder::new().name(name).spawn({
            let report = report.clone();
            move || {
                let result = catch_unwind(AssertUnwindSafe(|| work(stop)));
                let result =
                    result.map_or_else(|panic| Err(panic_message(&*panic)), |result| result.map_err(Into::into));
                let _ = report.send(Ended { member, result });
            }
        });
        if let Err(error) = started {
            let _ = report.send(Ended { member, result: Err(error.into()) });
        }
    }

    /// Waits for the token, or for the first member that ends; then stops all of them in order and returns the
    /// first failure.
    pub async fn run(mut self) -> Result<(), CrewError> {
        let mut first_failure = None;
        tokio::select! {
            () = self.shutdown.cancelled() => {}
            Some(ended) = self.ended.recv() => self.note(ended, &mut first_failure),
        }
        for member in 0..self.members.len() {
            self.members[member].stop.cancel();
            while !self.members[member].has_ended {
                let ended = self.ended.recv().await.expect("the crew holds a sender itself");
                self.note(ended, &mut first_failure);
            }
        }
        first_failure.map_or(Ok(()), Err)
    }

    fn add(&mut self, name: String) -> (usize, Shutdown) {
        let stop = Shutdown::with_drain(self.shutdown.drain());
        self.members.push(Member { name, stop: stop.clone(), has_ended: false });
        (self.members.len() - 1, stop)
    }

    fn note(&mut self, ended: Ended, first_failure: &mut Option<CrewError>) {
        let member = &mut self.members[ended.member];
        member.has_ended = true;
        match ended.result {
            Ok(()) => tracing::debug!(service = member.name, "ended"),
            Err(error) => {
                tracing::error!(service = member.name, %error, "failed");
                first_failure.get_or_insert_with(|| CrewError { name: member.name.clone(), error });
            }
        }
    }
}

fn panic_message(panic: &(dyn Any + Send)) -> BoxError {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("panicked: {}", text.unwrap_or("without a message")).into()
}

#[cfg(test)]
mod tests {
    use std::io::Error;
    use std::sync::{Arc, Mutex};
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn members_are_stopped_in_order_each_after_the_one_before_has_ended() {
        let shutdown = Shutdown::new();
        let log = Arc::new(Mutex::new(Vec::new()));
        let mut crew = Crew::new(&shutdown);
        crew.task("collector", |stop| {
            let log = log.clone();
            async move {
                stop.cancelled().await;
                tokio::task::yield_now().await;
                log.lock().unwrap().push("collector");
                Ok::<_, Error>(())
            }
        });
        crew.thread("sessionizer", {
            let log = log.clone();
            move |stop| {
                while !stop.is_cancelled() {
                    std::thread::yield_now();
                }
                log.lock().unwrap().push("sessionizer");
                Ok::<_, Error>(())
            }
        });
        shutdown.cancel();
        crew.run().await.unwrap();
        assert_eq!(*log.lock().unwrap(), ["collector", "sessionizer"]);
    }

    #[tokio::test]
    async fn each_member_has_as_long_for_its_end_as_the_crew() {
        let shutdown = Shutdown::with_drain(Duration::from_secs(77));
        let mut crew = Crew::new(&shutdown);
        let (sender, heard) = std::sync::mpsc::channel();
        let of_the_thread = sender.clone();
        crew.thread("sessionizer", move |stop| of_the_thread.send(stop.drain()));
        crew.task("collector", |stop| async move { sender.send(stop.drain()) });
        crew.run().await.unwrap();
        assert_eq!(heard.iter().collect::<Vec<_>>(), [Duration::from_secs(77); 2]);
    }

    #[tokio::test]
    async fn the_first_failure_stops_the_others_and_is_returned() {
        let mut crew = Crew::new(&Shutdown::new());
        crew.task("collector", |stop| async move {
            stop.cancelled().await;
            Err::<(), _>(Error::other("a consequence"))
        });
        crew.thread("lake-writer", |_| Err::<(), _>(Error::other("no lake")));
        assert_eq!(crew.run().await.unwrap_err().to_string(), "lake-writer: no lake");
    }

    #[tokio::test]
    async fn a_panic_is_a_failure_with_its_message() {
        let mut crew = Crew::new(&Shutdown::new());
        crew.thread("sessionizer", |_| -> Result<(), Error> { panic!("out of {}", "luck") });
        assert_eq!(crew.run().await.unwrap_err().to_string(), "sessionizer: panicked: out of luck");
    }
}
