//! Every command with every argument at the edge of what numbers and lengths can be: no panic, one well-formed reply,
//! and a sound keyspace afterwards. What to send is derived from the usage line of each command.

mod common;

use carnelian_commands::{Flow, NoClient, Session};
use carnelian_resp::{OwnedArgs, Protocol, decode_reply};
use common::{START_MS, TestNode};
use std::sync::Arc;

const EDGES: &[&str] = &[
    "0",
    "1",
    "-1",
    "2147483646",
    "2147483647",
    "2147483648",
    "-2147483647",
    "-2147483648",
    "-2147483649",
    "4294967294",
    "4294967295",
    "4294967296",
    "9223372036854775806",
    "9223372036854775807",
    "9223372036854775808",
    "-9223372036854775807",
    "-9223372036854775808",
    "-9223372036854775809",
    "18446744073709551615",
    "18446744073709551616",
    "12345678901234567890",
    "1e308",
    "-1e308",
    "1e-320",
    "nan",
    "inf",
    "-inf",
    "",
    " 1",
    "1 ",
    "00005",
    "(1",
    "\0\r\n\u{ff}",
];

/// Keys of every type there is, and one that does not exist.
const KEYS: &[&str] = &["string", "number", "list", "ints", "set", "big-set", "hash", "big-hash", "none"];

/// A usage line taken apart.
#[derive(Clone, Debug)]
enum Part {
    Word(String),
    /// One of several, or none if it is optional.
    Choice(Vec<Vec<Part>>, bool),
}

fn parse(tokens: &mut std::iter::Peekable<std::vec::IntoIter<String>>) -> Vec<Vec<Part>> {
    let mut alternatives = vec![Vec::new()];
    while let Some(token) = tokens.next() {
        let current = alternatives.last_mut().unwrap();
        match token.as_str() {
            "[" => current.push(Part::Choice(parse(tokens), true)),
            "<" => current.push(Part::Choice(parse(tokens), false)),
            "]" | ">" => break,
            "|" => alternatives.push(Vec::new()),
            "..." => {}
            word => current.push(Part::Word(word.to_owned())),
        }
    }
    alternatives
}

/// The argument lists that a usage line stands for: without options, with each one, and with one of each.
fn shapes(parts: &[Part]) -> Vec<Vec<String>> {
    let pick = |chosen: Option<(usize, &Vec<String>)>, all: bool| {
        let mut words = Vec::new();
        for (place, part) in parts.iter().enumerate() {
            match part {
                Part::Word(word) => words.push(word.clone()),
                Part::Choice(_, _) if chosen.is_some_and(|(at, _)| at == place) => {
                    words.extend(chosen.unwrap().1.iter().cloned());
                }
                Part::Choice(alternatives, optional) if all || !optional => {
                    words.extend(shapes(&alternatives[0]).swap_remove(0));
                }
                Part::Choice(..) => {}
            }
        }
        words
    };
    let mut found = vec![pick(None, false)];
    for (place, part) in parts.iter().enumerate() {
        if let Part::Choice(alternatives, _) = part {
            for shape in alternatives.iter().flat_map(|alternative| shapes(alternative)) {
                found.push(pick(Some((place, &shape)), false));
            }
        }
    }
    found.push(pick(None, true));
    found.dedup();
    found
}

fn shapes_of(usage: &str) -> Vec<Vec<String>> {
    let mut spaced = String::new();
    for c in usage.chars() {
        if "[]<>|".contains(c) {
            spaced.extend([' ', c, ' ']);
        } else {
            spaced.push(c);
        }
    }
    let tokens: Vec<String> = spaced.split_whitespace().map(str::to_owned).collect();
    shapes(&parse(&mut tokens.into_iter().peekable())[0])
}

/// Names the command that was running if a test panics.
struct Running<'a>(&'a [Vec<u8>]);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let shown: Vec<String> =
                self.0.iter().take(20).map(|arg| arg.escape_ascii().to_string()).collect();
            eprintln!("while running {shown:?} ({} arguments)", self.0.len());
        }
    }
}

fn new_node(shards: usize, protocol: Protocol) -> TestNode {
    let node = TestNode::new(shards, protocol);
    let settings = node.node.engine().settings();
    settings.set_notify_events(0);
    // Offsets may then make strings of a size that thousands of runs can afford.
    settings.set_max_bulk_len(1 << 16);
    node
}

fn fill(node: &mut TestNode) {
    let engine = Arc::clone(node.node.engine());
    let mut keys = engine.keyspace(engine.lock(engine.all_shards()), 0, node.now_ms);
    keys.flush(false);
    drop(keys);
    for line in [
        "SET string value",
        "SET number 10",
        "RPUSH list a 1 b",
        "SADD ints 1 2 3",
        "SADD set a 1 b",
        "HSET hash f 1 g b",
        "HSET big-hash f 1",
    ] {
        run(node, &line.split(' ').map(|word| word.as_bytes().to_vec()).collect::<Vec<_>>());
    }
    let long = vec![b'x'; 100];
    run(node, &[b"SADD".to_vec(), b"big-set".to_vec(), long.clone(), b"a".to_vec(), b"1".to_vec()]);
    run(node, &[b"HSET".to_vec(), b"big-hash".to_vec(), b"g".to_vec(), long]);
}

/// Runs one command for a new client and checks its reply.
fn run(node: &mut TestNode, args: &[Vec<u8>]) {
    let running = Running(args);
    let owned = OwnedArgs::from_slices(args);
    let protocol = node.out.protocol();
    let mut session = Session::new(1, true, Arc::new(NoClient));
    node.out.clear();
    let flow = node.node.execute(&mut session, owned.as_args(), &mut node.out, START_MS, &node.stats);
    if let Flow::Blocked(blocked) = flow {
        assert!(node.out.is_empty(), "a blocked command has not replied");
        assert!(blocked.claim(), "nobody has served it");
        blocked.forget(&node.node);
    } else {
        node.out.debug_check_complete();
        let (_, len) = decode_reply(node.out.buf()).expect("well formed").expect("whole");
        assert_eq!(len, node.out.len(), "one reply");
    }
    node.node.discard(&mut session);
    node.out.clear();
    node.out.set_protocol(protocol);
    drop(running);
}

fn check(node: &TestNode) {
    let engine = node.node.engine();
    engine.keyspace(engine.lock(engine.all_shards()), 0, node.now_ms).check();
}

/// A plausible argument for a placeholder.
fn sample(word: &str, key: &str) -> Vec<u8> {
    let is_key = word.contains("key") && word != "numkeys" || matches!(word, "source" | "destination");
    if is_key {
        key.into()
    } else if word.chars().any(|c| c.is_ascii_uppercase()) {
        word.into()
    } else {
        b"1".to_vec()
    }
}

fn every_edge(shards: usize, protocol: Protocol) {
    let mut node = new_node(shards, protocol);
    let entries = node.node.table().entries().to_vec();
    for entry in entries {
        for shape in shapes_of(entry.spec.usage) {
            for key in KEYS {
                let args: Vec<Vec<u8>> = shape.iter().map(|word| sample(word, key)).collect();
                fill(&mut node);
                run(&mut node, &args);
                for place in 1..args.len() {
                    if shape[place].contains("key") && shape[place] != "numkeys" {
                        continue;
                    }
                    for edge in EDGES {
                        let mut args = args.clone();
                        args[place] = edge.as_bytes().to_vec();
                        run(&mut node, &args);
                    }
                    // Two bad numbers at once meet in sums.
                    for pair in place + 1..args.len() {
                        for edge in ["9223372036854775807", "-9223372036854775808"] {
                            for other in ["9223372036854775807", "-9223372036854775808"] {
                                let mut args = args.clone();
                                args[place] = edge.as_bytes().to_vec();
                                args[pair] = other.as_bytes().to_vec();
                                run(&mut node, &args);
                            }
                        }
                    }
                }
                check(&node);
            }
        }
    }
}

#[test]
fn edges_one_shard_resp2() {
    every_edge(1, Protocol::Resp2);
}

#[test]
fn edges_one_shard_resp3() {
    every_edge(1, Protocol::Resp3);
}

#[test]
fn edges_many_shards_resp2() {
    every_edge(64, Protocol::Resp2);
}

#[test]
fn edges_many_shards_resp3() {
    every_edge(64, Protocol::Resp3);
}

#[test]
fn every_command_without_its_arguments() {
    for shards in [1, 64] {
        let mut node = new_node(shards, Protocol::Resp3);
        fill(&mut node);
        for entry in node.node.table().entries().to_vec() {
            let name = entry.full_name().replace('|', " ");
            let words: Vec<Vec<u8>> = name.split(' ').map(|word| word.as_bytes().to_vec()).collect();
            for extra in 0..6 {
                for filler in ["", "none", "-1"] {
                    let mut args = words.clone();
                    args.resize(words.len() + extra, filler.into());
                    run(&mut node, &args);
                }
            }
        }
        check(&node);
    }
}

/// Every command that takes any number of arguments, with a hundred thousand.
fn many_arguments(shards: usize) {
    const MANY: usize = 100_000;
    let mut node = new_node(shards, Protocol::Resp2);
    for entry in node.node.table().entries().to_vec() {
        if entry.spec.arity > 0 {
            continue;
        }
        let name = entry.full_name().replace('|', " ");
        // A key that the command works on, if it works on keys.
        let key = match entry.spec.group.name() {
            name @ ("set" | "hash" | "list" | "string") => name,
            _ => "none",
        };
        let same = |_: usize| key.as_bytes().to_vec();
        let counted = |place: usize| match place {
            0 => (MANY - 1).to_string().into_bytes(),
            _ => format!("{key}{place}").into_bytes(),
        };
        let numbered = |place: usize| match place {
            0 => key.as_bytes().to_vec(),
            _ => place.to_string().into_bytes(),
        };
        let fillers: [&dyn Fn(usize) -> Vec<u8>; 3] = [&same, &counted, &numbered];
        for filler in fillers {
            fill(&mut node);
            let mut args: Vec<Vec<u8>> = name.split(' ').map(|word| word.as_bytes().to_vec()).collect();
            args.extend((0..MANY).map(filler));
            run(&mut node, &args);
            // Commands on pairs want an even number, others an odd one.
            args.pop();
            run(&mut node, &args);
        }
        check(&node);
    }
}

#[test]
fn a_hundred_thousand_arguments_one_shard() {
    many_arguments(1);
}

#[test]
fn a_hundred_thousand_arguments_many_shards() {
    many_arguments(64);
}
