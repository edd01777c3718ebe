//! Servers inside another program: several at a time, started and stopped.

use crate::support::TestServer;

#[test]
fn servers_in_one_process_are_apart() {
    let (a, b) = (TestServer::start(""), TestServer::start(""));
    let (mut in_a, mut in_b) = (a.connect(), b.connect());
    in_a.run("set key a");
    assert_eq!(in_b.text("get key"), "nil");
    drop(a);
    assert_eq!(in_b.text("set key b"), "OK");
    assert!(in_a.0.command(&["ping"]).is_err());
}

#[test]
fn a_port_is_free_again_after_the_end() {
    let server = TestServer::start("");
    let port = server.port;
    assert_eq!(server.connect().text("ping"), "PONG");
    drop(server);
    assert!(std::net::TcpStream::connect(("127.0.0.1", port)).is_err());
}

#[test]
fn clients_can_end_the_server() {
    let server = TestServer::start("");
    let mut client = server.connect();
    // No reply: the connection closes.
    assert!(client.0.command(&["shutdown", "nosave"]).is_err());
}
