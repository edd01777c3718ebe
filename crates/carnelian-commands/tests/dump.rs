//! DUMP and RESTORE.

mod common;

use carnelian_rdb::{Encoder, dump};
use carnelian_resp::Reply;
use common::{START_MS, TestNode, check, everywhere, show};

fn dump(node: &mut TestNode, key: &str) -> Vec<u8> {
    match node.reply(&["DUMP", key]) {
        Reply::Bulk(payload) => payload.clone(),
        other => panic!("{other:?}"),
    }
}

fn restore(node: &mut TestNode, key: &str, ttl: &str, payload: &[u8], options: &[&str]) -> String {
    let mut args = vec![b"RESTORE", key.as_bytes(), ttl.as_bytes(), payload];
    args.extend(options.iter().map(|option| option.as_bytes()));
    show(&node.reply(&args))
}

/// The string `5`, as Redis 7.0.15 dumps it.
const FIVE: &[u8] = b"\x00\xc0\x05\n\x00c/_f\x83/\xb3Q";

#[test]
fn every_type_and_encoding_survives() {
    everywhere(|node| {
        node.run("MSET int 12345678901 text hello");
        node.run("RPUSH list 1 two 3.0");
        node.run("SADD ints 1 2 -70000");
        node.run("SADD words a b 3");
        node.run("HSET hash f 1 g two");
        let long = "x".repeat(300);
        node.reply(&["SET", "long", &long]);
        node.reply(&["SADD", "table", &long, "y"]);
        node.reply(&["HSET", "pairs", "field", &long]);
        node.reply(&["RPUSH", "nodes", &"y".repeat(9000), "z"]);
        let encodings = [
            ("int", "int"),
            ("text", "embstr"),
            ("long", "raw"),
            ("list", "quicklist"),
            ("nodes", "quicklist"),
            ("ints", "intset"),
            ("words", "listpack"),
            ("table", "hashtable"),
            ("hash", "listpack"),
            ("pairs", "hashtable"),
        ];
        for (key, encoding) in encodings {
            let payload = dump(node, key);
            assert_eq!(restore(node, "copy", "0", &payload, &["REPLACE"]), "OK", "{key}");
            assert_eq!(node.run("OBJECT ENCODING copy"), format!("\"{encoding}\""), "{key}");
            let mut contents = |key: &str| {
                let command = match encoding {
                    "int" | "embstr" | "raw" => vec!["GET", key],
                    "quicklist" => vec!["LRANGE", key, "0", "-1"],
                    _ if node.run(&format!("TYPE {key}")) == "hash" => vec!["HGETALL", key],
                    _ => vec!["SORT", key, "ALPHA"],
                };
                show(&node.reply(&command))
            };
            assert_eq!(contents("copy"), contents(key), "{key}");
        }
    });
}

#[test]
fn options_are_checked_before_the_payload() {
    everywhere(|node| {
        for (options, error) in [
            (&["NONSENSE"][..], "-ERR syntax error"),
            (&["IDLETIME"], "-ERR syntax error"),
            (&["IDLETIME", "-1"], "-ERR Invalid IDLETIME value, must be >= 0"),
            (&["IDLETIME", "x"], "-ERR value is not an integer or out of range"),
            (&["FREQ", "256"], "-ERR Invalid FREQ value, must be >= 0 and <= 255"),
            (&["FREQ", "1", "IDLETIME", "1"], "-ERR syntax error"),
        ] {
            assert_eq!(restore(node, "k", "0", b"bad", options), error, "{options:?}");
        }
        node.run("SET k old");
        assert_eq!(restore(node, "k", "x", b"bad", &[]), "-BUSYKEY Target key name already exists.");
        assert_eq!(
            restore(node, "k", "x", b"bad", &["replace"]),
            "-ERR value is not an integer or out of range"
        );
        assert_eq!(restore(node, "k", "-1", b"bad", &["REPLACE"]), "-ERR Invalid TTL value, must be >= 0");
        assert_eq!(
            restore(node, "k", "0", b"bad", &["REPLACE"]),
            "-ERR DUMP payload version or checksum are wrong"
        );
        assert_eq!(node.run("GET k"), "\"old\"");
    });
}

#[test]
fn times_are_relative_or_absolute_and_may_be_over() {
    everywhere(|node| {
        node.events();
        assert_eq!(restore(node, "k", "5000", FIVE, &[]), "OK");
        assert_eq!(node.run("PTTL k"), "5000");
        assert_eq!(node.events(), ["new k", "restore k"]);
        let at = (START_MS + 7000).to_string();
        assert_eq!(restore(node, "k", &at, FIVE, &["ABSTTL", "REPLACE", "IDLETIME", "100"]), "OK");
        assert_eq!(node.run("PTTL k"), "7000");
        assert_eq!(node.run("OBJECT IDLETIME k"), "100");
        assert_eq!(node.run("INCR k"), "6");
        node.dirty();
        node.events();
        // What is over already only removes what was there.
        assert_eq!(restore(node, "k", "1", FIVE, &["ABSTTL", "REPLACE"]), "OK");
        assert_eq!((node.run("EXISTS k"), node.dirty()), ("0".to_owned(), 1));
        assert_eq!(node.events(), ["del k", "keymiss k"]);
        assert_eq!(restore(node, "k", "1", FIVE, &["ABSTTL"]), "OK");
        assert_eq!((node.run("EXISTS k"), node.dirty()), ("0".to_owned(), 0));
        // The sum of now and the longest time is beyond what Redis counts to, and comes out in its past.
        assert_eq!(restore(node, "k", "9223372036854775807", FIVE, &[]), "OK");
        assert_eq!(node.run("EXISTS k"), "0");
        assert_eq!(restore(node, "k", "9223372036854775807", FIVE, &["ABSTTL"]), "OK");
        assert_eq!(node.run("PEXPIRETIME k"), "9223372036854775807");
    });
}

#[test]
fn frequencies_are_taken_over_when_they_are_counted() {
    everywhere(|node| {
        node.node.engine().settings().set_track_frequency(true);
        assert_eq!(restore(node, "k", "0", FIVE, &["FREQ", "77"]), "OK");
        assert_eq!(node.run("OBJECT FREQ k"), "77");
    });
}

#[test]
fn damage_is_found_wherever_it_is() {
    let mut node = TestNode::new(1, carnelian_resp::Protocol::Resp2);
    node.run("HSET h a 1 b 2");
    let payload = dump(&mut node, "h");
    for at in 0..payload.len() {
        let mut damaged = payload.clone();
        damaged[at] ^= 0x41;
        let reply = restore(&mut node, "k", "0", &damaged, &[]);
        assert_eq!(reply, "-ERR DUMP payload version or checksum are wrong", "byte {at}");
        let reply = restore(&mut node, "k", "0", &payload[..at], &[]);
        assert_eq!(reply, "-ERR DUMP payload version or checksum are wrong", "{at} bytes");
    }
    // Unlike in a file, a checksum of zero is a wrong one.
    let mut unchecked = payload.clone();
    let end = unchecked.len() - 8;
    unchecked[end..].fill(0);
    let reply = restore(&mut node, "k", "0", &unchecked, &[]);
    assert_eq!(reply, "-ERR DUMP payload version or checksum are wrong");
    // What has the right checksum has to be looked at all the same.
    let sealed = |value: &[u8]| {
        let mut payload = Vec::new();
        dump::write(&mut Encoder::default(), &mut payload, 10, |_, out| out.extend_from_slice(value));
        payload
    };
    let mut value = payload[..payload.len() - 10].to_vec();
    assert_eq!(restore(&mut node, "whole", "0", &sealed(&value), &[]), "OK");
    value[1] = 3;
    assert_eq!(restore(&mut node, "k", "0", &sealed(&value), &[]), "-ERR Bad data format");
    value[0] = 99;
    assert_eq!(restore(&mut node, "k", "0", &sealed(&value), &[]), "-ERR Bad data format");
    assert_eq!(node.run("EXISTS k"), "0");
}

#[test]
fn the_version_follows_the_setting() {
    let mut node = TestNode::new(1, carnelian_resp::Protocol::Resp2);
    node.run("SET k 5");
    node.node.engine().settings().set_rdb_version(10);
    assert_eq!(dump(&mut node, "k"), FIVE);
    node.node.engine().settings().set_rdb_version(11);
    let payload = dump(&mut node, "k");
    assert_eq!(payload[payload.len() - 10..][..2], [11, 0]);
}

#[test]
fn a_key_that_does_not_exist_is_nil() {
    check("DUMP nope => nil\n! keymiss nope");
}
