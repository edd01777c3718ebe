//! From arguments to a reply: the gates every command passes, its locks, and what follows from it.

use crate::ahead::Ahead;
use crate::batch::{Batch, Meter, Prepared};
use crate::block::{self, Blocked};
use crate::ctx::{BlockRequest, Ctx};
use crate::error::{CommandError, CommandResult};
use crate::evict::{self, Evictors, Room};
use crate::host::{Gate, Host};
use crate::leftover::Leftover;
use crate::line::Line;
use crate::session::{Queued, ReplyMode, Session, Transaction};
use crate::spec::{CommandSpec, Flags, Handler, Scope, TransactionCommand};
use crate::stats::{ErrorStats, WorkerStats};
use crate::table::{CommandId, CommandTable, Entry, Found, Keys};
use crate::transaction;
use carnelian_engine::{Engine, Garbage, KeyHash, Keyspace, RareEffects, ShardSet, Shards, WARM_MOST};
use carnelian_resp::{Args, Protocol, ReplyWriter};
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

/// What the connection does after a command.
pub enum Flow {
    /// Goes on with the next one.
    Continue,
    /// Sends what there is and closes.
    Close,
    /// Waits: the reply comes through [`Client::deliver`](crate::Client::deliver), or time runs out.
    Blocked(Box<Blocked>),
    /// Tries the same command again when the host says so; nothing has happened.
    Postponed,
    /// Another thread holds a shard that the command needs: tries the same command again, after serving others, when
    /// [`Client::retry`](crate::Client::retry) says so or a millisecond has passed. Nothing has happened.
    Busy,
}

/// A keyspace with its commands: everything below the sockets.
pub struct Node {
    engine: Arc<Engine>,
    table: CommandTable,
    host: Arc<dyn Host>,
    errors: ErrorStats,
    line: Line,
    leftovers: Mutex<Vec<Leftover>>,
    pub(crate) evictors: Evictors,
    monitored: AtomicBool,
    slow_ns: AtomicU64,
}

/// How a batch has come to the shard of a command.
#[derive(Clone, Copy)]
enum Way {
    /// It is locked and stays so for the next ones.
    Kept,
    /// It is locked.
    Locked,
    /// It is locked, only to be looked at.
    LockedToLook,
    /// It is looked at without its lock.
    Looked,
}

/// Requests of one command that have run.
struct Ran {
    /// How many.
    runs: usize,
    /// What the last of them came to.
    flow: Flow,
    /// Offset behind it.
    end: usize,
}

/// Unsent replies, in bytes, from which on somebody should see whether to send them.
const UNSENT_MAX: usize = 64 * 1024;
/// Threshold of the slow log, in nanoseconds, below which each command is timed on its own.
const TOGETHER_NS_MIN: u64 = 1_000_000;

/// Commands that a RESP2 client with subscriptions may still use.
const SUBSCRIBED_COMMANDS: [&str; 9] = [
    "subscribe",
    "ssubscribe",
    "unsubscribe",
    "sunsubscribe",
    "psubscribe",
    "punsubscribe",
    "ping",
    "quit",
    "reset",
];

/// Commands that are run, not queued, while a transaction is open.
pub const NOT_QUEUED: [&str; 6] = ["exec", "discard", "multi", "watch", "quit", "reset"];

impl Node {
    /// A node around an engine.
    pub fn new(engine: Arc<Engine>, host: Arc<dyn Host>) -> Self {
        Self {
            engine,
            table: CommandTable::new(),
            host,
            errors: ErrorStats::default(),
            line: Line::default(),
            leftovers: Mutex::default(),
            evictors: Evictors::default(),
            monitored: AtomicBool::new(false),
            slow_ns: AtomicU64::new(u64::MAX),
        }
    }

    /// The engine.
    pub fn engine(&self) -> &Arc<Engine> {
        &self.engine
    }

    /// The command table.
    pub fn table(&self) -> &CommandTable {
        &self.table
    }

    /// The command table, for renaming commands before clients come.
    pub fn table_mut(&mut self) -> &mut CommandTable {
        &mut self.table
    }

    /// The host.
    pub fn host(&self) -> &Arc<dyn Host> {
        &self.host
    }

    /// Error replies by code.
    pub fn errors(&self) -> &ErrorStats {
        &self.errors
    }

    /// Fresh counters for a worker.
    pub fn new_stats(&self) -> WorkerStats {
        WorkerStats::new(self.table.entries().len())
    }

    /// Whether [`Host::gate`] is asked before each command.
    pub fn set_gated(&self, gated: bool) {
        self.engine.gates().set_host(gated);
    }

    /// Whether [`Host::monitor`] is shown each command.
    pub fn set_monitored(&self, monitored: bool) {
        self.monitored.store(monitored, Relaxed);
    }

    /// From which duration on [`Host::slow`] is told of a command, in nanoseconds.
    pub fn set_slow_ns(&self, threshold: u64) {
        self.slow_ns.store(threshold, Relaxed);
    }

    /// Runs one command of a client, at the given time (milliseconds since 1970). The reply, if there is one yet, is
    /// appended to `out`.
    #[inline]
    pub fn execute(
        &self,
        session: &mut Session,
        args: Args<'_>,
        out: &mut ReplyWriter,
        now_ms: u64,
        stats: &WorkerStats,
    ) -> Flow {
        self.execute_prepared(session, args, &self.prepare(args), out, &mut self.batch(now_ms, stats, None))
    }

    /// Runs one command of a batch, see [`execute`](Self::execute). `prepared` was made from the same arguments.
    #[inline(never)]
    pub fn execute_prepared(
        &self,
        session: &mut Session,
        args: Args<'_>,
        prepared: &Prepared,
        out: &mut ReplyWriter,
        batch: &mut Batch<'_>,
    ) -> Flow {
        let Some(entry) = self.entry_of(prepared.command) else {
            return self.refuse_unknown(session, args, out, batch.meter.stats);
        };
        session.last_command = Some(entry.id);
        batch.meter.lap(self);
        // What nearly every command has in common, at once.
        let plain = session.is_plain() && entry.accepts(args.len()) && self.engine.gates().are_open();
        if !plain && let Some(flow) = self.stop(entry, session, args, out, batch) {
            return flow;
        }
        let flow = match (prepared.key, entry.spec.handler) {
            (Some(hash), Handler::Run(_) | Handler::Host(_)) => {
                self.run_on_key(entry, session, args, hash, out, batch)
            }
            (_, handler) => {
                batch.settle();
                if let Handler::Transaction(command) = handler {
                    transaction::run(self, command, *entry, session, args, out, &mut batch.meter)
                } else {
                    self.run_on_many(entry, session, args, out, &mut batch.meter)
                }
            }
        };
        if session.close { Flow::Close } else { flow }
    }

    /// The gates before a command: what happens instead of running it, if it must not run now.
    #[inline(never)]
    fn stop(
        &self,
        entry: &Entry,
        session: &mut Session,
        args: Args<'_>,
        out: &mut ReplyWriter,
        batch: &mut Batch<'_>,
    ) -> Option<Flow> {
        batch.settle();
        let (spec, stats) = (entry.spec, batch.meter.stats);
        let refused = |error: &CommandError, session: &mut Session, out: &mut ReplyWriter| {
            Some(self.refuse(session, Some(*entry), error, out, stats))
        };
        if !entry.accepts(args.len()) {
            return refused(&CommandError::arity(&entry.full_name()), session, out);
        }
        if !session.authenticated && !spec.flags.has(Flags::NO_AUTH) {
            return refused(&CommandError::NO_AUTH, session, out);
        }
        if session.is_queueing() && spec.flags.has(Flags::NO_MULTI) {
            return refused(&CommandError::NOT_IN_TRANSACTION, session, out);
        }
        if !self.engine.gates().are_open() {
            if self.make_room(&mut batch.meter) == Room::None && evict::adds_data(spec, session) {
                return refused(&CommandError::OUT_OF_MEMORY, session, out);
            }
            match self.host.gate(spec, session, args) {
                Gate::Pass => {}
                Gate::Refuse(error) => return refused(&error, session, out),
                Gate::Postpone => return Some(Flow::Postponed),
            }
        }
        if session.has_subscriptions()
            && out.protocol() == Protocol::Resp2
            && !SUBSCRIBED_COMMANDS.contains(&spec.name)
        {
            let error = CommandError::new(format!(
                "ERR Can't execute '{}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this \
                 context",
                entry.full_name()
            ));
            return refused(&error, session, out);
        }
        if let Some(transaction) = &mut session.transaction
            && !NOT_QUEUED.contains(&spec.name)
        {
            enqueue(transaction, *entry, args);
            out.simple("QUEUED");
            return Some(Flow::Continue);
        }
        None
    }

    #[cold]
    fn refuse_unknown(
        &self,
        session: &mut Session,
        args: Args<'_>,
        out: &mut ReplyWriter,
        stats: &WorkerStats,
    ) -> Flow {
        let error = match self.table.find(args) {
            Found::UnknownSubcommand(parent) => CommandError::unknown_subcommand(&args[1], parent.spec.name),
            _ if is_http(&args[0]) && self.host.cuts_off_http(session) => return Flow::Close,
            _ => CommandError::unknown_command(args),
        };
        self.refuse(session, None, &error, out, stats)
    }

    /// Replies with an error to a command that did not run.
    #[cold]
    fn refuse(
        &self,
        session: &mut Session,
        entry: Option<Entry>,
        error: &CommandError,
        out: &mut ReplyWriter,
        stats: &WorkerStats,
    ) -> Flow {
        if let Some(entry) = entry {
            stats.commands[entry.id].rejected.add(1);
        }
        // A refused EXEC ends its transaction, and says so in its own way, even when there is none.
        if entry.is_some_and(|entry| entry.spec.name == "exec") {
            self.discard(session);
            let mut text = b"EXECABORT Transaction discarded because of: ".to_vec();
            let reason = error.text();
            text.extend_from_slice(reason.strip_prefix(b"ERR ").unwrap_or(reason));
            self.write_error(&CommandError::new(text), out, stats);
            return Flow::Continue;
        }
        if let Some(transaction) = &mut session.transaction {
            transaction.aborted = true;
        }
        self.write_error(error, out, stats);
        Flow::Continue
    }

    pub(crate) fn write_error(&self, error: &CommandError, out: &mut ReplyWriter, stats: &WorkerStats) {
        stats.errors.add(1);
        self.errors.count(error.code());
        out.error(error.text());
    }

    /// Locks shards. For changing them: with those that serving clients blocked on their keys takes, and those that
    /// serving clients blocked on what that changes takes, and so on. `None` when another thread holds one of them for
    /// long: the session stands in line then.
    #[inline(never)]
    pub(crate) fn lock(&self, session: &mut Session, mut set: ShardSet, writes: bool) -> Option<Shards<'_>> {
        loop {
            let shards = if session.patient {
                self.engine.lock(set)
            } else {
                self.line.attempt(session, set, || self.engine.lock_soon(set))?
            };
            let needed = if writes { shards.shards_of_waiters() } else { ShardSet::EMPTY };
            if needed.is_subset(set) {
                self.line.leave(session);
                return Some(shards);
            }
            set = set.union(needed);
            drop(shards);
            self.line.released();
        }
    }

    #[inline]
    pub(crate) fn shards_for(&self, spec: &CommandSpec, args: Args<'_>) -> ShardSet {
        if spec.scope == Scope::All {
            return self.engine.all_shards();
        }
        let mut set = ShardSet::EMPTY;
        spec.key_positions(args, |position| {
            if let Some(key) = args.get(position) {
                set.insert(self.engine.shard_of(key));
            }
        });
        set
    }

    /// Runs a command that has exactly one key.
    #[inline]
    fn run_on_key(
        &self,
        entry: &Entry,
        session: &mut Session,
        args: Args<'_>,
        hash: KeyHash,
        out: &mut ReplyWriter,
        batch: &mut Batch<'_>,
    ) -> Flow {
        let Some(way) = self.enter(entry, session, args, hash, batch) else {
            batch.settle();
            return self.run_on_many(entry, session, args, out, &mut batch.meter);
        };
        let Batch { meter, keys, .. } = batch;
        let wish = self.call(entry, session, args, keys, out, meter, None);
        if wish.is_some() || keys.effects.has_rare() {
            return self.conclude(entry, session, args, keys, out, meter, wish);
        }
        self.leave(way, batch, || None);
        Flow::Continue
    }

    /// Turns a batch to the only key of a command. `None`, with nothing changed, when that is not possible at once, or not
    /// enough.
    #[inline(always)]
    fn enter(
        &self,
        entry: &Entry,
        session: &mut Session,
        args: Args<'_>,
        hash: KeyHash,
        batch: &mut Batch<'_>,
    ) -> Option<Way> {
        let Batch { keys, seat, .. } = batch;
        let Keys::One(place) = entry.keys else { return None };
        let key = args.get(usize::from(place))?;
        if self.line.has_first() {
            return None;
        }
        let way = if let Some(seat) = seat {
            let looks = entry.looks();
            if looks && keys.enter_to_read(key, hash, session.db, seat) {
                self.line.leave(session);
                return Some(Way::Looked);
            }
            keys.enter(key, hash, session.db).then_some(if looks { Way::LockedToLook } else { Way::Locked })
        } else {
            keys.enter_keeping(key, hash, session.db).then_some(Way::Kept)
        }?;
        if entry.spec.flags.has(Flags::WRITE) && keys.shards().has_waiters() {
            return None;
        }
        self.line.leave(session);
        Some(way)
    }

    /// What follows from a command that has [entered](Self::enter) and has caused nothing else. `next` is known of the
    /// command that comes next.
    #[inline(always)]
    fn leave(&self, way: Way, batch: &mut Batch<'_>, next: impl FnOnce() -> Option<Prepared>) {
        let keys = &mut batch.keys;
        match way {
            // For the next one.
            Way::Kept => return,
            Way::Looked => return keys.leave(),
            // It stays locked if the next one is on a key of the same shard.
            Way::Locked if next().is_some_and(|next| self.goes_on(keys, next)) => return,
            Way::Locked => {}
            Way::LockedToLook => keys.shards().only_read(),
        }
        keys.shards().release();
        self.line.released();
    }

    /// Whether a command needs the one shard that is locked, and will not do without: a lock that is kept would keep readers
    /// out.
    #[inline]
    fn goes_on(&self, keys: &mut Keyspace<'_>, next: Prepared) -> bool {
        next.key.is_some_and(|key| keys.has_locked(key))
            && self.entry_of(next.command).is_some_and(|entry| !entry.looks())
    }

    /// Runs requests that were made ready, as long as each is on one key, its client is a plain one and nothing else is to be
    /// done between them: what the last of them came to, and the offset behind it. `None`, and nothing has happened, when the
    /// first is of another kind: [`execute_prepared`](Self::execute_prepared) runs any.
    ///
    /// It stops, too, when replies are waiting to be sent.
    #[inline(never)]
    pub fn run_ready(
        &self,
        ahead: &mut Ahead,
        input: &[u8],
        session: &mut Session,
        out: &mut ReplyWriter,
        batch: &mut Batch<'_>,
    ) -> Option<(Flow, usize)> {
        if ahead.is_empty()
            || !session.is_plain()
            || session.reply_mode != ReplyMode::On
            || !self.engine.gates().are_open()
            || self.monitored.load(Relaxed)
        {
            return None;
        }
        batch.meter.lap(self);
        let mut ran = None;
        while let Some(prepared) = ahead.known(0) {
            let Some(entry) = self.entry_of(prepared.command) else { break };
            let Handler::Run(handler) = entry.spec.handler else { break };
            let Some(Ran { runs, flow, end }) =
                self.run_alike(entry, handler, ahead, input, session, out, batch)
            else {
                break;
            };
            ahead.take(runs);
            let goes_on = matches!(flow, Flow::Continue) && out.unsent() <= UNSENT_MAX;
            ran = Some((flow, end));
            if !goes_on {
                break;
            }
        }
        ran
    }

    /// As [`run_ready`](Self::run_ready), of one command. Short ones are measured together.
    #[expect(clippy::too_many_arguments, reason = "the parts of a context, for one caller")]
    #[inline(always)]
    fn run_alike(
        &self,
        entry: &Entry,
        handler: fn(&mut Ctx) -> CommandResult,
        ahead: &Ahead,
        input: &[u8],
        session: &mut Session,
        out: &mut ReplyWriter,
        batch: &mut Batch<'_>,
    ) -> Option<Ran> {
        let Entry { spec, parent, id, .. } = *entry;
        let slow_ns = self.slow_ns.load(Relaxed);
        let most = if entry.is_short() && slow_ns >= TOGETHER_NS_MIN { WARM_MOST as u32 } else { 1 };
        let (mut runs, mut last) = (0, None);
        batch.keys.no_touch = session.no_touch && spec.name != "touch";
        while runs < most
            && let Some((args, prepared, end)) = ahead.nth(runs as usize, input)
            && usize::from(prepared.command) == id
            && entry.accepts(args.len())
            && let Some(hash) = prepared.key
            && let Some(way) = self.enter(entry, session, args, hash, batch)
        {
            let Batch { meter, keys, .. } = &mut *batch;
            let start = out.len();
            let mut ctx =
                Ctx { args, keys, out, session, node: self, spec, parent, ready_key: None, block: None };
            let result = handler(&mut ctx);
            let wish = ctx.block;
            runs += 1;
            last = Some((args, end));
            if let Err(error) = result {
                self.withdraw(id, &error, start, out, meter.stats);
            }
            if wish.is_some() || keys.effects.has_rare() {
                session.last_command = Some(id);
                self.measure(entry, runs, session, args, meter);
                let flow = self.conclude(entry, session, args, keys, out, meter, wish);
                // What follows from a command is not the next one's time.
                meter.lap(self);
                return Some(Ran { runs: runs as usize, flow, end });
            }
            self.leave(way, batch, || ahead.known(runs as usize));
            if out.unsent() > UNSENT_MAX {
                break;
            }
        }
        let (args, end) = last?;
        session.last_command = Some(id);
        self.measure(entry, runs, session, args, &mut batch.meter);
        Some(Ran { runs: runs as usize, flow: Flow::Continue, end })
    }

    /// Counts runs of a command that have ended just now. `args` are those of the last one.
    #[inline(always)]
    fn measure(&self, entry: &Entry, runs: u32, session: &Session, args: Args<'_>, meter: &mut Meter<'_>) {
        let Some(command) = meter.stats.commands.get(entry.id) else { return };
        let duration_ns = meter.lap(self);
        command.record(runs, duration_ns);
        command.calls.add(u64::from(runs));
        meter.stats.processed.add(u64::from(runs));
        if duration_ns >= self.slow_ns.load(Relaxed) && !entry.spec.flags.has(Flags::SKIP_SLOWLOG) {
            self.host.slow(entry.spec, session, args, duration_ns);
        }
    }

    /// Replies with an error instead of what was written from `start` on.
    #[cold]
    fn withdraw(
        &self,
        id: CommandId,
        error: &CommandError,
        start: usize,
        out: &mut ReplyWriter,
        stats: &WorkerStats,
    ) {
        out.truncate(start);
        self.write_error(error, out, stats);
        if let Some(command) = stats.commands.get(id) {
            command.failed.add(1);
        }
    }

    /// Runs a command with any number of keys.
    #[inline(never)]
    fn run_on_many(
        &self,
        entry: &Entry,
        session: &mut Session,
        args: Args<'_>,
        out: &mut ReplyWriter,
        meter: &mut Meter<'_>,
    ) -> Flow {
        let shards = if entry.keys == Keys::None {
            Shards::none()
        } else {
            let set = self.shards_for(entry.spec, args);
            match self.lock(session, set, entry.spec.flags.has(Flags::WRITE)) {
                Some(shards) => shards,
                None => return Flow::Busy,
            }
        };
        let mut keys = self.engine.keyspace(shards, session.db, meter.now_ms);
        let wish = self.call(entry, session, args, &mut keys, out, meter, None);
        self.conclude(entry, session, args, &mut keys, out, meter, wish)
    }

    /// What follows from a command that has run.
    #[expect(clippy::too_many_arguments, reason = "the parts of a context, for two callers")]
    #[inline(never)]
    fn conclude(
        &self,
        entry: &Entry,
        session: &Session,
        args: Args<'_>,
        keys: &mut Keyspace<'_>,
        out: &ReplyWriter,
        meter: &mut Meter<'_>,
        wish: Option<Box<BlockRequest>>,
    ) -> Flow {
        let flow = wish.map_or(Flow::Continue, |wish| {
            Flow::Blocked(Box::new(block::register(*entry, session, args, out.protocol(), keys, &wish)))
        });
        self.finish(keys, meter);
        flow
    }

    #[inline]
    pub(crate) fn show_monitor(&self, session: &Session, args: Args<'_>, spec: &CommandSpec) {
        if self.monitored.load(Relaxed) && !spec.flags.has_any(Flags::SKIP_MONITOR.or(Flags::ADMIN)) {
            self.host.monitor(session, args);
        }
    }

    /// Runs a handler on locked keys, with its statistics. On an error the reply so far is withdrawn.
    #[expect(clippy::too_many_arguments, reason = "the parts of a context, for one caller each")]
    #[inline(always)]
    pub(crate) fn call(
        &self,
        entry: &Entry,
        session: &mut Session,
        args: Args<'_>,
        keys: &mut Keyspace<'_>,
        out: &mut ReplyWriter,
        meter: &mut Meter<'_>,
        ready_key: Option<&[u8]>,
    ) -> Option<Box<BlockRequest>> {
        if ready_key.is_none() {
            self.show_monitor(session, args, entry.spec);
        }
        let start = out.len();
        keys.no_touch = session.no_touch && entry.spec.name != "touch";
        let Entry { spec, parent, .. } = *entry;
        let mut ctx = Ctx { args, keys, out, session, node: self, spec, parent, ready_key, block: None };
        let result = match entry.spec.handler {
            Handler::Run(run) => run(&mut ctx),
            Handler::Host(command) => self.host.run(command, &mut ctx),
            // The only one of its kind that is queued. EXEC has stopped watching already.
            Handler::Transaction(TransactionCommand::Unwatch) => {
                ctx.out.ok();
                Ok(())
            }
            Handler::Transaction(_) | Handler::Subcommands => Err(CommandError::NOT_IN_TRANSACTION),
        };
        let block = ctx.block;
        if let Err(error) = result {
            self.withdraw(entry.id, &error, start, out, meter.stats);
        }
        if ready_key.is_none() {
            self.measure(entry, 1, session, args, meter);
        } else if let Some(command) = meter.stats.commands.get(entry.id) {
            // A blocked command was counted when it began to wait.
            command.record(1, meter.lap(self));
        }
        block
    }

    /// Everything that follows from a command before the locks are released, the release, and what can wait until then.
    #[inline(always)]
    pub(crate) fn finish(&self, keys: &mut Keyspace<'_>, meter: &mut Meter<'_>) {
        if keys.effects.has_rare() {
            self.follow_up(keys, meter);
        }
        // What is left of the keyspace has no shards any more, only what the command caused.
        keys.shards().release();
        self.line.released();
        meter.count(&mut keys.effects);
        if let Some(rare) = keys.effects.take_rare() {
            self.reclaim(*rare, meter);
        }
    }

    /// What must follow before the locks are released.
    #[cold]
    fn follow_up(&self, keys: &mut Keyspace<'_>, meter: &mut Meter<'_>) {
        block::serve(self, keys, meter);
        for event in &keys.effects.rare().events {
            self.host.keyspace_event(event);
        }
    }

    #[cold]
    fn reclaim(&self, rare: RareEffects, meter: &mut Meter<'_>) {
        let RareEffects { garbage, lazy_garbage, .. } = rare;
        if garbage.is_empty() && lazy_garbage.is_empty() {
            return;
        }
        let emptied = garbage.iter().any(Garbage::is_database);
        drop(garbage);
        if emptied {
            self.host.purge();
        }
        if !lazy_garbage.is_empty() {
            self.host.reclaim(lazy_garbage);
        }
        meter.lap(self);
    }

    /// Removes entries of one shard whose time is over, at most `limit`; returns how many. Does nothing while somebody
    /// holds the shard.
    pub fn expire_due(&self, shard: usize, limit: usize, now_ms: u64, stats: &WorkerStats) -> usize {
        let Some(shards) = self.engine.try_lock(shard) else { return 0 };
        let mut keys = self.engine.keyspace(shards, 0, now_ms);
        let removed = keys.expire_due(limit);
        self.finish(&mut keys, &mut self.meter(now_ms, stats));
        removed
    }

    /// Ends a client's transaction, stops watching its keys, and gives up its place in any line.
    pub fn discard(&self, session: &mut Session) {
        self.line.leave(session);
        session.transaction = None;
        transaction::unwatch(self, session);
    }

    /// Shards have been released: whoever waits for them is told.
    #[inline]
    pub(crate) fn released(&self) {
        self.line.released();
    }

    /// Takes what somebody who is gone has left with shards back from there, now if nobody holds them and later if
    /// somebody does: it harms nobody.
    pub(crate) fn clear_away(&self, leftover: Leftover) {
        if leftover.clear(&self.engine) {
            self.released();
        } else {
            self.leftovers.lock().push(leftover);
        }
    }

    /// Takes back from the shards what could not be taken back at once because somebody held them. To be called now and
    /// then.
    pub fn clear_leftovers(&self) {
        let leftovers = std::mem::take(&mut *self.leftovers.lock());
        for leftover in leftovers {
            self.clear_away(leftover);
        }
    }
}

/// Whether a word begins a line of HTTP with which a web page could send commands in its visitor's name. Such a client is
/// cut off before it gets to them.
#[cold]
fn is_http(name: &[u8]) -> bool {
    name.eq_ignore_ascii_case(b"post") || name.eq_ignore_ascii_case(b"host:")
}

fn enqueue(transaction: &mut Transaction, entry: Entry, args: Args<'_>) {
    // Once a command was refused EXEC can only fail; there is no use in keeping the rest.
    if transaction.aborted {
        return;
    }
    let args = args.to_owned();
    transaction.bytes += args.heap_bytes();
    transaction.flags = transaction.flags.or(entry.spec.flags);
    transaction.queue.push(Queued { entry, args });
}
