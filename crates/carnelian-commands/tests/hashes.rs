//! Hashes. Expected replies of transcripts are those of Redis 7.0.15.

mod common;

use carnelian_resp::{Protocol, Reply};
use common::{TestNode, check as real, everywhere};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

#[test]
fn fields_are_set_read_and_removed() {
    real(
        r#"
        HSET h a 1 b 2 => 2
        HSET h a 3 c 4 => 1
        HSET h a => -ERR wrong number of arguments for 'hset' command
        HSET h a 1 b => -ERR wrong number of arguments for 'hset' command
        HMSET h d 5 e 6 => OK
        HMSET h d => -ERR wrong number of arguments for 'hmset' command
        HMSET h d 1 e => -ERR wrong number of arguments for 'hmset' command
        HSETNX h a 9 => 0
        HSETNX h f 9 => 1
        HGET h a => "3"
        HGET h nothing => nil
        HGET nothing a => nil
        HMGET h a nothing f => ["3", nil, "9"]
        HMGET nothing a b => [nil, nil]
        HGETALL h => ["a", "3", "b", "2", "c", "4", "d", "5", "e", "6", "f", "9"]
        HKEYS h => ["a", "b", "c", "d", "e", "f"]
        HVALS h => ["3", "2", "4", "5", "6", "9"]
        HGETALL nothing => []
        HKEYS nothing => []
        HVALS nothing => []
        HLEN h => 6
        HLEN nothing => 0
        HSTRLEN h a => 1
        HSTRLEN h nothing => 0
        HSTRLEN nothing a => 0
        HEXISTS h a => 1
        HEXISTS h nothing => 0
        HEXISTS nothing a => 0
        HDEL h a nothing b a => 2
        HDEL nothing a => 0
        HDEL h c d e f g => 4
        HLEN h => 0
        SET s v => OK
        HSET s a 1 => -WRONGTYPE Operation against a key holding the wrong kind of value
        HSETNX s a 1 => -WRONGTYPE Operation against a key holding the wrong kind of value
        HMSET s a 1 => -WRONGTYPE Operation against a key holding the wrong kind of value
        HGET s a => -WRONGTYPE Operation against a key holding the wrong kind of value
        HMGET s a => -WRONGTYPE Operation against a key holding the wrong kind of value
        HGETALL s => -WRONGTYPE Operation against a key holding the wrong kind of value
        HKEYS s => -WRONGTYPE Operation against a key holding the wrong kind of value
        HVALS s => -WRONGTYPE Operation against a key holding the wrong kind of value
        HLEN s => -WRONGTYPE Operation against a key holding the wrong kind of value
        HSTRLEN s a => -WRONGTYPE Operation against a key holding the wrong kind of value
        HEXISTS s a => -WRONGTYPE Operation against a key holding the wrong kind of value
        HDEL s a => -WRONGTYPE Operation against a key holding the wrong kind of value
        HINCRBY s a 1 => -WRONGTYPE Operation against a key holding the wrong kind of value
        HINCRBYFLOAT s a 1 => -WRONGTYPE Operation against a key holding the wrong kind of value
        HRANDFIELD s => -WRONGTYPE Operation against a key holding the wrong kind of value
        HRANDFIELD s 1 => -WRONGTYPE Operation against a key holding the wrong kind of value
        HSCAN s 0 => -WRONGTYPE Operation against a key holding the wrong kind of value
        "#,
    );
}

#[test]
fn fields_as_numbers() {
    real(
        r#"
        HINCRBY h n 5 => 5
        HINCRBY h n -7 => -2
        HINCRBY h n x => -ERR value is not an integer or out of range
        HSET h t abc max 9223372036854775807 min -9223372036854775808 sp " 1" => 4
        HINCRBY h t 1 => -ERR hash value is not an integer
        HINCRBY h sp 1 => -ERR hash value is not an integer
        HINCRBY h max 1 => -ERR increment or decrement would overflow
        HINCRBY h min -1 => -ERR increment or decrement would overflow
        HINCRBYFLOAT h n 0.5 => "-1.5"
        HINCRBYFLOAT h n 1e2 => "98.5"
        HINCRBY h n 1 => -ERR hash value is not an integer
        HINCRBYFLOAT h x 0.1 => "0.1"
        HINCRBYFLOAT h x 0.2 => "0.3"
        HINCRBYFLOAT h t 1 => -ERR hash value is not a float
        HINCRBYFLOAT h sp 1 => -ERR hash value is not a float
        HINCRBYFLOAT h x inf => -ERR value is NaN or Infinity
        HINCRBYFLOAT h x nan => -ERR value is not a valid float
        HINCRBYFLOAT h x abc => -ERR value is not a valid float
        HSET h i inf => 1
        HINCRBYFLOAT h i 1 => -ERR increment would produce NaN or Infinity
        HGETALL h => ["n", "98.5", "t", "abc", "max", "9223372036854775807", "min", "-9223372036854775808", "sp", " 1", "x", "0.3", "i", "inf"]
        "#,
    );
}

#[test]
fn random_fields_and_scans() {
    real(
        r#"
        HRANDFIELD nothing => nil
        HRANDFIELD nothing 3 => []
        HRANDFIELD nothing -3 WITHVALUES => []
        HRANDFIELD nothing x => -ERR value is not an integer or out of range
        HRANDFIELD nothing 1 BOGUS => -ERR syntax error
        HRANDFIELD nothing 1 WITHVALUES x => -ERR syntax error
        HRANDFIELD nothing -9223372036854775808 => -ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807
        HRANDFIELD nothing 9223372036854775807 WITHVALUES => -ERR value is out of range
        HRANDFIELD nothing -9223372036854770000 WITHVALUES => -ERR value is out of range
        HSET h a 1 => 1
        HRANDFIELD h => "a"
        HRANDFIELD h 0 => []
        HRANDFIELD h 5 => ["a"]
        HRANDFIELD h -3 => ["a", "a", "a"]
        HSCAN h 0 => ["0", ["a", "1"]]
        HSCAN h 0 MATCH b* => ["0", []]
        HSCAN h 0 MATCH * COUNT 1 => ["0", ["a", "1"]]
        HSCAN h 0 COUNT 0 => -ERR syntax error
        HSCAN h 0 COUNT x => -ERR value is not an integer or out of range
        HSCAN h 0 MATCH => -ERR syntax error
        HSCAN h 0 TYPE string => -ERR syntax error
        HSCAN h x => -ERR invalid cursor
        HSCAN h "" => ["0", ["a", "1"]]
        HSCAN h " 0" => -ERR invalid cursor
        HSCAN h +0 => ["0", ["a", "1"]]
        HSCAN h - => -ERR invalid cursor
        HSCAN h 99999999999999999999 => -ERR invalid cursor
        HSCAN nothing 5 BOGUS => ["0", []]
        "#,
    );
}

#[test]
fn random_pairs_nest_in_resp3_alone() {
    for (protocol, one, many) in [
        (
            Protocol::Resp2,
            r"*2\r\n$1\r\na\r\n$1\r\n1\r\n",
            r"*4\r\n$1\r\na\r\n$1\r\n1\r\n$1\r\na\r\n$1\r\n1\r\n",
        ),
        (
            Protocol::Resp3,
            r"*1\r\n*2\r\n$1\r\na\r\n$1\r\n1\r\n",
            r"*2\r\n*2\r\n$1\r\na\r\n$1\r\n1\r\n*2\r\n$1\r\na\r\n$1\r\n1\r\n",
        ),
    ] {
        let mut node = TestNode::new(1, protocol);
        node.run("HSET h a 1");
        assert_eq!(node.raw("HRANDFIELD h 3 WITHVALUES"), one);
        assert_eq!(node.raw("HRANDFIELD h -2 withvalues"), many);
        let map = if protocol == Protocol::Resp2 { r"*2\r\n" } else { r"%1\r\n" };
        assert!(node.raw("HGETALL h").starts_with(map));
        let empty = if protocol == Protocol::Resp2 { r"*0\r\n" } else { r"%0\r\n" };
        assert_eq!(node.raw("HGETALL nothing"), empty);
    }
}

#[test]
fn a_reply_beyond_any_memory_is_refused() {
    everywhere(|node| {
        node.run("HSET h a 1");
        assert_eq!(node.run("HRANDFIELD h -9223372036854775807"), "-ERR value is out of range");
        assert_eq!(node.run("HRANDFIELD h 9223372036854775807"), r#"["a"]"#);
    });
}

#[test]
fn events_and_changes() {
    everywhere(|node| {
        common::check_on(
            node,
            r#"
            HSET h a 1 b 2 => 2
            HSETNX h a 2 => 0
            HINCRBY h a 1 => 2
            HINCRBYFLOAT h a 1 => "3"
            HDEL h x => 0
            HDEL h a b c => 2
            ! new h; hset h; hincrby h; hincrbyfloat h; hdel h; del h
            "#,
        );
        assert_eq!(node.dirty(), 6);
    });
}

/// Fills a hash of `size` fields in the wanted encoding and says so.
fn filled(node: &mut TestNode, size: usize, large: bool) {
    let settings = node.node.engine().settings();
    settings.set_hash_max_listpack_entries(if large { 0 } else { 1000 });
    for index in 0..size {
        node.run(&format!("HSET h f{index} v{index}"));
    }
}

#[test]
fn random_picks_are_distinct_fields_in_both_encodings() {
    for large in [false, true] {
        everywhere(|node| {
            filled(node, 60, large);
            for count in [1, 5, 19, 21, 59, 60, 100] {
                let reply = node.reply(&["HRANDFIELD", "h", &count.to_string()]);
                let names: BTreeSet<_> =
                    reply.as_slice().unwrap().iter().map(|name| name.as_str().unwrap().to_owned()).collect();
                assert_eq!(names.len(), count.min(60));
            }
            let reply = node.reply(&["HRANDFIELD", "h", "-1000"]);
            let names: BTreeSet<_> =
                reply.as_slice().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
            assert_eq!((reply.as_slice().unwrap().len(), names.len()), (1000, 60));
        });
    }
}

#[test]
fn scans_see_every_field_in_both_encodings() {
    for large in [false, true] {
        everywhere(|node| {
            filled(node, 200, large);
            let (mut cursor, mut seen, mut calls) = ("0".to_owned(), BTreeSet::new(), 0);
            loop {
                let reply = node.reply(&["HSCAN", "h", &cursor, "COUNT", "7", "MATCH", "f1*"]);
                let [next, fields] = reply.as_slice().unwrap() else { panic!("a cursor and fields") };
                for pair in fields.as_slice().unwrap().chunks(2) {
                    let (name, value) = (pair[0].as_str().unwrap(), pair[1].as_str().unwrap());
                    assert_eq!(name[1..], value[1..]);
                    seen.insert(name.to_owned());
                }
                calls += 1;
                cursor = next.as_str().unwrap().to_owned();
                if cursor == "0" {
                    break;
                }
            }
            assert_eq!(seen.len(), 111, "f1, f10 to f19, f100 to f199");
            assert_eq!(calls > 1, large);
        });
    }
}

proptest! {
    #[test]
    fn behaves_as_a_map(
        large: bool,
        steps in prop::collection::vec((0u8..5, 0u8..30, "[a-z0-9]{0,80}"), 0..120),
    ) {
        let mut node = TestNode::new(64, Protocol::Resp3);
        let settings = node.node.engine().settings();
        settings.set_hash_max_listpack_entries(if large { 0 } else { 1000 });
        settings.set_hash_max_listpack_value(if large { 0 } else { 1000 });
        let mut model = BTreeMap::new();
        for (step, field, value) in steps {
            let field = format!("f{field}");
            let (reply, expected) = match step {
                0 | 1 => {
                    (node.reply(&["HSET", "h", &field, &value]), i64::from(model.insert(field, value).is_none()))
                }
                2 => (node.reply(&["HDEL", "h", &field]), i64::from(model.remove(&field).is_some())),
                3 => {
                    let new = !model.contains_key(&field);
                    let reply = node.reply(&["HSETNX", "h", &field, &value]);
                    model.entry(field).or_insert(value);
                    (reply, i64::from(new))
                }
                _ => (node.reply(&["HSTRLEN", "h", &field]), model.get(&field).map_or(0, String::len) as i64),
            };
            prop_assert_eq!(reply, Reply::Integer(expected));
        }
        let Reply::Map(pairs) = node.reply(&["HGETALL", "h"]) else { panic!("a map") };
        let found: BTreeMap<String, String> = pairs
            .iter()
            .map(|(field, value)| (field.as_str().unwrap().to_owned(), value.as_str().unwrap().to_owned()))
            .collect();
        prop_assert_eq!(found, model);
    }
}
