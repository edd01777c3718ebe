//! Clients whose commands find a shard held: they wait, and nobody else does.

use crate::support::TestServer;
use std::io::{Read, Write};
use std::net::TcpStream;

/// A client that says byte by byte what it sends and gets.
struct Wire(TcpStream);

impl Wire {
    fn connect(server: &TestServer) -> Self {
        Self(TcpStream::connect(("127.0.0.1", server.port)).unwrap())
    }

    fn send(&mut self, lines: &[&str]) {
        self.0.write_all((lines.join("\r\n") + "\r\n").as_bytes()).unwrap();
    }

    #[track_caller]
    fn expect(&mut self, reply: &str) {
        let mut got = vec![0; reply.len()];
        self.0.read_exact(&mut got).unwrap();
        assert_eq!(got.escape_ascii().to_string(), reply.as_bytes().escape_ascii().to_string());
    }
}

/// Two keys in different shards.
fn keys_apart(server: &TestServer) -> (String, String) {
    let node = server.node();
    let shard = |key: &str| node.engine().shard_of(key.as_bytes());
    let held = "held".to_owned();
    let free = (0..1000).map(|n| format!("free{n}")).find(|key| shard(key) != shard(&held)).unwrap();
    (held, free)
}

#[test]
fn a_worker_serves_others_while_a_client_waits_for_a_shard() {
    let server = TestServer::start("io-threads 1");
    let (held, free) = keys_apart(&server);
    let mut setup = server.connect();
    setup.run(&format!("set {held} 1"));
    setup.run(&format!("set {free} 2"));
    // The requests of a client, and what it gets once the shard is free.
    let cases: [(&[&str], &str); 8] = [
        (&["get K"], "$1\r\n1\r\n"),
        (&["set K 1"], "+OK\r\n"),
        (&["mget F K"], "*2\r\n$1\r\n2\r\n$1\r\n1\r\n"),
        (&["dbsize"], ":2\r\n"),
        (&["watch K", "unwatch"], "+OK\r\n+OK\r\n"),
        (&["exec"], "*3\r\n+PONG\r\n$1\r\n1\r\n$1\r\nx\r\n"),
        (&["client reply skip", "set K 1", "echo a"], "$1\r\na\r\n"),
        (&["get K", "get F", "get K", "ping"], "$1\r\n1\r\n$1\r\n2\r\n$1\r\n1\r\n+PONG\r\n"),
    ];
    let mut waiting: Vec<Wire> = cases.iter().map(|_| Wire::connect(&server)).collect();
    let mut gone = Wire::connect(&server);
    let mut other = Wire::connect(&server);
    for (client, (lines, _)) in waiting.iter_mut().zip(&cases) {
        if lines.contains(&"exec") {
            client.send(&["multi", "ping", &format!("get {held}")]);
            client.expect("+OK\r\n+QUEUED\r\n+QUEUED\r\n");
        }
    }

    let node = server.node();
    let engine = node.engine();
    let shards = engine.lock(engine.shards_of(&[held.as_bytes()]));
    for (client, (lines, _)) in waiting.iter_mut().zip(&cases) {
        let lines: Vec<String> =
            lines.iter().map(|line| line.replace('K', &held).replace('F', &free)).collect();
        let lines: Vec<&str> = ["echo x"].into_iter().chain(lines.iter().map(String::as_str)).collect();
        client.send(&lines);
        // The reply to ECHO leaves after the next command was tried. In a transaction it is queued.
        client.expect(if lines.contains(&"exec") { "+QUEUED\r\n" } else { "$1\r\nx\r\n" });
    }
    gone.send(&["echo x", &format!("get {held}")]);
    gone.expect("$1\r\nx\r\n");
    drop(gone);
    // Everything that these wait for is held, and they share one worker.
    for _ in 0..100 {
        other.send(&[&format!("get {free}"), &format!("set {free} 2"), "ping"]);
        other.expect("$1\r\n2\r\n+OK\r\n+PONG\r\n");
    }
    for client in &mut waiting {
        client.0.set_nonblocking(true).unwrap();
        let got = client.0.read(&mut [0]);
        assert!(got.is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock), "the shard is held");
        client.0.set_nonblocking(false).unwrap();
    }
    drop(shards);
    for (client, (_, reply)) in waiting.iter_mut().zip(&cases) {
        client.expect(reply);
        client.send(&["ping"]);
        client.expect("+PONG\r\n");
    }
}

#[test]
fn blocked_clients_time_out_and_leave_although_their_shard_is_held() {
    let server = TestServer::start("io-threads 1");
    let (held, free) = keys_apart(&server);
    let mut blocked = Wire::connect(&server);
    let mut watching = Wire::connect(&server);
    let mut other = Wire::connect(&server);
    watching.send(&[&format!("watch {held}"), "multi"]);
    watching.expect("+OK\r\n+OK\r\n");
    // A list whose time-out needs no waiting: it is ended by another client.
    blocked.send(&["client id"]);
    let mut id = String::new();
    while !id.ends_with("\r\n") {
        let mut byte = [0];
        blocked.0.read_exact(&mut byte).unwrap();
        id.push(byte[0] as char);
    }
    blocked.send(&["echo x", &format!("blpop {held} 0")]);
    blocked.expect("$1\r\nx\r\n");

    let node = server.node();
    let engine = node.engine();
    let shards = engine.lock(engine.shards_of(&[held.as_bytes()]));
    other.send(&[&format!("client unblock {}", &id[1..id.len() - 2])]);
    other.expect(":1\r\n");
    blocked.expect("*-1\r\n");
    watching.send(&["discard"]);
    watching.expect("+OK\r\n");
    drop(blocked);
    drop(watching);
    other.send(&[&format!("get {free}")]);
    other.expect("$-1\r\n");
    drop(shards);
    other.send(&[&format!("rpush {held} a"), &format!("lpop {held}")]);
    other.expect(":1\r\n$1\r\na\r\n");
}

#[test]
fn who_waits_long_gets_its_turn() {
    let server = TestServer::start("io-threads 2");
    let mut setup = server.connect();
    for key in 0..2000 {
        setup.run(&format!("set key{key} value"));
    }
    // Each of these clients keeps every shard busy as well as it can, through both workers.
    let server = &server;
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(move || {
                let mut client = Wire::connect(server);
                let batch = vec!["keys none*"; 50];
                for _ in 0..10 {
                    client.send(&batch);
                    client.expect(&"*0\r\n".repeat(50));
                }
            });
        }
        for _ in 0..2 {
            scope.spawn(move || {
                let mut client = Wire::connect(server);
                for _ in 0..50 {
                    client.send(&["get key1", "set key2 value", "dbsize"]);
                    client.expect("$5\r\nvalue\r\n+OK\r\n:2000\r\n");
                }
            });
        }
    });
}
