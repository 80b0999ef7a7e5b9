//! Many messages in one call of librdkafka, which rust-rdkafka does not pass on. One by one, a message taken or given costs
//! more in locks and clocks than in bytes.
//!
//! One of two files with `unsafe`; `oauth/native.rs` is the other one. What must hold, and why it does:
//! - A client outlives what belongs to it: a [`Queue`] holds its consumer, a [`Topic`] borrows its producer, and both give
//!   their handle back before they let go.
//! - A message that is taken belongs to librdkafka, which destroys it when the callback that looks at it returns: the view
//!   that is handed out lives for that call.
//! - librdkafka copies what it is given (`MSG_F_COPY`) before the call returns, and keeps no pointer of ours.
//!
//! Not `rd_kafka_consume_batch_queue`: it counts the end of a partition as a message and moves the position past the end.
#![expect(unsafe_code, reason = "librdkafka's functions are C; each call says why it is sound")]

use std::ffi::{CString, c_int, c_void};
use std::marker::PhantomData;
use std::ops::ControlFlow;
use std::ptr::{NonNull, null_mut};
use std::slice;
use std::sync::Arc;
use std::time::Duration;

use rdkafka::bindings as c;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::RDKafkaErrorCode as Code;
use rdkafka::producer::{BaseProducer, Producer, ProducerContext};
use rdkafka::types::RDKafkaRespErr;

/// The queue of one partition.
pub(in crate::kafka) struct Queue<C: ConsumerContext + 'static> {
    handle: NonNull<c::rd_kafka_queue_t>,
    consumer: Arc<BaseConsumer<C>>,
}

// SAFETY: librdkafka's queues and clients may be used from any thread, one after the other or at once.
unsafe impl<C: ConsumerContext> Send for Queue<C> {}

/// A message, for as long as it is looked at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::kafka) struct View<'a> {
    pub(in crate::kafka) offset: i64,
    /// Milliseconds since 1970; 0 where it has none.
    pub(in crate::kafka) time: i64,
    pub(in crate::kafka) key: Option<&'a [u8]>,
    pub(in crate::kafka) value: Option<&'a [u8]>,
}

impl<C: ConsumerContext> Queue<C> {
    /// Another handle to the partition's queue. Where its messages go is not changed: the caller has split it from the
    /// consumer's.
    pub(in crate::kafka) fn of(consumer: &Arc<BaseConsumer<C>>, topic: &str, partition: i32) -> Option<Self> {
        let topic = CString::new(topic).ok()?;
        // SAFETY: the client is alive, as `consumer` holds it; the name is a C string that lives through the call.
        let handle =
            unsafe { c::rd_kafka_queue_get_partition(consumer.client().native_ptr(), topic.as_ptr(), partition) };
        Some(Self { handle: NonNull::new(handle)?, consumer: consumer.clone() })
    }

    /// Hands out what is there, in order, until told to stop; what is not taken stays. An error stands in the place in
    /// which it happened, the end of the partition as [`Code::PartitionEOF`]. Waits until there is something, at most for
    /// so long, and wakes for transaction markers too, which nobody is shown. Returns how many messages that were.
    pub(in crate::kafka) fn take(
        &self,
        wait: Duration,
        each: impl FnMut(Result<View<'_>, Code>) -> ControlFlow<()>,
    ) -> usize {
        let wait = c_int::try_from(wait.as_millis()).unwrap_or(c_int::MAX);
        let mut taking = Taking { each, client: self.consumer.client().native_ptr() };
        let look = look_of(&taking);
        // SAFETY: the handle is alive until `drop`. librdkafka calls `look` on this thread and within this call alone, with
        // the pointer to `taking`, which nobody else uses meanwhile.
        let taken = unsafe {
            c::rd_kafka_consume_callback_queue(self.handle.as_ptr(), wait, Some(look), (&raw mut taking).cast())
        };
        usize::try_from(taken).unwrap_or_default()
    }
}

impl<C: ConsumerContext> Drop for Queue<C> {
    fn drop(&mut self) {
        // SAFETY: it was ours, and nobody uses it after this. The consumer goes later: fields are dropped after this.
        unsafe { c::rd_kafka_queue_destroy(self.handle.as_ptr()) };
    }
}

/// What a callback needs to know.
struct Taking<F> {
    each: F,
    client: *mut c::rd_kafka_t,
}

type Look = unsafe extern "C" fn(*mut c::rd_kafka_message_t, *mut c_void);

/// The callback for this kind of `each`, which has no name.
fn look_of<F: FnMut(Result<View<'_>, Code>) -> ControlFlow<()>>(_: &Taking<F>) -> Look {
    look::<F>
}

/// Looks at one message. A panic in here ends the process: C cannot be unwound.
///
/// # Safety
///
/// The message must be alive for as long as the call lasts, and `taking` a `Taking<F>` that nobody else uses meanwhile.
unsafe extern "C" fn look<F>(message: *mut c::rd_kafka_message_t, taking: *mut c_void)
where
    F: FnMut(Result<View<'_>, Code>) -> ControlFlow<()>,
{
    // SAFETY: as the caller promises.
    let (message, taking) = unsafe { (&*message, &mut *taking.cast::<Taking<F>>()) };
    if (taking.each)(view(message)).is_break() {
        // SAFETY: the client is alive, since its queue is being served. What follows stays in the queue.
        unsafe { c::rd_kafka_yield(taking.client) };
    }
}

fn view(message: &c::rd_kafka_message_t) -> Result<View<'_>, Code> {
    if message.err != RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR {
        return Err(message.err.into());
    }
    // SAFETY: the message is alive; no type of time is asked for.
    let time = unsafe { c::rd_kafka_message_timestamp(message, null_mut()) };
    let part = |start: *mut c_void, len: usize| {
        // SAFETY: a part that is there has `len` bytes, which live and do not change as long as the message does.
        (!start.is_null()).then(|| unsafe { slice::from_raw_parts(start.cast::<u8>().cast_const(), len) })
    };
    let key = part(message.key, message.key_len);
    Ok(View { offset: message.offset, time: time.max(0), key, value: part(message.payload, message.len) })
}

/// A topic of a producer, to give many messages of one partition at once.
pub(in crate::kafka) struct Topic<'p, C: ProducerContext> {
    handle: NonNull<c::rd_kafka_topic_t>,
    _producer: PhantomData<&'p BaseProducer<C>>,
}

/// Messages that are to be given; the room is kept from call to call.
#[derive(Default)]
pub(in crate::kafka) struct Messages<'a> {
    all: Vec<c::rd_kafka_message_t>,
    _bytes: PhantomData<&'a [u8]>,
}

impl<'p, C: ProducerContext<DeliveryOpaque = ()>> Topic<'p, C> {
    /// `None` for a name that no topic can have.
    pub(in crate::kafka) fn of(producer: &'p BaseProducer<C>, name: &str) -> Option<Self> {
        let name = CString::new(name).ok()?;
        // SAFETY: the client is alive, as `producer` is; the name is a C string; without a configuration the client's own
        // holds.
        let handle = unsafe { c::rd_kafka_topic_new(producer.client().native_ptr(), name.as_ptr(), null_mut()) };
        Some(Self { handle: NonNull::new(handle)?, _producer: PhantomData })
    }

    /// Gives the messages to the partition, in order, and keeps those that were not taken, from the first of them on: with
    /// a full queue none behind it was taken either. Another error is of the messages themselves, and trying again is in
    /// vain.
    pub(in crate::kafka) fn give(&self, partition: i32, messages: &mut Messages<'_>) -> Result<(), Code> {
        let Ok(count) = i32::try_from(messages.all.len()) else { return Err(Code::QueueFull) };
        // SAFETY: the handle is alive, and so is its producer; `all` holds `count` messages, whose bytes live for as long as
        // `messages` says, which is longer than this call; librdkafka copies them, and writes into `all` alone. No opaque is
        // given, as the producer's context wants none.
        unsafe {
            let flags = c::RD_KAFKA_MSG_F_COPY;
            c::rd_kafka_produce_batch(self.handle.as_ptr(), partition, flags, messages.all.as_mut_ptr(), count);
        }
        let is_left = |message: &c::rd_kafka_message_t| message.err != RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR;
        let Some(left) = messages.all.iter().position(is_left) else {
            messages.all.clear();
            return Ok(());
        };
        let error = messages.all[left].err.into();
        messages.all.drain(..left);
        Err(error)
    }
}

impl<C: ProducerContext> Drop for Topic<'_, C> {
    fn drop(&mut self) {
        // SAFETY: it was ours, and its producer is still there. Messages that wait hold the topic themselves.
        unsafe { c::rd_kafka_topic_destroy(self.handle.as_ptr()) };
    }
}

impl<'a> Messages<'a> {
    pub(in crate::kafka) fn push(&mut self, key: Option<&'a [u8]>, value: Option<&'a [u8]>) {
        // librdkafka takes mutable pointers for what it only reads where it copies. An empty part is not null, unlike none.
        let part =
            |part: Option<&'a [u8]>| part.map_or((null_mut(), 0), |part| (part.as_ptr().cast_mut().cast(), part.len()));
        let ((payload, len), (key, key_len)) = (part(value), part(key));
        let err = RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR;
        let (rkt, _private) = (null_mut(), null_mut());
        self.all.push(c::rd_kafka_message_t {
            err,
            rkt,
            partition: 0,
            payload,
            len,
            key,
            key_len,
            offset: 0,
            _private,
        });
    }

    pub(in crate::kafka) fn len(&self) -> usize {
        self.all.len()
    }
}
