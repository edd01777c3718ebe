//! Strings as bits. Expected replies are those of Redis 7.0.15.

mod common;

use carnelian_resp::Protocol;
use common::{TestNode, check as real, everywhere};
use proptest::prelude::*;

#[test]
fn single_bits() {
    real(
        r#"
        SETBIT k 7 1 => 0
        SETBIT k 7 1 => 1
        SETBIT k 7 0 => 1
        GETBIT k 7 => 0
        SETBIT k 100 1 => 0
        STRLEN k => 13
        GETBIT k 100 => 1
        GETBIT k 101 => 0
        GETBIT k 10000 => 0
        SET n 1 => OK
        GETBIT n 2 => 1
        SETBIT n 6 1 => 0
        GET n => "3"
        SETBIT k -1 1 => -ERR bit offset is not an integer or out of range
        SETBIT k 4294967296 1 => -ERR bit offset is not an integer or out of range
        SETBIT k x 1 => -ERR bit offset is not an integer or out of range
        SETBIT k 1 2 => -ERR bit is not an integer or out of range
        SETBIT k 1 x => -ERR bit is not an integer or out of range
        GETBIT k -1 => -ERR bit offset is not an integer or out of range
        GETBIT nothing 1 => 0
        SETBIT new 5 0 => 0
        GET new => "\x00"
        HSET h f v => 1
        SETBIT h 1 1 => -WRONGTYPE Operation against a key holding the wrong kind of value
        GETBIT h 1 => -WRONGTYPE Operation against a key holding the wrong kind of value
        "#,
    );
}

#[test]
fn counts_and_positions() {
    real(
        r#"
        SET k foobar => OK
        BITCOUNT k => 26
        BITCOUNT k 0 0 => 4
        BITCOUNT k 1 1 => 6
        BITCOUNT k 1 -2 => 18
        BITCOUNT k -2 -1 => 7
        BITCOUNT k 5 30 BIT => 17
        BITCOUNT k 5 5 bit => 1
        BITCOUNT k -10 -3 BIT => 4
        BITCOUNT k -3 -10 => 0
        BITCOUNT k 5 1 => 0
        BITCOUNT k 0 100 BYTE => 26
        BITCOUNT k 0 100 WORD => -ERR syntax error
        BITCOUNT k 0 => -ERR syntax error
        BITCOUNT k a 1 => -ERR value is not an integer or out of range
        BITCOUNT k 0 1 BIT x => -ERR syntax error
        BITCOUNT nothing a b c => 0
        BITCOUNT nothing => 0
        SET e "" => OK
        BITCOUNT e => 0
        BITPOS e 0 => -1
        BITPOS e 1 => -1
        BITPOS e 0 0 -1 => -1
        SET b "\xff\xf0\x00" => OK
        BITPOS b 0 => 12
        BITPOS b 1 => 0
        BITPOS b 1 2 => -1
        BITPOS b 0 0 0 => -1
        BITPOS b 0 0 1 => 12
        BITPOS b 0 0 => 12
        BITPOS b 1 -1 => -1
        BITPOS b 0 3 => -1
        BITPOS b 1 10 20 BIT => 10
        BITPOS b 1 12 20 BIT => -1
        BITPOS b 0 3 9 BIT => -1
        BITPOS b 0 3 12 BIT => 12
        BITPOS b 0 -3 -1 BIT => 21
        BITPOS b 2 => -ERR The bit argument must be 1 or 0.
        BITPOS b x => -ERR value is not an integer or out of range
        BITPOS b 0 a => -ERR value is not an integer or out of range
        BITPOS b 0 1 b => -ERR value is not an integer or out of range
        BITPOS b 0 0 1 WORD => -ERR syntax error
        BITPOS b 0 0 1 BIT x => -ERR syntax error
        BITPOS nothing 0 => 0
        BITPOS nothing 1 a => -1
        SET f "\xff\xff" => OK
        BITPOS f 0 => 16
        BITPOS f 0 0 => 16
        BITPOS f 0 0 -1 => -1
        BITPOS f 0 1 => 16
        HSET h f v => 1
        BITCOUNT h => -WRONGTYPE Operation against a key holding the wrong kind of value
        BITPOS h 1 => -WRONGTYPE Operation against a key holding the wrong kind of value
        "#,
    );
}

#[test]
fn operations() {
    real(
        r#"
        MSET a "\x0f\xff\xaa" b "\x3c\x0f" n 12 => OK
        BITOP AND d a b => 3
        GET d => "\x0c\x0f\x00"
        BITOP or d a b => 3
        GET d => "?\xff\xaa"
        BITOP XOR d a b nothing => 3
        GET d => "3\xf0\xaa"
        BITOP NOT d a => 3
        GET d => "\xf0\x00U"
        BITOP NOT d a b => -ERR BITOP NOT must be called with a single source key.
        BITOP AND d a nothing => 3
        GET d => "\x00\x00\x00"
        BITOP OR d n => 2
        GET d => "12"
        BITOP NAND d a => -ERR syntax error
        BITOP AND d nothing => 0
        GET d => nil
        BITOP AND a a b => 3
        GET a => "\x0c\x0f\x00"
        HSET h f v => 1
        BITOP OR d a h => -WRONGTYPE Operation against a key holding the wrong kind of value
        BITOP OR h a b => 3
        GET h => "<\x0f\x00"
        "#,
    );
}

#[test]
fn fields() {
    real(
        r#"
        BITFIELD k SET u8 0 255 GET u8 0 GET i8 0 => [0, 255, -1]
        BITFIELD k INCRBY u2 100 1 OVERFLOW SAT INCRBY u2 102 1 => [1, 1]
        BITFIELD k INCRBY u2 100 1 OVERFLOW SAT INCRBY u2 102 1 => [2, 2]
        BITFIELD k INCRBY u2 100 1 OVERFLOW SAT INCRBY u2 102 1 => [3, 3]
        BITFIELD k INCRBY u2 100 1 OVERFLOW SAT INCRBY u2 102 1 => [0, 3]
        BITFIELD k OVERFLOW FAIL INCRBY u2 102 1 => [nil]
        BITFIELD k SET i5 #3 -7 GET i5 #3 GET i5 15 GET u5 15 => [0, -7, -7, 25]
        BITFIELD k SET i64 3 -9223372036854775808 GET i64 3 INCRBY i64 3 -1 => [-572942315094540288, -9223372036854775808, 9223372036854775807]
        BITFIELD k OVERFLOW SAT INCRBY i64 3 1 INCRBY i64 3 9223372036854775807 => [9223372036854775807, 9223372036854775807]
        BITFIELD k OVERFLOW SAT SET u8 0 -1 SET i8 0 300 GET i8 0 INCRBY i8 0 -300 INCRBY u8 0 -1000 => [239, -1, 127, -128, 0]
        BITFIELD k OVERFLOW WRAP SET u8 0 300 GET u8 0 SET i8 0 200 GET i8 0 => [0, 44, 44, -56]
        BITFIELD k OVERFLOW FAIL SET u8 0 300 SET i8 0 -129 SET i8 0 -128 => [nil, nil, -56]
        BITFIELD k SET u63 1 9223372036854775807 GET u63 1 INCRBY u63 1 1 INCRBY u63 1 -1 => [72057594037927935, 9223372036854775807, 0, 9223372036854775807]
        BITFIELD k GET u64 0 => -ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.
        BITFIELD k GET i65 0 => -ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.
        BITFIELD k GET u0 0 => -ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.
        BITFIELD k GET x8 0 => -ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.
        BITFIELD k GET "" 0 => -ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.
        BITFIELD k GET u8 -1 => -ERR bit offset is not an integer or out of range
        BITFIELD k GET u8 #-1 => -ERR bit offset is not an integer or out of range
        BITFIELD k GET u8 # => -ERR bit offset is not an integer or out of range
        BITFIELD k GET u8 4294967296 => -ERR bit offset is not an integer or out of range
        BITFIELD k SET u8 #536870912 1 => -ERR bit offset is not an integer or out of range
        BITFIELD k SET u8 0 => -ERR syntax error
        BITFIELD k SET u8 0 x => -ERR value is not an integer or out of range
        BITFIELD k OVERFLOW => -ERR syntax error
        BITFIELD k OVERFLOW MAYBE => -ERR Invalid OVERFLOW type specified
        BITFIELD k BOGUS => -ERR syntax error
        BITFIELD k => []
        BITFIELD nothing GET u8 0 GET i64 1000 => [0, 0]
        BITFIELD_RO nothing GET u8 0 => [0]
        BITFIELD_RO k SET u8 0 1 => -ERR BITFIELD_RO only supports the GET subcommand
        BITFIELD_RO k => []
        GET nothing => nil
        SET n 12 => OK
        BITFIELD n GET u8 0 GET u16 8 => [49, 12800]
        BITFIELD n INCRBY u8 0 1 => [50]
        GET n => "22"
        HSET h f v => 1
        BITFIELD h GET u8 0 => -WRONGTYPE Operation against a key holding the wrong kind of value
        BITFIELD h SET u8 0 1 => -WRONGTYPE Operation against a key holding the wrong kind of value
        "#,
    );
}

#[test]
fn events_and_changes() {
    everywhere(|node| {
        common::check_on(
            node,
            r"
            SETBIT k 0 0 => 0
            SETBIT k 0 0 => 0
            BITFIELD k SET u8 0 1 SET u8 0 1 GET u8 0 => [0, 1, 1]
            BITOP NOT d k => 1
            BITOP NOT d nothing => 0
            BITOP NOT d nothing => 0
            ! new k; setbit k; setbit k; new d; set d; keymiss nothing; del d; keymiss nothing
            ",
        );
        assert_eq!(node.dirty(), 4);
    });
}

proptest! {
    #[test]
    fn ranges_count_as_a_walk_does(
        bytes in prop::collection::vec(prop_oneof![Just(0u8), Just(255), any::<u8>()], 1..60),
        start in -500i64..500,
        end in -500i64..500,
    ) {
        let mut node = TestNode::new(1, Protocol::Resp2);
        node.reply(&[&b"SET"[..], b"k", &bytes]);
        let total = bytes.len() as i64 * 8;
        let from = |at: i64| if at < 0 { (at + total).max(0) } else { at };
        let range = from(start)..(from(end) + 1).min(total);
        // Two negative positions the wrong way round are no range for BITCOUNT alone, even where both mean the first bit.
        let counted = if start < 0 && end < 0 && start > end { 0..0 } else { range.clone() };
        let bit = |at: &i64| bytes[(*at / 8) as usize] >> (7 - *at % 8) & 1 == 1;
        let (start, end) = (start.to_string(), end.to_string());
        let count = node.reply(&["BITCOUNT", "k", &start, &end, "BIT"]).as_i64();
        prop_assert_eq!(count, Some(counted.filter(bit).count() as i64));
        for (text, wanted) in [("1", true), ("0", false)] {
            let found = node.reply(&["BITPOS", "k", text, &start, &end, "BIT"]).as_i64();
            prop_assert_eq!(found, Some(range.clone().find(|at| bit(at) == wanted).unwrap_or(-1)));
        }
    }
}
