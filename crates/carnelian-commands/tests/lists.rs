//! Lists: every command that does not wait.

mod common;

use common::{check, everywhere};

#[test]
fn pushing_and_popping_at_both_ends() {
    check(
        r#"
        LPUSH l b a => 2
        RPUSH l c => 3
        ! new l; lpush l; rpush l
        LRANGE l 0 -1 => ["a", "b", "c"]
        LLEN l => 3
        LPOP l => "a"
        RPOP l => "c"
        RPOP l => "b"
        ! lpop l; rpop l; rpop l; del l
        LPOP l => nil
        LPOP l 2 => nil
        LLEN l => 0
        ! keymiss l
        LPUSHX l a => 0
        RPUSHX l a => 0
        RPUSH l 1 => 1
        LPUSHX l 0 -1 => 3
        RPUSHX l 2 => 4
        LRANGE l 0 -1 => ["-1", "0", "1", "2"]
        ! new l; rpush l; lpush l; rpush l
        LPOP l 0 => []
        LPOP l 2 => ["-1", "0"]
        RPOP l 10 => ["2", "1"]
        ! lpop l; rpop l; del l
        RPUSH l a => 1
        LPOP l -1 => -ERR value is out of range, must be positive
        LPOP l x => -ERR value is out of range, must be positive
        LPOP l 1 2 => -ERR wrong number of arguments for 'lpop' command
        RPOP l 1 2 => -ERR wrong number of arguments for 'rpop' command
        LPUSH l => -ERR wrong number of arguments for 'lpush' command
        SET s v => OK
        LPUSH s a => -WRONGTYPE Operation against a key holding the wrong kind of value
        RPUSHX s a => -WRONGTYPE Operation against a key holding the wrong kind of value
        LPOP s => -WRONGTYPE Operation against a key holding the wrong kind of value
        RPOP s 0 => -WRONGTYPE Operation against a key holding the wrong kind of value
        LLEN s => -WRONGTYPE Operation against a key holding the wrong kind of value
        "#,
    );
}

#[test]
fn nulls_of_pop_differ_on_the_wire() {
    everywhere(|node| {
        let null = node.raw("LPOP none");
        let many = node.raw("LPOP none 1");
        match node.out.protocol() {
            carnelian_resp::Protocol::Resp2 => assert_eq!((&*null, &*many), ("$-1\\r\\n", "*-1\\r\\n")),
            carnelian_resp::Protocol::Resp3 => assert_eq!((&*null, &*many), ("_\\r\\n", "_\\r\\n")),
        }
    });
}

#[test]
fn reading_by_index() {
    check(
        r#"
        RPUSH l a b c d => 4
        LINDEX l 0 => "a"
        LINDEX l -1 => "d"
        LINDEX l -4 => "a"
        LINDEX l 4 => nil
        LINDEX l -5 => nil
        LINDEX l -9223372036854775808 => nil
        LINDEX l x => -ERR value is not an integer or out of range
        LINDEX none x => nil
        LRANGE l 1 2 => ["b", "c"]
        LRANGE l -100 100 => ["a", "b", "c", "d"]
        LRANGE l 2 1 => []
        LRANGE l 4 5 => []
        LRANGE l -9223372036854775808 9223372036854775807 => ["a", "b", "c", "d"]
        LRANGE l 9223372036854775807 -9223372036854775808 => []
        LRANGE l 0 x => -ERR value is not an integer or out of range
        LRANGE none 0 x => -ERR value is not an integer or out of range
        LRANGE none 0 -1 => []
        SET s v => OK
        LINDEX s 0 => -WRONGTYPE Operation against a key holding the wrong kind of value
        LRANGE s 0 1 => -WRONGTYPE Operation against a key holding the wrong kind of value
        "#,
    );
}

#[test]
fn changing_the_middle() {
    check(
        r#"
        RPUSH l a b c => 3
        LSET l 1 B => OK
        LSET l -1 C => OK
        LSET l 3 x => -ERR index out of range
        LSET l -4 x => -ERR index out of range
        LSET l x x => -ERR value is not an integer or out of range
        LSET none x x => -ERR no such key
        LRANGE l 0 -1 => ["a", "B", "C"]
        ! new l; rpush l; lset l; lset l
        LINSERT l BEFORE B 1 => 4
        LINSERT l after C 2 => 5
        LINSERT l before nothing 2 => -1
        LINSERT l between B 2 => -ERR syntax error
        LINSERT none before B 2 => 0
        LRANGE l 0 -1 => ["a", "1", "B", "C", "2"]
        ! linsert l; linsert l
        LTRIM l 1 -2 => OK
        LRANGE l 0 -1 => ["1", "B", "C"]
        LTRIM l 0 -1 => OK
        LTRIM l x 1 => -ERR value is not an integer or out of range
        LTRIM l 5 1 => OK
        LTRIM l 0 1 => OK
        LLEN l => 0
        ! ltrim l; ltrim l; ltrim l; del l; keymiss l
        RPUSH l a 1 a 1 a => 5
        LREM l 2 a => 2
        LREM l -1 1 => 1
        LREM l 0 01 => 0
        LRANGE l 0 -1 => ["1", "a"]
        LREM l -9223372036854775808 a => 1
        LREM l 0 1 => 1
        LREM l 0 1 => 0
        LREM l x 1 => -ERR value is not an integer or out of range
        ! new l; rpush l; lrem l; lrem l; lrem l; lrem l; del l
        SET s v => OK
        LSET s 0 x => -WRONGTYPE Operation against a key holding the wrong kind of value
        LINSERT s before a b => -WRONGTYPE Operation against a key holding the wrong kind of value
        LTRIM s 0 0 => -WRONGTYPE Operation against a key holding the wrong kind of value
        LREM s 0 0 => -WRONGTYPE Operation against a key holding the wrong kind of value
        "#,
    );
}

#[test]
fn searching() {
    check(
        r"
        RPUSH l a b c 1 2 3 c c => 8
        LPOS l a => 0
        LPOS l c => 2
        LPOS l 3 => 5
        LPOS l x => nil
        LPOS l c RANK 1 => 2
        LPOS l c RANK 2 => 6
        LPOS l c RANK 4 => nil
        LPOS l c RANK -1 => 7
        LPOS l c RANK -2 => 6
        LPOS l c RANK -9223372036854775808 => 7
        LPOS l c COUNT 0 => [2, 6, 7]
        LPOS l c COUNT 1 => [2]
        LPOS l c COUNT 2 RANK -2 => [6, 2]
        LPOS l c COUNT 0 RANK 4 => []
        LPOS l c COUNT 0 MAXLEN 2 => []
        LPOS l c MAXLEN 3 => 2
        LPOS l c MAXLEN 7 RANK 2 COUNT 0 => [6]
        LPOS l c MAXLEN 1 RANK -1 => 7
        LPOS l c RANK 0 => -ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... or use negative to start from the end of the list
        LPOS l c RANK x => -ERR value is not an integer or out of range
        LPOS l c COUNT -1 => -ERR COUNT can't be negative
        LPOS l c MAXLEN x => -ERR MAXLEN can't be negative
        LPOS l c RANK => -ERR syntax error
        LPOS l c BOGUS 1 => -ERR syntax error
        LPOS none c => nil
        LPOS none c COUNT 1 => []
        SET s v => OK
        LPOS s v => -WRONGTYPE Operation against a key holding the wrong kind of value
        ",
    );
}

#[test]
fn moving_between_lists() {
    check(
        r#"
        RPUSH a 1 2 3 => 3
        LMOVE a b RIGHT LEFT => "3"
        ! new a; rpush a; new b; lpush b; rpop a
        LMOVE a b left right => "1"
        RPOPLPUSH a b => "2"
        LRANGE b 0 -1 => ["2", "3", "1"]
        ! rpush b; lpop a; lpush b; rpop a; del a
        LMOVE a b LEFT RIGHT => nil
        RPOPLPUSH a b => nil
        LMOVE b b LEFT RIGHT => "2"
        RPOPLPUSH b b => "2"
        LRANGE b 0 -1 => ["2", "3", "1"]
        ! rpush b; lpop b; lpush b; rpop b
        RPUSH one x => 1
        LMOVE one one LEFT LEFT => "x"
        LRANGE one 0 -1 => ["x"]
        LMOVE a b UP LEFT => -ERR syntax error
        LMOVE a b LEFT DOWN => -ERR syntax error
        SET s v => OK
        LMOVE b s LEFT LEFT => -WRONGTYPE Operation against a key holding the wrong kind of value
        LMOVE s b LEFT LEFT => -WRONGTYPE Operation against a key holding the wrong kind of value
        LMOVE none s LEFT LEFT => nil
        LRANGE b 0 -1 => ["2", "3", "1"]
        "#,
    );
}

#[test]
fn moved_elements_keep_every_byte() {
    everywhere(|node| {
        for value in [&b""[..], b"\r\n", b"0", b"-9223372036854775808", b"\0\xff", &[b'x'; 10_000]] {
            node.wire(&[&b"RPUSH"[..], b"a", value]);
            node.wire(&["RPOPLPUSH", "a", "b"]);
            let moved = node.reply(&["LPOP", "b"]);
            assert_eq!(moved.as_bytes(), Some(value));
        }
    });
}

#[test]
fn popping_from_the_first_of_several() {
    check(
        r#"
        RPUSH b 1 2 3 4 => 4
        LMPOP 2 a b LEFT => ["b", ["1"]]
        LMPOP 2 a b right count 2 => ["b", ["4", "3"]]
        LMPOP 2 a b LEFT COUNT 9 => ["b", ["2"]]
        ! new b; rpush b; lpop b; rpop b; lpop b; del b
        LMPOP 2 a b LEFT => nil
        LMPOP 0 a LEFT => -ERR numkeys should be greater than 0
        LMPOP x a LEFT => -ERR numkeys should be greater than 0
        LMPOP 2 a LEFT => -ERR syntax error
        LMPOP 9223372036854775807 a LEFT => -ERR syntax error
        LMPOP 1 a UP => -ERR syntax error
        LMPOP 1 a LEFT COUNT => -ERR syntax error
        LMPOP 1 a LEFT COUNT 0 => -ERR count should be greater than 0
        LMPOP 1 a LEFT COUNT x => -ERR count should be greater than 0
        LMPOP 1 a LEFT COUNT 1 COUNT 1 => -ERR syntax error
        SET s v => OK
        LMPOP 2 s b LEFT => -WRONGTYPE Operation against a key holding the wrong kind of value
        "#,
    );
}

#[test]
fn changes_are_counted_by_element() {
    everywhere(|node| {
        for (command, changes) in [
            ("RPUSH l a b c d e f g", 7),
            ("LPOP l 2", 2),
            ("LPOP l", 1),
            ("LPOP l 0", 0),
            ("LTRIM l 0 -1", 0),
            ("LTRIM l 1 2", 2),
            ("LSET l 0 e", 1),
            ("LINSERT l before e x", 1),
            ("LMOVE l k LEFT LEFT", 1),
            ("LREM l 0 nothing", 0),
            ("RPUSH l e", 1),
            ("LREM l 0 e", 2),
            ("LMPOP 1 l LEFT COUNT 5", 1),
            ("LLEN l", 0),
        ] {
            node.run(command);
            assert_eq!(node.dirty(), changes, "{command}");
        }
    });
}

#[test]
fn encoding_is_always_quicklist() {
    everywhere(|node| {
        node.run("RPUSH l a");
        let engine = node.node.engine().clone();
        let mut keys = engine.keyspace(engine.lock(engine.all_shards()), 0, node.now_ms);
        assert_eq!(keys.read(b"l").map(carnelian_engine::ValueRef::encoding), Some("quicklist"));
    });
}
