//! Commands on keys of any type, the connection, and COMMAND.

mod common;

use carnelian_commands::{Local, LocalOptions};
use carnelian_resp::{Protocol, Reply};
use common::{START_MS, TestNode, check, everywhere, show};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

#[test]
fn keys_come_and_go() {
    check(
        "MSET a 1 b 2 c 3 => OK
         EXISTS a b a nope => 3
         TOUCH a nope => 1
         TYPE a => string
         TYPE nope => none
         DEL a nope a => 1
         UNLINK b c => 2
         DBSIZE => 0
         RANDOMKEY => nil
         ! new a; set a; new b; set b; new c; set c; keymiss nope; keymiss nope; keymiss nope; del a; del b; del c",
    );
}

#[test]
fn renaming_takes_the_expiry_along() {
    check(
        "RENAME a b => -ERR no such key
         SET a 1 PX 5000 => OK
         SET b 2 => OK
         RENAME a b => OK
         PTTL b => 5000
         EXISTS a => 0
         RENAME b b => OK
         RENAMENX b b => 0
         SET c 3 => OK
         RENAMENX b c => 0
         RENAMENX b d => 1
         GET d => \"1\"",
    );
}

#[test]
fn copies_and_moves_between_databases() {
    check(
        "SET a 1 EX 10 => OK
         COPY a a => -ERR source and destination objects are the same
         COPY a b => 1
         COPY a b => 0
         COPY a b REPLACE => 1
         TTL b => 10
         COPY a a DB 1 => 1
         COPY a a DB 16 => -ERR DB index is out of range
         MOVE b 1 => 1
         MOVE a 1 => 0
         MOVE a 0 => -ERR source and destination objects are the same
         MOVE a 16 => -ERR DB index is out of range
         SWAPDB 0 1 => OK
         EXISTS a b => 2
         FLUSHDB => OK
         SELECT 1 => OK
         TTL a => 10
         FLUSHALL SYNC now => -ERR syntax error
         FLUSHALL ASYNC => OK
         DBSIZE => 0",
    );
}

#[test]
fn keys_expire() {
    check(
        "SET a 1 => OK
         TTL a => -1
         PTTL nope => -2
         EXPIRE a 10 XX => 0
         EXPIRE a 10 GT => 0
         EXPIRE a 10 LT => 1
         EXPIRE a 10 NX => 0
         EXPIRE a 5 GT => 0
         EXPIRE a 20 GT => 1
         EXPIRE a 10 NX GT => -ERR NX and XX, GT or LT options at the same time are not compatible
         EXPIRE a 10 GT LT => -ERR GT and LT options at the same time are not compatible
         EXPIRE a 10 NOW => -ERR Unsupported option NOW
         EXPIRE a 9223372036854775807 => -ERR invalid expire time in 'expire' command
         PEXPIREAT a 1700000003500 => 1
         PEXPIRETIME a => 1700000003500
         EXPIRETIME a => 1700000004
         PERSIST a => 1
         PERSIST a => 0
         PEXPIRE a 100 => 1
         @ 100
         TTL a => 0
         @ 1
         TTL a => -2
         SET a 1 => OK
         EXPIRE a -1 => 1
         EXISTS a => 0",
    );
}

#[test]
fn a_cursor_is_read_as_strtoul_does() {
    check(
        "SCAN x => -ERR invalid cursor
         SCAN \" 1\" => -ERR invalid cursor
         SCAN - => -ERR invalid cursor
         SCAN 18446744073709551616 => -ERR invalid cursor
         SCAN \"\" => [\"0\", []]
         SCAN +0 COUNT 0 => -ERR syntax error
         SCAN 0 COUNT x => -ERR value is not an integer or out of range
         SCAN 0 MATCH => -ERR syntax error",
    );
}

#[test]
fn texts_are_sorted_up_to_a_zero_byte_unless_stored() {
    check(
        "RPUSH l \"\\x00b\" \"\" \"\\x00a\" => 3
         SORT l ALPHA => [\"\\x00b\", \"\", \"\\x00a\"]
         SORT l ALPHA STORE out => 3
         LRANGE out 0 -1 => [\"\", \"\\x00a\", \"\\x00b\"]",
    );
}

#[test]
fn sets_are_sorted() {
    check(
        "SADD s 3 1 10 2 => 4
         SORT s => [\"1\", \"2\", \"3\", \"10\"]
         SORT s DESC LIMIT 1 2 => [\"3\", \"2\"]
         SORT s ALPHA => [\"1\", \"10\", \"2\", \"3\"]
         SORT s LIMIT -5 1 => [\"1\"]
         SORT s LIMIT 9 9 => []
         MSET w1 4 w2 3 w3 2 w10 1 => OK
         HSET h1 name one => 1
         SORT s BY w* GET # GET h*->name LIMIT 2 2 => [\"2\", nil, \"1\", \"one\"]
         SORT s BY nosort STORE out => 4
         OBJECT ENCODING out => \"quicklist\"
         SORT nope STORE out => 0
         EXISTS out => 0
         SADD t x => 1
         SORT t => -ERR One or more scores can't be converted into double
         SORT_RO s STORE out => -ERR syntax error
         SORT w1 => -WRONGTYPE Operation against a key holding the wrong kind of value",
    );
}

#[test]
fn objects_tell_how_they_are_kept() {
    check(
        "SET a 1 => OK
         OBJECT ENCODING a => \"int\"
         OBJECT REFCOUNT a => 2147483647
         @ 3000
         OBJECT IDLETIME a => 3
         OBJECT ENCODING nope => nil
         MEMORY USAGE nope => nil
         MEMORY USAGE a SAMPLES -1 => -ERR syntax error
         OBJECT => -ERR wrong number of arguments for 'object' command
         OBJECT NOPE => -ERR unknown subcommand 'NOPE'. Try OBJECT HELP.",
    );
    everywhere(|node| {
        let help = node.run("OBJECT HELP");
        assert!(
            help.starts_with(
                "[OBJECT <subcommand> [<arg> [value] [opt] ...]. Subcommands are:, ENCODING key,"
            ),
            "{help}"
        );
        assert!(help.ends_with("HELP,     Prints this help.]"), "{help}");
    });
}

#[test]
fn a_reset_connection_is_like_new() {
    for protocol in [Protocol::Resp2, Protocol::Resp3] {
        let mut node = TestNode::new(1, protocol);
        node.run("SELECT 3");
        node.run("MULTI");
        assert_eq!(node.run("RESET"), "RESET");
        assert_eq!(node.out.protocol(), Protocol::Resp2);
        assert_eq!(node.run("EXEC"), "-ERR EXEC without MULTI");
        assert_eq!(node.session.db, 0);
    }
}

#[test]
fn ping_takes_the_form_that_subscribers_read() {
    let mut node = TestNode::new(1, Protocol::Resp2);
    node.session.subscriptions = 1;
    assert_eq!(node.raw("PING hi"), r"*2\r\n$4\r\npong\r\n$2\r\nhi\r\n");
    let mut node = TestNode::new(1, Protocol::Resp3);
    node.session.subscriptions = 1;
    assert_eq!(node.raw("PING"), r"+PONG\r\n");
}

#[test]
fn command_finds_keys() {
    check(
        "COMMAND GETKEYS MSET a 1 b 2 => [\"a\", \"b\"]
         COMMAND GETKEYS SORT a LIMIT 1 2 STORE b STORE c => [\"a\", \"c\"]
         COMMAND GETKEYSANDFLAGS SET a 1 => [[\"a\", [OW, update]]]
         COMMAND GETKEYSANDFLAGS SET a 1 GET => [[\"a\", [RW, access, update]]]
         COMMAND GETKEYS PING a => -ERR The command has no key arguments
         COMMAND GETKEYS GET => -ERR wrong number of arguments for 'command|getkeys' command
         COMMAND GETKEYS GET a b => -ERR Invalid number of arguments specified for command
         COMMAND GETKEYS NOPE a => -ERR Invalid command specified
         COMMAND LIST FILTERBY PATTERN GETDE? => [\"getdel\"]
         COMMAND LIST FILTERBY MODULE x => []
         COMMAND LIST FILTERBY x y => -ERR syntax error
         COMMAND INFO nope => [nil]
         COMMAND DOCS nope => []",
    );
}

#[test]
fn command_docs_read_usage_lines() {
    let mut node = TestNode::new(1, Protocol::Resp3);
    let docs = node.run("COMMAND DOCS copy");
    for part in [
        r#"["name", "source", "type", "key", "key_spec_index", 0]"#,
        r#"["name", "destination", "type", "key", "key_spec_index", 1]"#,
        r#"["name", "destination-db", "type", "integer", "token", "DB", "flags", [optional]]"#,
        r#"["name", "replace", "type", "pure-token", "token", "REPLACE", "flags", [optional]]"#,
    ] {
        assert!(docs.contains(part), "{part} in {docs}");
    }
    let docs = node.run("COMMAND DOCS sort");
    let get = r#"["name", "pattern", "type", "pattern", "key_spec_index", 1, "token", "GET", "flags", [optional, multiple, multiple_token]]"#;
    assert!(docs.contains(get), "{docs}");
    // Groups: one of several that repeats, a block that ends with what can be left out, a token before what repeats, a block
    // that repeats.
    for (command, part) in [
        ("bitfield", r#""type", "oneof", "flags", [optional, multiple]"#),
        ("client", r#""type", "oneof", "flags", [multiple]"#),
        (
            "failover",
            r#"["name", "force", "type", "pure-token", "token", "FORCE", "flags", [optional]]]], ["name", "abort""#,
        ),
        ("client", r#"["name", "id", "type", "block", "token", "ID", "flags", [optional]"#),
        ("psubscribe", r#""type", "block", "flags", [multiple]"#),
        ("restore", r#"["name", "ttl", "type", "integer"]"#),
    ] {
        let docs = node.run(&format!("COMMAND DOCS {command}"));
        assert!(docs.contains(part), "{part} in {docs}");
    }
    // Every usage line of the table can be read, and every command is documented.
    assert!(matches!(node.reply(&["COMMAND", "DOCS"]), Reply::Map(_)));
}

#[test]
fn a_local_keyspace_follows_its_clock() {
    let now = Arc::new(AtomicU64::new(START_MS));
    let clock = {
        let now = Arc::clone(&now);
        Arc::new(move || now.load(Ordering::Relaxed))
    };
    let local = Local::open(LocalOptions { shards: 4, clock, ..LocalOptions::default() });
    let (mut one, mut two) = (local.session(), local.session());
    one.execute(&["SET", "a", "1", "PX", "10"]);
    one.execute(&["SELECT", "1"]);
    assert!(one.execute(&["GET", "a"]).is_null());
    assert_eq!(show(&two.execute(&["GET", "a"])), "\"1\"");
    two.execute(&["WATCH", "a"]);
    two.execute(&["MULTI"]);
    now.fetch_add(11, Ordering::Relaxed);
    assert_eq!(local.expire_due(10), 1);
    assert!(two.execute(&["GET", "a"]).as_str().is_some());
    assert!(two.execute(&["EXEC"]).is_null());
    assert!(two.execute(&["INFO"]).error().is_some());
}

proptest! {
    /// A whole iteration finds every key that was there all the time exactly as KEYS does, whatever comes and goes.
    #[test]
    fn scan_finds_what_stays(stay in prop::collection::btree_set(0u16..500, 0..60), churn in prop::collection::vec(0u16..500, 0..60), count in 1usize..20) {
        for shards in [1, 64] {
            let mut node = TestNode::new(shards, Protocol::Resp2);
            for key in &stay {
                node.run(&format!("SET s{key} 1"));
            }
            let mut found = BTreeSet::new();
            let (mut cursor, mut churn) = ("0".to_owned(), churn.iter());
            loop {
                let reply = node.reply(&["SCAN", &cursor, "MATCH", "s*", "COUNT", &count.to_string()]);
                let parts = reply.as_slice().unwrap();
                found.extend(parts[1].as_slice().unwrap().iter().map(show));
                cursor = parts[0].as_str().unwrap().to_owned();
                if cursor == "0" {
                    break;
                }
                if let Some(key) = churn.next() {
                    node.run(&format!("SET c{key} 1"));
                }
            }
            prop_assert_eq!(found, stay.iter().map(|key| format!("\"s{key}\"")).collect::<BTreeSet<_>>());
        }
    }

    /// Renames, copies, removals and expiry against a map.
    #[test]
    fn keys_follow_a_model(steps in prop::collection::vec((0u8..6, 0u8..5, 0u8..5, 1u64..50), 1..80)) {
        for shards in [1, 64] {
            let mut node = TestNode::new(shards, Protocol::Resp3);
            let mut model: BTreeMap<u8, (u64, Option<u64>)> = BTreeMap::new();
            for &(step, a, b, number) in &steps {
                let now = node.now_ms;
                model.retain(|_, (_, expiry)| expiry.is_none_or(|at| at >= now));
                let (got, expected) = match step {
                    0 => {
                        model.insert(a, (number, None));
                        (node.run(&format!("SET {a} {number}")), "OK".to_owned())
                    }
                    1 => (node.run(&format!("DEL {a}")), u8::from(model.remove(&a).is_some()).to_string()),
                    2 => {
                        let expected = match model.get(&a).copied() {
                            None => "-ERR no such key",
                            Some(value) => {
                                model.remove(&a);
                                model.insert(b, value);
                                "OK"
                            }
                        };
                        (node.run(&format!("RENAME {a} {b}")), expected.to_owned())
                    }
                    3 if a != b => {
                        let copied = model.get(&a).copied().filter(|_| !model.contains_key(&b));
                        model.extend(copied.map(|value| (b, value)));
                        (node.run(&format!("COPY {a} {b}")), u8::from(copied.is_some()).to_string())
                    }
                    4 => {
                        let found = model.get_mut(&a).map(|value| value.1 = Some(now + number)).is_some();
                        (node.run(&format!("PEXPIRE {a} {number}")), u8::from(found).to_string())
                    }
                    _ => {
                        node.now_ms += number / 2;
                        continue;
                    }
                };
                prop_assert_eq!(got, expected);
                for key in 0..5 {
                    let expected = match model.get(&key) {
                        None => -2,
                        Some((_, None)) => -1,
                        Some((_, Some(at))) => (at - now) as i64,
                    };
                    prop_assert_eq!(node.run(&format!("PTTL {key}")), expected.to_string());
                }
            }
        }
    }
}
