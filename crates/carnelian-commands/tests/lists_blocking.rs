//! Lists: clients that wait for elements.

mod common;

use carnelian_resp::Protocol;
use common::check;
use common::clients::{Caller, check_clients, nobody_waits, node};
use std::sync::Mutex;

#[test]
fn nothing_waits_when_there_is_something() {
    check(
        r#"
        RPUSH b 1 2 3 4 5 6 => 6
        BLPOP a b 0 => ["b", "1"]
        BRPOP a b 0.5 => ["b", "6"]
        BLMPOP 0 2 a b LEFT COUNT 2 => ["b", ["2", "3"]]
        BLMOVE b a LEFT RIGHT 1 => "4"
        BRPOPLPUSH b a 1 => "5"
        ! new b; rpush b; lpop b; rpop b; lpop b; new a; rpush a; lpop b; lpush a; rpop b; del b
        BLPOP a a 0 => ["a", "5"]
        SET s v => OK
        BLPOP b s 0 => -WRONGTYPE Operation against a key holding the wrong kind of value
        BLMPOP 0 2 b s LEFT => -WRONGTYPE Operation against a key holding the wrong kind of value
        BLMOVE s a LEFT LEFT 0 => -WRONGTYPE Operation against a key holding the wrong kind of value
        BLMOVE a s LEFT LEFT 0 => -WRONGTYPE Operation against a key holding the wrong kind of value
        LLEN a => 1
        "#,
    );
}

#[test]
fn timeouts_are_checked_first() {
    let wrong = "-ERR timeout is not a float or out of range";
    let negative = "-ERR timeout is negative";
    for (timeout, error) in [
        ("x", wrong),
        ("nan", wrong),
        ("\"\"", wrong),
        ("-1", negative),
        ("inf", negative),
        ("1e300", negative),
    ] {
        check(&format!(
            "SET s v => OK
             BLPOP s {timeout} => {error}
             BRPOP s {timeout} => {error}
             BLMPOP {timeout} 1 s LEFT => {error}
             BLMOVE s s LEFT LEFT {timeout} => {error}
             BRPOPLPUSH s s {timeout} => {error}
             BLMOVE s s UP LEFT {timeout} => -ERR syntax error
             BLMPOP {timeout} 0 s LEFT => -ERR numkeys should be greater than 0
             BLMPOP {timeout} 1 s UP => -ERR syntax error"
        ));
    }
}

#[test]
fn timeouts_in_milliseconds() {
    let node = node(1);
    for (timeout, expected) in
        [("0", None), ("0.0001", Some(1)), ("0.5", Some(500)), ("3", Some(3000)), ("1e-3", Some(1))]
    {
        let mut client = Caller::new(&node, 1, Protocol::Resp2);
        for command in [format!("BLPOP k {timeout}"), format!("BLMOVE k l LEFT LEFT {timeout}")] {
            assert_eq!(client.run(&command), "waits");
            assert_eq!(client.blocked.as_ref().and_then(|blocked| blocked.timeout_ms), expected, "{command}");
            client.leave();
        }
    }
}

#[test]
fn served_in_order_of_arrival() {
    check_clients(
        r#"
        a: BLPOP k 0 => waits
        b: BRPOP k 0 => waits
        c: BLPOP k 0 => waits
        p: RPUSH k 1 2 => 2
        a <= ["k", "1"]
        b <= ["k", "2"]
        c <= waits
        p: EXISTS k => 0
        p: RPUSH k 3 4 => 2
        c <= ["k", "3"]
        p: LRANGE k 0 -1 => ["4"]
        "#,
    );
}

#[test]
fn pushing_several_serves_after_the_last() {
    check_clients(
        r#"
        a: BLPOP k 0 => waits
        p: LPUSH k 1 2 3 => 3
        a <= ["k", "3"]
        a: BLMPOP 0 2 x k RIGHT COUNT 10 => ["k", ["1", "2"]]
        a: BLMPOP 0 2 x k RIGHT COUNT 2 => waits
        p: RPUSH k 1 2 3 => 3
        a <= ["k", ["3", "2"]]
        p: LRANGE k 0 -1 => ["1"]
        "#,
    );
}

#[test]
fn waiting_for_several_keys() {
    check_clients(
        r#"
        a: BLPOP k1 k2 k3 k1 0 => waits
        b: BLPOP k3 k2 0 => waits
        p: RPUSH k2 1 2 3 => 3
        a <= ["k2", "1"]
        b <= ["k2", "2"]
        p: RPUSH k1 x => 1
        p: RPUSH k3 x => 1
        p: LLEN k1 => 1
        p: LLEN k2 => 1
        p: LLEN k3 => 1
        "#,
    );
}

#[test]
fn the_key_that_became_ready_first_serves() {
    check_clients(
        r#"
        a: BLPOP k1 k2 0 => waits
        p: MULTI => OK
        p: RPUSH k2 2 => QUEUED
        p: RPUSH k1 1 => QUEUED
        p: EXEC => [1, 1]
        a <= ["k2", "2"]
        p: LRANGE k1 0 -1 => ["1"]
        "#,
    );
}

#[test]
fn transactions_serve_at_their_end_and_never_wait() {
    check_clients(
        r#"
        a: BLPOP k 0 => waits
        p: MULTI => OK
        p: RPUSH k 1 => QUEUED
        p: LPOP k => QUEUED
        p: EXEC => [1, "1"]
        a <= waits
        p: MULTI => OK
        p: RPUSH k 1 => QUEUED
        p: DEL k => QUEUED
        p: SET k v => QUEUED
        p: EXEC => [1, 1, OK]
        a <= waits
        p: MULTI => OK
        p: DEL k => QUEUED
        p: RPUSH k 1 => QUEUED
        p: LPUSH k 0 => QUEUED
        p: BLPOP k 0 => QUEUED
        p: EXEC => [1, 1, 2, ["k", "0"]]
        a <= ["k", "1"]
        p: MULTI => OK
        p: BLPOP k 0 => QUEUED
        p: BRPOP k 0 => QUEUED
        p: BLMPOP 0 1 k LEFT => QUEUED
        p: BLMOVE k l LEFT LEFT 0 => QUEUED
        p: BRPOPLPUSH k l 0 => QUEUED
        p: EXEC => [nil, nil, nil, nil, nil]
        "#,
    );
}

#[test]
fn nulls_of_ended_waits_on_the_wire() {
    common::everywhere(|node| {
        let resp2 = node.out.protocol() == Protocol::Resp2;
        node.run("MULTI");
        node.run("BLPOP k 0");
        node.run("BLMOVE k l LEFT LEFT 0");
        let expected = if resp2 { "*2\\r\\n*-1\\r\\n$-1\\r\\n" } else { "*2\\r\\n_\\r\\n_\\r\\n" };
        assert_eq!(node.raw("EXEC"), expected);
    });
}

#[test]
fn moves_make_chains() {
    check_clients(
        r#"
        a: BLMOVE k1 k2 LEFT RIGHT 0 => waits
        b: BLMOVE k2 k3 LEFT RIGHT 0 => waits
        c: BRPOPLPUSH k3 k4 0 => waits
        d: BLPOP k4 0 => waits
        p: RPUSH k1 x => 1
        a <= "x"
        b <= "x"
        c <= "x"
        d <= ["k4", "x"]
        p: EXISTS k1 k2 k3 k4 => 0
        "#,
    );
}

#[test]
fn moves_in_a_circle() {
    check_clients(
        r#"
        a: BLMOVE k1 k2 LEFT RIGHT 0 => waits
        b: BLMOVE k2 k1 LEFT RIGHT 0 => waits
        c: BLMOVE k1 k1 LEFT RIGHT 0 => waits
        p: RPUSH k1 x => 1
        a <= "x"
        b <= "x"
        c <= "x"
        p: LRANGE k1 0 -1 => ["x"]
        "#,
    );
}

#[test]
fn a_destination_of_another_type_is_an_error_that_keeps_the_element() {
    check_clients(
        r#"
        p: SET s v => OK
        a: BLMOVE k s LEFT LEFT 0 => waits
        b: BLPOP k 0 => waits
        p: RPUSH k x => 1
        a <= -WRONGTYPE Operation against a key holding the wrong kind of value
        b <= ["k", "x"]
        p: EXISTS k => 0
        "#,
    );
}

#[test]
fn another_type_does_not_serve() {
    check_clients(
        r#"
        a: BLPOP k 0 => waits
        p: SET k v => OK
        a <= waits
        b: BLPOP k 0 => -WRONGTYPE Operation against a key holding the wrong kind of value
        p: DEL k => 1
        p: SADD k m => 1
        a <= waits
        p: DEL k => 1
        p: RPUSH k x => 1
        a <= ["k", "x"]
        "#,
    );
}

#[test]
fn who_is_gone_or_out_of_time_gets_nothing() {
    check_clients(
        r#"
        a: BLPOP k l 0 => waits
        b: BLMOVE k l LEFT LEFT 1 => waits
        c: BLPOP k 1 => waits
        d: BLMPOP 1 1 l LEFT => waits
        a x
        b ~ nil
        p: RPUSH k x => 1
        c ~ served
        c <= ["k", "x"]
        d ~ nil
        p: RPUSH l y => 1
        p: LRANGE l 0 -1 => ["y"]
        "#,
    );
}

#[test]
fn databases_are_apart() {
    check_clients(
        r#"
        a: BLPOP k 0 => waits
        p: SELECT 1 => OK
        p: RPUSH k x => 1
        a <= waits
        p: MOVE k 0 => 1
        a <= ["k", "x"]
        b: SELECT 1 => OK
        b: BLPOP k 0 => waits
        q: RPUSH k y => 1
        b <= waits
        q: SWAPDB 0 1 => OK
        b <= ["k", "y"]
        "#,
    );
}

#[test]
fn keys_that_come_into_being_otherwise() {
    check_clients(
        r#"
        p: RPUSH l 1 2 3 => 3
        a: BLPOP k 0 => waits
        p: COPY l k => 1
        a <= ["k", "1"]
        p: DEL k => 1
        a: BLPOP k 0 => waits
        p: SORT l DESC STORE k => 3
        a <= ["k", "3"]
        p: DEL k => 1
        a: BLPOP k 0 => waits
        p: RENAME l k => OK
        a <= ["k", "1"]
        a: BLPOP new 0 => waits
        p: RENAMENX k new => 1
        a <= ["new", "2"]
        p: LRANGE new 0 -1 => ["3"]
        "#,
    );
}

#[test]
fn watched_keys_that_serving_changes() {
    check_clients(
        r#"
        a: BLMOVE k l LEFT LEFT 0 => waits
        w: WATCH l => OK
        p: RPUSH k x => 1
        a <= "x"
        w: MULTI => OK
        w: EXEC => nil
        "#,
    );
}

#[test]
fn a_blocked_command_counts_once() {
    let node = node(64);
    let mut client = Caller::new(&node, 1, Protocol::Resp2);
    let mut pusher = Caller::new(&node, 2, Protocol::Resp2);
    client.run("BLPOP k 0");
    pusher.run("RPUSH k x");
    assert_eq!(client.served(), r#"["k", "x"]"#);
    let calls: u64 = [&client, &pusher]
        .iter()
        .flat_map(|caller| &caller.stats.commands)
        .map(|command| command.calls.get())
        .sum();
    assert_eq!(calls, 2);
    assert_eq!(client.stats.processed.get() + pusher.stats.processed.get(), 2);
}

/// Pushers, movers and poppers on 64 shards: every element arrives, once, and each popper sees the elements of one
/// pusher on one list in order.
#[test]
fn every_element_arrives_once() {
    const LISTS: usize = 5;
    const PUSHERS: usize = 2;
    const EACH: usize = 2000;
    let node = node(64);
    let arrived = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for pusher in 0..PUSHERS {
            let node = &node;
            scope.spawn(move || {
                let mut client = Caller::new(node, pusher as u64, Protocol::Resp2);
                for number in 0..EACH {
                    let list = number % LISTS;
                    if number % 7 == 0 {
                        client.run("MULTI");
                        client.run(&format!("RPUSH in{list} {pusher}-{number}"));
                        client.run("EXEC");
                    } else {
                        client.run(&format!("RPUSH in{list} {pusher}-{number}"));
                    }
                }
            });
        }
        // Each list has a mover of its own, so that its order is kept; then anybody takes from any list.
        for mover in 0..LISTS {
            let node = &node;
            let count = PUSHERS * EACH / LISTS;
            scope.spawn(move || {
                let mut client = Caller::new(node, 100 + mover as u64, Protocol::Resp2);
                for _ in 0..count {
                    if client.run(&format!("BLMOVE in{mover} out{} LEFT RIGHT 0", mover % 2)) == "waits" {
                        client.wait();
                    }
                }
            });
        }
        for popper in 0..4 {
            let (node, arrived) = (&node, &arrived);
            scope.spawn(move || {
                let mut client = Caller::new(node, 200 + popper, Protocol::Resp2);
                let mut mine = Vec::new();
                for turn in 0..PUSHERS * EACH / 4 {
                    let keys = if turn % 2 == 0 { "out0 out1" } else { "out1 out0" };
                    let mut reply = client.run(&format!("BLPOP {keys} 0"));
                    if reply == "waits" {
                        // Now and then a client gives up, and asks again if it was not served meanwhile.
                        reply = if turn % 5 == 0 && client.time_out() == "nil" {
                            match client.run(&format!("BLPOP {keys} 0")) {
                                waits if waits == "waits" => client.wait(),
                                reply => reply,
                            }
                        } else {
                            client.wait()
                        };
                    }
                    mine.push(reply);
                }
                arrived.lock().unwrap().push(mine);
            });
        }
    });
    assert!(nobody_waits(&node));
    let mut elements = Vec::new();
    for mine in arrived.into_inner().unwrap() {
        let mut last = [[None; LISTS]; PUSHERS];
        for reply in mine {
            let element = reply.split('"').nth(3).expect("a key and an element");
            let (pusher, number) = element.split_once('-').expect("a pusher and a number");
            let (pusher, number): (usize, usize) = (pusher.parse().unwrap(), number.parse().unwrap());
            let before = last[pusher][number % LISTS].replace(number);
            assert!(before.is_none_or(|before| before < number), "out of order");
            elements.push((pusher, number));
        }
    }
    elements.sort_unstable();
    let expected: Vec<_> =
        (0..PUSHERS).flat_map(|pusher| (0..EACH).map(move |number| (pusher, number))).collect();
    assert_eq!(elements, expected);
}
