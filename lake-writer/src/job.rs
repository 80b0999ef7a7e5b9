//! What is done beside the loop: finding a chain, encoding a batch, committing it. So one partition's slow disk or
//! store does not keep the others from gathering.

use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use bus::Source;
use lake::{Batch, Committed, Committer, Lake, LakeError, Series};
use tables::Layout;
use tokio::runtime::Handle;

use crate::encoders::Encoders;
use crate::gathering::Gathering;
use crate::memory::Weight;

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
    runtime: Handle,
    lake: Lake,
    layout: Layout,
    reports: Sender<Report>,
    encoders: Encoders,
}

impl Jobs {
    pub(crate) fn new(runtime: Handle, lake: Lake, layout: Layout, reports: Sender<Report>) -> std::io::Result<Self> {
        Ok(Self { runtime, lake, layout, reports, encoders: Encoders::start()? })
    }

    /// Starts a job. The weight follows what its batch takes.
    pub(crate) fn start(&self, source: Source, number: u64, series: Series, job: Job, weight: Weight) {
        let (lake, layout, reports, encoders) =
            (self.lake.clone(), self.layout, self.reports.clone(), self.encoders.clone());
        self.runtime.spawn(async move {
            let outcome = match job {
                Job::Open => Outcome::Opened(Committer::open(&lake, series).await.map(Box::new)),
                Job::Write(committer, cut) => {
                    let encoded = match cut {
                        Cut::Encoded(batch) => Ok(batch),
                        Cut::Gathered(gathering) => encoders.encode(gathering, series, layout).await,
                    };
                    match encoded {
                        Ok(batch) => {
                            weight.set(batch.bytes());
                            write(committer, batch).await
                        }
                        Err(error) => Outcome::Lost(error),
                    }
                }
            };
            // Nobody listens any more when the loop has ended: whoever comes next finds what stands.
            let _ = reports.send(Report { source, number, outcome });
        });
    }
}

async fn write(mut committer: Box<Committer>, batch: Box<Batch>) -> Outcome {
    let started = Instant::now();
    match committer.commit(&batch).await {
        Ok(committed) => Outcome::Written { committer, committed, batch, took: started.elapsed() },
        Err(error) if error.may_pass() => Outcome::Failed { committer, cut: Cut::Encoded(batch), error },
        Err(error) => Outcome::Lost(error),
    }
}
