//! What the server knows of each client beyond its own connection, and the register of all clients.

use crate::connection::Connection;
use crate::inbox::{Inbox, Mail};
use carnelian_commands::{Client, Session, Transaction};
use parking_lot::{Mutex, MutexGuard};
use std::any::Any;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU8, AtomicU64, AtomicUsize, Ordering::Relaxed};

/// What a client takes that has sent nothing: its handle, its connection, and what it is registered in.
const BARE_BYTES: usize = size_of::<ClientHandle>() + size_of::<Connection>() + 256;
/// What watching a key takes, with the client and with the key.
const WATCHED_BYTES: usize = size_of::<(usize, Box<[u8]>)>() + 96;
/// What a subscription takes, with the client and with the channel.
const SUBSCRIPTION_BYTES: usize = 2 * size_of::<Box<[u8]>>() + 96;

/// Facts that change seldom and are text.
#[derive(Clone, Debug, Default)]
pub(crate) struct Details {
    pub(crate) name: Vec<u8>,
    pub(crate) user: String,
    pub(crate) lib_name: Vec<u8>,
    pub(crate) lib_version: Vec<u8>,
}

/// Subscriptions of one client.
#[derive(Debug, Default)]
pub(crate) struct Subscriptions {
    pub(crate) channels: BTreeSet<Box<[u8]>>,
    pub(crate) patterns: BTreeSet<Box<[u8]>>,
    pub(crate) shard_channels: BTreeSet<Box<[u8]>>,
}

/// One connected client, as others see it. The connection refreshes the numbers after each batch of commands.
#[derive(Debug)]
pub(crate) struct ClientHandle {
    pub(crate) id: u64,
    pub(crate) address: String,
    pub(crate) local_address: String,
    pub(crate) fd: i32,
    pub(crate) is_unix: bool,
    /// The peer is on this machine.
    pub(crate) is_local: bool,
    pub(crate) created_ms: u64,
    pub(crate) inbox: Inbox,
    /// Number of the worker that serves it.
    pub(crate) worker: AtomicUsize,
    pub(crate) details: Mutex<Details>,
    pub(crate) subscriptions: Mutex<Subscriptions>,
    pub(crate) last_active_ms: AtomicU64,
    pub(crate) db: AtomicUsize,
    /// Number of the last command in the table, -1 before the first.
    pub(crate) last_command: AtomicI64,
    pub(crate) resp: AtomicU8,
    /// Commands queued by MULTI; -1 outside.
    pub(crate) queued: AtomicI64,
    pub(crate) queued_bytes: AtomicUsize,
    /// Received and not understood yet.
    pub(crate) query_bytes: AtomicUsize,
    /// Of the request in the making, understood already.
    pub(crate) argument_bytes: AtomicUsize,
    pub(crate) output_bytes: AtomicUsize,
    /// Of these, bytes of values that replies refer to: they are in memory once, however many replies show them.
    pub(crate) shared_output_bytes: AtomicUsize,
    /// What buffers of requests and replies take, used or not.
    pub(crate) buffer_bytes: AtomicUsize,
    /// What its watched keys and subscriptions take.
    pub(crate) registered_bytes: AtomicUsize,
    /// What it counts for in [`ClientMemory`](crate::client_memory::ClientMemory).
    pub(crate) counted_bytes: AtomicUsize,
    /// What it counted for when it was disconnected for it, until it has gone.
    pub(crate) leaving_bytes: AtomicUsize,
    pub(crate) blocked: AtomicBool,
    pub(crate) monitoring: AtomicBool,
    pub(crate) no_evict: AtomicBool,
    pub(crate) no_touch: AtomicBool,
    pub(crate) closing: AtomicBool,
    /// Messages may be sent in the RESP3 form.
    pub(crate) authenticated: AtomicBool,
}

impl Client for ClientHandle {
    fn deliver(&self, reply: Vec<u8>) {
        self.inbox.send(Mail::Reply(reply));
    }

    fn retry(&self) {
        self.inbox.send(Mail::Retry);
    }
}

impl ClientHandle {
    #[expect(clippy::too_many_arguments, reason = "the facts of an accepted connection, known in one place")]
    pub(crate) fn new(
        id: u64,
        address: String,
        local_address: String,
        fd: i32,
        is_unix: bool,
        is_local: bool,
        created_ms: u64,
        details: Details,
    ) -> Self {
        Self {
            id,
            address,
            local_address,
            fd,
            is_unix,
            is_local,
            created_ms,
            inbox: Inbox::default(),
            worker: AtomicUsize::default(),
            details: Mutex::new(details),
            subscriptions: Mutex::default(),
            last_active_ms: AtomicU64::new(created_ms),
            db: AtomicUsize::default(),
            last_command: AtomicI64::new(-1),
            resp: AtomicU8::new(2),
            queued: AtomicI64::new(-1),
            queued_bytes: AtomicUsize::default(),
            query_bytes: AtomicUsize::default(),
            argument_bytes: AtomicUsize::default(),
            output_bytes: AtomicUsize::default(),
            shared_output_bytes: AtomicUsize::default(),
            buffer_bytes: AtomicUsize::default(),
            registered_bytes: AtomicUsize::default(),
            counted_bytes: AtomicUsize::default(),
            leaving_bytes: AtomicUsize::default(),
            blocked: AtomicBool::default(),
            monitoring: AtomicBool::default(),
            no_evict: AtomicBool::default(),
            no_touch: AtomicBool::default(),
            closing: AtomicBool::default(),
            authenticated: AtomicBool::default(),
        }
    }

    /// Takes over what the session says.
    pub(crate) fn refresh(&self, session: &Session, resp: u8, now_ms: u64) {
        self.last_active_ms.store(now_ms, Relaxed);
        self.db.store(session.db, Relaxed);
        self.resp.store(resp, Relaxed);
        self.last_command.store(session.last_command.map_or(-1, |id| id as i64), Relaxed);
        let queue = session.transaction.as_ref();
        self.queued.store(queue.map_or(-1, |queue| queue.queue.len() as i64), Relaxed);
        self.queued_bytes.store(queue.map_or(0, Transaction::heap_bytes), Relaxed);
        let registered = session.watched.len() * WATCHED_BYTES
            + (session.subscriptions + session.shard_subscriptions) * SUBSCRIPTION_BYTES;
        self.registered_bytes.store(registered, Relaxed);
    }

    /// Bytes that it takes in all, values that its replies refer to included. What the names of watched keys and channels take is not known here.
    pub(crate) fn memory_bytes(&self) -> usize {
        [&self.buffer_bytes, &self.shared_output_bytes, &self.queued_bytes, &self.registered_bytes]
            .iter()
            .fold(BARE_BYTES, |sum, part| sum + part.load(Relaxed))
    }

    /// Whether it gets messages of others: it counts as a pub/sub client for limits.
    pub(crate) fn is_subscriber(&self) -> bool {
        let subscriptions = self.subscriptions.lock();
        !(subscriptions.channels.is_empty()
            && subscriptions.patterns.is_empty()
            && subscriptions.shard_channels.is_empty())
    }
}

/// The handle behind a session, for commands that the server runs.
pub(crate) fn handle_of(session: &Session) -> Option<&ClientHandle> {
    let client: &dyn Any = &*session.client;
    client.downcast_ref()
}

/// As [`handle_of`], shared.
pub(crate) fn shared_handle_of(session: &Session) -> Option<Arc<ClientHandle>> {
    let client: Arc<dyn Any + Send + Sync> = Arc::<dyn Client>::clone(&session.client);
    client.downcast().ok()
}

/// All connected clients.
#[derive(Debug, Default)]
pub(crate) struct Clients {
    next_id: AtomicU64,
    connected: Mutex<BTreeMap<u64, Arc<ClientHandle>>>,
}

impl Clients {
    /// A number that no client has had.
    pub(crate) fn next_id(&self) -> u64 {
        self.next_id.fetch_add(1, Relaxed) + 1
    }

    pub(crate) fn add(&self, client: &Arc<ClientHandle>) {
        self.connected.lock().insert(client.id, Arc::clone(client));
    }

    pub(crate) fn remove(&self, id: u64) {
        self.connected.lock().remove(&id);
    }

    pub(crate) fn get(&self, id: u64) -> Option<Arc<ClientHandle>> {
        self.connected.lock().get(&id).cloned()
    }

    pub(crate) fn len(&self) -> usize {
        self.connected.lock().len()
    }

    /// The register, locked. Nothing else may be locked meanwhile.
    pub(crate) fn lock(&self) -> MutexGuard<'_, BTreeMap<u64, Arc<ClientHandle>>> {
        self.connected.lock()
    }

    /// All clients, oldest first.
    pub(crate) fn all(&self) -> Vec<Arc<ClientHandle>> {
        self.connected.lock().values().cloned().collect()
    }
}
