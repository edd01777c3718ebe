//! A client and the node that it calls, for benches and for counting instructions.

#![allow(dead_code, reason = "nobody calls in every way")]

use carnelian_commands::{Ahead, NoClient, NoHost, Node, Session, WorkerStats};
use carnelian_engine::{Engine, EngineOptions};
use carnelian_resp::{Limits, OwnedArgs, Protocol, ReplyWriter, RequestParser};
use std::sync::Arc;

const NOW_MS: u64 = 1_700_000_000_000;

pub(crate) struct Caller {
    node: Node,
    session: Session,
    out: ReplyWriter,
    stats: WorkerStats,
    parser: RequestParser,
    ahead: Ahead,
}

impl Caller {
    pub(crate) fn new(shards: usize) -> Self {
        let engine = Arc::new(Engine::new(EngineOptions { shards, databases: 16, seed: 1 }));
        let node = Node::new(engine, Arc::new(NoHost));
        let stats = node.new_stats();
        Self {
            node,
            session: Session::new(1, true, Arc::new(NoClient)),
            out: ReplyWriter::new(Protocol::Resp2),
            stats,
            parser: RequestParser::new(Limits::default()),
            ahead: Ahead::default(),
        }
    }

    /// Runs one command, whose reply takes the place of the one before.
    pub(crate) fn run(&mut self, args: &OwnedArgs) {
        self.out.clear();
        self.node.execute(&mut self.session, args.as_args(), &mut self.out, NOW_MS, &self.stats);
    }

    /// Runs the requests of one read as a worker does.
    pub(crate) fn run_read(&mut self, input: &[u8]) {
        let Self { node, session, out, stats, parser, ahead } = self;
        out.clear();
        let mut batch = node.batch(NOW_MS, stats, None);
        let mut at = 0;
        while at < input.len() {
            ahead.fill(&mut batch, parser, session.db, input, at);
            while !ahead.is_empty() {
                if let Some((_, end)) = node.run_ready(ahead, input, session, out, &mut batch) {
                    at = end;
                } else if let Some((args, prepared, end)) = ahead.next(input) {
                    node.execute_prepared(session, args, &prepared, out, &mut batch);
                    ahead.take(1);
                    at = end;
                }
            }
        }
    }
}
