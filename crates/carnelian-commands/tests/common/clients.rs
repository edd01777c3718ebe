//! Several clients on one node, some of them waiting.

use super::{START_MS, show};
use carnelian_commands::{Blocked, Client, Flow, NoHost, Node, Session, WorkerStats};
use carnelian_engine::{Engine, EngineOptions};
use carnelian_resp::{OwnedArgs, Protocol, ReplyWriter, decode_reply, split_args};
use std::sync::{Arc, Condvar, Mutex};

/// Holds what was delivered until somebody takes it.
#[derive(Default)]
pub(crate) struct Mailbox {
    delivered: Mutex<Option<Vec<u8>>>,
    arrival: Condvar,
}

impl Client for Mailbox {
    fn deliver(&self, reply: Vec<u8>) {
        let before = self.delivered.lock().unwrap().replace(reply);
        assert_eq!(before, None, "a client gets one reply");
        self.arrival.notify_one();
    }
}

impl Mailbox {
    /// What has been delivered.
    pub(crate) fn take(&self) -> Option<Vec<u8>> {
        self.delivered.lock().unwrap().take()
    }

    /// Waits for a delivery.
    pub(crate) fn wait(&self) -> Vec<u8> {
        let mut delivered = self.delivered.lock().unwrap();
        loop {
            match delivered.take() {
                Some(reply) => return reply,
                None => delivered = self.arrival.wait(delivered).unwrap(),
            }
        }
    }
}

/// A node without a server.
pub(crate) fn node(shards: usize) -> Node {
    let engine = Arc::new(Engine::new(EngineOptions { shards, databases: 16, seed: 7 }));
    Node::new(engine, Arc::new(NoHost))
}

/// A client of a shared node.
pub(crate) struct Caller<'n> {
    node: &'n Node,
    pub(crate) session: Session,
    pub(crate) mailbox: Arc<Mailbox>,
    pub(crate) blocked: Option<Blocked>,
    pub(crate) stats: WorkerStats,
    out: ReplyWriter,
}

impl<'n> Caller<'n> {
    pub(crate) fn new(node: &'n Node, id: u64, protocol: Protocol) -> Self {
        let mailbox = Arc::new(Mailbox::default());
        let mut session = Session::new(id, true, mailbox.clone());
        session.patient = true;
        let stats = node.new_stats();
        Self { node, session, mailbox, blocked: None, stats, out: ReplyWriter::new(protocol) }
    }

    /// Runs a command line; the reply as [`show`] writes it, or `waits`.
    pub(crate) fn run(&mut self, line: &str) -> String {
        assert!(self.blocked.is_none(), "the client waits");
        let args = OwnedArgs::from_slices(&split_args(line.as_bytes()).expect("balanced quotes"));
        self.out.clear();
        match self.node.execute(&mut self.session, args.as_args(), &mut self.out, START_MS, &self.stats) {
            Flow::Blocked(blocked) => {
                assert!(self.out.is_empty(), "who waits has no reply yet");
                self.blocked = Some(*blocked);
                "waits".into()
            }
            Flow::Continue => {
                self.out.debug_check_complete();
                decode(self.out.buf())
            }
            _ => panic!("the connection goes on"),
        }
    }

    /// The reply that came while the client waited; `waits` when there is none.
    pub(crate) fn served(&mut self) -> String {
        match self.mailbox.take() {
            Some(reply) => {
                self.blocked.take().expect("only who waits is served").forget(self.node);
                decode(&reply)
            }
            None => "waits".into(),
        }
    }

    /// Waits for the reply.
    pub(crate) fn wait(&mut self) -> String {
        let reply = self.mailbox.wait();
        self.blocked.take().expect("only who waits is served").forget(self.node);
        decode(&reply)
    }

    /// Lets time run out; the reply, or `served` when one came first.
    pub(crate) fn time_out(&mut self) -> String {
        let blocked = self.blocked.take().expect("only who waits times out");
        if !blocked.claim() {
            self.blocked = Some(blocked);
            return "served".into();
        }
        self.out.clear();
        blocked.write_timeout(&mut self.out);
        blocked.forget(self.node);
        decode(self.out.buf())
    }

    /// The client is gone.
    pub(crate) fn leave(&mut self) {
        if let Some(blocked) = self.blocked.take() {
            blocked.claim();
            blocked.forget(self.node);
        }
    }
}

fn decode(wire: &[u8]) -> String {
    let (reply, len) = decode_reply(wire).expect("a well-formed reply").expect("a whole reply");
    assert_eq!(len, wire.len(), "exactly one reply");
    show(&reply)
}

/// Runs a transcript with 1 and 64 shards and both protocols. Each line is `client: command => reply`; the reply `waits`
/// says that the client is blocked. `client <= reply` is what a waiting client has got since, `client ~ reply` what it
/// gets when its time is over, and `client x` makes it go away.
#[track_caller]
pub(crate) fn check_clients(transcript: &str) {
    for shards in [1, 64] {
        for protocol in [Protocol::Resp2, Protocol::Resp3] {
            let node = node(shards);
            let mut clients: Vec<(char, Caller)> = Vec::new();
            for line in transcript.lines().map(str::trim).filter(|line| !line.is_empty()) {
                let name = line.chars().next().expect("a line begins with a client");
                if !clients.iter().any(|(other, _)| *other == name) {
                    let id = clients.len() as u64 + 1;
                    clients.push((name, Caller::new(&node, id, protocol)));
                }
                let (_, client) = clients.iter_mut().find(|(other, _)| *other == name).expect("just added");
                let context = format!("{line} ({shards} shards, {protocol:?})");
                let rest = line[1..].trim_start();
                if let Some(command) = rest.strip_prefix(':') {
                    let (command, reply) = command.split_once(" => ").expect("a command, ` => ` and a reply");
                    assert_eq!(client.run(command.trim()), reply, "{context}");
                } else if let Some(reply) = rest.strip_prefix("<= ") {
                    assert_eq!(client.served(), reply, "{context}");
                } else if let Some(reply) = rest.strip_prefix("~ ") {
                    assert_eq!(client.time_out(), reply, "{context}");
                } else if rest == "x" {
                    client.leave();
                } else {
                    panic!("unknown line: {line}");
                }
            }
            for (name, mut client) in clients {
                assert!(
                    client.mailbox.take().is_none(),
                    "{name} got a reply nobody looked at ({shards} shards)"
                );
                client.leave();
            }
            assert!(nobody_waits(&node), "queues are left behind ({shards} shards)");
        }
    }
}

/// Whether no shard knows of a waiting client that needs other shards.
pub(crate) fn nobody_waits(node: &Node) -> bool {
    node.clear_leftovers();
    let engine = node.engine();
    engine.lock(engine.all_shards()).shards_of_waiters().is_empty()
}
