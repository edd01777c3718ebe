//! INFO and MEMORY against a running server.

use crate::support::TestServer;

/// The titles of the sections of a reply.
fn titles(text: &str) -> Vec<&str> {
    text.lines().filter_map(|line| line.strip_prefix("# ")).collect()
}

const DEFAULT: [&str; 11] = [
    "Server",
    "Clients",
    "Memory",
    "Persistence",
    "Stats",
    "Replication",
    "CPU",
    "Modules",
    "Errorstats",
    "Cluster",
    "Keyspace",
];

#[test]
fn sections_are_chosen_by_name() {
    let server = TestServer::start("");
    let mut client = server.connect();
    assert_eq!(titles(&client.text("info")), DEFAULT);
    assert_eq!(titles(&client.text("info default")), DEFAULT);
    for word in ["all", "everything", "ALL keyspace"] {
        let text = client.text(&format!("info {word}"));
        let titles = titles(&text);
        assert_eq!(titles.len(), DEFAULT.len() + 2, "{word}");
        assert!(titles.contains(&"Commandstats") && titles.contains(&"Latencystats"));
    }
    assert_eq!(
        titles(&client.text("info KEYSPACE commandstats server")),
        ["Server", "Commandstats", "Keyspace"]
    );
    assert_eq!(client.text("info nosuch"), "");
    // Every line is a title, empty, or a name with a value.
    for line in client.text("info everything").lines() {
        assert!(line.is_empty() || line.starts_with("# ") || line.contains(':'), "{line}");
    }
}

#[test]
fn the_figures_are_true() {
    let server = TestServer::start("");
    let mut client = server.connect();
    // It counts as a client once the server has accepted it, which an answer shows.
    let mut other = server.connect();
    other.run("ping");
    client.run("set a 1");
    client.run("set b 2 ex 1000");
    client.run("select 3");
    client.run("set c 3");
    client.run("get c");
    client.run("get d");
    for (section, field, value) in [
        ("server", "redis_version", "7.2.4"),
        ("server", "server_name", "carnelian"),
        ("server", "redis_mode", "standalone"),
        ("server", "io_threads", "2"),
        ("clients", "connected_clients", "2"),
        ("clients", "maxclients", "10000"),
        ("clients", "blocked_clients", "0"),
        ("memory", "maxmemory_policy", "noeviction"),
        ("memory", "maxmemory_human", "0B"),
        ("persistence", "rdb_changes_since_last_save", "3"),
        ("persistence", "rdb_bgsave_in_progress", "0"),
        ("stats", "total_connections_received", "2"),
        ("stats", "keyspace_hits", "1"),
        ("stats", "keyspace_misses", "1"),
        ("replication", "role", "master"),
        ("replication", "connected_slaves", "0"),
        ("cluster", "cluster_enabled", "0"),
        ("keyspace", "db3", "keys=1,expires=0,avg_ttl=0"),
    ] {
        assert_eq!(client.info(section, field).as_deref(), Some(value), "{section} {field}");
    }
    assert_eq!(client.info("server", "process_id"), Some(std::process::id().to_string()));
    assert_eq!(client.info("server", "run_id").map(|id| id.len()), Some(40));
    let db0 = client.info("keyspace", "db0").unwrap();
    // Some of the time may have passed, or less than the clock can tell.
    let average = db0.strip_prefix("keys=2,expires=1,avg_ttl=").and_then(|ms| ms.parse::<u64>().ok());
    assert!(average.is_some_and(|ms| (900_000..=1_000_000).contains(&ms)), "{db0}");
    drop(other);
}

#[test]
fn commands_and_errors_are_counted() {
    let server = TestServer::start("");
    let mut client = server.connect();
    client.run("set key value");
    client.run("set other value");
    client.run("incr key");
    client.run("get");
    let set = client.info("commandstats", "cmdstat_set").unwrap();
    assert!(set.starts_with("calls=2,usec="), "{set}");
    assert!(set.ends_with(",rejected_calls=0,failed_calls=0"), "{set}");
    let incr = client.info("commandstats", "cmdstat_incr").unwrap();
    assert!(incr.starts_with("calls=1,") && incr.ends_with(",failed_calls=1"), "{incr}");
    let get = client.info("commandstats", "cmdstat_get").unwrap();
    assert_eq!(get, "calls=0,usec=0,usec_per_call=0.00,rejected_calls=1,failed_calls=0");
    assert_eq!(client.info("errorstats", "errorstat_ERR").as_deref(), Some("count=2"));
    let latency = client.info("latencystats", "latency_percentiles_usec_set").unwrap();
    assert!(
        latency.starts_with("p50=") && latency.contains(",p99=") && latency.contains(",p99.9="),
        "{latency}"
    );
    client.run("config set latency-tracking no");
    assert_eq!(client.info("latencystats", "latency_percentiles_usec_set"), None);
}

#[test]
fn resp3_marks_reports_as_text() {
    let server = TestServer::start("");
    let mut client = server.connect_resp3();
    for line in ["info server", "memory doctor", "memory malloc-stats", "latency doctor", "lolwut"] {
        let reply = client.run(line);
        assert!(matches!(reply, carnelian_client::Reply::Verbatim { .. }), "{line}: {reply:?}");
    }
}

#[test]
fn memory_is_told() {
    let server = TestServer::start("");
    let mut client = server.connect_resp3();
    client.run("set key value");
    let stats = client.text("memory stats");
    assert!(stats.contains(" keys.count=1 "), "{stats}");
    let carnelian_client::Reply::Map(pairs) = client.run("memory stats") else { panic!("{stats}") };
    assert_eq!(pairs.len(), 28);
    assert!(stats.contains(" db.0={overhead.hashtable.main="), "{stats}");
    assert_eq!(client.text("memory purge"), "OK");
}
