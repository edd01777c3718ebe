//! Strings: SET with its options and relatives.

mod common;

use common::{check, everywhere};

#[test]
fn set_replaces_whatever_was_there() {
    check(
        r#"
        SET k v => OK
        ! new k; set k
        GET k => "v"
        SET k "" => OK
        GET k => ""
        SET k 10 EX 100 => OK
        ! set k; set k; expire k
        SET k 11 => OK
        @ 200000
        GET k => "11"
        GET nothing => nil
        ! set k; keymiss nothing
        "#,
    );
}

#[test]
fn set_obeys_its_conditions() {
    check(
        r#"
        SET k v XX => nil
        SET k v NX => OK
        SET k w nx => nil
        SET k w xx NX => -ERR syntax error
        SET k w XX => OK
        SET k x NX GET => "w"
        SET k x GET => "w"
        SET other x GET => nil
        SET other y XX GET => "x"
        SET third y XX GET => nil
        GET third => nil
        "#,
    );
}

#[test]
fn set_takes_every_form_of_expiry() {
    check(
        r#"
        SET a v EX 10 => OK
        SET b v PX 10000 => OK
        SET c v EXAT 1700000010 => OK
        SET d v PXAT 1700000010000 => OK
        SET e v EX 10 => OK
        SET e w KEEPTTL => OK
        SET f w EX 10 EX 20 => OK
        @ 10000
        MGET a b c d e f => ["v", "v", "v", "v", "w", "w"]
        @ 1
        MGET a b c d e f => [nil, nil, nil, nil, nil, "w"]
        SET g v PXAT 1 => OK
        GET g => nil
        SET k v EX 0 => -ERR invalid expire time in 'set' command
        SET k v PX -1 => -ERR invalid expire time in 'set' command
        SET k v EX 9223372036854775807 => -ERR invalid expire time in 'set' command
        SET k v PX 9223372036854775807 => -ERR invalid expire time in 'set' command
        SET k v PXAT 9223372036854775807 => OK
        SET k v EX ten => -ERR value is not an integer or out of range
        SET k v EX => -ERR syntax error
        SET k v EX 1 PX 1 => -ERR syntax error
        SET k v EX 1 KEEPTTL => -ERR syntax error
        SET k v PERSIST => -ERR syntax error
        SET k v BOGUS => -ERR syntax error
        SETEX k 0 v => -ERR invalid expire time in 'setex' command
        PSETEX k 0 v => -ERR invalid expire time in 'psetex' command
        SETEX k 1 v => OK
        PSETEX l 1000 v => OK
        @ 1001
        MGET k l => [nil, nil]
        "#,
    );
}

#[test]
fn relatives_of_set_and_get() {
    check(
        r#"
        SETNX k v => 1
        SETNX k w => 0
        GETSET k w => "v"
        GETSET new w => nil
        GETDEL k => "w"
        GETDEL k => nil
        ! new k; set k; set k; keymiss new; new new; set new; del k; keymiss k
        GETEX k BOGUS => -ERR syntax error
        GETEX k EX 0 => nil
        SET k v EX 1 => OK
        GETEX k EX 0 => -ERR invalid expire time in 'getex' command
        GETEX k PERSIST => "v"
        GETEX k PERSIST => "v"
        ! keymiss k; new k; set k; expire k; persist k
        GETEX k PERSIST EX 1 => -ERR syntax error
        GETEX k KEEPTTL => -ERR syntax error
        GETEX k PX 500 => "v"
        @ 501
        GETEX k => nil
        ! expire k; expired k; keymiss k
        SET k v => OK
        GETEX k PXAT 1 => "v"
        ! new k; set k; del k
        GET k => nil
        "#,
    );
}

#[test]
fn every_set_counts_once() {
    everywhere(|node| {
        node.run("SET k v EX 10 GET");
        assert_eq!(node.dirty(), 1);
        node.run("SET k v NX");
        node.run("SET l v XX");
        node.run("SETNX k v");
        assert_eq!(node.dirty(), 0);
        node.run("MSET a 1 b 2 a 3");
        assert_eq!(node.dirty(), 3);
    });
}
