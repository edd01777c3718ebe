//! Blocking commands: who waits for what, and how they are served.
//!
//! A blocked command is kept with its arguments. When a key it waits for becomes ready it runs again, on that key only,
//! under the locks of the command that made it ready, so that clients are served in the order of their arrival and nobody
//! sees a state in between.

use crate::batch::Meter;
use crate::ctx::{BlockRequest, TimeoutReply};
use crate::dispatch::Node;
use crate::leftover::Leftover;
use crate::session::{Client, Session};
use crate::table::Entry;
use carnelian_engine::{Keyspace, Lookup, ValueRef, Waiter};
use carnelian_resp::{Args, OwnedArgs, Protocol, ReplyWriter};
use std::sync::Arc;

/// What serving a blocked client takes.
struct BlockedCommand {
    entry: Entry,
    args: OwnedArgs,
    session_id: u64,
    db: usize,
    no_touch: bool,
    protocol: Protocol,
    client: Arc<dyn Client>,
}

/// A command that waits. Dropping it does not stop the waiting: call [`Blocked::claim`] and [`Blocked::forget`].
pub struct Blocked {
    waiter: Arc<Waiter>,
    keys: Vec<Box<[u8]>>,
    db: usize,
    /// How long it waits, in milliseconds from now; `None` for ever.
    pub timeout_ms: Option<u64>,
    on_timeout: TimeoutReply,
}

impl Blocked {
    /// Stops waiting. True when the command had not been served: the caller then owes the client the answer. False: the
    /// reply has been delivered. Either way it is to be [forgotten](Self::forget).
    pub fn claim(&self) -> bool {
        self.waiter.claim()
    }

    /// Leaves every queue after having been served.
    pub fn forget(self, node: &Node) {
        let Self { waiter, keys, db, .. } = self;
        node.clear_away(Leftover::Waiter { waiter, db, keys });
    }

    /// Writes what a client gets when time has run out.
    pub fn write_timeout(&self, out: &mut ReplyWriter) {
        self.on_timeout.write(out);
    }
}

/// Queues a command under its keys.
pub(crate) fn register(
    entry: Entry,
    session: &Session,
    args: Args<'_>,
    protocol: Protocol,
    keys: &mut Keyspace<'_>,
    request: &BlockRequest,
) -> Blocked {
    let command = BlockedCommand {
        entry,
        args: args.to_owned(),
        session_id: session.id,
        db: session.db,
        no_touch: session.no_touch,
        protocol,
        client: Arc::clone(&session.client),
    };
    let waiter = Arc::new(Waiter::new(request.wants, request.shards, Box::new(command)));
    for key in &request.keys {
        keys.wait(key, &waiter);
    }
    Blocked {
        waiter,
        keys: request.keys.clone(),
        db: session.db,
        timeout_ms: request.timeout_ms,
        on_timeout: request.on_timeout,
    }
}

/// Serves clients blocked on the keys that became ready, first come first, and on the keys that become ready by that.
#[cold]
pub(crate) fn serve(node: &Node, keys: &mut Keyspace<'_>, meter: &mut Meter<'_>) {
    let selected = keys.db();
    while !keys.effects.rare().ready.is_empty() {
        for (db, key) in std::mem::take(&mut keys.effects.rare().ready) {
            keys.select(db);
            let mut place = 0;
            while let Some(waiter) = keys.waiter(&key, place) {
                // Whoever was served before may have emptied the key.
                let Some(held) = keys.read_with(&key, Lookup::Silent).map(ValueRef::value_type) else {
                    break;
                };
                if held != waiter.wants && !waiter.is_claimed() {
                    place += 1;
                    continue;
                }
                keys.stop_waiting(&key, &waiter);
                if !waiter.claim() {
                    continue;
                }
                if let Some(command) = waiter.payload.downcast_ref::<BlockedCommand>() {
                    run_again(node, command, keys, &key, meter);
                    keys.select(db);
                }
            }
        }
    }
    keys.select(selected);
}

fn run_again(
    node: &Node,
    command: &BlockedCommand,
    keys: &mut Keyspace<'_>,
    ready_key: &[u8],
    meter: &mut Meter<'_>,
) {
    let mut session = Session::new(command.session_id, true, Arc::clone(&command.client));
    session.db = command.db;
    session.no_touch = command.no_touch;
    // The command was let through when it began to wait; whatever it finds now is its answer.
    session.in_exec = true;
    let mut out = ReplyWriter::new(command.protocol);
    keys.select(command.db);
    node.call(&command.entry, &mut session, command.args.as_args(), keys, &mut out, meter, Some(ready_key));
    command.client.deliver(out.take());
}
