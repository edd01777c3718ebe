//! Strings as numbers and in parts; LCS. Expected replies are those of Redis 7.0.15.

mod common;

use common::{check as real, everywhere};
use proptest::prelude::*;

#[test]
fn counters_count() {
    real(
        r#"
        INCR n => 1
        INCRBY n 41 => 42
        DECR n => 41
        DECRBY n 1 => 40
        GET n => "40"
        INCRBY n -50 => -10
        DECRBY n -9223372036854775808 => -ERR decrement would overflow
        INCRBY n abc => -ERR value is not an integer or out of range
        INCRBY n 1.5 => -ERR value is not an integer or out of range
        SET n 9223372036854775807 => OK
        INCR n => -ERR increment or decrement would overflow
        INCRBY n 9223372036854775807 => -ERR increment or decrement would overflow
        DECRBY n 1 => 9223372036854775806
        SET n -9223372036854775808 => OK
        DECR n => -ERR increment or decrement would overflow
        SET n " 1" => OK
        INCR n => -ERR value is not an integer or out of range
        SET n 01 => OK
        INCR n => -ERR value is not an integer or out of range
        SET n "" => OK
        INCR n => -ERR value is not an integer or out of range
        SET n 5 => OK
        APPEND n 0 => 2
        INCR n => 51
        GET n => "51"
        HSET h f v => 1
        INCR h => -WRONGTYPE Operation against a key holding the wrong kind of value
        INCRBYFLOAT h 1 => -WRONGTYPE Operation against a key holding the wrong kind of value
        "#,
    );
}

#[test]
fn floats_are_added_in_extended_precision() {
    real(
        r#"
        INCRBYFLOAT n 0.1 => "0.1"
        INCRBYFLOAT n 0.2 => "0.3"
        INCRBYFLOAT n -0.3 => "0"
        INCRBYFLOAT n 5.0e3 => "5000"
        INCRBYFLOAT n 17 => "5017"
        INCRBYFLOAT n 1e200 => "100000000000000000002458586534161025661508068040050002887327500487325785432383926208372890736129198739813658147359652238566592960617854587787845326097835852628442219969983473365844529789269081145212928"
        SET n 3.0e3 => OK
        INCRBYFLOAT n 200 => "3200"
        SET n " 1" => OK
        INCRBYFLOAT n 1 => -ERR value is not a valid float
        SET n 1 => OK
        INCRBYFLOAT n nan => -ERR value is not a valid float
        INCRBYFLOAT n inf => -ERR increment would produce NaN or Infinity
        INCRBYFLOAT n -inf => -ERR increment would produce NaN or Infinity
        INCRBYFLOAT n abc => -ERR value is not a valid float
        SET n inf => OK
        INCRBYFLOAT n 1 => -ERR increment would produce NaN or Infinity
        SET n abc => OK
        INCRBYFLOAT n xyz => -ERR value is not a valid float
        SET n 10 => OK
        INCRBYFLOAT n 1 => "11"
        GET n => "11"
        INCR n => 12
        "#,
    );
}

#[test]
fn parts_of_strings() {
    real(
        r#"
        APPEND k 10 => 2
        APPEND k "" => 2
        APPEND k 1 => 3
        GET k => "101"
        STRLEN k => 3
        STRLEN nothing => 0
        SET k Hello => OK
        GETRANGE k 0 -1 => "Hello"
        GETRANGE k 1 3 => "ell"
        GETRANGE k -3 -2 => "ll"
        GETRANGE k -2 -3 => ""
        GETRANGE k -100 100 => "Hello"
        GETRANGE k 5 10 => ""
        GETRANGE k 3 1 => ""
        GETRANGE k -100 -100 => "H"
        GETRANGE k 9223372036854775807 9223372036854775807 => ""
        GETRANGE k -9223372036854775808 9223372036854775807 => "Hello"
        GETRANGE k a 1 => -ERR value is not an integer or out of range
        GETRANGE k 1 b => -ERR value is not an integer or out of range
        GETRANGE nothing 0 -1 => ""
        SUBSTR k 0 1 => "He"
        SET n 12345 => OK
        GETRANGE n 1 2 => "23"
        SET e "" => OK
        GETRANGE e 0 0 => ""
        SETRANGE k 1 ipp => 5
        GET k => "Hippo"
        SETRANGE k 7 x => 8
        GET k => "Hippo\x00\x00x"
        SETRANGE k 3 "" => 8
        SETRANGE k -1 x => -ERR offset is out of range
        SETRANGE k a x => -ERR value is not an integer or out of range
        SETRANGE new 0 "" => 0
        GET new => nil
        SETRANGE new 2 x => 3
        GET new => "\x00\x00x"
        SETRANGE n 0 9 => 5
        GET n => "92345"
        SETRANGE n 536870911 xx => -ERR string exceeds maximum allowed size (proto-max-bulk-len)
        SETRANGE n 9223372036854775807 x => -ERR string exceeds maximum allowed size (proto-max-bulk-len)
        SETRANGE other 536870912 x => -ERR string exceeds maximum allowed size (proto-max-bulk-len)
        GET other => nil
        HSET h f v => 1
        APPEND h x => -WRONGTYPE Operation against a key holding the wrong kind of value
        STRLEN h => -WRONGTYPE Operation against a key holding the wrong kind of value
        GETRANGE h 0 1 => -WRONGTYPE Operation against a key holding the wrong kind of value
        SETRANGE h 0 x => -WRONGTYPE Operation against a key holding the wrong kind of value
        SETRANGE h 0 "" => -WRONGTYPE Operation against a key holding the wrong kind of value
        "#,
    );
}

#[test]
fn longest_common_subsequences() {
    real(
        r#"
        MSET a ohmytext b mynewtext c "" n 12345 m 1345 => OK
        LCS a b => "mytext"
        LCS a b LEN => 6
        LCS a b IDX => ["matches", [[[4, 7], [5, 8]], [[2, 3], [0, 1]]], "len", 6]
        LCS a b IDX MINMATCHLEN 4 => ["matches", [[[4, 7], [5, 8]]], "len", 6]
        LCS a b IDX MINMATCHLEN 4 WITHMATCHLEN => ["matches", [[[4, 7], [5, 8], 4]], "len", 6]
        LCS a b IDX MINMATCHLEN -1 WITHMATCHLEN => ["matches", [[[4, 7], [5, 8], 4], [[2, 3], [0, 1], 2]], "len", 6]
        LCS a b LEN IDX => -ERR If you want both the length and indexes, please just use IDX.
        LCS a b BOGUS => -ERR syntax error
        LCS a b MINMATCHLEN => -ERR syntax error
        LCS a b MINMATCHLEN x => -ERR value is not an integer or out of range
        LCS a c => ""
        LCS a nothing LEN => 0
        LCS c nothing IDX => ["matches", [], "len", 0]
        LCS n m IDX WITHMATCHLEN => ["matches", [[[2, 4], [1, 3], 3], [[0, 0], [0, 0], 1]], "len", 4]
        LCS a a IDX => ["matches", [[[0, 7], [0, 7]]], "len", 8]
        LCS n n => "12345"
        HSET h f v => 1
        LCS a h => -ERR The specified keys must contain string values
        LCS h a BOGUS => -ERR The specified keys must contain string values
        "#,
    );
}

#[test]
fn events_and_changes_of_edits() {
    everywhere(|node| {
        common::check_on(
            node,
            r#"
            INCR n => 1
            INCRBYFLOAT n 1 => "2"
            APPEND s x => 1
            APPEND s "" => 1
            SETRANGE s 1 y => 2
            SETRANGE s 0 "" => 2
            SETRANGE t 0 "" => 0
            ! new n; incrby n; incrbyfloat n; new s; append s; append s; setrange s
            "#,
        );
        assert_eq!(node.dirty(), 5);
    });
}

/// The length of a longest common subsequence, the slow way round.
fn lcs_length(a: &[u8], b: &[u8]) -> i64 {
    let mut row = vec![0; b.len() + 1];
    for x in a {
        let mut corner = 0;
        for (j, y) in b.iter().enumerate() {
            let above = row[j + 1];
            row[j + 1] = if x == y { corner + 1 } else { above.max(row[j]) };
            corner = above;
        }
    }
    row[b.len()]
}

proptest! {
    #[test]
    fn lcs_is_a_common_subsequence_of_that_length(a in "[abc]{0,30}", b in "[abc]{0,30}") {
        let mut node = common::TestNode::new(64, carnelian_resp::Protocol::Resp2);
        node.reply(&["MSET", "a", &a, "b", &b]);
        let found = node.reply(&["LCS", "a", "b"]);
        let found = found.as_bytes().unwrap();
        prop_assert_eq!(found.len() as i64, lcs_length(a.as_bytes(), b.as_bytes()));
        for text in [&a, &b] {
            let mut rest = text.bytes();
            prop_assert!(found.iter().all(|byte| rest.any(|other| other == *byte)));
        }
        prop_assert_eq!(node.reply(&["LCS", "a", "b", "LEN"]).as_i64(), Some(found.len() as i64));
    }

    #[test]
    fn edits_behave_as_on_a_vector(edits in prop::collection::vec((0usize..60, "[a-z0-9]{0,50}", any::<bool>()), 1..20)) {
        let mut node = common::TestNode::new(1, carnelian_resp::Protocol::Resp3);
        let mut model: Vec<u8> = Vec::new();
        for (offset, text, append) in edits {
            let reply = if append {
                model.extend_from_slice(text.as_bytes());
                node.reply(&["APPEND", "k", &text])
            } else {
                let end = offset + text.len();
                if !text.is_empty() {
                    model.resize(model.len().max(end), 0);
                    model[offset..end].copy_from_slice(text.as_bytes());
                }
                node.reply(&["SETRANGE", "k", &offset.to_string(), &text])
            };
            prop_assert_eq!(reply.as_i64(), Some(model.len() as i64));
        }
        let value = node.reply(&["GETRANGE", "k", "0", "-1"]);
        prop_assert_eq!(value.as_bytes(), Some(&model[..]));
    }
}
