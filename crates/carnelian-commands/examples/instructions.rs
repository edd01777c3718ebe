//! Runs commands as a worker does, without sockets, to have their instructions counted.
//!
//! `instructions COMMAND READS [PIPELINE]` runs the requests of so many reads on 100,000 keys, members or elements. What one command takes is the
//! difference between two numbers of reads: `cargo xtask bench --instructions` does that under callgrind.

use carnelian_commands::{Ahead, NoClient, NoHost, Node, Session, WorkerStats};
use carnelian_engine::{Engine, EngineOptions};
use carnelian_resp::{Limits, Protocol, ReplyWriter, RequestParser, encode_command};
use std::sync::Arc;

/// Loaded before.
const KEYS: usize = 100_000;
/// Different reads.
const READS: usize = 256;
const NOW_MS: u64 = 1_700_000_000_000;

struct Server {
    node: Node,
    session: Session,
    out: ReplyWriter,
    stats: WorkerStats,
    parser: RequestParser,
    ahead: Ahead,
}

impl Server {
    fn new() -> Self {
        let engine = Arc::new(Engine::new(EngineOptions { shards: 16, databases: 16, seed: 1 }));
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

    fn run(&mut self, input: &[u8]) {
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

fn words(command: &str, number: usize) -> Vec<String> {
    let key = format!("key:{:012}", number.wrapping_mul(0x9e37_79b1) % KEYS);
    let member = format!("element:{:012}", number.wrapping_mul(0x9e37_79b1) % KEYS);
    let value = "x".repeat(64);
    let words: Vec<&str> = match command {
        "get" => vec!["GET", &key],
        "set" => vec!["SET", &key, &value],
        "incr" => return vec!["INCR".into(), format!("counter:{key}")],
        "lpush" => vec!["LPUSH", "mylist", &value],
        "lpop" => vec!["LPOP", "mylist"],
        "sadd" => vec!["SADD", "myset", &member],
        "hset" => vec!["HSET", "myhash", &member, &value],
        "spop" => vec!["SPOP", "myset"],
        "lrange" => vec!["LRANGE", "mylist", "0", "99"],
        "ping" => vec!["PING"],
        _ => panic!("no such command: {command}"),
    };
    words.into_iter().map(str::to_owned).collect()
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let command = arguments.next().unwrap_or_else(|| "get".to_owned());
    let mut number = |default| arguments.next().and_then(|text| text.parse().ok()).unwrap_or(default);
    let (reads, pipeline): (usize, usize) = (number(1000), number(64));
    let mut server = Server::new();
    let wire = |command: &str, numbers: std::ops::Range<usize>| {
        let mut wire = Vec::new();
        for number in numbers {
            let words = words(command, number);
            encode_command(&mut wire, &words.iter().map(String::as_bytes).collect::<Vec<_>>());
        }
        wire
    };
    let before = match &*command {
        "get" | "set" => "set",
        "lpop" | "lrange" => "lpush",
        other => other,
    };
    server.run(&wire(before, 0..KEYS));
    let inputs: Vec<Vec<u8>> =
        (0..READS).map(|read| wire(&command, read * pipeline..(read + 1) * pipeline)).collect();
    for read in 0..reads {
        server.run(&inputs[read % READS]);
    }
}
