//! The state that all parts of a server share.

use crate::client::{ClientHandle, Clients};
use crate::client_memory::ClientMemory;
use crate::clock::Clock;
use crate::config::{Config, OutputLimit};
use crate::connection::{UNAUTHENTICATED_OUTPUT_MAX, request_limits};
use crate::defrag::Figures;
use crate::latency::LatencyMonitor;
use crate::listen::TcpSockets;
use crate::loading::Loading;
use crate::log::Log;
use crate::memory::Ledger;
use crate::monitor::Monitors;
use crate::pause::Pause;
use crate::persistence::Persistence;
use crate::pubsub::PubSub;
use crate::reclaim::Reclaimer;
use crate::slowlog::Slowlog;
use crate::totals::Totals;
use crate::worker::WorkerHandle;
use carnelian_commands::Node;
use carnelian_engine::Engine;
use carnelian_resp::Limits;
use parking_lot::{Mutex, RwLock};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, OnceLock, Weak};
use tokio::sync::mpsc;

/// Parameters that connections and workers look at often, copied out of the configuration when it changes.
#[derive(Debug, Default)]
pub(crate) struct Cached {
    pub(crate) hz: AtomicU64,
    pub(crate) max_bulk_bytes: AtomicUsize,
    pub(crate) query_buffer_bytes: AtomicUsize,
    pub(crate) requires_password: AtomicBool,
    pub(crate) active_expire: AtomicBool,
    /// Writes are refused because fewer replicas follow than `min-replicas-to-write` wants.
    pub(crate) lacks_replicas: AtomicBool,
    /// 0 without a limit.
    pub(crate) max_memory: AtomicU64,
    /// For how long eviction may hold up a command, in nanoseconds.
    pub(crate) eviction_time_ns: AtomicU64,
    pub(crate) normal_limit: LimitCell,
    pub(crate) pubsub_limit: LimitCell,
}

/// A limit on unsent replies that changes without a lock.
#[derive(Debug, Default)]
pub(crate) struct LimitCell {
    hard_bytes: AtomicU64,
    soft_bytes: AtomicU64,
    soft_seconds: AtomicU64,
}

impl LimitCell {
    pub(crate) fn set(&self, limit: OutputLimit) {
        self.hard_bytes.store(limit.hard_bytes, Relaxed);
        self.soft_bytes.store(limit.soft_bytes, Relaxed);
        self.soft_seconds.store(limit.soft_seconds, Relaxed);
    }

    /// Whether there is a limit on how long replies may be unread.
    pub(crate) fn is_timed(&self) -> bool {
        self.soft_bytes.load(Relaxed) != 0
    }

    /// Whether `unsent` bytes are too many, or have been for too long.
    fn exceeded(&self, unsent: u64, since_ms: &mut Option<u64>, now_ms: u64) -> bool {
        let hard = self.hard_bytes.load(Relaxed);
        if hard != 0 && unsent >= hard {
            return true;
        }
        let soft = self.soft_bytes.load(Relaxed);
        if soft == 0 || unsent < soft {
            *since_ms = None;
            return false;
        }
        let since = *since_ms.get_or_insert(now_ms);
        now_ms.saturating_sub(since) > self.soft_seconds.load(Relaxed) * 1000
    }
}

/// A running server.
pub(crate) struct Server {
    pub(crate) config: RwLock<Config>,
    pub(crate) cached: Cached,
    pub(crate) log: Arc<Log>,
    pub(crate) clock: Clock,
    pub(crate) clients: Clients,
    pub(crate) client_memory: ClientMemory,
    pub(crate) pubsub: PubSub,
    pub(crate) monitors: Monitors,
    pub(crate) pause: Pause,
    pub(crate) persistence: Persistence,
    pub(crate) loading: Loading,
    pub(crate) slowlog: Slowlog,
    pub(crate) latency: LatencyMonitor,
    pub(crate) totals: Totals,
    pub(crate) defrag: Figures,
    pub(crate) reclaimer: Reclaimer,
    pub(crate) memory: Arc<Ledger>,
    engine: Arc<Engine>,
    pub(crate) tcp_sockets: TcpSockets,
    pub(crate) workers: RwLock<Vec<WorkerHandle>>,
    pub(crate) started_ms: u64,
    /// 40 hexadecimal digits that tell this run from others.
    pub(crate) run_id: String,
    /// Names this dataset's history to replicas, in the same form.
    pub(crate) replication_id: Mutex<String>,
    pub(crate) executable: PathBuf,
    node: OnceLock<Weak<Node>>,
    exit: mpsc::UnboundedSender<()>,
}

impl Server {
    pub(crate) fn new(
        config: Config,
        log: Arc<Log>,
        memory: Arc<Ledger>,
        engine: Arc<Engine>,
        exit: mpsc::UnboundedSender<()>,
        run_id: String,
        replication_id: String,
    ) -> Self {
        let clock = Clock::new();
        let server = Self {
            cached: Cached::default(),
            clients: Clients::default(),
            client_memory: ClientMemory::default(),
            pubsub: PubSub::default(),
            monitors: Monitors::default(),
            pause: Pause::default(),
            persistence: Persistence::new(clock.unix_ms()),
            loading: Loading::default(),
            slowlog: Slowlog::default(),
            latency: LatencyMonitor::default(),
            totals: Totals::default(),
            defrag: Figures::default(),
            reclaimer: Reclaimer::default(),
            memory,
            engine,
            tcp_sockets: TcpSockets::default(),
            workers: RwLock::default(),
            started_ms: clock.unix_ms(),
            run_id,
            replication_id: Mutex::new(replication_id),
            executable: std::env::current_exe().unwrap_or_default(),
            node: OnceLock::new(),
            exit,
            config: RwLock::new(config),
            log,
            clock,
        };
        server.cached.active_expire.store(true, Relaxed);
        server
    }

    /// The keyspace. It is there from start-up until the server has been stopped.
    pub(crate) fn node(&self) -> Option<Arc<Node>> {
        self.node.get()?.upgrade()
    }

    pub(crate) fn set_node(&self, node: &Arc<Node>) {
        // Set once, by the one who starts the server.
        drop(self.node.set(Arc::downgrade(node)));
    }

    pub(crate) fn hz(&self) -> u64 {
        self.cached.hz.load(Relaxed)
    }

    pub(crate) fn expires_actively(&self) -> bool {
        self.cached.active_expire.load(Relaxed) && !self.loading.is_active()
    }

    pub(crate) fn requires_password(&self) -> bool {
        self.cached.requires_password.load(Relaxed)
    }

    pub(crate) fn request_limits(&self, authenticated: bool) -> Limits {
        request_limits(authenticated, self.cached.max_bulk_bytes.load(Relaxed))
    }

    pub(crate) fn query_buffer_limit(&self) -> usize {
        self.cached.query_buffer_bytes.load(Relaxed)
    }

    /// Whether a client owes so many bytes of reading that it is closed.
    pub(crate) fn output_limit_exceeded(
        &self,
        client: &ClientHandle,
        unsent: u64,
        since_ms: &mut Option<u64>,
        now_ms: u64,
    ) -> bool {
        let limit =
            if client.is_subscriber() { &self.cached.pubsub_limit } else { &self.cached.normal_limit };
        // Whoever may not use the server must not fill its memory with refusals either.
        let anonymous = unsent > UNAUTHENTICATED_OUTPUT_MAX as u64 && !client.authenticated.load(Relaxed);
        let exceeded = anonymous || limit.exceeded(unsent, since_ms, now_ms);
        if exceeded {
            self.totals.output_limit_disconnections.fetch_add(1, Relaxed);
        }
        exceeded
    }

    /// A connection has ended.
    pub(crate) fn forget_client(&self, client: &Arc<ClientHandle>) {
        self.pubsub.forget(client);
        self.monitors.remove(client.id, self);
        self.clients.remove(client.id);
        self.client_memory.forget(client);
    }

    /// Whether commands have to ask the host before they run.
    pub(crate) fn refresh_gate(&self) {
        let Some(node) = self.node() else { return };
        let now_ms = self.clock.unix_ms();
        let gated = self.cached.max_memory.load(Relaxed) != 0
            || self.cached.lacks_replicas.load(Relaxed)
            || self.loading.is_active()
            || self.pause.current(now_ms).is_some()
            || self.persistence.refuses_writes(&self.config.read());
        node.set_gated(gated);
    }

    /// Bytes in use: allocated ones, without what the shards have reserved for entries and do not use. That is no more in
    /// use than the allocator's own reserves are: removing keys would not give it back, and new keys get it first.
    pub(crate) fn used_memory(&self) -> u64 {
        let allocated = self.memory.allocated();
        let used = if self.memory.is_exact() {
            allocated.saturating_sub(self.engine.unused_bytes() as u64)
        } else {
            allocated
        };
        self.totals.peak_memory.fetch_max(used, Relaxed);
        used
    }

    /// Bytes in use beyond what `maxmemory` allows and keys are to be removed for; 0 when there is no limit or it is kept.
    #[inline]
    pub(crate) fn excess_memory(&self) -> u64 {
        let limit = self.cached.max_memory.load(Relaxed);
        if limit == 0 {
            return 0;
        }
        if self.memory.allocated() > limit {
            let used = self.used_memory().saturating_sub(self.client_memory.leaving());
            let excess = self.memory.excess(used, limit);
            // The dataset stays as it is during a pause, and is not there yet while it loads. What is being freed in the
            // background is still counted, but keys need not make room for it: after FLUSHALL there is room.
            if excess > 0
                && !self.loading.is_active()
                && self.totals.lazily_freeing.load(Relaxed) == 0
                && self.pause.current(self.clock.unix_ms()).is_none()
            {
                return excess;
            }
        }
        if self.totals.over_limit_since_ns.load(Relaxed) != 0 {
            self.totals.over_limit(false, self.clock.ticks_ns());
        }
        0
    }

    /// Asks the server to end.
    pub(crate) fn request_exit(&self) {
        // The receiver is gone only when the end has begun.
        let _ = self.exit.send(());
    }

    /// The number of changes to the dataset since start-up.
    pub(crate) fn total_changes(&self) -> u64 {
        self.workers.read().iter().map(|worker| worker.stats.dirty.get()).sum::<u64>()
    }
}
