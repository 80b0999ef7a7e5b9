//! What goes wrong in the life of a lake-writer, and at which step of its protocol.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use object_servers::{Asked, Fault, Plan};

use crate::support::Random;

/// A step of the protocol, as the store sees it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Step {
    /// The probe, and the DDL for readers.
    Start,
    /// Where a chain ends: lists, records that are read, files that are looked for.
    FindChain,
    BatchRecord,
    DataFile,
    Complete,
    /// The folded record is put.
    Fold,
    /// What it speaks for is removed.
    Remove,
}

/// What happens.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Kind {
    /// SIGKILL before the store hears of the request.
    KillBefore,
    /// SIGKILL when the store has done it, before its answer.
    KillAfter,
    /// SIGKILL when half of the request has left.
    KillAmid,
    /// No answer comes for a while, then SIGKILL; the store has done it or not.
    HangAndKill,
    /// The request is on its way while the process is killed, and arrives when the next one has gone on.
    Ghost,
    /// SIGSTOP, another lake-writer goes on, SIGCONT: a zombie whose request arrives late, or was done long ago.
    Zombie,
    /// One answer is lost after the store has done it.
    DropAnswer,
    /// One answer is a 500, 503 or 409; the store has done it or not.
    Refusal,
    /// A body is cut in the middle, on its way there or back.
    Cut,
    /// One request of six goes wrong in any way.
    BadLine,
    /// Two lake-writers at once that cut their batches differently, each over such a line.
    TwoAtOnce,
}

pub(crate) const KINDS: [Kind; 11] = [
    Kind::KillBefore,
    Kind::KillAfter,
    Kind::KillAmid,
    Kind::HangAndKill,
    Kind::Ghost,
    Kind::Zombie,
    Kind::DropAnswer,
    Kind::Refusal,
    Kind::Cut,
    Kind::BadLine,
    Kind::TwoAtOnce,
];

pub(crate) const STEPS: [Step; 7] =
    [Step::Start, Step::FindChain, Step::BatchRecord, Step::DataFile, Step::Complete, Step::Fold, Step::Remove];

impl Kind {
    /// Whether the process is killed or frozen when the blow falls.
    pub(crate) fn takes_the_process(self) -> bool {
        use Kind::{Ghost, HangAndKill, KillAfter, KillAmid, KillBefore, Zombie};
        matches!(self, KillBefore | KillAfter | KillAmid | HangAndKill | Ghost | Zombie)
    }
}

/// One draw. All that happens follows from it, as far as processes and connections allow.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Blow {
    pub(crate) kind: Kind,
    /// Where it happens; of no matter where every request may go wrong.
    pub(crate) step: Step,
    /// At which request of that step, from 0.
    pub(crate) nth: usize,
    pub(crate) fault: Fault,
    pub(crate) seed: u64,
    /// The target sizes by which the lake-writer and a second one cut, in bytes.
    pub(crate) sizes: [u64; 2],
    /// Whether a life that nothing ended is ended by SIGKILL.
    pub(crate) ends_by_kill: bool,
}

/// One row a batch, a few, and all that is there.
const SIZES: [u64; 3] = [1, 256, 65_536];

impl Blow {
    /// `may_fold`: whether old records are likely to be there that are to be folded.
    pub(crate) fn draw(random: &mut Random, may_fold: bool) -> Self {
        let mut one_of = |count: usize| random.between(0, count as u64 - 1) as usize;
        let kind = KINDS[one_of(KINDS.len())];
        let takes_effect = one_of(2) == 0;
        let step = match may_fold && one_of(3) > 0 {
            true => [Step::Fold, Step::Remove][one_of(2)],
            false => STEPS[one_of(STEPS.len() - 2)],
        };
        let nth = one_of(match step {
            Step::Start => 15,
            Step::FindChain => 8,
            Step::BatchRecord | Step::DataFile => 4,
            Step::Complete => 2,
            Step::Fold | Step::Remove => 1,
        });
        let either = |before, after| if takes_effect { after } else { before };
        let fault = match kind {
            Kind::KillBefore | Kind::BadLine | Kind::TwoAtOnce => Fault::Lose,
            Kind::KillAfter | Kind::DropAnswer => Fault::DropAnswer,
            Kind::KillAmid => Fault::CutRequest,
            Kind::HangAndKill => either(Fault::Hang, Fault::ActAndHang),
            Kind::Ghost => Fault::Hold,
            Kind::Zombie => either(Fault::Hold, Fault::ActAndHold),
            Kind::Cut => either(Fault::CutRequest, Fault::CutAnswer),
            Kind::Refusal => {
                let (status, code) =
                    [(500, "InternalError"), (503, "SlowDown"), (409, "ConditionalRequestConflict")][one_of(3)];
                either(Fault::Refuse(status, code), Fault::ActAndRefuse(status, code))
            }
        };
        let sizes = [SIZES[one_of(3)], SIZES[one_of(3)]];
        let ends_by_kill = one_of(2) == 0;
        Self { kind, step, nth, fault, seed: random.next(), sizes, ends_by_kill }
    }

    /// What the proxy is told, and what says that it happened.
    pub(crate) fn plan(&self) -> (Plan, Arc<AtomicBool>) {
        let happened = Arc::new(AtomicBool::new(false));
        if matches!(self.kind, Kind::BadLine | Kind::TwoAtOnce) {
            happened.store(true, Ordering::Relaxed);
            return (Plan::seeded(self.seed, 6, &Fault::AT_ONCE), happened);
        }
        let (step, fault, mut left, has) = (self.step, self.fault, self.nth, happened.clone());
        let plan = Plan::new(move |asked| {
            if has.load(Ordering::Relaxed) || step_of(asked) != Some(step) {
                return None;
            }
            if left > 0 {
                left -= 1;
                return None;
            }
            has.store(true, Ordering::Relaxed);
            Some(fault)
        });
        (plan, happened)
    }

    /// The signal that goes with the fault, if one does.
    pub(crate) fn signal(&self) -> Option<&'static str> {
        match self.kind {
            Kind::KillBefore | Kind::KillAfter | Kind::KillAmid | Kind::Ghost => Some("KILL"),
            Kind::Zombie => Some("STOP"),
            _ => None,
        }
    }
}

/// Which step a request belongs to.
fn step_of(Asked { method, path }: &Asked) -> Option<Step> {
    let has = |part: &str| path.contains(part);
    Some(match method.as_str() {
        _ if has("_probe") || has("_tables") => Step::Start,
        _ if has("_complete.json") => Step::Complete,
        "PUT" if path.ends_with(".folded.json") => Step::Fold,
        "PUT" if has("/_batches/") => Step::BatchRecord,
        "PUT" if path.ends_with(".parquet") => Step::DataFile,
        "POST" | "DELETE" => Step::Remove,
        "GET" | "HEAD" => Step::FindChain,
        _ => return None,
    })
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Start => "start",
            Self::FindChain => "find",
            Self::BatchRecord => "record",
            Self::DataFile => "file",
            Self::Complete => "complete",
            Self::Fold => "fold",
            Self::Remove => "remove",
        })
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::KillBefore => "SIGKILL before the request",
            Self::KillAfter => "SIGKILL after it took effect",
            Self::KillAmid => "SIGKILL amid its body",
            Self::HangAndKill => "hangs, then SIGKILL",
            Self::Ghost => "arrives after the SIGKILL",
            Self::Zombie => "frozen while another goes on",
            Self::DropAnswer => "answer lost",
            Self::Refusal => "500, 503, 409",
            Self::Cut => "body cut",
            Self::BadLine => "one request of six fails",
            Self::TwoAtOnce => "two at once over such a line",
        })
    }
}
