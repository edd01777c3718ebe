//! What commands allocate: nothing to read a string, nothing to overwrite one, and one piece of memory to add one.

use allocation_counter::measure;
use carnelian_commands::{Flow, NoClient, NoHost, Node, Session, WorkerStats};
use carnelian_engine::{Engine, EngineOptions};
use carnelian_resp::{Limits, Protocol, ReplyWriter, RequestParser, Status, encode_command};
use std::sync::Arc;

const NOW_MS: u64 = 1_700_000_000_000;

struct Client {
    node: Node,
    session: Session,
    stats: WorkerStats,
    parser: RequestParser,
    out: ReplyWriter,
}

impl Client {
    fn new() -> Self {
        let engine = Arc::new(Engine::new(EngineOptions { shards: 16, databases: 16, seed: 1 }));
        let node = Node::new(engine, Arc::new(NoHost));
        let stats = node.new_stats();
        let session = Session::new(1, true, Arc::new(NoClient));
        let out = ReplyWriter::with_buffer(Protocol::Resp2, Vec::with_capacity(1 << 16));
        Self { node, session, stats, parser: RequestParser::new(Limits::default()), out }
    }

    /// Parses and runs one request.
    fn run(&mut self, request: &[u8]) {
        self.out.clear();
        assert_eq!(self.parser.parse(request), Ok(Status::Complete { len: request.len() }));
        let args = self.parser.args(request);
        let flow = self.node.execute(&mut self.session, args, &mut self.out, NOW_MS, &self.stats);
        assert!(matches!(flow, Flow::Continue));
    }

    /// Allocations of running each request once.
    fn allocations(&mut self, requests: &[Vec<u8>]) -> u64 {
        let mut total = 0;
        for request in requests {
            total += measure(|| self.run(request)).count_total;
        }
        total
    }
}

fn requests(words: impl Fn(usize) -> Vec<String>) -> Vec<Vec<u8>> {
    let encode = |index| {
        let words = words(index);
        let mut wire = Vec::new();
        encode_command(&mut wire, &words);
        wire
    };
    (0..10_000).map(encode).collect()
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

#[test]
fn reading_and_overwriting_allocate_nothing() {
    let mut client = Client::new();
    let key = |index: usize| format!("key:{index:012}");
    let set = requests(|index| words(&["SET", &key(index), &"x".repeat(64)]));
    client.run(&set[0]);
    let added = client.allocations(&set);
    // Tables grow besides, seldom.
    assert!(added <= set.len() as u64 * 105 / 100, "{added} allocations for {} new keys", set.len());

    let get = requests(|index| words(&["GET", &key(index)]));
    assert_eq!(client.allocations(&get), 0, "GET of a string");
    let again = requests(|index| words(&["SET", &key(index), &"y".repeat(64)]));
    assert_eq!(client.allocations(&again), 0, "SET of a string of the same length");
    let missing = requests(|index| words(&["GET", &format!("none:{index}")]));
    assert_eq!(client.allocations(&missing), 0, "GET of nothing");
    let exists = requests(|index| words(&["EXISTS", &key(index)]));
    assert_eq!(client.allocations(&exists), 0, "EXISTS");

    let counters = requests(|index| words(&["SET", &format!("counter:{index}"), "10"]));
    client.allocations(&counters);
    let incr = requests(|index| words(&["INCR", &format!("counter:{index}")]));
    assert_eq!(client.allocations(&incr), 0, "INCR");
}
