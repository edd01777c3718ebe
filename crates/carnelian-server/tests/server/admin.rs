//! Commands that administer and observe the server.

use crate::support::{TestServer, show};
use carnelian_client::Reply;

#[test]
fn debug_is_off_unless_configured() {
    let server = TestServer::start("");
    let error = server.connect().text("debug sleep 0");
    assert!(
        error.starts_with("-ERR DEBUG command not allowed. If the enable-debug-command option"),
        "{error}"
    );
    let server = TestServer::start("enable-debug-command local");
    assert_eq!(server.connect().text("debug sleep 0"), "OK");
}

#[test]
fn debug_looks_inside() {
    let server = TestServer::start("enable-debug-command yes");
    let mut client = server.connect();
    client.run("set key value");
    client.run("set number 12345");
    let object = client.text("debug object key");
    assert!(object.starts_with("Value at:0x"), "{object}");
    assert!(object.contains(" refcount:1 encoding:embstr serializedlength:6 lru:"), "{object}");
    assert!(object.ends_with(" lru_seconds_idle:0"), "{object}");
    let digest = client.text("debug digest");
    assert_eq!(digest.len(), 40);
    assert_eq!(client.text("debug digest-value nosuch"), format!("[{}]", "0".repeat(40)));
    assert_eq!(client.text("debug reload"), "OK");
    assert_eq!(client.text("debug digest"), digest);
    assert_eq!(client.text("debug populate 100 p 10"), "OK");
    assert_eq!(client.text("dbsize"), "102");
    assert_eq!(client.text("strlen p:99"), "10");
    assert!(client.text("debug sdslen key").contains("val_sds_len:5"));
    assert!(client.text("debug htstats 0").contains("number of elements: 102"));
    let id = client.info("replication", "master_replid");
    assert_eq!(client.text("debug change-repl-id"), "OK");
    assert_ne!(client.info("replication", "master_replid"), id);
    assert_eq!(client.text("debug log message"), "OK");
    assert!(server.log().contains("DEBUG LOG: message"));
    for (line, reply) in [
        ("debug object nosuch", "-ERR no such key"),
        ("debug listpack key", "-ERR Not a listpack encoded object."),
        ("debug error CODE", "-CODE"),
        ("debug htstats 16", "-ERR Out of range database"),
        ("debug set-active-expire 0", "OK"),
        ("debug set-active-expire 1", "OK"),
        ("debug quicklist-packed-threshold 100b", "OK"),
        ("debug quicklist-packed-threshold 0", "OK"),
        (
            "debug quicklist-packed-threshold 5gb",
            "-ERR argument must be a memory value bigger than 1 and smaller than 4gb",
        ),
        ("debug replybuffer resizing 0", "OK"),
        ("debug reload nosuch", "-ERR DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE options."),
        ("debug segfault", "-ERR This server does not crash on command"),
        (
            "debug nosuch",
            "-ERR unknown subcommand or wrong number of arguments for 'nosuch'. Try DEBUG HELP.",
        ),
        ("debug sleep", "-ERR unknown subcommand or wrong number of arguments for 'sleep'. Try DEBUG HELP."),
    ] {
        assert_eq!(client.text(line), reply, "{line}");
    }
}

#[test]
fn debug_protocol_shows_every_type() {
    let server = TestServer::start("enable-debug-command yes");
    let (mut resp2, mut resp3) = (server.connect(), server.connect_resp3());
    for (kind, old, new) in [
        ("string", "Hello World", "Hello World"),
        ("integer", "12345", "12345"),
        ("double", "3.141", "3.141"),
        ("null", "nil", "nil"),
        ("array", "[0 1 2]", "[0 1 2]"),
        ("set", "[0 1 2]", "~[0 1 2]"),
        ("map", "[0 0 1 1 2 0]", "{0=#false 1=#true 2=#false}"),
        ("verbatim", "This is a verbatim\nstring", "This is a verbatim\nstring"),
        ("true", "1", "#true"),
        ("false", "0", "#false"),
        ("bignum", "1234567999999999999999999999999999999", "1234567999999999999999999999999999999"),
    ] {
        assert_eq!(resp2.text(&format!("debug protocol {kind}")), old, "{kind}");
        assert_eq!(resp3.text(&format!("debug protocol {kind}")), new, "{kind}");
    }
    assert_eq!(resp2.text("debug protocol push"), "-ERR RESP2 is not supported by this command");
    assert_eq!(resp2.text("debug protocol attrib"), "Some real reply following the attribute");
    assert!(resp2.text("debug protocol nosuch").starts_with("-ERR Wrong protocol type name."));
}

#[test]
fn slow_commands_are_logged_without_secrets() {
    let server = TestServer::start("slowlog-log-slower-than 0\nslowlog-max-len 3");
    let mut client = server.connect();
    client.run("client setname observer");
    client.run("config set requirepass secret");
    client.run("auth secret");
    let Reply::Array(entries) = client.run("slowlog get") else { panic!("an array") };
    let shown: Vec<String> = entries.iter().map(show).collect();
    assert_eq!(shown.len(), 3, "{shown:?}");
    assert!(shown[0].contains("[auth (redacted)]"), "{shown:?}");
    assert!(shown[1].contains("[config set requirepass (redacted)]"), "{shown:?}");
    assert!(shown[0].contains(" 127.0.0.1:") && shown[0].ends_with(" observer]"), "{shown:?}");
    assert_eq!(client.text("slowlog len"), "3");
    assert_eq!(client.run("slowlog get 1").as_slice().map(<[Reply]>::len), Some(1));
    assert_eq!(client.text("slowlog get -2"), "-ERR count should be greater than or equal to -1");
    client.run("config set slowlog-log-slower-than -1");
    assert_eq!(client.text("slowlog reset"), "OK");
    assert_eq!(client.text("slowlog get -1"), "[]");
}

#[test]
fn latency_spikes_are_kept() {
    let server = TestServer::start("enable-debug-command yes\nlatency-monitor-threshold 5");
    let mut client = server.connect();
    assert_eq!(client.text("latency latest"), "[]");
    client.run("debug sleep 0.02");
    let latest = client.text("latency latest");
    assert!(latest.starts_with("[[command "), "{latest}");
    assert_eq!(client.run("latency history command").as_slice().map(<[Reply]>::len), Some(1));
    assert_eq!(client.text("latency history nosuch"), "[]");
    assert!(client.text("latency graph command").starts_with("command - high "));
    assert_eq!(client.text("latency graph nosuch"), "-ERR No samples available for event 'nosuch'");
    assert!(client.text("latency doctor").starts_with("command: 1 spikes"));
    assert_eq!(client.text("latency reset nosuch"), "0");
    assert_eq!(client.text("latency reset"), "1");
    assert_eq!(client.text("latency latest"), "[]");
}

#[test]
fn histograms_are_by_command() {
    let server = TestServer::start("");
    let mut client = server.connect_resp3();
    client.run("set key value");
    client.run("set key other");
    let histogram = client.text("latency histogram set nosuch");
    assert!(histogram.starts_with("{set={calls=2 histogram_usec={"), "{histogram}");
    assert!(histogram.ends_with("=2}}}"), "{histogram}");
    client.run("client id");
    assert!(client.text("latency histogram client").contains("client|id={calls=1 "));
    assert_eq!(client.text("latency histogram nosuch"), "{}");
}

#[test]
fn monitors_see_commands_without_secrets() {
    let server = TestServer::start("");
    let (mut monitor, mut client) = (server.connect(), server.connect());
    assert_eq!(monitor.text("monitor"), "OK");
    client.run("set key value\n\u{1}");
    client.run("auth secret");
    client.run("config get hz");
    client.run("select 2");
    client.run("ping");
    let mut next = || show(&monitor.0.receive().unwrap().into_reply());
    let line = next();
    assert!(line.contains(" [0 127.0.0.1:"), "{line}");
    assert!(line.ends_with("] \"set\" \"key\" \"value\\n\\x01\""), "{line}");
    assert!(next().ends_with("] \"auth\" \"(redacted)\""));
    assert!(next().ends_with("] \"select\" \"2\""));
    let line = next();
    assert!(line.contains(" [2 127.0.0.1:") && line.ends_with("] \"ping\""), "{line}");
    // Inside a transaction nobody becomes a monitor.
    client.run("multi");
    client.run("monitor");
    assert_eq!(client.text("exec"), "[-ERR MONITOR isn't allowed for DENY BLOCKING client]");
}

#[test]
fn a_master_without_replicas_says_so() {
    let server = TestServer::start("");
    let mut client = server.connect();
    for (line, reply) in [
        ("role", "[master 0 []]"),
        ("replicaof no one", "OK"),
        ("slaveof NO ONE", "OK"),
        ("replicaof host port", "-ERR Invalid master port"),
        ("wait 0 0", "0"),
        ("wait -1 0", "0"),
        ("wait 1 1", "0"),
        ("wait x 0", "-ERR value is not an integer or out of range"),
        ("wait 1 -1", "-ERR timeout is negative"),
        ("wait 1 x", "-ERR timeout is not an integer or out of range"),
        ("failover", "-ERR FAILOVER requires connected replicas."),
        ("module list", "[]"),
        ("acl whoami", "default"),
        ("acl users", "[default]"),
        ("acl list", "[user default on nopass ~* &* +@all]"),
        ("acl getuser nosuch", "nil"),
        ("acl dryrun default get key", "OK"),
        ("acl dryrun default get", "-ERR wrong number of arguments for 'get' command"),
        ("acl dryrun default nosuch", "-ERR Command 'nosuch' not found"),
        ("acl dryrun nosuch get key", "-ERR User 'nosuch' not found"),
        ("client tracking off", "OK"),
        ("client trackinginfo", "[flags [off] redirect -1 prefixes []]"),
        ("client getredir", "-1"),
        ("lolwut version x", "-ERR value is not an integer or out of range"),
    ] {
        assert_eq!(client.text(line), reply, "{line}");
    }
    assert!(client.text("lolwut version 5").ends_with("\nRedis ver. 7.2.4\n"));
    assert_eq!(client.text("multi"), "OK");
    client.run("wait 1 0");
    assert_eq!(client.text("exec"), "[0]");
}

#[test]
fn waiting_for_ever_ends_when_unblocked() {
    let server = TestServer::start("");
    let (mut waiting, mut client) = (server.connect(), server.connect());
    let id = waiting.text("client id");
    waiting.0.send(&["wait", "1", "0"]).unwrap();
    // The other connection may be served first; it asks until the first one waits.
    while client.text(&format!("client unblock {id}")) == "0" {}
    assert_eq!(show(&waiting.0.receive().unwrap().into_reply()), "0");
    assert_eq!(waiting.text("ping"), "PONG");
}
