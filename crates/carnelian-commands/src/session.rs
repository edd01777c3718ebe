//! What a server remembers about one client between commands.

use crate::spec::Flags;
use crate::table::{CommandId, Entry};
use carnelian_engine::WatchFlag;
use carnelian_resp::OwnedArgs;
use std::any::Any;
use std::sync::Arc;

/// The client's side that others deliver to while it waits.
pub trait Client: Any + Send + Sync {
    /// Hands over the encoded reply of the command this client is blocked in. Must not wait.
    fn deliver(&self, reply: Vec<u8>);

    /// Says that the command that came back as [`Flow::Busy`](crate::Flow::Busy) may be tried again. Must not wait.
    fn retry(&self) {}
}

/// Delivers to nobody: for sessions that never block.
#[derive(Debug, Default)]
pub struct NoClient;

impl Client for NoClient {
    fn deliver(&self, _: Vec<u8>) {}
}

/// A command queued by MULTI.
pub struct Queued {
    /// The command.
    pub entry: Entry,
    /// Its arguments.
    pub args: OwnedArgs,
}

/// A transaction being queued.
#[derive(Default)]
pub struct Transaction {
    /// Commands in order.
    pub queue: Vec<Queued>,
    /// A command was refused while queueing: EXEC will fail.
    pub aborted: bool,
    /// Flags that any queued command has.
    pub flags: Flags,
    /// Bytes that the queue takes.
    pub bytes: usize,
}

impl Transaction {
    /// Bytes on the heap.
    pub fn heap_bytes(&self) -> usize {
        self.bytes + self.queue.capacity() * size_of::<Queued>()
    }
}

/// What CLIENT REPLY says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReplyMode {
    /// Replies are sent.
    #[default]
    On,
    /// None is sent.
    Off,
    /// The next command's is not sent.
    SkipNext,
    /// This command's is not sent.
    Skip,
}

/// State of one client's connection.
pub struct Session {
    /// Number of the client, never used twice.
    pub id: u64,
    /// Selected database.
    pub db: usize,
    /// Whether the client has authenticated, or did not need to.
    pub authenticated: bool,
    /// Name of the ACL user.
    pub user: String,
    /// CLIENT SETNAME.
    pub name: Vec<u8>,
    /// CLIENT SETINFO lib-name.
    pub lib_name: Vec<u8>,
    /// CLIENT SETINFO lib-ver.
    pub lib_version: Vec<u8>,
    /// The transaction being queued.
    pub transaction: Option<Transaction>,
    /// Set while EXEC runs the queue: commands must not block then.
    pub in_exec: bool,
    /// Watched keys with their databases.
    pub watched: Vec<(usize, Box<[u8]>)>,
    /// Touched when a watched key changes.
    pub watch_flag: Arc<WatchFlag>,
    /// Number of the last command that passed the gates.
    pub last_command: Option<CommandId>,
    /// CLIENT NO-TOUCH.
    pub no_touch: bool,
    /// CLIENT NO-EVICT.
    pub no_evict: bool,
    /// CLIENT REPLY.
    pub reply_mode: ReplyMode,
    /// Length of the output up to which it is messages, not replies: CLIENT REPLY does not withhold those. Meant for the
    /// command that runs, and 0 unless it wrote some while replies are withheld.
    pub messages_end: usize,
    /// Channels and patterns subscribed to; with any, a RESP2 client may only use pub/sub commands.
    pub subscriptions: usize,
    /// Shard channels subscribed to.
    pub shard_subscriptions: usize,
    /// Gets every command (MONITOR).
    pub monitoring: bool,
    /// The connection closes once the replies so far are sent.
    pub close: bool,
    /// Waits for locks asleep: there is nothing else that its thread could do. Such a session never gets
    /// [`Flow::Busy`](crate::Flow::Busy).
    pub patient: bool,
    /// Its command found a shard held and stands in line for it.
    pub(crate) in_line: bool,
    /// Where others deliver to.
    pub client: Arc<dyn Client>,
}

impl Session {
    /// A client in database 0.
    pub fn new(id: u64, authenticated: bool, client: Arc<dyn Client>) -> Self {
        Self {
            id,
            db: 0,
            authenticated,
            user: "default".into(),
            name: Vec::new(),
            lib_name: Vec::new(),
            lib_version: Vec::new(),
            transaction: None,
            in_exec: false,
            watched: Vec::new(),
            watch_flag: Arc::new(WatchFlag::default()),
            last_command: None,
            no_touch: false,
            no_evict: false,
            reply_mode: ReplyMode::On,
            messages_end: 0,
            subscriptions: 0,
            shard_subscriptions: 0,
            monitoring: false,
            close: false,
            patient: false,
            in_line: false,
            client,
        }
    }

    /// Says that all the running command has written so far is messages, `end` being the length of the output.
    pub fn wrote_messages(&mut self, end: usize) {
        // Inside EXEC's reply nothing can be told apart any more.
        if self.reply_mode != ReplyMode::On && !self.in_exec {
            self.messages_end = end;
        }
    }

    /// Whether nothing about the client keeps any command from running at once.
    #[inline]
    pub(crate) fn is_plain(&self) -> bool {
        self.authenticated && self.transaction.is_none() && !self.has_subscriptions()
    }

    #[inline]
    pub(crate) fn has_subscriptions(&self) -> bool {
        self.subscriptions + self.shard_subscriptions > 0
    }

    /// Whether commands are being queued.
    pub fn is_queueing(&self) -> bool {
        self.transaction.is_some()
    }

    /// Whether a command that finds nothing may wait for it.
    pub fn may_block(&self) -> bool {
        !self.in_exec
    }
}
