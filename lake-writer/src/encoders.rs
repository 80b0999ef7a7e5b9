//! Threads that make files of rows, and do nothing else.
//!
//! Few and always the same: what an encoder needs besides the rows, and what the allocator keeps of it, is then there as
//! often as there are threads, and not once for each thread of a pool.

use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use lake::{Batch, LakeError, Series};
use tables::Layout;
use tokio::sync::oneshot;

use crate::gathering::Gathering;

/// How many there are. Uploads go on beside them.
const THREADS: usize = 2;

/// A batch to encode, and who waits for it.
struct Order {
    gathering: Box<Gathering>,
    series: Series,
    layout: Layout,
    reply: oneshot::Sender<Result<Batch, LakeError>>,
}

/// Takes orders. The threads end when the last clone is gone.
#[derive(Clone)]
pub(crate) struct Encoders(Sender<Order>);

impl Encoders {
    pub(crate) fn start() -> std::io::Result<Self> {
        let (orders, taken) = mpsc::channel();
        let taken = Arc::new(Mutex::new(taken));
        for number in 0..THREADS {
            let taken = taken.clone();
            thread::Builder::new().name(format!("encoder-{number}")).spawn(move || work(&taken))?;
        }
        Ok(Self(orders))
    }

    /// Makes a batch's files, as soon as a thread is free.
    pub(crate) async fn encode(
        &self,
        gathering: Box<Gathering>,
        series: Series,
        layout: Layout,
    ) -> Result<Box<Batch>, LakeError> {
        let (reply, answer) = oneshot::channel();
        let is_taken = self.0.send(Order { gathering, series, layout, reply }).is_ok();
        assert!(is_taken, "the threads outlive whoever gives orders");
        answer.await.expect("encoding does not panic").map(Box::new)
    }
}

fn work(orders: &Mutex<Receiver<Order>>) {
    loop {
        let next = orders.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(Order { gathering, series, layout, reply }) = next else { return };
        // Nobody may be waiting any more: the partition was taken away.
        let _ = reply.send(gathering.finish(&series, layout));
    }
}
