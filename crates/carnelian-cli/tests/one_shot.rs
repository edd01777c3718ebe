//! Single commands: connecting, arguments from standard input, exit codes, redirections.

mod support;

use std::io::{self, Write};

use carnelian_cli::{CommandDoc, Console};
use support::{Cli, Server, Step, say};

const OK: &[u8] = b"+OK\r\n";

#[test]
fn prints_the_reply() {
    let ran = Cli::default().run_with(&["get", "k"], vec![vec![say("get k", b"$1\r\nv\r\n")]]);
    assert_eq!((ran.code, ran.text(), ran.err.as_str()), (0, "v\n", ""));
}

#[test]
fn errors_set_the_exit_code_only_with_e() {
    let script = || vec![vec![say("get", b"-ERR wrong\r\n")]];
    let plain = Cli::default().run_with(&["get"], script());
    assert_eq!((plain.code, plain.text(), plain.err.as_str()), (0, "ERR wrong\n\n", ""));
    let strict = Cli::default().run_with(&["-e", "get"], script());
    assert_eq!((strict.code, strict.text(), strict.err.as_str()), (1, "", "ERR wrong\n"));
}

#[test]
fn logs_in_selects_and_switches_in_this_order() {
    let script = vec![vec![
        say("AUTH me secret", OK),
        say("SELECT 3", OK),
        say("HELLO 3", b"%0\r\n".as_slice()),
        say("ping", b"+PONG\r\n"),
    ]];
    let options = ["--user", "me", "-a", "secret", "--no-auth-warning", "-n", "3", "-3", "ping"];
    let ran = Cli::default().run_with(&options, script);
    assert_eq!((ran.code, ran.text(), ran.err.as_str()), (0, "PONG\n", ""));
}

#[test]
fn the_password_may_come_from_the_environment_or_the_keyboard() {
    let script = || vec![vec![say("AUTH hidden", OK), say("ping", b"+PONG\r\n")]];
    let cli = Cli { variables: &[("REDISCLI_AUTH", "hidden")], ..Cli::default() };
    assert_eq!(cli.run_with(&["ping"], script()).err, "");
    let cli = Cli { input: b"hidden\n", variables: &[("REDISCLI_AUTH", "other")], ..Cli::default() };
    assert_eq!(cli.run_with(&["--askpass", "ping"], script()).err, "");
}

#[test]
fn a_refused_login_is_reported_and_the_command_still_sent() {
    let script = vec![vec![say("AUTH x", b"-WRONGPASS no\r\n"), say("ping", b"-NOAUTH log in\r\n")]];
    let ran = Cli::default().run_with(&["-a", "x", "--no-auth-warning", "ping"], script);
    assert_eq!(
        (ran.code, ran.text(), ran.err.as_str()),
        (0, "NOAUTH log in\n\n", "AUTH failed: WRONGPASS no\n")
    );
}

#[test]
fn json_goes_on_without_resp3() {
    let script = vec![vec![say("HELLO 3", b"-ERR unknown\r\n"), say("ping", b"+PONG\r\n")]];
    let ran = Cli::default().run_with(&["--json", "ping"], script);
    assert_eq!((ran.text(), ran.err.as_str()), ("\"PONG\"\n", "HELLO 3 failed: ERR unknown\n"));
}

#[test]
fn standard_input_becomes_an_argument() {
    let cli = Cli { input: b"line\n", ..Cli::default() };
    cli.run_with(&["-x", "set", "k"], vec![vec![say("set k line\n", OK)]]);
    cli.run_with(&["-X", "tag", "set", "tag", "v"], vec![vec![say("set line\n v", OK)]]);
    let ran = cli.run(&["-X", "tag", "set", "k", "v"]);
    assert_eq!((ran.code, ran.err.as_str()), (1, "Using -X option but stdin tag not match.\n"));
}

#[test]
fn quoted_input_is_read_as_at_the_prompt() {
    Cli::default().run_with(&["--quoted-input", "get", r#""\x41 b""#], vec![vec![say("get A b", OK)]]);
    for bad in ["\"open", "\"a\" \"b\""] {
        let ran = Cli::default().run(&["--quoted-input", "get", bad]);
        assert_eq!((ran.code, ran.text()), (1, "Invalid quoted string\n"));
    }
}

#[test]
fn repeats() {
    let steps = || say("incr n", b":1\r\n");
    let ran = Cli::default().run_with(&["-r", "3", "incr", "n"], vec![vec![steps(), steps(), steps()]]);
    assert_eq!(ran.text(), "1\n1\n1\n");
}

#[test]
fn delimiters_of_raw_replies() {
    let script = vec![vec![say("x", b"*2\r\n:1\r\n:2\r\n")]];
    assert_eq!(Cli::default().run_with(&["-d", ";", "-D", "|", "x"], script).text(), "1;2|");
}

#[test]
fn pushes_are_shown_on_demand() {
    const REPLY: &[u8] = b">2\r\n+invalidate\r\n*2\r\n$1\r\na\r\n$1\r\nb\r\n+PONG\r\n";
    let script = || vec![vec![say("ping", REPLY)]];
    assert_eq!(Cli::default().run_with(&["ping"], script()).text(), "PONG\n");
    let shown = Cli::default().run_with(&["--show-pushes", "yes", "--no-raw", "ping"], script());
    assert_eq!(shown.text(), "-> invalidate: 'a', 'b'\nPONG\n");
    let raw = Cli::default().run_with(&["--show-pushes", "yes", "ping"], script());
    assert_eq!(raw.text(), "invalidate\na\nb\nPONG\n");
}

#[test]
fn follows_redirections() {
    let last = Server::start(vec![vec![say("ASKING", OK), say("set k v", OK)]]);
    let middle = Server::start(vec![vec![say("set k v", format!("-ASK 5 127.0.0.1:{}\r\n", last.port))]]);
    let moved = format!("-MOVED 5 127.0.0.1:{}\r\n", middle.port);
    let ran = Cli::default().run_with(&["-c", "set", "k", "v"], vec![vec![say("set k v", moved)]]);
    assert_eq!((ran.code, ran.text()), (0, "OK\n"));
    middle.finish();
    last.finish();
    let plain = Cli::default().run_with(&["get", "k"], vec![vec![say("get k", b"-MOVED 5 127.0.0.1:1\r\n")]]);
    assert_eq!(plain.text(), "MOVED 5 127.0.0.1:1\n\n", "without -c the error is shown");
}

#[test]
fn says_why_it_failed() {
    let refused = Cli::default().run(&["-s", "/nonexistent/socket", "ping"]);
    let expected = "Could not connect to Redis at /nonexistent/socket: No such file or directory\n";
    assert_eq!((refused.code, refused.err.as_str()), (1, expected));
    let closed = Cli::default().run_with(&["ping"], vec![vec![say("ping", b"")]]);
    assert_eq!((closed.code, closed.err.as_str()), (1, "Error: Server closed the connection\n"));
    let garbage = Cli::default().run_with(&["ping"], vec![vec![say("ping", b"hello\r\n")]]);
    assert_eq!(garbage.code, 1);
    assert!(garbage.err.starts_with("Error: Protocol error, "), "{}", garbage.err);
    assert_eq!(Cli::default().run(&["--cluster", "info"]).code, 1);
}

#[test]
fn shutdown_is_allowed_to_close_the_connection() {
    let ran = Cli::default().run_with(&["shutdown"], vec![vec![say("shutdown", b"")]]);
    assert_eq!((ran.code, ran.text(), ran.err.as_str()), (0, "", ""));
}

#[test]
fn reports_are_printed_as_they_are() {
    let script = vec![vec![say("info server", b"$10\r\n# A\r\nb:1\r\n\r\n")]];
    let ran = Cli::default().run_with(&["--no-raw", "info", "server"], script);
    assert_eq!(ran.text(), "# A\r\nb:1\r\n");
}

#[test]
fn scripts_from_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("script.lua");
    std::fs::write(&script, "return 1").unwrap();
    let path = script.to_str().unwrap();
    let one = || b":1\r\n".as_slice();
    Cli::default().run_with(
        &["--eval", path, "k1", "k2", ",", "a", ","],
        vec![vec![say("EVAL return 1 2 k1 k2 a ,", one())]],
    );
    Cli::default().run_with(&["--eval", path, "k"], vec![vec![say("EVAL return 1 1 k", one())]]);
}

#[test]
fn message_streams_run_until_the_server_ends_them() {
    let script = vec![vec![
        say("subscribe ch", b"*3\r\n$9\r\nsubscribe\r\n$2\r\nch\r\n:1\r\n"),
        Step::Push(b">3\r\n$7\r\nmessage\r\n$2\r\nch\r\n$2\r\nhi\r\n"),
    ]];
    let ran = Cli::default().run_with(&["--csv", "subscribe", "ch"], script);
    let expected =
        "Reading messages... (press Ctrl-C to quit)\n\"subscribe\",\"ch\",1\n\"message\",\"ch\",\"hi\"\n";
    assert_eq!((ran.text(), ran.err.as_str()), (expected, "Error: Server closed the connection\n"));
}

#[test]
fn help_works_without_a_server() {
    const DOCS: &[CommandDoc] = &[CommandDoc::new("GET", "Reads a string.", "key", "string", "1.0.0")];
    let cli = Cli { docs: DOCS, ..Cli::default() };
    let ran = cli.run(&["-s", "/nonexistent/socket", "help", "get"]);
    assert_eq!(ran.text(), "\n  GET key\n  summary: Reads a string.\n  since: 1.0.0\n  group: string\n\n");
    assert!(cli.run(&["help"]).text().contains("help @<group>"));
}

#[test]
fn help_prefers_the_documentation_of_the_server() {
    let docs = b"*2\r\n$3\r\nnew\r\n*4\r\n$7\r\nsummary\r\n$5\r\nDoes.\r\n$5\r\ngroup\r\n$7\r\ngeneric\r\n"
        .as_slice();
    let ran = Cli::default().run_with(&["help", "@generic"], vec![vec![say("COMMAND DOCS", docs)]]);
    assert_eq!(ran.text(), "\n  NEW \n  summary: Does.\n\n");
}

/// Output that takes nothing. A broken pipe is a reader that has gone away, as in `redis-cli --help | head -1`.
struct Failing(io::ErrorKind);

impl Write for Failing {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(self.0.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_reader_that_goes_away_ends_the_run_quietly() {
    let run = |kind| {
        let console = Console::detached(io::empty(), Failing(kind), Failing(kind), &[]);
        carnelian_cli::run_on(console, "redis-cli", ["--help"], &[])
    };
    assert_eq!(run(io::ErrorKind::BrokenPipe), 141);
    assert_eq!(run(io::ErrorKind::StorageFull), 1);
}
