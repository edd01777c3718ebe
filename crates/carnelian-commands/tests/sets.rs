//! Sets: single members, members at random, and several sets combined.

mod common;

use carnelian_resp::Reply;
use common::{TestNode, check, everywhere};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

/// A reply's elements in order of their text.
fn sorted(node: &mut TestNode, line: &str) -> Vec<String> {
    let (Reply::Array(values) | Reply::Set(values)) = node.reply(&line.split(' ').collect::<Vec<_>>()) else {
        panic!("{line}: several values")
    };
    let mut texts: Vec<String> = values.iter().map(common::show).collect();
    texts.sort();
    texts
}

#[test]
fn members_come_and_go() {
    check(
        r#"
        SADD s b a b => 2
        ! new s; sadd s
        SADD s a => 0
        !
        SCARD s => 2
        SISMEMBER s a => 1
        SISMEMBER s z => 0
        SISMEMBER none z => 0
        SMISMEMBER s a z b => [1, 0, 1]
        SMISMEMBER none a z => [0, 0]
        SMEMBERS none => []
        SCARD none => 0
        ! keymiss none; keymiss none; keymiss none; keymiss none
        SREM none a => 0
        SREM s z => 0
        !
        SREM s a z => 1
        SREM s b b => 1
        ! srem s; srem s; del s
        SADD i 3 1 2 => 3
        SMEMBERS i => ["1", "2", "3"]
        SET str x => OK
        SADD str a => -WRONGTYPE Operation against a key holding the wrong kind of value
        SREM str a => -WRONGTYPE Operation against a key holding the wrong kind of value
        SCARD str => -WRONGTYPE Operation against a key holding the wrong kind of value
        SISMEMBER str a => -WRONGTYPE Operation against a key holding the wrong kind of value
        SMISMEMBER str a => -WRONGTYPE Operation against a key holding the wrong kind of value
        SMEMBERS str => -WRONGTYPE Operation against a key holding the wrong kind of value
        SADD s => -ERR wrong number of arguments for 'sadd' command
        "#,
    );
}

#[test]
fn a_member_moves() {
    check(
        r"
        SADD a 1 2 => 2
        SADD b 2 x => 2
        SMOVE a b 1 => 1
        ! new a; sadd a; new b; sadd b; srem a; sadd b
        SMOVE a b 2 => 1
        ! srem a; del a
        SMOVE a b 1 => 0
        SMOVE b b x => 1
        SMOVE b b y => 0
        SMOVE b c y => 0
        !
        SMOVE b c x => 1
        ! srem b; new c; sadd c
        SET str x => OK
        SMOVE none str x => 0
        SMOVE c str x => -WRONGTYPE Operation against a key holding the wrong kind of value
        SMOVE c str y => -WRONGTYPE Operation against a key holding the wrong kind of value
        SMOVE str c x => -WRONGTYPE Operation against a key holding the wrong kind of value
        ",
    );
}

#[test]
fn changes_count_as_in_redis() {
    everywhere(|node| {
        for (line, dirty) in [
            ("SADD a 1 2 3 3", 3),
            ("SREM a 1 9", 1),
            ("SADD b 3", 1),
            ("SMOVE a b 3", 1),
            ("SMOVE a b 2", 2),
            ("SADD a 1 2 3 4 5 6 7 8 9 10", 10),
            ("SPOP a", 1),
            ("SPOP a 0", 0),
            ("SPOP a 2", 2),
            ("SPOP a 6", 6),
            ("SPOP a 100", 1),
            ("SUNIONSTORE d b none", 1),
            ("SINTERSTORE d b none", 1),
            ("SINTERSTORE d b none", 0),
            ("SDIFFSTORE b none", 1),
        ] {
            node.run(line);
            assert_eq!(node.dirty(), dirty, "{line}");
        }
    });
}

#[test]
fn arguments_of_random_picks() {
    check(
        r"
        SADD s a b c => 3
        SPOP s abc => -ERR value is out of range, must be positive
        SPOP s -1 => -ERR value is out of range, must be positive
        SPOP none x => -ERR value is out of range, must be positive
        SPOP s 1 2 => -ERR syntax error
        SRANDMEMBER s 1 2 => -ERR syntax error
        SRANDMEMBER s abc => -ERR value is not an integer or out of range
        SRANDMEMBER s -9223372036854775808 => -ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807
        SRANDMEMBER s -9223372036854775807 => -ERR value is out of range
        SRANDMEMBER none -9223372036854775807 => []
        SRANDMEMBER none => nil
        SRANDMEMBER s 0 => []
        SPOP none => nil
        SPOP none 3 => []
        SPOP s 0 => []
        SCARD s => 3
        ",
    );
    everywhere(|node| {
        node.run("SADD s a b c");
        let all = [r#""a""#, r#""b""#, r#""c""#];
        assert_eq!(sorted(node, "SRANDMEMBER s 3"), all);
        assert_eq!(sorted(node, "SRANDMEMBER s 9223372036854775807"), all);
        assert_eq!(sorted(node, "SRANDMEMBER s -1000").len(), 1000);
        node.events();
        assert_eq!(sorted(node, "SPOP s 9223372036854775807"), all);
        assert_eq!(node.events(), ["spop s", "del s"]);
        node.run("SADD s a");
        node.events();
        assert_eq!(node.run("SPOP s"), r#""a""#);
        assert_eq!(node.events(), ["spop s", "del s"]);
    });
}

#[test]
fn replies_have_the_type_of_each_protocol() {
    for (protocol, set) in [(carnelian_resp::Protocol::Resp2, "*"), (carnelian_resp::Protocol::Resp3, "~")] {
        let mut node = TestNode::new(1, protocol);
        node.run("SADD s 1");
        for line in
            ["SMEMBERS s", "SINTER s s", "SUNION s", "SDIFF s none", "SDIFF none", "SPOP s 0", "SPOP s 1"]
        {
            assert!(node.raw(line).starts_with(set), "{line}");
        }
        node.run("SADD s 1");
        assert!(node.raw("SRANDMEMBER s 1").starts_with('*'));
        assert_eq!(node.raw("SRANDMEMBER none 1"), "*0\\r\\n");
    }
}

/// Sizes whose encodings differ, with the kind of member.
fn fill(node: &mut TestNode, key: &str, size: usize, encoding: &str) {
    let text = if encoding == "intset" { "" } else { "m" };
    let mut args = vec!["SADD".to_owned(), key.to_owned()];
    args.extend((0..size).map(|number| format!("{text}{number}")));
    node.reply(&args);
    let engine = node.node.engine().clone();
    let mut keys = engine.keyspace(engine.lock(engine.all_shards()), 0, node.now_ms);
    assert_eq!(keys.read(key.as_bytes()).map(carnelian_engine::ValueRef::encoding), Some(encoding));
}

#[test]
fn every_member_is_as_likely() {
    for (size, encoding) in [(100, "intset"), (100, "listpack"), (200, "hashtable")] {
        let mut node = TestNode::new(1, carnelian_resp::Protocol::Resp2);
        fill(&mut node, "s", size, encoding);
        // Few, most and all-but-one distinct members, and repeated ones, take different ways.
        for count in [2, size as i64 / 2, size as i64 - 1, -(size as i64)] {
            let rounds = 40_000 / count.unsigned_abs() as usize;
            let mut counts: BTreeMap<String, usize> = BTreeMap::new();
            for _ in 0..rounds {
                for member in sorted(&mut node, &format!("SRANDMEMBER s {count}")) {
                    *counts.entry(member).or_default() += 1;
                }
            }
            let expected = (rounds * count.unsigned_abs() as usize) as f64 / size as f64;
            let chi_square: f64 =
                counts.values().map(|seen| (*seen as f64 - expected).powi(2) / expected).sum::<f64>()
                    + (size - counts.len()) as f64 * expected;
            // With size - 1 degrees of freedom this bound is 6 standard deviations from the mean.
            let bound = size as f64 + 6.0 * (2.0 * size as f64).sqrt();
            assert!(chi_square < bound, "{encoding} {count}: {chi_square} of {bound}");
        }
    }
}

#[test]
fn popping_takes_each_member_once() {
    for (size, encoding) in [(100, "intset"), (100, "listpack"), (1000, "hashtable")] {
        for step in [1, 7, size / 2, size - 1, size] {
            everywhere(|node| {
                fill(node, "s", size, encoding);
                node.run("SET other x");
                let mut seen = BTreeSet::new();
                while seen.len() < size {
                    let popped = sorted(node, &format!("SPOP s {step}"));
                    assert_eq!(popped.len(), step.min(size - seen.len()));
                    for member in popped {
                        assert!(seen.insert(member), "popped once");
                    }
                    assert_eq!(node.run("SCARD s"), (size - seen.len()).to_string());
                }
            });
        }
    }
}

#[test]
fn popping_keeps_the_expiry() {
    everywhere(|node| {
        fill(node, "s", 100, "listpack");
        let engine = node.node.engine().clone();
        let expiry = node.now_ms + 10;
        let keyspace = || engine.keyspace(engine.lock(engine.all_shards()), 0, common::START_MS);
        keyspace().set_expiry(b"s", Some(expiry));
        node.run("SPOP s 98");
        assert_eq!(keyspace().expiry(b"s"), Some(expiry));
        node.now_ms += 11;
        assert_eq!(node.run("SCARD s"), "0");
    });
}

#[test]
fn stored_results() {
    check(
        r#"
        SADD a 1 2 3 => 3
        SADD b 2 3 4 => 3
        SET d x EX 100 => OK
        SINTERSTORE d a b => 2
        SMEMBERS d => ["2", "3"]
        SUNIONSTORE d a b => 4
        SMEMBERS d => ["1", "2", "3", "4"]
        SDIFFSTORE d a b => 1
        SMEMBERS d => ["1"]
        ! new a; sadd a; new b; sadd b; new d; set d; expire d; sinterstore d; sunionstore d; sdiffstore d
        @ 200000
        SCARD d => 1
        SDIFFSTORE d a a => 0
        SCARD d => 0
        SDIFFSTORE d a a => 0
        ! del d; keymiss d
        SINTERSTORE a a b => 2
        SMEMBERS a => ["2", "3"]
        SUNIONSTORE a a a => 2
        SET str x => OK
        SINTER none str => -WRONGTYPE Operation against a key holding the wrong kind of value
        SUNIONSTORE d a str => -WRONGTYPE Operation against a key holding the wrong kind of value
        SDIFF str a => -WRONGTYPE Operation against a key holding the wrong kind of value
        SINTERSTORE str none a => 0
        MGET str => [nil]
        "#,
    );
}

#[test]
fn intersections_are_counted() {
    check(
        r"
        SADD a 1 2 3 => 3
        SADD b 2 3 4 => 3
        SINTERCARD 2 a b => 2
        SINTERCARD 2 a b LIMIT 0 => 2
        SINTERCARD 2 a b LIMIT 1 => 1
        SINTERCARD 2 a b limit 3 LIMIT 1 => 1
        SINTERCARD 2 a b LIMIT 9223372036854775807 => 2
        SINTERCARD 2 a none => 0
        SINTERCARD 1 a => 3
        SINTERCARD x a => -ERR numkeys should be greater than 0
        SINTERCARD 0 a => -ERR numkeys should be greater than 0
        SINTERCARD 2 a => -ERR Number of keys can't be greater than number of args
        SINTERCARD 1 a b => -ERR syntax error
        SINTERCARD 1 a LIMIT => -ERR syntax error
        SINTERCARD 1 a LIMIT -1 => -ERR LIMIT can't be negative
        SINTERCARD 1 a LIMIT x => -ERR LIMIT can't be negative
        ",
    );
}

#[test]
fn scans_take_cursors_as_redis_does() {
    check(
        r#"
        SADD i 1 2 33 => 3
        SSCAN i 0 => ["0", ["1", "2", "33"]]
        SSCAN i 0 MATCH 3* COUNT 1 => ["0", ["33"]]
        SSCAN i 0 match * => ["0", ["1", "2", "33"]]
        SSCAN i -1 => ["0", ["1", "2", "33"]]
        SSCAN i "" => ["0", ["1", "2", "33"]]
        SSCAN i +7 => ["0", ["1", "2", "33"]]
        SSCAN i 18446744073709551615 => ["0", ["1", "2", "33"]]
        SSCAN i 18446744073709551616 => -ERR invalid cursor
        SSCAN i "1 " => -ERR invalid cursor
        SSCAN i - => -ERR invalid cursor
        SSCAN i x => -ERR invalid cursor
        SSCAN i 0 COUNT 0 => -ERR syntax error
        SSCAN i 0 COUNT x => -ERR value is not an integer or out of range
        SSCAN i 0 COUNT 9223372036854775807 => ["0", ["1", "2", "33"]]
        SSCAN i 0 MATCH => -ERR syntax error
        SSCAN i 0 TYPE set => -ERR syntax error
        SSCAN none 0 BOGUS => ["0", []]
        SSCAN none x => -ERR invalid cursor
        SET str x => OK
        SSCAN str 0 BOGUS => -WRONGTYPE Operation against a key holding the wrong kind of value
        "#,
    );
}

#[test]
fn a_scan_sees_every_member() {
    everywhere(|node| {
        fill(node, "s", 1000, "hashtable");
        let mut seen = BTreeSet::new();
        let mut cursor = "0".to_owned();
        let mut calls = 0;
        loop {
            let Reply::Array(parts) = node.reply(&["SSCAN", "s", &cursor, "COUNT", "20"]) else { panic!() };
            let [Reply::Bulk(next), Reply::Array(members)] = &parts[..] else { panic!() };
            seen.extend(members.iter().map(common::show));
            calls += 1;
            cursor = String::from_utf8(next.clone()).unwrap();
            if cursor == "0" {
                break;
            }
        }
        assert_eq!(seen.len(), 1000);
        assert!((20..60).contains(&calls), "{calls} calls for about 20 members each");
    });
}

fn any_member() -> impl Strategy<Value = String> {
    prop_oneof![(0..40u32).prop_map(|number| number.to_string()), "[a-c]{1,2}", "x{70}[a-z]"]
}

#[derive(Clone, Debug)]
enum Step {
    Add(usize, Vec<String>),
    Remove(usize, Vec<String>),
    Move(usize, usize, String),
    Pop(usize, usize),
    Combine(&'static str, Vec<usize>, Option<usize>),
    Encodings(usize, usize),
}

const SETS: usize = 4;

fn any_step() -> impl Strategy<Value = Step> {
    let set = 0..SETS;
    let members = || prop::collection::vec(any_member(), 1..30);
    prop_oneof![
        3 => (set.clone(), members()).prop_map(|(set, members)| Step::Add(set, members)),
        2 => (set.clone(), members()).prop_map(|(set, members)| Step::Remove(set, members)),
        1 => (set.clone(), set.clone(), any_member()).prop_map(|(from, to, member)| Step::Move(from, to, member)),
        1 => (set.clone(), 0..30usize).prop_map(|(set, count)| Step::Pop(set, count)),
        3 => (
            prop::sample::select(vec!["INTER", "UNION", "DIFF"]),
            prop::collection::vec(set.clone(), 1..4),
            prop::option::of(set),
        )
            .prop_map(|(operation, sets, to)| Step::Combine(operation, sets, to)),
        1 => (
            prop::sample::select(vec![0, 3, 512]),
            prop::sample::select(vec![0, 3, 128]),
        )
            .prop_map(|(ints, packed)| Step::Encodings(ints, packed)),
    ]
}

fn combine(operation: &str, sets: &[BTreeSet<String>]) -> BTreeSet<String> {
    let (first, others) = sets.split_first().unwrap();
    others.iter().fold(first.clone(), |result, other| match operation {
        "INTER" => &result & other,
        "UNION" => &result | other,
        _ => &result - other,
    })
}

fn quoted(set: &BTreeSet<String>) -> Vec<String> {
    let mut texts: Vec<String> = set.iter().map(|member| format!("\"{member}\"")).collect();
    texts.sort();
    texts
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn sets_behave_as_sets(steps in prop::collection::vec(any_step(), 1..60)) {
        for shards in [1, 64] {
            let mut node = TestNode::new(shards, carnelian_resp::Protocol::Resp3);
            let mut model = vec![BTreeSet::<String>::new(); SETS];
            for step in &steps {
                match step {
                    Step::Add(set, members) => {
                        let added = members.iter().filter(|member| model[*set].insert((*member).clone())).count();
                        prop_assert_eq!(node.run(&format!("SADD {set} {}", members.join(" "))), added.to_string());
                    }
                    Step::Remove(set, members) => {
                        let removed = members.iter().filter(|member| model[*set].remove(*member)).count();
                        prop_assert_eq!(node.run(&format!("SREM {set} {}", members.join(" "))), removed.to_string());
                    }
                    Step::Move(from, to, member) => {
                        let found = model[*from].remove(member);
                        if found {
                            model[*to].insert(member.clone());
                        }
                        prop_assert_eq!(node.run(&format!("SMOVE {from} {to} {member}")), u8::from(found).to_string());
                    }
                    Step::Pop(set, count) => {
                        let popped = sorted(&mut node, &format!("SPOP {set} {count}"));
                        prop_assert_eq!(popped.len(), (*count).min(model[*set].len()));
                        for member in popped {
                            prop_assert!(model[*set].remove(member.trim_matches('"')));
                        }
                    }
                    Step::Combine(operation, sets, to) => {
                        let inputs: Vec<_> = sets.iter().map(|set| model[*set].clone()).collect();
                        let expected = combine(operation, &inputs);
                        let names: Vec<String> = sets.iter().map(ToString::to_string).collect();
                        let names = names.join(" ");
                        prop_assert_eq!(sorted(&mut node, &format!("S{operation} {names}")), quoted(&expected));
                        if let Some(to) = to {
                            let len = node.run(&format!("S{operation}STORE {to} {names}"));
                            prop_assert_eq!(len, expected.len().to_string());
                            model[*to] = expected;
                        }
                    }
                    Step::Encodings(ints, packed) => {
                        node.node.engine().settings().set_set_max_intset_entries(*ints);
                        node.node.engine().settings().set_set_max_listpack_entries(*packed);
                    }
                }
                for (set, members) in model.iter().enumerate() {
                    prop_assert_eq!(&sorted(&mut node, &format!("SMEMBERS {set}")), &quoted(members));
                    prop_assert_eq!(node.run(&format!("SCARD {set}")), members.len().to_string());
                }
            }
        }
    }
}
