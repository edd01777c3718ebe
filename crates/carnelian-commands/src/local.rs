//! The keyspace in process: open, execute, look at the reply.

use crate::dispatch::{Flow, Node};
use crate::error::CommandError;
use crate::host::NoHost;
use crate::session::{NoClient, Session};
use crate::stats::WorkerStats;
use carnelian_engine::{Engine, EngineOptions};
use carnelian_resp::{OwnedArgs, Protocol, Reply, ReplyWriter, decode_reply};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Tells the time, in milliseconds since 1970.
pub type Clock = Arc<dyn Fn() -> u64 + Send + Sync>;

/// How a [`Local`] is laid out.
#[derive(Clone)]
pub struct LocalOptions {
    /// Number of shards, rounded up to a power of two. One is enough for one thread.
    pub shards: usize,
    /// Number of databases.
    pub databases: usize,
    /// Everything random follows from it.
    pub seed: u64,
    /// What the time is. The same commands at the same times with the same seed give the same replies.
    pub clock: Clock,
}

impl Default for LocalOptions {
    /// One shard, 16 databases, a fixed seed, and the system's clock.
    fn default() -> Self {
        Self { shards: 1, databases: 16, seed: 0, clock: Arc::new(system_clock) }
    }
}

fn system_clock() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// A keyspace with every data command, in this process.
///
/// It can be shared by threads: each opens a session of its own. Commands that need a server (INFO, SUBSCRIBE, ...) reply
/// with an error, and blocking commands that find nothing reply at once as if their time had run out.
///
/// ```
/// use carnelian_commands::{Local, LocalOptions};
/// use carnelian_resp::Reply;
///
/// let local = Local::open(LocalOptions::default());
/// let mut session = local.session();
/// session.execute(&["SET", "greeting", "hello"]);
/// assert_eq!(session.execute(&["GET", "greeting"]), Reply::Bulk(b"hello".into()));
/// ```
pub struct Local {
    node: Node,
    clock: Clock,
    sessions: AtomicU64,
}

impl Local {
    /// An empty keyspace.
    pub fn open(options: LocalOptions) -> Self {
        let LocalOptions { shards, databases, seed, clock } = options;
        let engine = Arc::new(Engine::new(EngineOptions { shards, databases, seed }));
        Self { node: Node::new(engine, Arc::new(NoHost)), clock, sessions: AtomicU64::new(0) }
    }

    /// A new client in database 0, which speaks RESP3: replies keep their types.
    pub fn session(&self) -> LocalSession<'_> {
        let id = self.sessions.fetch_add(1, Relaxed) + 1;
        let mut session = Session::new(id, true, Arc::new(NoClient));
        session.patient = true;
        LocalSession {
            local: self,
            session,
            out: ReplyWriter::new(Protocol::Resp3),
            stats: self.node.new_stats(),
        }
    }

    /// The node, for settings and statistics.
    pub fn node(&self) -> &Node {
        &self.node
    }

    /// Removes keys whose time is over, at most `limit` in each shard, and returns how many. Nobody sees such keys anyhow;
    /// this gives their memory back.
    pub fn expire_due(&self, limit: usize) -> usize {
        let now_ms = (self.clock)();
        let stats = self.node.new_stats();
        let shards = 0..self.node.engine().shard_count();
        shards.map(|shard| self.node.expire_due(shard, limit, now_ms, &stats)).sum()
    }
}

/// A client of a [`Local`]: it has its own selected database, transaction and watched keys.
pub struct LocalSession<'l> {
    local: &'l Local,
    session: Session,
    out: ReplyWriter,
    stats: WorkerStats,
}

impl LocalSession<'_> {
    /// Runs one command, its name first, and returns the reply; an error is a reply, too.
    pub fn execute(&mut self, args: &[impl AsRef<[u8]>]) -> Reply {
        if args.is_empty() {
            return Reply::Error(b"ERR no command".into());
        }
        let args = OwnedArgs::from_slices(args);
        let node = &self.local.node;
        self.out.clear();
        let now_ms = (self.local.clock)();
        match node.execute(&mut self.session, args.as_args(), &mut self.out, now_ms, &self.stats) {
            Flow::Continue | Flow::Close => {}
            Flow::Blocked(blocked) => {
                blocked.claim();
                blocked.write_timeout(&mut self.out);
                blocked.forget(node);
            }
            Flow::Postponed | Flow::Busy => self.out.error(CommandError::NO_SERVER.text()),
        }
        match decode_reply(self.out.buf()) {
            Ok(Some((reply, _))) => reply,
            // What the writer wrote can be read, so there is no reply: a pub/sub command without a server, for example.
            Ok(None) | Err(_) => Reply::Null,
        }
    }

    /// Which protocol replies take their types from.
    pub fn set_protocol(&mut self, protocol: Protocol) {
        self.out.set_protocol(protocol);
    }
}

impl Drop for LocalSession<'_> {
    fn drop(&mut self) {
        self.local.node.discard(&mut self.session);
    }
}
