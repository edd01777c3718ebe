//! Worker threads: each runs its connections and its share of the shards' expiry on a single-threaded runtime.

use crate::config::id;
use crate::connection::Connection;
use crate::defrag::Defrag;
use crate::placement::Load;
use crate::server::Server;
use crate::stream::Stream;
use carnelian_commands::{Ahead, Counter, Node, Room, WorkerStats};
use carnelian_engine::Seat;
use carnelian_resp::ReplyWriter;
use std::cell::RefCell;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::io::{AsyncRead, ReadBuf};
use tokio::runtime::{Handle, LocalOptions};
use tokio::sync::mpsc;
use tokio::time::{Instant, Sleep, sleep_until};

/// Bytes that one read may bring.
const READ_BUFFER_BYTES: usize = 64 * 1024;
/// A lent reply buffer above this size is not taken back.
const REPLY_BUFFER_KEPT_BYTES: usize = 256 * 1024;
/// Entries that one shard may lose to expiry in one go, so that expiry never holds a lock for long.
const EXPIRE_BATCH: usize = 512;
/// After so much expiry clients have their turn.
const EXPIRE_TURN_NS: u64 = 500_000;
/// Share of a worker's time that expiry may take while more is due, with the least `active-expire-effort` and for each step of
/// it above that; as in Redis.
const EXPIRE_PERCENT: u64 = 25;
const EXPIRE_PERCENT_STEP: u64 = 2;
/// How often in one tick keys are removed for want of memory.
const EVICT_ROUNDS: usize = 64;

/// Traffic of one worker.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) input_bytes: Counter,
    pub(crate) output_bytes: Counter,
    pub(crate) reads: Counter,
    pub(crate) writes: Counter,
}

impl Counters {
    /// Back to zero (CONFIG RESETSTAT).
    pub(crate) fn reset(&self) {
        for counter in [&self.input_bytes, &self.output_bytes, &self.reads, &self.writes] {
            counter.reset();
        }
    }
}

/// A connection on its way to a worker, which makes it: its socket belongs to the thread that serves it.
pub(crate) type Arrival = Box<dyn FnOnce(Rc<Worker>) -> io::Result<Connection> + Send>;

/// A worker, as its own thread sees it.
pub(crate) struct Worker {
    pub(crate) index: usize,
    pub(crate) server: Arc<Server>,
    pub(crate) node: Arc<Node>,
    pub(crate) stats: Arc<WorkerStats>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) read_buffer: RefCell<Box<[u8]>>,
    reply_buffer: RefCell<Vec<u8>>,
    pub(crate) ahead: RefCell<Ahead>,
    /// For reading without locks, where there are other workers.
    pub(crate) seat: Option<Seat>,
    /// The runtime that keeps the time for all workers. One of their own would cost each of them two readings of the clock
    /// and some 600 instructions every time it waits for sockets.
    timers: Handle,
}

impl Worker {
    /// A timer that wakes this worker.
    pub(crate) fn sleep_until(&self, deadline: Instant) -> Sleep {
        let _timers = self.timers.enter();
        sleep_until(deadline)
    }

    /// The same, from now on.
    pub(crate) fn sleep(&self, duration: Duration) -> Sleep {
        self.sleep_until(Instant::now() + duration)
    }

    /// Reads into the shared buffer.
    pub(crate) fn poll_read(&self, stream: &mut Stream, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let mut shared = self.read_buffer.borrow_mut();
        let mut buffer = ReadBuf::new(&mut shared);
        match Pin::new(stream).poll_read(cx, &mut buffer) {
            Poll::Ready(Ok(())) => Poll::Ready(Ok(buffer.filled().len())),
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => Poll::Pending,
        }
    }

    /// Gives a connection with an empty reply buffer one that is warm.
    pub(crate) fn lend_buffer(&self, out: &mut ReplyWriter) {
        if out.buf_mut().capacity() == 0 {
            *out.buf_mut() = self.reply_buffer.take();
        }
    }

    /// Takes the buffer of a connection that has nothing to send, so that idle connections hold none.
    pub(crate) fn take_back_buffer(&self, out: &mut ReplyWriter) {
        let buffer = std::mem::take(out.buf_mut());
        if buffer.capacity() <= REPLY_BUFFER_KEPT_BYTES
            && buffer.capacity() > self.reply_buffer.borrow().capacity()
        {
            *self.reply_buffer.borrow_mut() = buffer;
        }
    }
}

/// A worker, as others see it.
pub(crate) struct WorkerHandle {
    pub(crate) stats: Arc<WorkerStats>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) load: Arc<Load>,
    sender: mpsc::UnboundedSender<Arrival>,
    thread: Option<JoinHandle<()>>,
}

impl WorkerHandle {
    /// Starts worker number `index` of `count`. It has to be stopped before the runtime of `timers` ends.
    pub(crate) fn start(
        server: &Arc<Server>,
        node: &Arc<Node>,
        timers: &Handle,
        index: usize,
        count: usize,
    ) -> io::Result<Self> {
        let (sender, receiver) = mpsc::unbounded_channel();
        let stats = Arc::new(node.new_stats());
        let counters = Arc::new(Counters::default());
        let load = Arc::new(Load::default());
        let thread = std::thread::Builder::new().name(format!("worker-{index}")).spawn({
            let (server, node, timers) = (Arc::clone(server), Arc::clone(node), timers.clone());
            let (stats, counters, load) = (Arc::clone(&stats), Arc::clone(&counters), Arc::clone(&load));
            move || {
                // The first one has what there is at the start for itself, but for threads that seldom do anything.
                if index > 0 {
                    server.memory.set_apart();
                }
                let _seated = server.memory.seat();
                let seat = if count > 1 { node.engine().seat() } else { None };
                let worker = Worker {
                    index,
                    seat,
                    timers,
                    server,
                    node,
                    stats,
                    counters,
                    read_buffer: RefCell::new(vec![0; READ_BUFFER_BYTES].into()),
                    reply_buffer: RefCell::default(),
                    ahead: RefCell::default(),
                };
                run(Rc::new(worker), receiver, &load, count);
            }
        })?;
        Ok(Self { stats, counters, load, sender, thread: Some(thread) })
    }

    /// Hands over a connection; false when the worker has ended.
    pub(crate) fn send(&self, arrival: Arrival) -> bool {
        self.load.add();
        self.sender.send(arrival).is_ok()
    }

    /// Ends the worker: its connections are closed.
    pub(crate) fn stop(mut self) {
        drop(self.sender);
        if let Some(thread) = self.thread.take() {
            // A worker that panicked has said so; there is nothing to add.
            drop(thread.join());
        }
    }
}

fn run(worker: Rc<Worker>, mut receiver: mpsc::UnboundedReceiver<Arrival>, load: &Arc<Load>, count: usize) {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_io().build_local(LocalOptions::default());
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => {
            worker.server.log.warning(format_args!("A worker cannot start: {error}"));
            return;
        }
    };
    runtime.block_on(async {
        tokio::task::spawn_local(keep_expiring(Rc::clone(&worker), count));
        while let Some(arrive) = receiver.recv().await {
            let counted = Counted(Arc::clone(load));
            match arrive(Rc::clone(&worker)) {
                // A panic ends this task and nothing else: the shards it had locked are unlocked as it unwinds.
                Ok(connection) => drop(tokio::task::spawn_local(async move {
                    connection.run().await;
                    // What its buffers took is free: keys on other threads must not give way for it.
                    crate::memory::publish();
                    drop(counted);
                })),
                Err(error) => {
                    worker.server.log.warning(format_args!("A connection was lost: {error}"));
                }
            }
        }
    });
}

/// The place of one connection in its worker's count.
struct Counted(Arc<Load>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.remove();
    }
}

/// Begins expiry again should it panic: memory would fill up without it.
async fn keep_expiring(worker: Rc<Worker>, count: usize) {
    while tokio::task::spawn_local(expire(Rc::clone(&worker), count))
        .await
        .is_err_and(|error| error.is_panic())
    {}
}

/// Removes keys while more memory is in use than allowed, for what commands alone do not see to: a limit that was lowered,
/// or clients that do not read their replies.
async fn make_room(worker: &Worker) {
    for _ in 0..EVICT_ROUNDS {
        if worker.node.evict(worker.server.clock.unix_ms(), &worker.stats) != Room::Soon {
            return;
        }
        // Clients come first.
        tokio::task::yield_now().await;
    }
}

/// Does what is done `hz` times a second, which is expiry above all.
async fn expire(worker: Rc<Worker>, count: usize) {
    let mut defrag = Defrag::default();
    let mut next = 0;
    loop {
        let tick_ms = 1000 / worker.server.hz().clamp(1, 500);
        worker.sleep(Duration::from_millis(tick_ms)).await;
        worker.node.clear_leftovers();
        crate::memory::publish();
        if worker.index == 0 {
            make_room(&worker).await;
            defrag.tick(&worker.server, worker.node.engine(), tick_ms).await;
        }
        if worker.server.expires_actively() {
            expire_due(&worker, count, tick_ms, &mut next).await;
        }
    }
}

/// Removes due entries of this worker's share of the shards, from the `next` of them on. While there are more it takes its
/// part of the time, and goes on in the next tick with the shard that it has come to.
async fn expire_due(worker: &Worker, count: usize, tick_ms: u64, next: &mut usize) {
    let (clock, shards) = (&worker.server.clock, worker.node.engine().shard_count());
    let own = (worker.index..shards).step_by(count).len();
    let now_ms = clock.unix_ms();
    let effort = worker.server.config.read().uint(id::ACTIVE_EXPIRE_EFFORT);
    let percent = EXPIRE_PERCENT + EXPIRE_PERCENT_STEP * effort.saturating_sub(1);
    // The tick is what passes between.
    let mut left_ns = tick_ms * 1_000_000 * percent / (100 - percent);
    // Shards in a row of which nothing is due any more.
    let mut done = 0;
    let mut turn = clock.ticks_ns();
    while done < own {
        let shard = worker.index + *next % own * count;
        let removed = worker.node.expire_due(shard, EXPIRE_BATCH, now_ms, &worker.stats);
        done = if removed == EXPIRE_BATCH { 0 } else { done + 1 };
        *next = (*next + 1) % own;
        let took_ns = clock.ticks_ns().saturating_sub(turn);
        if took_ns < EXPIRE_TURN_NS {
            continue;
        }
        left_ns = left_ns.saturating_sub(took_ns);
        if left_ns == 0 {
            return;
        }
        // Clients come first.
        tokio::task::yield_now().await;
        turn = clock.ticks_ns();
    }
}
