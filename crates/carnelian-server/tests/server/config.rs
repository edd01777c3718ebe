//! CONFIG against a running server.

use crate::support::{TestServer, free_port, show};
use carnelian_client::{ConnectOptions, Connection, Protocol};

#[test]
fn parameters_are_read_by_name_and_pattern() {
    let server = TestServer::start("maxmemory 64mb");
    let mut client = server.connect();
    assert_eq!(client.text("config get maxmemory"), "[maxmemory 67108864]");
    assert_eq!(client.text("config get nosuch"), "[]");
    assert_eq!(client.text("config get hz maxclient*"), "[hz 10 maxclients 10000]");
    assert_eq!(server.connect_resp3().text("config get maxmemory"), "{maxmemory=67108864}");
}

#[test]
fn set_changes_all_or_nothing() {
    let server = TestServer::start("");
    let mut client = server.connect();
    assert_eq!(client.text("config set hz 50 maxmemory 1mb"), "OK");
    assert_eq!(client.text("config get hz maxmemory"), "[hz 50 maxmemory 1048576]");
    assert_eq!(
        client.text("config set hz 60 maxmemory x"),
        "-ERR CONFIG SET failed (possibly related to argument 'maxmemory') - argument must be a memory value"
    );
    assert_eq!(client.text("config get hz"), "[hz 50]");
    for (line, error) in [
        ("config set hz", "-ERR wrong number of arguments for 'config|set' command"),
        ("config set hz 1 maxmemory", "-ERR syntax error"),
        ("config set nosuch 1", "-ERR Unknown option or number of arguments for CONFIG SET - 'nosuch'"),
        (
            "config set daemonize yes",
            "-ERR CONFIG SET failed (possibly related to argument 'daemonize') - can't set immutable config",
        ),
        (
            "config set dir /tmp",
            "-ERR CONFIG SET failed (possibly related to argument 'dir') - can't set protected config",
        ),
        (
            "config set hz 1 hz 2",
            "-ERR CONFIG SET failed (possibly related to argument 'hz') - duplicate parameter",
        ),
    ] {
        assert_eq!(client.text(line), error, "{line}");
    }
}

#[test]
fn local_clients_may_change_protected_parameters_when_told_so() {
    let server = TestServer::start("enable-protected-configs local");
    let mut client = server.connect();
    assert_eq!(client.text("config set dbfilename other.rdb"), "OK");
    assert_eq!(client.text("config get dbfilename"), "[dbfilename other.rdb]");
}

#[test]
fn what_does_not_exist_yet_cannot_be_turned_on() {
    let server = TestServer::start("");
    let mut client = server.connect();
    assert!(client.text("config set appendonly yes").starts_with("-ERR CONFIG SET failed"));
    assert_eq!(client.text("config get appendonly"), "[appendonly no]");
    assert!(client.text("config set tls-port 7000").starts_with("-ERR CONFIG SET failed"));
    assert_eq!(client.text("config get tls-port"), "[tls-port 0]");
}

#[test]
fn a_password_holds_for_new_connections() {
    let server = TestServer::start("");
    let mut old = server.connect();
    assert_eq!(old.text("config set requirepass secret"), "OK");
    assert_eq!(old.text("ping"), "PONG");
    let mut new = server.connect();
    assert_eq!(new.text("ping"), "-NOAUTH Authentication required.");
    assert!(new.text("auth wrong").starts_with("-WRONGPASS"));
    assert_eq!(new.text("auth secret"), "OK");
    assert_eq!(new.text("ping"), "PONG");
    assert_eq!(old.info("stats", "acl_access_denied_auth").as_deref(), Some("1"));
    assert_eq!(old.text("config set requirepass ''"), "OK");
    assert_eq!(server.connect().text("ping"), "PONG");
}

#[test]
fn the_port_changes_while_the_server_runs() {
    let server = TestServer::start("");
    let mut client = server.connect();
    let port = free_port();
    assert_eq!(client.text(&format!("config set port {port}")), "OK");
    assert_eq!(client.text("ping"), "PONG");
    let at = |port| {
        Connection::connect(&ConnectOptions {
            protocol: Protocol::Resp2,
            ..ConnectOptions::tcp("127.0.0.1", port)
        })
    };
    assert!(at(port).is_ok());
    assert!(at(server.port).is_err());
    assert_eq!(server.port_now(), Some(port));
    assert_eq!(client.info("server", "tcp_port"), Some(port.to_string()));
    // Somebody else's port is refused, and the one in use stays.
    let other = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let taken = other.local_addr().unwrap().port();
    assert_eq!(
        client.text(&format!("config set port {taken}")),
        "-ERR CONFIG SET failed (possibly related to argument 'port') - Unable to listen on this port. Check server logs."
    );
    assert_eq!(client.text("config get port"), format!("[port {port}]"));
    assert!(at(port).is_ok());
    assert_eq!(client.text("config set port 0"), "OK");
    assert!(at(port).is_err());
    assert_eq!(server.port_now(), None);
    assert_eq!(client.text("ping"), "PONG");
}

#[test]
fn addresses_change_while_the_server_runs() {
    let server = TestServer::start("");
    let mut client = server.connect();
    // An address of a network for documentation: no machine has it.
    assert_eq!(
        client.text("config set bind 192.0.2.1"),
        "-ERR CONFIG SET failed (possibly related to argument 'bind') - Failed to bind to specified addresses."
    );
    assert_eq!(client.text("config get bind"), "[bind 127.0.0.1]");
    assert_eq!(server.connect().text("ping"), "PONG");
    let words: [&[u8]; 4] = [b"config", b"set", b"bind", b"0.0.0.0 -192.0.2.1"];
    assert_eq!(show(&client.0.command(&words).unwrap()), "OK");
    assert_eq!(server.connect().text("ping"), "PONG");
}

#[test]
fn rewrite_keeps_what_was_set() {
    let server = TestServer::start("# a comment");
    let mut client = server.connect();
    assert_eq!(client.text("config set maxmemory 10mb"), "OK");
    assert_eq!(client.text("config rewrite"), "OK");
    let file = std::fs::read_to_string(server.dir.path().join("redis.conf")).unwrap();
    assert!(file.contains("# a comment\n"), "{file}");
    assert!(file.contains("\nmaxmemory 10mb\n"), "{file}");
}

#[test]
fn statistics_begin_again() {
    let server = TestServer::start("");
    let mut client = server.connect();
    client.run("set key value");
    client.run("get key");
    client.run("nosuch");
    assert_eq!(client.info("stats", "keyspace_hits").as_deref(), Some("1"));
    assert_eq!(client.info("errorstats", "errorstat_ERR").as_deref(), Some("count=1"));
    assert_eq!(client.text("config resetstat"), "OK");
    assert_eq!(client.info("stats", "keyspace_hits").as_deref(), Some("0"));
    assert_eq!(client.info("stats", "total_error_replies").as_deref(), Some("0"));
    assert_eq!(client.info("errorstats", "errorstat_ERR"), None);
    assert_eq!(client.info("commandstats", "cmdstat_get"), None);
    assert!(client.info("commandstats", "cmdstat_config|resetstat").is_some());
}
