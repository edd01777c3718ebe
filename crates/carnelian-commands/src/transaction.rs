//! MULTI, EXEC, DISCARD, WATCH, UNWATCH.

use crate::batch::Meter;
use crate::dispatch::{Flow, Node};
use crate::error::CommandError;
use crate::leftover::Leftover;
use crate::session::{Session, Transaction};
use crate::spec::{Flags, TransactionCommand};
use crate::table::Entry;
use carnelian_engine::{Lookup, ShardSet};
use carnelian_resp::{Args, ReplyWriter};

/// Runs a command that steers transactions.
pub(crate) fn run(
    node: &Node,
    command: TransactionCommand,
    entry: Entry,
    session: &mut Session,
    args: Args<'_>,
    out: &mut ReplyWriter,
    meter: &mut Meter<'_>,
) -> Flow {
    let begin = meter.ticks_ns;
    // EXEC is shown behind the commands that it runs, in the order they take effect, and any command once it has its
    // locks: it begins anew if it does not get them.
    let result = match command {
        TransactionCommand::Multi => multi(session, out),
        TransactionCommand::Exec => exec(node, session, out, meter),
        TransactionCommand::Discard => discard(node, session, out),
        TransactionCommand::Watch => watch(node, session, args, out, meter.now_ms),
        TransactionCommand::Unwatch => {
            unwatch(node, session);
            out.ok();
            Ok(())
        }
    };
    let error = match result {
        Ok(()) => None,
        Err(Ended::Busy) => return Flow::Busy,
        Err(Ended::Error(error)) => Some(error),
    };
    node.show_monitor(session, args, entry.spec);
    let stats = meter.stats;
    let Some(counters) = stats.commands.get(entry.id) else { return Flow::Continue };
    if let Some(error) = error {
        node.write_error(&error, out, stats);
        counters.failed.add(1);
    }
    // Of EXEC, with the commands that it ran.
    meter.lap(node);
    counters.record(1, meter.ticks_ns.saturating_sub(begin));
    counters.calls.add(1);
    stats.processed.add(1);
    Flow::Continue
}

/// Why a command has not done what it is for.
enum Ended {
    /// This is its reply.
    Error(CommandError),
    /// A shard that it needs is held; nothing has happened.
    Busy,
}

impl From<CommandError> for Ended {
    fn from(error: CommandError) -> Self {
        Self::Error(error)
    }
}

fn multi(session: &mut Session, out: &mut ReplyWriter) -> Result<(), Ended> {
    if session.is_queueing() {
        return Err(CommandError::NESTED_MULTI.into());
    }
    session.transaction = Some(Transaction::default());
    out.ok();
    Ok(())
}

fn discard(node: &Node, session: &mut Session, out: &mut ReplyWriter) -> Result<(), Ended> {
    if !session.is_queueing() {
        return Err(CommandError::DISCARD_WITHOUT_MULTI.into());
    }
    node.discard(session);
    out.ok();
    Ok(())
}

fn watch(
    node: &Node,
    session: &mut Session,
    args: Args<'_>,
    out: &mut ReplyWriter,
    now_ms: u64,
) -> Result<(), Ended> {
    if session.is_queueing() {
        return Err(CommandError::WATCH_IN_MULTI.into());
    }
    // A transaction that is bound to fail need not watch more.
    if !session.watch_flag.is_touched() {
        let engine = node.engine();
        let names: Vec<&[u8]> = args.iter().skip(1).collect();
        let shards = node.lock(session, engine.shards_of(&names), false).ok_or(Ended::Busy)?;
        let mut keys = engine.keyspace(shards, session.db, now_ms);
        for key in names {
            if keys.watch(key, &session.watch_flag) {
                session.watched.push((session.db, key.into()));
            }
        }
        drop(keys);
        node.released();
    }
    out.ok();
    Ok(())
}

/// Stops watching every key.
pub(crate) fn unwatch(node: &Node, session: &mut Session) {
    if !session.watched.is_empty() {
        let flag = std::mem::take(&mut session.watch_flag);
        node.clear_away(Leftover::Watches { flag, watched: std::mem::take(&mut session.watched) });
    }
}

fn exec(
    node: &Node,
    session: &mut Session,
    out: &mut ReplyWriter,
    meter: &mut Meter<'_>,
) -> Result<(), Ended> {
    let Some(transaction) = &session.transaction else {
        return Err(CommandError::EXEC_WITHOUT_MULTI.into());
    };
    if transaction.aborted {
        session.transaction = None;
        unwatch(node, session);
        return Err(CommandError::EXEC_ABORT.into());
    }
    let engine = node.engine();
    let mut set = transaction.queue.iter().fold(ShardSet::EMPTY, |set, queued| {
        set.union(node.shards_for(queued.entry.spec, queued.args.as_args()))
    });
    for (_, key) in &session.watched {
        set.insert(engine.shard_of(key));
    }
    let writes = transaction.flags.has(Flags::WRITE);
    let shards = node.lock(session, set, writes).ok_or(Ended::Busy)?;
    let transaction = session.transaction.take().unwrap_or_default();
    let mut keys = engine.keyspace(shards, session.db, meter.now_ms);
    for (db, key) in std::mem::take(&mut session.watched) {
        keys.select(db);
        // A key whose time has come since it was watched is removed by the look-up, which touches the flag.
        keys.read_with(&key, Lookup::Silent);
        keys.unwatch(&key, &session.watch_flag);
    }
    keys.select(session.db);
    let touched = std::mem::take(&mut session.watch_flag).is_touched();
    if touched {
        out.null_array();
    } else {
        session.in_exec = true;
        out.array(transaction.queue.len());
        for queued in &transaction.queue {
            keys.select(session.db);
            node.call(&queued.entry, session, queued.args.as_args(), &mut keys, out, meter, None);
        }
        session.in_exec = false;
    }
    node.finish(&mut keys, meter);
    Ok(())
}
