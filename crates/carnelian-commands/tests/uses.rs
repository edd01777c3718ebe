//! Which commands count as a use of a key, for policies that go by uses. The numbers are those of Redis 7.0.15.

mod common;

use carnelian_engine::EvictionPolicy;
use common::{TestNode, everywhere};

const KEYS: [&str; 8] = ["str", "num", "vol", "list", "ints", "set", "nums", "hash"];

fn fill(node: &mut TestNode) {
    node.run("FLUSHALL");
    node.run("MSET str hello num 10");
    node.run("SET vol v EX 10000");
    node.run("RPUSH list a b c");
    node.run("RPUSH ints 3 1 2");
    node.run("SADD set a b c");
    node.run("SADD nums 1 2 3");
    node.run("HSET hash f 1 g x");
}

fn frequencies(node: &mut TestNode) -> Vec<Option<u64>> {
    KEYS.iter().map(|key| node.run(&format!("OBJECT FREQ {key}")).parse().ok()).collect()
}

/// Runs each command on fresh keys and counts the uses of those that are there before and after.
fn check(policy: &str, table: &str) {
    everywhere(|node| {
        let settings = node.node.engine().settings();
        settings.set_eviction_policy(EvictionPolicy::from_name(policy));
        settings.set_track_frequency(true);
        // Every use counts one.
        settings.set_lfu_log_factor(0);
        for line in table.lines().map(str::trim) {
            let (command, expected) = line.split_once(" =>").expect("a command, ` =>` and uses");
            fill(node);
            let before = frequencies(node);
            node.run(command);
            let after = frequencies(node);
            let mut uses = Vec::new();
            for (key, (before, after)) in KEYS.iter().zip(before.into_iter().zip(after)) {
                if let (Some(before), Some(after)) = (before, after)
                    && after != before
                {
                    uses.push(format!("{key}:{}", after - before));
                }
            }
            assert_eq!(uses.join(" "), expected.trim(), "{command}");
        }
    });
}

#[test]
fn looking_at_a_key_is_no_use_of_it() {
    check(
        "allkeys-lfu",
        "EXISTS str num =>
         TYPE str =>
         TTL vol =>
         PTTL vol =>
         EXPIRETIME vol =>
         PEXPIRETIME vol =>
         OBJECT ENCODING str =>
         OBJECT FREQ str =>
         OBJECT REFCOUNT str =>
         MEMORY USAGE str =>
         SCAN 0 =>
         KEYS * =>
         RANDOMKEY =>
         WATCH str =>",
    );
}

#[test]
fn reading_a_value_is_a_use() {
    check(
        "allkeys-lfu",
        "GET str => str:1
         MGET str num list => str:1 num:1 list:1
         STRLEN str => str:1
         TOUCH str num => str:1 num:1
         DUMP str => str:1
         COPY str other => str:1
         LLEN list => list:1
         LRANGE list 0 -1 => list:1
         SORT ints => ints:1
         SISMEMBER set a => set:1
         SINTER set nums => set:1 nums:1
         HGETALL hash => hash:1
         HSTRLEN hash f => hash:1
         GET list => list:1",
    );
}

#[test]
fn looking_for_something_to_change_is_a_use() {
    check(
        "allkeys-lfu",
        "SET str x => str:1
         SET str x GET => str:2
         SET str x NX => str:1
         SETNX str x => str:1
         GETSET str x => str:2
         GETEX str EX 100 => str:1
         MSETNX other a str b num c => str:1
         APPEND str x => str:1
         APPEND list x => list:1
         SETRANGE str 0 '' => str:1
         SETRANGE list 0 x => list:1
         SETBIT list 0 1 => list:1
         INCR num => num:1
         INCR str => str:1
         EXPIRE str 100 => str:1
         EXPIRE vol 100 NX => vol:1
         PERSIST vol => vol:1
         PERSIST str => str:1
         RENAME str str => str:1
         RENAME str num => num:1
         RENAMENX str num => str:1 num:1
         COPY str num => str:1 num:1
         LMOVE list ints LEFT RIGHT => list:1 ints:1
         LMOVE list list LEFT RIGHT => list:2
         RPOPLPUSH list ints => list:1 ints:1
         BLMOVE list ints LEFT RIGHT 1 => list:2 ints:1
         SMOVE set nums a => set:1 nums:1
         SMOVE set nums z => set:1 nums:1
         SMOVE set set a => set:2
         SREM set z => set:1
         HDEL hash z => hash:1",
    );
}

#[test]
fn only_changes_count_where_the_policy_says_so() {
    check(
        "allkeys-lrm",
        "GET str =>
         SET str x NX =>
         PERSIST str =>
         SMOVE set nums z =>
         SET str x => str:1
         EXPIRE str 100 => str:1",
    );
}
