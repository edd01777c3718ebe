//! What is freed at once and what in the background, as INFO counts it.

use crate::support::{Client, TestServer};
use std::fmt::Write;

/// Objects that were freed in the background since the last call.
fn lazily_freed(client: &mut Client) -> u64 {
    while client.info("memory", "lazyfree_pending_objects").as_deref() != Some("0") {
        std::thread::yield_now();
    }
    let freed = client.info("memory", "lazyfreed_objects").unwrap().parse().unwrap();
    assert_eq!(client.text("config resetstat"), "OK");
    freed
}

/// A set that is freed member by member.
fn add_large(client: &mut Client, key: &str) {
    let mut command = format!("sadd {key} member");
    for member in 0..200 {
        write!(command, " {member}").unwrap();
    }
    assert_eq!(client.text(&command), "201");
}

const SETTINGS: [&str; 5] = [
    "lazyfree-lazy-eviction",
    "lazyfree-lazy-expire",
    "lazyfree-lazy-server-del",
    "lazyfree-lazy-user-del",
    "lazyfree-lazy-user-flush",
];

/// Runs the commands on a large set `k` with all settings on but these, then with only these.
fn check(commands: &[&str], setting: Option<&str>, objects: u64) {
    let server = TestServer::start("enable-debug-command yes");
    let client = &mut server.connect();
    for (others, on) in [("yes", false), ("no", true)] {
        for name in SETTINGS {
            let value = if Some(name) == setting { if on { "yes" } else { "no" } } else { others };
            assert_eq!(client.text(&format!("config set {name} {value}")), "OK");
        }
        add_large(client, "k");
        lazily_freed(client);
        for command in commands {
            let reply = client.text(command);
            assert!(!reply.starts_with('-'), "{command}: {reply}");
        }
        let expected = if on || setting.is_none() { objects } else { 0 };
        assert_eq!(lazily_freed(client), expected, "{commands:?} with {setting:?} {on}");
        client.text("flushall sync");
    }
}

#[test]
fn del_asks_its_setting_and_unlink_needs_none() {
    check(&["del k"], Some("lazyfree-lazy-user-del"), 1);
    check(&["multi", "del k", "exec"], Some("lazyfree-lazy-user-del"), 1);
    check(&["unlink k"], None, 1);
    check(&["multi", "unlink k", "exec"], None, 1);
}

#[test]
fn side_effects_ask_theirs() {
    for command in
        ["set k v", "rename other k", "sinterstore k other", "copy other k replace", "sort other store k"]
    {
        check(&["sadd other 1000", command], Some("lazyfree-lazy-server-del"), 1);
    }
    // Nothing is left of it, or it goes elsewhere.
    for command in ["srem k 5", "rename k other", "swapdb 0 1"] {
        check(&[command], Some("lazyfree-lazy-server-del"), 0);
    }
}

#[test]
fn keys_whose_time_is_over_ask_theirs() {
    check(&["expire k -1"], Some("lazyfree-lazy-expire"), 1);
    check(&["pexpireat k 1"], Some("lazyfree-lazy-expire"), 1);
    check(
        &["debug set-active-expire 0", "pexpire k 1", "debug sleep 0.005", "get k"],
        Some("lazyfree-lazy-expire"),
        1,
    );
}

#[test]
fn flushes_ask_theirs_unless_told() {
    for name in ["flushall", "flushdb"] {
        check(&["set x 1", name], Some("lazyfree-lazy-user-flush"), 2);
        check(&["set x 1", &format!("{name} async")], None, 2);
        check(&["set x 1", &format!("{name} sync")], None, 0);
    }
}

#[test]
fn what_is_one_piece_is_freed_at_once() {
    let server = TestServer::start("enable-debug-command yes");
    let client = &mut server.connect();
    let list = "x ".repeat(200);
    client.text(&format!("rpush list {}", list.trim_end()));
    let fields: Vec<String> = (0..100).map(|field| format!("{field} v")).collect();
    client.text(&format!("hset hash {}", fields.join(" ")));
    let ints: Vec<String> = (0..400).map(|member| member.to_string()).collect();
    client.text(&format!("sadd ints {}", ints.join(" ")));
    assert_eq!(client.text("unlink list hash ints"), "3");
    assert_eq!(lazily_freed(client), 0);
    // Nodes count in a list.
    client.text("config set list-max-listpack-size 2");
    client.text(&format!("rpush list {}", list.trim_end()));
    assert_eq!(client.text("unlink list"), "1");
    assert_eq!(lazily_freed(client), 1);
}
