//! MULTI, EXEC, DISCARD, WATCH, UNWATCH.

use crate::dispatch::{Flow, Node};
use crate::error::{CommandError, CommandResult};
use crate::session::{Session, Transaction};
use crate::spec::{Flags, TransactionCommand};
use crate::stats::WorkerStats;
use crate::table::Entry;
use carnelian_engine::{Lookup, ShardSet, WatchFlag};
use carnelian_resp::{Args, ReplyWriter};
use std::sync::Arc;

#[expect(clippy::too_many_arguments, reason = "the dispatcher's own state, handed on")]
pub(crate) fn run(
    node: &Node,
    command: TransactionCommand,
    entry: Entry,
    session: &mut Session,
    args: Args<'_>,
    out: &mut ReplyWriter,
    now_ms: u64,
    stats: &WorkerStats,
) -> Flow {
    // EXEC is shown behind the commands that it runs, in the order they take effect.
    let is_exec = matches!(command, TransactionCommand::Exec);
    if !is_exec {
        node.show_monitor(session, args, entry.spec);
    }
    let begin = node.host().ticks_ns();
    let result = match command {
        TransactionCommand::Multi => multi(session, out),
        TransactionCommand::Exec => exec(node, session, out, now_ms, stats),
        TransactionCommand::Discard => discard(node, session, out),
        TransactionCommand::Watch => watch(node, session, args, out, now_ms),
        TransactionCommand::Unwatch => {
            unwatch(node, session);
            out.ok();
            Ok(())
        }
    };
    if is_exec {
        node.show_monitor(session, args, entry.spec);
    }
    let counters = &stats.commands[entry.id];
    if let Err(error) = result {
        node.write_error(&error, out, stats);
        counters.failed.add(1);
    }
    counters.calls.add(1);
    counters.duration_ns.add(node.host().ticks_ns().saturating_sub(begin));
    stats.processed.add(1);
    Flow::Continue
}

fn multi(session: &mut Session, out: &mut ReplyWriter) -> CommandResult {
    if session.is_queueing() {
        return Err(CommandError::NESTED_MULTI);
    }
    session.transaction = Some(Transaction::default());
    out.ok();
    Ok(())
}

fn discard(node: &Node, session: &mut Session, out: &mut ReplyWriter) -> CommandResult {
    if !session.is_queueing() {
        return Err(CommandError::DISCARD_WITHOUT_MULTI);
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
) -> CommandResult {
    if session.is_queueing() {
        return Err(CommandError::WATCH_IN_MULTI);
    }
    // A transaction that is bound to fail need not watch more.
    if !session.watch_flag.is_touched() {
        let engine = node.engine();
        let names: Vec<&[u8]> = args.iter().skip(1).collect();
        let mut keys = engine.keyspace(engine.lock(engine.shards_of(&names)), session.db, now_ms);
        for key in names {
            if keys.watch(key, &session.watch_flag) {
                session.watched.push((session.db, key.into()));
            }
        }
    }
    out.ok();
    Ok(())
}

/// Stops watching every key.
pub(crate) fn unwatch(node: &Node, session: &mut Session) {
    if session.watched.is_empty() {
        return;
    }
    let engine = node.engine();
    let watched = std::mem::take(&mut session.watched);
    let names: Vec<&[u8]> = watched.iter().map(|(_, key)| key.as_ref()).collect();
    let mut keys = engine.keyspace(engine.lock(engine.shards_of(&names)), session.db, 0);
    for (db, key) in &watched {
        keys.select(*db);
        keys.unwatch(key, &session.watch_flag);
    }
    session.watch_flag = Arc::new(WatchFlag::default());
}

fn exec(
    node: &Node,
    session: &mut Session,
    out: &mut ReplyWriter,
    now_ms: u64,
    stats: &WorkerStats,
) -> CommandResult {
    let Some(transaction) = session.transaction.take() else { return Err(CommandError::EXEC_WITHOUT_MULTI) };
    if transaction.aborted {
        unwatch(node, session);
        return Err(CommandError::EXEC_ABORT);
    }
    let engine = node.engine();
    let mut set = transaction.queue.iter().fold(ShardSet::EMPTY, |set, queued| {
        set.union(node.shards_for(queued.entry.spec, queued.args.as_args()))
    });
    for (_, key) in &session.watched {
        set.insert(engine.shard_of(key));
    }
    let shards = if transaction.flags.has(Flags::WRITE) { node.lock_to_write(set) } else { engine.lock(set) };
    let mut keys = engine.keyspace(shards, session.db, now_ms);
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
            node.call(queued.entry, session, queued.args.as_args(), &mut keys, out, stats, None);
        }
        session.in_exec = false;
    }
    node.finish(keys, stats, true);
    Ok(())
}
