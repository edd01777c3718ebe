//! A node in process for tests: commands in, replies out, in every layout that must not make a difference.

#![allow(dead_code, reason = "each test binary uses its own part")]

pub(crate) mod clients;

use carnelian_commands::{
    CommandError, CommandResult, Ctx, Flow, Host, HostCommand, NoClient, Node, Session, WorkerStats,
};
use carnelian_engine::{Engine, EngineOptions, KeyEvent, Seat};
use carnelian_resp::{OwnedArgs, Protocol, Reply, ReplyWriter, decode_reply, split_args};
use std::fmt::Write;
use std::sync::{Arc, Mutex};

/// The time at which every test begins, in milliseconds since 1970.
pub(crate) const START_MS: u64 = 1_700_000_000_000;

/// Remembers keyspace events, so that tests can ask for them.
#[derive(Default)]
pub(crate) struct Recorder(Mutex<Vec<String>>);

impl Host for Recorder {
    fn run(&self, _: HostCommand, _: &mut Ctx) -> CommandResult {
        Err(CommandError::NO_SERVER)
    }

    fn reset(&self, session: &mut Session) {
        session.authenticated = true;
    }

    fn keyspace_event(&self, event: &KeyEvent) {
        self.0.lock().unwrap().push(format!("{} {}", event.name, event.key.escape_ascii()));
    }
}

/// One node with one client.
pub(crate) struct TestNode {
    pub(crate) node: Node,
    pub(crate) session: Session,
    pub(crate) out: ReplyWriter,
    pub(crate) stats: WorkerStats,
    pub(crate) now_ms: u64,
    /// Of a node with several shards: reads of one key go without locks, which must not make a difference either.
    seat: Option<Seat>,
    host: Arc<Recorder>,
}

impl TestNode {
    /// A node with so many shards and a fixed seed, whose client speaks `protocol`.
    pub(crate) fn new(shards: usize, protocol: Protocol) -> Self {
        let engine = Arc::new(Engine::new(EngineOptions { shards, databases: 16, seed: 7 }));
        engine.settings().set_notify_events(u32::MAX);
        let host = Arc::new(Recorder::default());
        let seat = if shards > 1 { engine.seat() } else { None };
        let node = Node::new(engine, host.clone());
        let stats = node.new_stats();
        let session = Session::new(1, true, Arc::new(NoClient));
        Self { node, session, out: ReplyWriter::new(protocol), stats, now_ms: START_MS, seat, host }
    }

    /// The wire bytes that answer a command given as arguments.
    pub(crate) fn wire(&mut self, args: &[impl AsRef<[u8]>]) -> Vec<u8> {
        let args = OwnedArgs::from_slices(args);
        self.out.clear();
        let mut batch = self.node.batch(self.now_ms, &self.stats, self.seat.as_ref());
        let (args, session) = (args.as_args(), &mut self.session);
        let prepared = self.node.prepare(args);
        let flow = self.node.execute_prepared(session, args, &prepared, &mut self.out, &mut batch);
        drop(batch);
        assert!(matches!(flow, Flow::Continue), "the command neither blocks nor closes");
        self.out.debug_check_complete();
        self.out.buf().to_vec()
    }

    /// The reply to a command given as arguments.
    pub(crate) fn reply(&mut self, args: &[impl AsRef<[u8]>]) -> Reply {
        let wire = self.wire(args);
        let (reply, len) = decode_reply(&wire).expect("a well-formed reply").expect("a whole reply");
        assert_eq!(len, wire.len(), "exactly one reply");
        reply
    }

    /// The reply to a command line (quoting as in redis-cli), as [`show`] writes it.
    pub(crate) fn run(&mut self, line: &str) -> String {
        show(&self.reply(&split_args(line.as_bytes()).expect("balanced quotes")))
    }

    /// The wire bytes that answer a command line, escaped.
    pub(crate) fn raw(&mut self, line: &str) -> String {
        self.wire(&split_args(line.as_bytes()).expect("balanced quotes")).escape_ascii().to_string()
    }

    /// Keyspace events since the last call, as `name key`.
    pub(crate) fn events(&mut self) -> Vec<String> {
        std::mem::take(&mut *self.host.0.lock().unwrap())
    }

    /// Changes counted since the last call.
    pub(crate) fn dirty(&mut self) -> u64 {
        let dirty = self.stats.dirty.get();
        self.stats.dirty.reset();
        dirty
    }
}

/// A reply as one line of text, the same for both protocols where they say the same: texts in quotes, `nil`, errors
/// after a minus, anything with several values in brackets.
pub(crate) fn show(reply: &Reply) -> String {
    let mut text = String::new();
    write_reply(&mut text, reply);
    text
}

fn write_reply(out: &mut String, reply: &Reply) {
    match reply {
        Reply::Simple(text) => write!(out, "{}", String::from_utf8_lossy(text)),
        Reply::Error(text) => write!(out, "-{}", String::from_utf8_lossy(text)),
        Reply::Integer(value) => write!(out, "{value}"),
        Reply::Bulk(text) => write!(out, "\"{}\"", text.escape_ascii()),
        Reply::Null | Reply::NullArray => write!(out, "nil"),
        Reply::Array(values) | Reply::Set(values) | Reply::Push(values) => {
            write_all(out, values.iter());
            Ok(())
        }
        Reply::Map(pairs) => {
            write_all(out, pairs.iter().flat_map(|(key, value)| [key, value]));
            Ok(())
        }
        Reply::Double(value) => write!(out, "\"{value}\""),
        Reply::Boolean(value) => write!(out, "{}", u8::from(*value)),
        other => write!(out, "{other:?}"),
    }
    .expect("writing to a string");
}

fn write_all<'a>(out: &mut String, values: impl Iterator<Item = &'a Reply>) {
    out.push('[');
    for (index, value) in values.enumerate() {
        if index > 0 {
            out.push_str(", ");
        }
        write_reply(out, value);
    }
    out.push(']');
}

/// Runs `test` on nodes with 1 and 64 shards, for clients of both protocols.
pub(crate) fn everywhere(test: impl Fn(&mut TestNode)) {
    for shards in [1, 64] {
        for protocol in [Protocol::Resp2, Protocol::Resp3] {
            test(&mut TestNode::new(shards, protocol));
        }
    }
}

/// Runs a transcript everywhere: each line is a command and, after ` => `, the reply as [`show`] writes it. A line
/// `@ N` lets N milliseconds pass; `! a; b` names the events since the last such line.
#[track_caller]
pub(crate) fn check(transcript: &str) {
    everywhere(|node| check_on(node, transcript));
}

/// Runs a transcript on one node, see [`check`].
#[track_caller]
pub(crate) fn check_on(node: &mut TestNode, transcript: &str) {
    for line in transcript.lines().map(str::trim).filter(|line| !line.is_empty()) {
        if let Some(millis) = line.strip_prefix("@ ") {
            node.now_ms += millis.parse::<u64>().expect("milliseconds");
        } else if let Some(events) = line.strip_prefix('!') {
            assert_eq!(node.events().join("; "), events.trim(), "events");
        } else {
            let (command, expected) = line.split_once(" => ").expect("a command, ` => ` and a reply");
            let (shards, protocol) = (node.node.engine().shard_count(), node.out.protocol());
            assert_eq!(node.run(command), expected, "{command} ({shards} shards, {protocol:?})");
        }
    }
}
