//! Everything that is more than one command.

mod support;

use support::{Cli, Step, say};

const OK: &[u8] = b"+OK\r\n";

#[test]
fn scan_prints_keys_line_by_line() {
    let script = || {
        vec![vec![
            say("SCAN 0 MATCH u* COUNT 2", b"*2\r\n$2\r\n17\r\n*2\r\n$2\r\nu1\r\n$3\r\nu\x002\r\n"),
            say("SCAN 17 MATCH u* COUNT 2", b"*2\r\n$1\r\n0\r\n*0\r\n"),
        ]]
    };
    let options = ["--scan", "--pattern", "u*", "--count", "2"];
    assert_eq!(Cli::default().run_with(&options, script()).text(), "u1\nu\x002\n");
    let formatted = Cli::default().run_with(&[&options[..], &["--no-raw"]].concat(), script());
    assert_eq!(formatted.text(), "\"u1\"\n\"u\\x002\"\n");
    let refused = Cli::default().run_with(&["--scan"], vec![vec![say("SCAN 0", b"-NOPERM no\r\n")]]);
    assert_eq!((refused.code, refused.err.as_str()), (1, "SCAN error: NOPERM no\n"));
}

#[test]
fn big_keys_by_type() {
    let script = vec![vec![
        say("DBSIZE", b":4\r\n"),
        say("SCAN 0", b"*2\r\n$1\r\n0\r\n*4\r\n$1\r\na\r\n$1\r\nb\r\n$1\r\nc\r\n$1\r\nd\r\n"),
        say("TYPE a", b"+string\r\n"),
        say("TYPE b", b"+list\r\n"),
        say("TYPE c", b"+none\r\n"),
        say("TYPE d", b"+mytype\r\n"),
        say("STRLEN a", b":5\r\n"),
        say("LLEN b", b"-WRONGTYPE changed\r\n"),
    ]];
    let ran = Cli::default().run_with(&["--bigkeys"], script);
    assert_eq!(ran.err, "Warning:  LLEN on \"b\" failed (may have changed type)\n");
    let expected = "\n\
        # Scanning the entire keyspace to find biggest keys as well as\n\
        # average sizes per key type.  You can use -i 0.1 to sleep 0.1 sec\n\
        # per 100 SCAN commands (not usually needed).\n\n\
        [00.00%] Biggest string found so far '\"a\"' with 5 bytes\n\n\
        -------- summary -------\n\n\
        Sampled 3 keys in the keyspace!\n\
        Total key length in bytes is 3 (avg len 1.00)\n\n\
        Biggest string found '\"a\"' has 5 bytes\n\n\
        1 lists with 0 items (33.33% of keys, avg size 0.00)\n\
        0 hashs with 0 fields (00.00% of keys, avg size 0.00)\n\
        1 strings with 5 bytes (33.33% of keys, avg size 5.00)\n\
        0 streams with 0 entries (00.00% of keys, avg size 0.00)\n\
        0 sets with 0 members (00.00% of keys, avg size 0.00)\n\
        0 zsets with 0 members (00.00% of keys, avg size 0.00)\n\
        1 mytypes with 0 ? (33.33% of keys, avg size 0.00)\n";
    assert_eq!(ran.text(), expected);
}

#[test]
fn memory_by_key() {
    let script = vec![vec![
        say("DBSIZE", b":1\r\n"),
        say("SCAN 0", b"*2\r\n$1\r\n0\r\n*1\r\n$1\r\na\r\n"),
        say("TYPE a", b"+hash\r\n"),
        say("MEMORY USAGE a SAMPLES 3", b":48\r\n"),
    ]];
    let ran = Cli::default().run_with(&["--memkeys-samples", "3"], script);
    assert!(ran.text().contains("\nBiggest   hash found '\"a\"' has 48 bytes\n"), "{}", ran.text());
}

#[test]
fn hot_keys_hottest_first() {
    let script = vec![vec![
        say("DBSIZE", b":3\r\n"),
        say("SCAN 0", b"*2\r\n$1\r\n0\r\n*3\r\n$1\r\na\r\n$1\r\nb\r\n$1\r\nc\r\n"),
        say("OBJECT FREQ a", b":3\r\n"),
        say("OBJECT FREQ b", b":9\r\n"),
        say("OBJECT FREQ c", b":0\r\n"),
    ]];
    let ran = Cli::default().run_with(&["--hotkeys"], script);
    let summary = "Sampled 3 keys in the keyspace!\n\
        hot key found with counter: 9\tkeyname: \"b\"\nhot key found with counter: 3\tkeyname: \"a\"\n";
    assert!(ran.text().ends_with(summary), "{}", ran.text());
}

#[test]
fn pipe_counts_replies_and_shows_errors() {
    let cli = Cli { input: b"*1\r\n$4\r\nPING\r\nset a b\r\n*1\r\n$3\r\nBAD\r\n", ..Cli::default() };
    let script = |last: &'static [u8]| {
        vec![vec![say("PING", b"+PONG\r\n"), say("set a b", OK), say("BAD", last), Step::Echo("ECHO")]]
    };
    let head = "All data transferred. Waiting for the last reply...\nLast reply received from server.\n";
    let ran = cli.run_with(&["--pipe"], script(b"-ERR bad\r\n"));
    assert_eq!((ran.code, ran.err.as_str()), (1, "ERR bad\n"));
    assert_eq!(ran.text(), format!("{head}errors: 1, replies: 3\n"));
    let ran = cli.run_with(&["--pipe"], script(OK));
    assert_eq!((ran.code, ran.text()), (0, format!("{head}errors: 0, replies: 3\n").as_str()));
}

#[test]
fn pipe_notices_a_server_that_goes_away() {
    let cli = Cli { input: b"PING\r\n", ..Cli::default() };
    let ran = cli.run_with(&["--pipe"], vec![vec![say("PING", b"")]]);
    assert_eq!(ran.code, 1);
    assert!(!ran.err.is_empty());
}

const MARK: &str = "0123456789012345678901234567890123456789";

#[test]
fn snapshots_of_known_and_unknown_size() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("dump.rdb");
    let options = ["--rdb", path.to_str().unwrap()];
    let script = |reply: String| {
        vec![vec![
            say("REPLCONF capa eof", OK),
            say("REPLCONF rdb-only 1", b"-ERR old\r\n"),
            say("SYNC", reply),
        ]]
    };
    // A file of an earlier, longer snapshot leaves nothing behind.
    std::fs::write(&path, [7; 100]).unwrap();
    let ran = Cli::default().run_with(&options, script("\n\n$8\r\nREDIS123".into()));
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.err.ends_with("Transfer finished with success.\n"), "{}", ran.err);
    assert_eq!(std::fs::read(&path).unwrap(), b"REDIS123");
    let ran = Cli::default().run_with(&options, script(format!("$EOF:{MARK}\r\nREDIS4567{MARK}")));
    assert!(ran.err.ends_with("Transfer finished with success after 9 bytes\n"), "{}", ran.err);
    assert_eq!(std::fs::read(&path).unwrap(), b"REDIS4567");
    let ran = Cli::default().run_with(&["--rdb", "-"], script(format!("$EOF:{MARK}\r\nRED{MARK}")));
    assert_eq!(ran.text(), "RED");
}

#[test]
fn a_snapshot_that_breaks_off_is_an_error() {
    let steps = |reply: &'static [u8]| {
        vec![vec![say("REPLCONF capa eof", OK), say("REPLCONF rdb-only 1", OK), say("SYNC", reply)]]
    };
    for (reply, text) in [
        (
            b"$8\r\nRED".as_slice(),
            "I/O Error reading RDB payload from socket: Server closed the connection\n",
        ),
        (b"-ERR no\r\n", "SYNC with master failed: -ERR no\n"),
        (b"+FULLRESYNC\r\n", "SYNC with master: unexpected header '+FULLRESYNC'\n"),
    ] {
        let ran = Cli::default().run_with(&["--rdb", "-"], steps(reply));
        assert_eq!(ran.code, 1);
        assert!(ran.err.ends_with(text), "{}", ran.err);
    }
}

#[test]
fn a_replica_prints_what_follows_the_snapshot() {
    let script = vec![vec![
        say("REPLCONF capa eof", OK),
        say("REPLCONF rdb-filter-only ", OK),
        say("SYNC", "$3\r\nRDB*1\r\n$4\r\nPING\r\n*3\r\n$3\r\nset\r\n$1\r\na\r\n$1\r\nb\r\n"),
    ]];
    let ran = Cli::default().run_with(&["--replica"], script);
    assert_eq!((ran.code, ran.text()), (1, "\"PING\"\n\"set\",\"a\",\"b\"\n"));
    assert!(ran.err.ends_with("Error: Server closed the connection\n"), "{}", ran.err);
}
