//! The prompt, fed from a pipe: what it keeps track of and what it does itself.

mod support;

use support::{Cli, say};

const OK: &[u8] = b"+OK\r\n";

#[test]
fn carries_out_lines() {
    let cli = Cli {
        input: b"set k \"a b\"\n\n   \nget \"\"k\n2 ping\n0 ping\nget k",
        variables: &[("FAKETTY", "1")],
        ..Cli::default()
    };
    let pong = || say("ping", b"+PONG\r\n");
    let script = vec![vec![say("set k a b", OK), pong(), pong(), say("get k", b"$3\r\na b\r\n")]];
    let ran = cli.run_with(&[], script);
    let expected =
        "OK\nInvalid argument(s)\nPONG\nPONG\nInvalid redis-cli repeat command option value.\n\"a b\"\n";
    assert_eq!((ran.code, ran.text(), ran.err.as_str()), (0, expected, ""));
}

#[test]
fn quit_leaves() {
    let cli = Cli { input: b"ping\nQUIT\nping\n", ..Cli::default() };
    let ran = cli.run_with(&[], vec![vec![say("ping", b"+PONG\r\n")]]);
    assert_eq!((ran.code, ran.text()), (0, "PONG\n"));
}

#[test]
fn connects_again_and_goes_back_to_its_database() {
    let cli = Cli { input: b"select 5\nping\nping\n", ..Cli::default() };
    let script = vec![
        vec![say("select 5", OK), say("ping", b"")],
        vec![say("SELECT 5", OK), say("ping", b"+PONG\r\n")],
    ];
    let ran = cli.run_with(&[], script);
    assert_eq!((ran.text(), ran.err.as_str()), ("OK\nPONG\n", "Error: Server closed the connection\n"));
}

#[test]
fn speaks_resp3_again_after_connecting_again() {
    let cli = Cli { input: b"hello 3\nping\nping\n", ..Cli::default() };
    let script = vec![
        vec![say("hello 3", b"%0\r\n".as_slice()), say("ping", b"")],
        vec![say("HELLO 3", b"%0\r\n".as_slice()), say("ping", b"+PONG\r\n")],
    ];
    assert_eq!(cli.run_with(&[], script).text(), "\nPONG\n");
}

/// A SELECT inside a transaction that is dropped never happened, so the next connection does not repeat it.
#[test]
fn a_dropped_transaction_takes_its_database_back() {
    let cli = Cli { input: b"select 2\nmulti\nselect 4\ndiscard\nping\nping\n", ..Cli::default() };
    let script = vec![
        vec![
            say("select 2", OK),
            say("multi", OK),
            say("select 4", b"+QUEUED\r\n"),
            say("discard", OK),
            say("ping", b""),
        ],
        vec![say("SELECT 2", OK), say("ping", b"+PONG\r\n")],
    ];
    assert_eq!(cli.run_with(&[], script).text(), "OK\nOK\nQUEUED\nOK\nPONG\n");
}

#[test]
fn has_commands_of_its_own() {
    let cli = Cli { input: b":set hints\n:set x\n:foo\nconnect 127.0.0.1 none\nhelp\n", ..Cli::default() };
    let ran = cli.run_with(&[], vec![vec![]]);
    let expected =
        "unknown redis-cli preference 'x'\nunknown redis-cli internal command ':foo'\nInvalid port\n";
    assert!(ran.text().starts_with(expected) && ran.text().contains("help <command>"), "{}", ran.text());
}
