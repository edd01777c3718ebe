//! The command line.

use std::ffi::OsString;
use std::io;
use std::path::Path;

use crate::config::{CommandLine, Config, NoDirectives, StartArgs, id, usage};

fn parse(args: &[&str]) -> CommandLine {
    let args: Vec<OsString> = args.iter().map(OsString::from).collect();
    CommandLine::parse(&args, Path::new("/cwd"))
}

fn start(args: &[&str]) -> StartArgs {
    match parse(args) {
        CommandLine::Start(start) => start,
        other => panic!("{other:?}"),
    }
}

/// Loads a command line; gives the error's last two lines, or nothing.
fn fault(args: &[&str]) -> String {
    let mut config = Config::new(std::env::temp_dir());
    let result = config.load(&start(args), &mut io::empty(), &mut NoDirectives);
    result.map_or_else(|e| e.to_string().lines().skip(1).collect::<Vec<_>>().join("|"), |()| String::new())
}

#[test]
fn modes_are_told_apart() {
    assert_eq!(parse(&["-v"]), CommandLine::Version);
    assert_eq!(parse(&["--version", "x"]), CommandLine::Version);
    assert_eq!(parse(&["-h"]), CommandLine::Help);
    assert_eq!(parse(&["--help"]), CommandLine::Help);
    assert_eq!(parse(&["--test-memory"]), CommandLine::TestMemory(None));
    assert_eq!(parse(&["--test-memory", "64"]), CommandLine::TestMemory(Some(64)));
    assert_eq!(parse(&["--test-memory", "64", "2"]), CommandLine::TestMemory(None));
    assert_eq!(parse(&["--check-system"]), CommandLine::CheckSystem);
    assert!(start(&[]).bare);
    assert!(usage("redis-server").contains("redis-server --check-system"));
}

#[test]
fn options_become_lines() {
    for (args, file, stdin, options) in [
        (&["--port", "7777", "--daemonize", "yes"][..], None, false, "port \"7777\" \ndaemonize \"yes\" "),
        (&["f.conf", "--port", "1"], Some("/cwd/f.conf"), false, "port \"1\" "),
        (&["/etc/f.conf"], Some("/etc/f.conf"), false, ""),
        (&["-"], None, true, ""),
        (&["f", "--port", "1", "-"], Some("/cwd/f"), true, "port \"1\" "),
        (&["-", "--port", "1"], None, true, "port \"1\" "),
        // Elsewhere a lone dash is a value.
        (&["--port", "0", "-", "--hz", "1"], None, false, "port \"0\" \"-\" \nhz \"1\" "),
        (&["--port 6380", "--hz 5"], None, false, "port 6380 \nhz 5 "),
        // An option without a value takes even what looks like an option.
        (&["--logfile", "--x", "--port", "1"], None, false, "logfile \"--x\" \nport \"1\" "),
        (&["--save", "--port", "1"], None, false, "save \"\"\nport \"1\" "),
        (&["--port", "1", "--save"], None, false, "port \"1\" \nsave \"\""),
        (&["--save", "", "--save", "60 1"], None, false, "save \"\" \nsave \"60 1\" "),
        (&["--replicaof", "h", "1"], None, false, "replicaof \"h\" \"1\" "),
        (&["--requirepass", "a\"b\n"], None, false, "requirepass \"a\\\"b\\n\" "),
    ] {
        let start = start(args);
        assert_eq!(start.file.as_deref(), file.map(Path::new), "{args:?}");
        assert_eq!(start.stdin, stdin, "{args:?}");
        // White space at the end of a line means nothing.
        let trimmed = |text: &str| text.lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>();
        assert_eq!(trimmed(std::str::from_utf8(&start.options).unwrap()), trimmed(options), "{args:?}");
    }
    assert!(start(&["s.conf", "--sentinel"]).sentinel);
}

#[test]
fn errors_in_options_name_line_and_reason() {
    for (args, expected) in [
        (
            &["--port", "0", "--foo"][..],
            "Reading the configuration file, at line 3|>>> 'foo'|Bad directive or wrong number of arguments",
        ),
        (
            &["--port", "--daemonize", "no"],
            "Reading the configuration file, at line 2|>>> 'port \"--daemonize\" \"no\"'|wrong number of arguments",
        ),
        (
            &["--port", "0", "--save", "--loglevel", "foo"],
            "Reading the configuration file, at line 4|>>> 'loglevel \"foo\"'|argument(s) must be one of the following: debug, verbose, notice, warning",
        ),
        (
            &["--port=0"],
            "Reading the configuration file, at line 2|>>> 'port=0'|Bad directive or wrong number of arguments",
        ),
        (
            &["--port 0", "--hz abc"],
            "Reading the configuration file, at line 3|>>> 'hz abc'|argument couldn't be parsed into an integer",
        ),
        (
            &["--port", "0", "--loglevel"],
            "Reading the configuration file, at line 3|>>> 'loglevel'|wrong number of arguments",
        ),
        (
            &["-x"],
            "Reading the configuration file, at line 2|>>> '\"-x\"'|Bad directive or wrong number of arguments",
        ),
        (
            &["--port", "0", "-", "-x"],
            "Reading the configuration file, at line 2|>>> 'port \"0\" \"-\" \"-x\"'|wrong number of arguments",
        ),
        (
            &["--port", "0", "x", "--hz", "y"],
            "Reading the configuration file, at line 2|>>> 'port \"0\" \"x\"'|wrong number of arguments",
        ),
        (
            &["--port", "0", "--hz", ""],
            "Reading the configuration file, at line 3|>>> 'hz \"\"'|argument couldn't be parsed into an integer",
        ),
        (
            &["--port", "0", "--sentinel", "--foo"],
            "Reading the configuration file, at line 4|>>> 'foo'|Bad directive or wrong number of arguments",
        ),
        (&["--port", "0", "--bind", "--hz", "x"], ""),
    ] {
        assert_eq!(fault(args), expected, "{args:?}");
    }
}

#[test]
fn options_win_over_standard_input_and_that_over_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.conf");
    std::fs::write(&path, "port 1\nhz 11\ntimeout 21\n").unwrap();
    let mut config = Config::new(dir.path());
    let start = start(&[path.to_str().unwrap(), "--port", "3", "-"]);
    config.load(&start, &mut io::Cursor::new("port 2\nhz 12\n"), &mut NoDirectives).unwrap();
    assert_eq!([id::PORT, id::HZ, id::TIMEOUT].map(|id| config.int(id)), [3, 12, 21]);
    assert_eq!(config.file(), Some(path.as_path()));
}
