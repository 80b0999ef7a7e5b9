//! What is done beside the loop: finding a chain, encoding a batch, committing it. So one partition's slow disk or
//! store does not keep the others from gathering.

use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use bus::Source;
use lake::{Batch, Committed, Committer, Lake, LakeError, Series};
use tables::Layout;
use tokio::runtime::Handle;
use tokio::task::spawn_blocking;

use crate::gathering::Gathering;

/// Work for one partition.
pub(crate) enum Job {
    /// Find where the chain stands.
    Open,
    /// Commit what is cut.
    Write(Box<Committer>, Cut),
}

/// A batch that takes no more records.
pub(crate) enum Cut {
    /// Its rows, as they were gathered.
    Gathered(Box<Gathering>),
    /// Its files. An attempt to commit it has failed.
    Encoded(Box<Batch>),
}

/// What came of a job.
pub(crate) enum Outcome {
    /// The chain was found, or not.
    Opened(Result<Box<Committer>, LakeError>),
    /// The batch is committed, or another writer's is.
    Written { committer: Box<Committer>, committed: Committed, batch: Box<Batch>, took: Duration },
    /// The batch is not committed; what is there to try again.
    Failed { committer: Box<Committer>, cut: Cut, error: LakeError },
    /// The batch can never be committed.
    Lost(LakeError),
}

/// An outcome, and whose it is. A partition that was taken away and given back is another one: the number tells.
pub(crate) struct Report {
    pub(crate) source: Source,
    pub(crate) number: u64,
    pub(crate) outcome: Outcome,
}

/// Where jobs run, and where they report to.
pub(crate) struct Jobs {
    pub(crate) runtime: Handle,
    pub(crate) lake: Lake,
    pub(crate) layout: Layout,
    pub(crate) reports: Sender<Report>,
}

impl Jobs {
    /// Starts a job.
    pub(crate) fn start(&self, source: Source, number: u64, series: Series, job: Job) {
        let (lake, layout, reports) = (self.lake.clone(), self.layout, self.reports.clone());
        self.runtime.spawn(async move {
            let outcome = match job {
                Job::Open => Outcome::Opened(Committer::open(&lake, series).await.map(Box::new)),
                Job::Write(committer, cut) => write(committer, series, cut, layout).await,
            };
            // Nobody listens any more when the loop has ended: whoever comes next finds what stands.
            let _ = reports.send(Report { source, number, outcome });
        });
    }
}

async fn write(mut committer: Box<Committer>, series: Series, cut: Cut, layout: Layout) -> Outcome {
    let started = Instant::now();
    let batch = match cut {
        Cut::Encoded(batch) => batch,
        Cut::Gathered(gathering) => {
            let encode = spawn_blocking(move || gathering.finish(&series, layout));
            match encode.await.expect("encoding does not panic, and the runtime outlives the loop") {
                Ok(batch) => Box::new(batch),
                Err(error) => return Outcome::Lost(error),
            }
        }
    };
    match committer.commit(&batch).await {
        Ok(committed) => Outcome::Written { committer, committed, batch, took: started.elapsed() },
        Err(error) if error.may_pass() => Outcome::Failed { committer, cut: Cut::Encoded(batch), error },
        Err(error) => Outcome::Lost(error),
    }
}
