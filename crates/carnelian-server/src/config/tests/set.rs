//! CONFIG SET.

use crate::config::{Config, SetContext, id};

/// Sets pairs; gives the error's text, or "OK".
fn set(config: &mut Config, words: &[&str]) -> String {
    let pairs: Vec<(&[u8], &[u8])> =
        words.chunks_exact(2).map(|pair| (pair[0].as_bytes(), pair[1].as_bytes())).collect();
    let result = config.set(&pairs, SetContext::default(), &mut |_, _| Ok(()));
    result.map_or_else(|error| error.to_string(), |()| "OK".to_owned())
}

fn get(config: &Config, name: &str) -> String {
    let found = config.get_matching(&[name.as_bytes()]);
    String::from_utf8(found[0].1.clone()).unwrap()
}

#[test]
fn values_come_back_as_redis_shows_them() {
    // Name, value set, value shown; one server for all, in this order.
    let cases = [
        ("maxmemory", "", "0"),
        ("maxmemory", "1k", "1000"),
        ("maxmemory", "1KB", "1024"),
        ("maxmemory", "2mB", "2097152"),
        ("maxmemory", "3m", "3000000"),
        ("maxmemory", "5GB", "5368709120"),
        ("maxmemory", "7g", "7000000000"),
        ("maxmemory", "9b", "9"),
        ("maxmemory", "gb", "0"),
        ("maxmemory", "0010", "10"),
        ("maxmemory", "18446744073709551615", "18446744073709551615"),
        ("maxmemory", "99999999999999999999999", "18446744073709551615"),
        ("maxmemory-clients", "5%", "5%"),
        ("maxmemory-clients", "0%", "0"),
        ("maxmemory-clients", "100%", "100%"),
        ("maxmemory-clients", "1mb", "1048576"),
        ("hz", "1000", "500"),
        ("hz", "0", "1"),
        ("appendonly", "YES", "yes"),
        ("oom-score-adj", "relative", "yes"),
        ("oom-score-adj-values", "1 2 -3", "1 2 -3"),
        ("shutdown-on-sigint", "nosave force now", "nosave now force"),
        ("shutdown-on-sigint", "default save", "save"),
        ("shutdown-on-sigterm", "default", "default"),
        ("save", "1 2 3 4", "1 2 3 4"),
        ("save", "", ""),
        (
            "client-output-buffer-limit",
            "replica 1mb 2k 3",
            "normal 0 0 0 slave 1048576 2000 3 pubsub 33554432 8388608 60",
        ),
        ("client-output-buffer-limit", "", "normal 0 0 0 slave 1048576 2000 3 pubsub 33554432 8388608 60"),
        ("notify-keyspace-events", "KEA", "AKE"),
        ("notify-keyspace-events", "mKn", "nKm"),
        ("notify-keyspace-events", "dtexzhsl$g", "A"),
        ("notify-keyspace-events", "E$x", "$xE"),
        ("notify-keyspace-events", "", ""),
        ("latency-tracking-info-percentiles", "50 99.95 0.1234567", "50 99.95 0.123457"),
        ("latency-tracking-info-percentiles", "", ""),
        ("bind", "127.0.0.1 -::1", "127.0.0.1 -::1"),
        ("bind", "", ""),
        ("masteruser", "a\0b", "a"),
        ("masterauth", "a\0b", "a\0b"),
        ("requirepass", "", ""),
        ("list-max-listpack-size", "-5", "-5"),
        ("proc-title-template", "{{x", "{{x"),
        ("cluster-announce-hostname", "a-b.c", "a-b.c"),
        ("LUA-TIME-LIMIT", "7", "7"),
    ];
    let mut config = Config::new("/");
    for (name, value, shown) in cases {
        assert_eq!(set(&mut config, &[name, value]), "OK", "{name} {value}");
        assert_eq!(get(&config, name), shown, "{name} {value}");
    }
    assert_eq!(get(&config, "busy-reply-threshold"), "7");
    assert_eq!(config.bits(id::SHUTDOWN_ON_SIGINT), crate::config::SHUTDOWN_SAVE);
}

#[test]
fn refusals_say_what_redis_says() {
    // Arguments, the parameter named, the reason.
    let cases: &[(&[&str], &str, &str)] = &[
        (&["Port", "1a"], "port", "argument couldn't be parsed into an integer"),
        (&["port", "65536"], "port", "argument must be between 0 and 65535 inclusive"),
        (&["port", "+1"], "port", "argument couldn't be parsed into an integer"),
        (&["port", "01"], "port", "argument couldn't be parsed into an integer"),
        (&["port", "-0"], "port", "argument couldn't be parsed into an integer"),
        (&["port", ""], "port", "argument couldn't be parsed into an integer"),
        (&["port", "99999999999999999999"], "port", "argument couldn't be parsed into an integer"),
        (&["maxmemory", "1", "maxmemory", "2"], "maxmemory", "duplicate parameter"),
        (&["maxmemory", "1", "MaxMemory", "2"], "MaxMemory", "duplicate parameter"),
        (&["databases", "5"], "databases", "can't set immutable config"),
        (&["Databases", "5", "foo", "1"], "Databases", "can't set immutable config"),
        (&["dbfilename", "x"], "dbfilename", "can't set protected config"),
        (&["SLAVE-PRIORITY", "x"], "slave-priority", "argument couldn't be parsed into an integer"),
        (&["maxclients", "0"], "maxclients", "argument must be between 1 and 4294967295 inclusive"),
        (&["maxclients", "-1"], "maxclients", "argument must be between 1 and 4294967295 inclusive"),
        (&["maxclients", "5000000000"], "maxclients", "argument must be between 1 and 4294967295 inclusive"),
        (&["maxmemory", "-1"], "maxmemory", "argument must be a memory value"),
        (&["maxmemory", "1tb"], "maxmemory", "argument must be a memory value"),
        (&["maxmemory", "0x10"], "maxmemory", "argument must be a memory value"),
        (
            &["maxmemory-clients", "101%"],
            "maxmemory-clients",
            "percentage argument must be less or equal to 100",
        ),
        (&["maxmemory-clients", "-5"], "maxmemory-clients", "argument must be a memory or percent value"),
        (&["maxmemory-clients", "-5%"], "maxmemory-clients", "argument must be a memory or percent value"),
        (&["maxmemory-clients", "%"], "maxmemory-clients", "argument must be a memory or percent value"),
        (
            &["proto-max-bulk-len", "1k"],
            "proto-max-bulk-len",
            "argument must be between 1048576 and 9223372036854775807 inclusive",
        ),
        (
            &["hash-max-listpack-value", "9223372036854775808"],
            "hash-max-listpack-value",
            "argument must be between 0 and 9223372036854775807 inclusive",
        ),
        (
            &["slowlog-log-slower-than", "-2"],
            "slowlog-log-slower-than",
            "argument must be between -1 and 9223372036854775807 inclusive",
        ),
        (
            &["list-max-listpack-size", "5000000000"],
            "list-max-listpack-size",
            "argument must be between -2147483648 and 2147483647 inclusive",
        ),
        (&["appendonly", "maybe"], "appendonly", "argument must be 'yes' or 'no'"),
        (
            &["loglevel", "foo"],
            "loglevel",
            "argument(s) must be one of the following: debug, verbose, notice, warning",
        ),
        (
            &["maxmemory-policy", "foo"],
            "maxmemory-policy",
            "argument(s) must be one of the following: volatile-lru, volatile-lfu, volatile-random, volatile-ttl, allkeys-lru, allkeys-lfu, allkeys-random, noeviction, allkeys-lrm, volatile-lrm",
        ),
        (
            &["shutdown-on-sigint", "save nosave"],
            "shutdown-on-sigint",
            "shutdown options SAVE and NOSAVE can't be used simultaneously",
        ),
        (
            &["shutdown-on-sigint", ""],
            "shutdown-on-sigint",
            "argument(s) must be one of the following: default, save, nosave, now, force",
        ),
        (
            &["shutdown-on-sigint", "  save"],
            "shutdown-on-sigint",
            "argument(s) must be one of the following: default, save, nosave, now, force",
        ),
        (&["save", "1 2 3"], "save", "Invalid save parameters"),
        (&["save", "a b"], "save", "Invalid save parameters"),
        (&["save", "0 1"], "save", "Invalid save parameters"),
        (&["save", " "], "save", "Invalid save parameters"),
        (
            &["client-output-buffer-limit", "normal 1 2"],
            "client-output-buffer-limit",
            "Wrong number of arguments in buffer limit configuration.",
        ),
        (
            &["client-output-buffer-limit", "slave 1mb 2 3 normal 1 2 3x"],
            "client-output-buffer-limit",
            "Error in hard, soft or soft_seconds setting in buffer limit configuration.",
        ),
        (
            &["client-output-buffer-limit", "normal 1 2 -3"],
            "client-output-buffer-limit",
            "Error in hard, soft or soft_seconds setting in buffer limit configuration.",
        ),
        (
            &["client-output-buffer-limit", "master 1mb 2 3"],
            "client-output-buffer-limit",
            "Invalid client class specified in buffer limit configuration.",
        ),
        (
            &["notify-keyspace-events", "q"],
            "notify-keyspace-events",
            "Invalid event class character. Use 'Ag$lshzxeKEtmdn'.",
        ),
        (
            &["latency-tracking-info-percentiles", "1 101"],
            "latency-tracking-info-percentiles",
            "latency-tracking-info-percentiles parameters should sit between [0.0,100.0]",
        ),
        (
            &["latency-tracking-info-percentiles", "x"],
            "latency-tracking-info-percentiles",
            "Invalid latency-tracking-info-percentiles parameters",
        ),
        (
            &["latency-tracking-info-percentiles", "nan"],
            "latency-tracking-info-percentiles",
            "Invalid latency-tracking-info-percentiles parameters",
        ),
        (
            &["cluster-announce-hostname", "a_b"],
            "cluster-announce-hostname",
            "Hostnames may only contain alphanumeric characters, hyphens or dots",
        ),
        (
            &["proc-title-template", "{foo}"],
            "proc-title-template",
            "template format is invalid or contains unknown variables",
        ),
        (
            &["proc-title-template", "{title"],
            "proc-title-template",
            "template format is invalid or contains unknown variables",
        ),
        (
            &["proc-title-template", ""],
            "proc-title-template",
            "template format is invalid or contains unknown variables",
        ),
        (&["oom-score-adj-values", "1 2"], "oom-score-adj-values", "wrong number of arguments"),
        (&["oom-score-adj-values", "1  2 3"], "oom-score-adj-values", "wrong number of arguments"),
        (
            &["oom-score-adj-values", "1 2 3000"],
            "oom-score-adj-values",
            "Invalid oom-score-adj-values, elements must be between -2000 and 2000.",
        ),
        (&["replicaof", "a b"], "replicaof", "can't set immutable config"),
        (&["rdb-version", "12"], "rdb-version", "argument must be between 10 and 11 inclusive"),
    ];
    let mut config = Config::new("/");
    let before = config.get_matching(&[b"*"]);
    for (words, name, reason) in cases {
        let expected = format!("CONFIG SET failed (possibly related to argument '{name}') - {reason}");
        assert_eq!(set(&mut config, words), expected, "{words:?}");
    }
    for words in [
        &["foo", "1", "bar", "2"][..],
        &["hz", "5", "foo", "1", "databases", "3"],
        &["port", "x", "foo", "1"],
    ] {
        let expected = "Unknown option or number of arguments for CONFIG SET - 'foo'";
        assert_eq!(set(&mut config, words), expected, "{words:?}");
    }
    assert_eq!(config.get_matching(&[b"*"]), before, "a refusal changed something");
}

#[test]
fn all_are_set_or_none() {
    let mut config = Config::new("/");
    let reply = set(&mut config, &["maxmemory", "5", "save", "", "timeout", "x"]);
    assert!(reply.contains("'timeout'"), "{reply}");
    assert_eq!(
        (get(&config, "maxmemory"), get(&config, "save")),
        ("0".into(), "3600 1 300 100 60 10000".into())
    );
    assert_eq!(set(&mut config, &["slave-priority", "1", "replica-priority", "2"]), "OK");
    assert_eq!(config.int(id::REPLICA_PRIORITY), 2);
}

#[test]
fn changes_are_applied_after_all_are_parsed_and_undone_if_one_fails() {
    let mut config = Config::new("/");
    let pairs: [(&[u8], &[u8]); 4] =
        [(b"hz", b"20"), (b"timeout", b"0"), (b"maxclients", b"99"), (b"port", b"1")];
    let mut seen = Vec::new();
    let result = config.set(&pairs, SetContext::default(), &mut |id, config| {
        seen.push((id.name(), config.int(id::HZ), config.int(id)));
        if id == id::MAXCLIENTS && config.int(id) == 99 { Err("too many".to_owned()) } else { Ok(()) }
    });
    let error = "CONFIG SET failed (possibly related to argument 'maxclients') - too many";
    assert_eq!(result.unwrap_err().to_string(), error);
    // `timeout` keeps its value and `port` is never reached; both that were applied are applied again with the old values.
    assert_eq!(seen, [("hz", 20, 20), ("maxclients", 20, 99), ("hz", 10, 10), ("maxclients", 10, 10_000)]);
    assert_eq!((config.int(id::HZ), config.int(id::PORT)), (10, 6379));
}

#[test]
fn the_moment_decides_about_some() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().canonicalize().unwrap();
    let pair: [(&[u8], &[u8]); 1] = [(b"dir", path.to_str().unwrap().as_bytes())];
    for (allowed, local_client, loading, expected) in [
        (
            "no",
            true,
            false,
            "CONFIG SET failed (possibly related to argument 'dir') - can't set protected config",
        ),
        (
            "local",
            false,
            false,
            "CONFIG SET failed (possibly related to argument 'dir') - can't set protected config",
        ),
        ("local", true, true, "Redis is loading the dataset in memory"),
        ("local", true, false, "OK"),
        ("yes", false, false, "OK"),
    ] {
        let mut config = Config::new("/");
        let line = format!("enable-protected-configs {allowed}");
        config.load_text(line.as_bytes(), &mut crate::config::NoDirectives).unwrap();
        let result = config.set(&pair, SetContext { local_client, loading }, &mut |_, _| Ok(()));
        assert_eq!(result.map_or_else(|e| e.to_string(), |()| "OK".into()), expected);
        assert_eq!(config.dir() == path, expected == "OK");
    }
}

#[test]
fn a_directory_must_exist() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("sub")).unwrap();
    std::fs::write(dir.path().join("file"), "").unwrap();
    let mut config = Config::new(dir.path());
    config.load_text(b"enable-protected-configs yes", &mut crate::config::NoDirectives).unwrap();
    for (value, reason) in [
        ("nowhere", "No such file or directory"),
        ("", "No such file or directory"),
        ("file", "Not a directory"),
    ] {
        let expected = format!("CONFIG SET failed (possibly related to argument 'dir') - {reason}");
        assert_eq!(set(&mut config, &["dir", value]), expected);
    }
    assert_eq!(set(&mut config, &["dir", "./sub"]), "OK");
    assert_eq!(config.dir(), dir.path().canonicalize().unwrap().join("sub"));
    assert_eq!(set(&mut config, &["dir", ".."]), "OK");
    assert_eq!(config.dir(), dir.path().canonicalize().unwrap());
}
