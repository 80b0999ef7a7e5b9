//! Two writers on one chain at once.

use std::sync::Arc;

use lake::LakeError;
use object_store::memory::InMemory;
use proptest::prelude::*;
use tokio::task::JoinHandle;

use crate::faulty::{Faulty, Mishap};
use crate::support::{Log, Writer, assert_exactly_once};

const LOG: Log = Log(0..23);

type Running = JoinHandle<Result<(), LakeError>>;

/// Starts a writer that stalls at one of its calls.
fn start(store: &Arc<InMemory>, at: usize, takes_effect: bool, cut: i64) -> (Faulty, Running) {
    let stalling = Faulty::new(store, at, Mishap::Stall, takes_effect);
    let writer = Writer::new(Arc::new(stalling.clone()), cut);
    (stalling, tokio::spawn(async move { writer.run(&LOG).await }))
}

/// Waits until the writer stalls; false if it comes to its end without.
async fn stalls(stalling: &Faulty, running: &mut Running) -> bool {
    tokio::select! {
        () = stalling.stalled() => true,
        ended = running => {
            ended.unwrap().unwrap();
            false
        }
    }
}

/// A process that everybody believed dead wakes up in the middle of a call, for every call.
#[tokio::test]
async fn a_zombie_finds_its_work_done_and_goes_on_behind_it() {
    for takes_effect in [false, true] {
        for at in 0.. {
            let store = Arc::new(InMemory::new());
            let (stalling, mut zombie) = start(&store, at, takes_effect, 8);
            if !stalls(&stalling, &mut zombie).await {
                assert!(at >= 10);
                break;
            }
            Writer::new(store.clone(), 5).run(&LOG).await.unwrap();
            assert_exactly_once(&store, &LOG, &(at, takes_effect, "before it wakes")).await;
            stalling.go_on();
            zombie.await.unwrap().unwrap();
            assert_exactly_once(&store, &LOG, &(at, takes_effect, "after it woke")).await;
        }
    }
}

/// The zombie wakes up when the other one has done only a part.
#[tokio::test]
async fn a_zombie_that_wakes_in_the_midst_of_anothers_work_does_no_harm() {
    for zombie_at in 0..10 {
        for other_at in 0..16 {
            let store = Arc::new(InMemory::new());
            let (stalling, mut zombie) = start(&store, zombie_at, zombie_at % 2 == 0, 8);
            assert!(stalls(&stalling, &mut zombie).await);
            let (other_stalling, mut other) = start(&store, other_at, other_at % 2 == 0, 5);
            let other_stalls = stalls(&other_stalling, &mut other).await;
            stalling.go_on();
            zombie.await.unwrap().unwrap();
            if other_stalls {
                other_stalling.go_on();
                other.await.unwrap().unwrap();
            }
            assert_exactly_once(&store, &LOG, &(zombie_at, other_at)).await;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn writers_in_any_interleaving_write_each_record_once(
        paces in prop::collection::vec(prop::collection::vec(0u8..6, 1..12), 3),
        cuts in prop::collection::vec(1i64..12, 3),
    ) {
        let store = Arc::new(InMemory::new());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let writers = paces.iter().zip(&cuts).map(|(pace, &cut)| {
                let pace = Mishap::Yield(pace.clone());
                let writer = Writer::new(Arc::new(Faulty::new(&store, 0, pace, false)), cut);
                async move { writer.run(&LOG).await }
            });
            for outcome in futures::future::join_all(writers).await {
                outcome.unwrap();
            }
            assert_exactly_once(&store, &LOG, &(&paces, &cuts)).await;
        });
    }
}
