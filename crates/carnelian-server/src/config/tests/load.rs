//! Configuration files.

use std::fs;

use crate::config::{Config, Directives, LoadError, NoDirectives, UserError, id};

fn load(text: &str) -> Result<Config, LoadError> {
    let mut config = Config::new(std::env::temp_dir());
    config.load_text(text.as_bytes(), &mut NoDirectives).map(|()| config)
}

fn fault(text: &str) -> String {
    load(text).map_or_else(|error| error.to_string(), |_| "OK".to_owned())
}

#[test]
fn lines_mean_what_they_mean_to_redis() {
    for (text, name, shown) in [
        ("\n# port 1\n\t port\t7 \r\n", "port", "7"),
        ("PORT 7", "port", "7"),
        ("port 7\nport 8", "port", "8"),
        ("slave-priority 3", "replica-priority", "3"),
        ("requirepass \"a b\\x41\\n\"", "requirepass", "a bA\n"),
        ("requirepass 'it\\'s'", "requirepass", "it's"),
        ("requirepass \"\"", "requirepass", ""),
        ("save 60 1", "save", "60 1"),
        ("save 60 1\nsave 30 2", "save", "60 1 30 2"),
        ("save \"60 1 30 2\"", "save", "60 1 30 2"),
        ("save 60 1 30 2", "save", "60 1 30 2"),
        ("save \"\"", "save", ""),
        ("save", "save", ""),
        ("save 60 1\nsave \"\"\nsave 5 6", "save", "5 6"),
        ("bind 127.0.0.1 ::1", "bind", "127.0.0.1 ::1"),
        ("bind \"127.0.0.1 ::1\"", "bind", "127.0.0.1 ::1"),
        ("bind", "bind", ""),
        (
            "client-output-buffer-limit normal 1 2 3\nclient-output-buffer-limit pubsub 4 5 6",
            "client-output-buffer-limit",
            "normal 1 2 3 slave 268435456 67108864 60 pubsub 4 5 6",
        ),
        ("shutdown-on-sigterm nosave now", "shutdown-on-sigterm", "nosave now"),
        ("replicaof localhost 7000", "slaveof", "localhost 7000"),
        ("replicaof localhost 7000\nreplicaof no one", "replicaof", ""),
        ("unixsocketperm 700", "unixsocketperm", "700"),
        ("unixsocketperm \"\"", "unixsocketperm", "0"),
        ("hz 0", "hz", "1"),
        ("list-max-ziplist-entries 5\nlua-replicate-commands no", "hz", "10"),
        ("sentinel", "hz", "10"),
        ("databases 3\nshards 64\nrdb-version 10", "shards", "64"),
    ] {
        let config = load(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        let found = config.get_matching(&[name.as_bytes()]);
        assert_eq!(String::from_utf8_lossy(&found[0].1), shown, "{text}");
    }
}

#[test]
fn refusals_name_the_line_and_the_reason() {
    for (text, number, line, reason) in [
        ("port", 1, "port", "wrong number of arguments"),
        ("port 1 2", 1, "port 1 2", "wrong number of arguments"),
        ("foo bar", 1, "foo bar", "Bad directive or wrong number of arguments"),
        ("\n# c\n maxmemory \"1 \n", 3, "maxmemory \"1", "Unbalanced quotes in configuration line"),
        ("user", 1, "user", "Bad directive or wrong number of arguments"),
        (
            "user a on\nuser a off",
            2,
            "user a off",
            "Error in user declaration 'a': Duplicate user found. A user can only be defined once in config files",
        ),
        ("rename-command get", 1, "rename-command get", "Bad directive or wrong number of arguments"),
        ("sentinel monitor a", 1, "sentinel monitor a", "sentinel directive while not in sentinel mode"),
        ("a.b", 1, "a.b", "Module config specified without value"),
        ("include", 1, "include", "Bad directive or wrong number of arguments"),
        ("loadmodule", 1, "loadmodule", "Bad directive or wrong number of arguments"),
        ("list-max-ziplist-value", 1, "list-max-ziplist-value", "Bad directive or wrong number of arguments"),
        ("save 1", 1, "save 1", "Invalid save parameters"),
        ("dir /nonexist", 1, "dir /nonexist", "No such file or directory"),
        ("replicaof a", 1, "replicaof a", "wrong number of arguments"),
        ("replicaof a 70000", 1, "replicaof a 70000", "Invalid master port"),
        ("databases 0", 1, "databases 0", "argument must be between 1 and 2147483647 inclusive"),
        ("unixsocketperm 1000", 1, "unixsocketperm 1000", "argument must be between 0 and 777 inclusive"),
        ("unixsocketperm 9", 1, "unixsocketperm 9", "argument couldn't be parsed as an octal number"),
        (
            "bind 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17",
            1,
            "bind 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17",
            "Too many bind addresses specified.",
        ),
        ("appendfilename \"\"", 1, "appendfilename \"\"", "appendfilename can't be empty"),
        ("appendfilename a/b", 1, "appendfilename a/b", "appendfilename can't be a path, just a filename"),
        ("appenddirname a/b", 1, "appenddirname a/b", "appenddirname can't be a path, just a dirname"),
        ("PORT 1a", 1, "PORT 1a", "argument couldn't be parsed into an integer"),
        ("shards 3", 1, "shards 3", "argument must be 0 or a power of two"),
    ] {
        let expected = format!(
            "*** FATAL CONFIG FILE ERROR (Redis 7.0.15) ***\nReading the configuration file, at line {number}\n>>> '{line}'\n{reason}"
        );
        assert_eq!(fault(text), expected);
    }
    for (text, reason) in [
        ("logfile /nonexist/a", "Can't open the log file: No such file or directory"),
        ("cluster-enabled yes\nreplicaof a 1", "replicaof directive not allowed in cluster mode"),
    ] {
        assert_eq!(fault(text), format!("*** FATAL CONFIG FILE ERROR (Redis 7.0.15) ***\n{reason}"));
    }
    assert!(fault("port 1\0").ends_with("NUL byte in configuration line"));
}

#[test]
fn includes_are_read_where_they_stand() {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(dir.path().join(name), text).unwrap();
    write("a.conf", "port 1\nhz 11\nsave 1 1\n");
    write("b.conf", "timeout 5");
    write(".hidden.conf", "timeout 6");
    write("loop.conf", "include loop.conf");
    write("bad.conf", "\n\nport x\n");
    let load = |text: &str| {
        let mut config = Config::new(dir.path());
        config
            .load_text(text.as_bytes(), &mut NoDirectives)
            .map(|()| config)
            .map_err(|error| error.to_string())
    };
    let config = load("port 2\nsave 2 2\ninclude a.conf\nsave 3 3\nhz 12").unwrap();
    assert_eq!([id::PORT, id::HZ].map(|id| config.int(id)), [1, 12]);
    assert_eq!(config.text(id::SAVE), b"2 2 1 1 3 3");
    assert_eq!(load("include [ab].conf").unwrap().int(id::HZ), 11);
    assert_eq!(load("include ?.con*").unwrap().int(id::TIMEOUT), 5);
    assert_eq!(load("include *.nothing").unwrap().int(id::TIMEOUT), 0);
    let missing = load("include missing.conf").unwrap_err();
    let path = dir.path().join("missing.conf");
    assert_eq!(
        missing,
        format!("Fatal error, can't open config file '{}': No such file or directory", path.display())
    );
    assert!(load("include loop.conf").unwrap_err().ends_with("Too many nested includes"));
    assert!(load("include bad.conf").unwrap_err().contains("at line 3\n>>> 'port x'\n"));
}

#[test]
fn other_directives_are_checked_and_kept() {
    struct Known;
    impl Directives for Known {
        fn rename_command(&mut self, from: &[u8], to: &[u8]) -> Result<(), String> {
            match (from, to) {
                (b"get", b"set") => Err("Target command name already exists".to_owned()),
                (b"get", _) => Ok(()),
                _ => Err("No such command in rename-command".to_owned()),
            }
        }

        fn user(&mut self, user: &[Vec<u8>]) -> Result<(), UserError> {
            match user.iter().find(|rule| *rule == b"!") {
                Some(rule) => Err(UserError { rule: rule.clone(), reason: "Syntax error".to_owned() }),
                None => Ok(()),
            }
        }
    }
    let mut config = Config::new("/");
    let text = b"rename-command get \"\"\nuser bob on >pw\nloadmodule /m.so 1\nm.x 1 2\nM.X 3";
    config.load_text(text, &mut Known).unwrap();
    let extras = config.extras();
    assert_eq!(extras.renamed_commands, [(b"get".to_vec(), Vec::new())]);
    assert_eq!(extras.users, [[b"bob".to_vec(), b"on".to_vec(), b">pw".to_vec()]]);
    assert_eq!(extras.modules, [[b"/m.so".to_vec(), b"1".to_vec()]]);
    assert_eq!(extras.module_parameters, [(b"m.x".to_vec(), b"3".to_vec())]);
    for (line, reason) in [
        ("rename-command foo bar", "No such command in rename-command"),
        ("rename-command get set", "Target command name already exists"),
        ("user alice on !", "Error in user declaration '!': Syntax error"),
    ] {
        let error = config.load_text(line.as_bytes(), &mut Known).unwrap_err().to_string();
        assert!(error.ends_with(reason), "{error}");
    }
}
