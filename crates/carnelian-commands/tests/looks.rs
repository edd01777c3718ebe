//! Commands that look at one key without its lock, beside threads that change it: each reply is a state that there was.

mod common;

use carnelian_commands::spec::Scope;
use carnelian_commands::{Flow, NoClient, NoHost, Node, Session};
use carnelian_engine::{Engine, EngineOptions};
use carnelian_resp::{OwnedArgs, Protocol, ReplyWriter};
use common::{START_MS, TestNode};
use proptest::prelude::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// Runs command lines on a thread's own connection and gives the wire replies to `see`.
fn client(node: &Node, lines: impl IntoIterator<Item = String>, mut see: impl FnMut(&str)) {
    let seat = node.engine().seat();
    let (stats, mut out) = (node.new_stats(), ReplyWriter::new(Protocol::Resp2));
    let mut session = Session::new(1, true, Arc::new(NoClient));
    session.patient = true;
    for line in lines {
        let args = OwnedArgs::from_slices(&line.split(' ').collect::<Vec<_>>());
        let args = args.as_args();
        let mut batch = node.batch(START_MS, &stats, seat.as_ref());
        let flow = node.execute_prepared(&mut session, args, &node.prepare(args), &mut out, &mut batch);
        assert!(matches!(flow, Flow::Continue));
        drop(batch);
        see(&String::from_utf8_lossy(out.buf()));
        out.clear();
    }
}

/// A value of one letter throughout, by which a torn one shows, in one of the lengths that lie in different places.
fn value(turn: usize) -> String {
    let letter = char::from(b'a' + (turn % 26) as u8);
    let len = [1, 40, 300, 1000, 5000][turn % 5];
    std::iter::repeat_n(letter, len).collect()
}

#[test]
fn readers_see_whole_values_while_writers_change_them() {
    let engine = Arc::new(Engine::new(EngineOptions { shards: 2, databases: 1, seed: 3 }));
    let node = Node::new(engine, Arc::new(NoHost));
    let done = AtomicBool::new(false);
    let (node, done) = (&node, &done);
    std::thread::scope(|scope| {
        scope.spawn(move || {
            let turns = (0..6000).flat_map(|turn| {
                let value = value(turn);
                [
                    format!("SET text {value}"),
                    format!("HSET hash field {value}"),
                    // Others come and go, so that the table grows and shrinks and memory is used again.
                    format!("SET other:{} {value}", turn % 700),
                    format!("DEL other:{}", (turn * 7) % 700),
                    if turn % 50 == 0 { "DEL text hash".to_owned() } else { format!("STRLEN other:{turn}") },
                ]
            });
            client(node, turns, |_| {});
            done.store(true, Relaxed);
        });
        for key in ["GET text", "HGET hash field"] {
            scope.spawn(move || {
                let lines =
                    std::iter::repeat_n(key.to_owned(), usize::MAX).take_while(|_| !done.load(Relaxed));
                client(node, lines, |reply| {
                    if reply != "$-1\r\n" {
                        let body = reply.split("\r\n").nth(1).unwrap_or_default();
                        let header = format!("${}\r\n", body.len());
                        assert!(reply.starts_with(&header), "{reply:?}");
                        assert!(body.bytes().all(|byte| Some(byte) == body.bytes().next()), "{body}");
                        assert!([1, 40, 300, 1000, 5000].contains(&body.len()), "{}", body.len());
                    }
                });
            });
        }
    });
    node.engine().keyspace(node.engine().lock(node.engine().all_shards()), 0, START_MS).check();
}

/// Command lines on few keys, with those that only look among them.
fn line() -> impl Strategy<Value = String> {
    let key = prop::sample::select(vec!["a", "b", "c"]);
    let form = prop::sample::select(vec![
        "SET {} short",
        "SET {} 12",
        "SET {} v EX 1",
        "HSET {} field value",
        "SADD {} member 1",
        "RPUSH {} x y",
        "APPEND {} tail",
        "DEL {}",
        "PEXPIRE {} 400",
        "GET {}",
        "STRLEN {}",
        "GETRANGE {} 1 2",
        "SUBSTR {} 0 0",
        "GETBIT {} 3",
        "HGET {} field",
        "HMGET {} field none",
        "HEXISTS {} field",
        "HLEN {}",
        "HSTRLEN {} field",
        "SISMEMBER {} member",
        "SMISMEMBER {} 1 2",
        "SCARD {}",
        "LLEN {}",
        "TYPE {}",
        "TTL {}",
        "PTTL {}",
        "EXPIRETIME {}",
        "PEXPIRETIME {}",
    ]);
    (form, key).prop_map(|(form, key)| form.replace("{}", key))
}

proptest! {
    #[test]
    fn looking_without_locks_replies_and_counts_the_same(
        lines in prop::collection::vec((line(), prop::sample::select(vec![0_u64, 0, 0, 300, 1500])), 1..80),
    ) {
        // The one has a seat, the other none.
        let (mut with, mut without) = (TestNode::new(4, Protocol::Resp3), TestNode::new(1, Protocol::Resp3));
        for node in [&with, &without] {
            node.node.engine().settings().set_notify_events(0);
        }
        for (line, passes) in lines {
            with.now_ms += passes;
            without.now_ms += passes;
            prop_assert_eq!(with.run(&line), without.run(&line), "{}", line);
            let counts = |node: &TestNode| {
                [&node.stats.hits, &node.stats.misses, &node.stats.expired].map(carnelian_commands::Counter::get)
            };
            prop_assert_eq!(counts(&with), counts(&without), "{}", line);
        }
    }
}

#[test]
fn every_command_that_looks_is_tested_here() {
    let node = TestNode::new(1, Protocol::Resp2);
    let source = include_str!("looks.rs");
    for entry in node.node.table().entries().iter().filter(|entry| entry.spec.scope == Scope::Look) {
        let name = entry.spec.name.to_uppercase();
        assert!(source.contains(&format!("\"{name} {{}}")), "{name} is among the lines of the property");
    }
}
