//! Connections that leave a worker because of a slow neighbour.

use crate::support::{Client, TestServer};

/// Keeps one worker busy with long commands until a client has left it.
fn be_slow_until(server: &TestServer, slow: &mut Client, moved: &str) {
    while !server.log().contains(moved) {
        assert_eq!(slow.text("keys *nothing*"), "[]");
    }
}

fn id(client: &mut Client) -> String {
    client.text("client id")
}

#[test]
fn others_leave_the_worker_of_a_slow_client_and_notice_nothing() {
    let server = TestServer::start("io-threads 2\nenable-debug-command yes\nloglevel verbose");
    let mut slow = server.connect();
    let mut other = server.connect();
    // With two workers every second connection is the neighbour of the first.
    let mut queueing = server.connect();
    let _second = server.connect();
    let mut subscribed = server.connect();
    let _third = server.connect();
    let mut blocked = server.connect();
    let moves = |client: &mut Client| format!("Client id={} moves to worker 1", id(client));
    let (queueing_moves, subscribed_moves) = (moves(&mut queueing), moves(&mut subscribed));
    assert_eq!(other.text("debug populate 300000"), "OK");
    queueing.run("client setname watcher");
    queueing.run("select 3");
    queueing.run("watch seen");
    queueing.run("multi");
    assert_eq!(queueing.text("incr seen"), "QUEUED");
    subscribed.run("subscribe news");
    let blocked_id = id(&mut blocked);
    let waiting = std::thread::spawn(move || (blocked.text("blpop list 0"), blocked));
    be_slow_until(&server, &mut slow, &queueing_moves);
    be_slow_until(&server, &mut slow, &subscribed_moves);
    assert!(!server.log().contains(&format!("Client id={} moves", id(&mut slow))));
    // Who waits is served where it is, and leaves afterwards.
    other.run("rpush list a");
    let (reply, mut blocked) = waiting.join().unwrap();
    assert_eq!(reply, "[list a]");
    be_slow_until(&server, &mut slow, &format!("Client id={blocked_id} moves to worker 1"));
    assert_eq!(blocked.text("echo here"), "here");
    assert_eq!(other.text("publish news today"), "1");
    assert_eq!(queueing.text("exec"), "[1]");
    assert_eq!(queueing.text("client getname"), "watcher");
    assert_eq!(other.text("get seen"), "nil");
    // What it watches is known wherever it is.
    queueing.run("watch seen");
    other.run("select 3");
    other.run("incr seen");
    queueing.run("multi");
    queueing.run("get seen");
    assert_eq!(queueing.text("exec"), "nil");
}
