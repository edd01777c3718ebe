//! The prompt: read a line, carry it out, until there are no more.

use std::fs;
use std::time::{Duration, Instant};

use crate::console::{Exit, io_error_text, out};
use crate::docs::Docs;
use crate::editor::{Lines, dotfile};
use crate::options::Layout;
use crate::session::{Failure, Session};

/// Commands that took at least this long get their time printed.
const SLOW: Duration = Duration::from_millis(500);

/// Run the prompt to its end.
pub(crate) fn run(session: &mut Session<'_>) -> Result<(), Exit> {
    session.interactive = true;
    session.connect(false);
    let docs = if session.console.input_is_terminal { session.docs().clone() } else { Docs::default() };
    let mut lines = Lines::new(&mut session.console, docs).map_err(|error| {
        session.console.complain(format!("Cannot use the terminal: {}\n", io_error_text(&error)));
        Exit::FAILURE
    })?;
    if lines.is_terminal() {
        load_preferences(session, &mut lines)?;
    }
    loop {
        session.console.flush()?;
        let Some(line) = lines.next(&session.prompt()) else { return Ok(()) };
        carry_out(session, &mut lines, &line)?;
    }
}

fn carry_out(session: &mut Session<'_>, lines: &mut Lines, line: &[u8]) -> Result<(), Exit> {
    let Some(mut words) = carnelian_resp::split_args(line) else {
        lines.remember(line);
        return session.console.print("Invalid argument(s)\n");
    };
    let repeat = match (words.first(), words.len()) {
        (None, _) => return Ok(()),
        (Some(count), 2..) if is_number(count) => {
            match str::from_utf8(count).ok().and_then(|n| n.trim().parse().ok()) {
                Some(repeat @ 1..) => {
                    words.remove(0);
                    repeat
                }
                _ => return session.console.print("Invalid redis-cli repeat command option value.\n"),
            }
        }
        _ => 1,
    };
    if !holds_secret(&words) {
        lines.remember(line);
    }
    let is = |name: &str| words[0].eq_ignore_ascii_case(name.as_bytes());
    if is("quit") || is("exit") {
        return Err(Exit::SUCCESS);
    }
    if words[0].starts_with(b":") {
        return set_preference(session, lines, &words, "");
    }
    match words.as_slice() {
        [_, host, port] if is("connect") => {
            let address = &mut session.options.address;
            let Some(port) = str::from_utf8(port).ok().and_then(|port| port.parse().ok()) else {
                return session.console.print("Invalid port\n");
            };
            address.host = String::from_utf8_lossy(host).into_owned();
            address.port = port;
            address.socket = None;
            session.reconnect(false);
            Ok(())
        }
        [_] if is("clear") => session.console.print("\x1b[H\x1b[2J"),
        [_] if is("restart") => session.console.print("Use 'restart' only in Lua debugging mode.\n"),
        words => {
            let start = Instant::now();
            match session.run_command(words, repeat) {
                Ok(()) | Err(Failure::Disconnected) => {}
                Err(Failure::Exit(exit)) => return Err(exit),
            }
            let elapsed = start.elapsed();
            if elapsed >= SLOW && session.options.layout == Layout::Formatted {
                out!(session.console, "({:.2}s)\n", elapsed.as_secs_f64());
            }
            Ok(())
        }
    }
}

/// Whether C would read all of this as one number; it may still be out of range.
fn is_number(word: &[u8]) -> bool {
    let word = word.trim_ascii_start();
    let digits = word.strip_prefix(b"-").or_else(|| word.strip_prefix(b"+")).unwrap_or(word);
    !digits.is_empty() && digits.iter().all(u8::is_ascii_digit)
}

fn load_preferences(session: &mut Session<'_>, lines: &mut Lines) -> Result<(), Exit> {
    let path = dotfile(&session.console, "REDISCLI_RCFILE", ".redisclirc");
    let Some(text) = path.and_then(|path| fs::read(path).ok()) else { return Ok(()) };
    for line in text.split(|&byte| byte == b'\n') {
        let words = carnelian_resp::split_args(line).unwrap_or_default();
        if !words.is_empty() {
            set_preference(session, lines, &words, ".redisclirc: ")?;
        }
    }
    Ok(())
}

fn set_preference(
    session: &mut Session<'_>,
    lines: &mut Lines,
    words: &[Vec<u8>],
    place: &str,
) -> Result<(), Exit> {
    let text = |word: &[u8]| String::from_utf8_lossy(word).into_owned();
    match words {
        [set, name, ..] if set.eq_ignore_ascii_case(b":set") => {
            if name.eq_ignore_ascii_case(b"hints") {
                lines.set_hints(true);
            } else if name.eq_ignore_ascii_case(b"nohints") {
                lines.set_hints(false);
            } else {
                out!(session.console, "{place}unknown redis-cli preference '{}'\n", text(name));
            }
        }
        [command, ..] => {
            out!(session.console, "{place}unknown redis-cli internal command '{}'\n", text(command));
        }
        [] => {}
    }
    Ok(())
}

/// Whether a command carries a password and so stays out of the history file.
fn holds_secret(words: &[Vec<u8>]) -> bool {
    let is =
        |i: usize, name: &str| words.get(i).is_some_and(|word| word.eq_ignore_ascii_case(name.as_bytes()));
    if is(0, "auth") || (is(0, "acl") && is(1, "setuser")) {
        return true;
    }
    if is(0, "config") && is(1, "set") {
        // Any of several parameters in one command may be the secret one.
        return (2..words.len()).any(|i| {
            ["masterauth", "masteruser", "requirepass", "tls-key-file-pass", "tls-client-key-file-pass"]
                .iter()
                .any(|name| is(i, name))
        });
    }
    if is(0, "hello") {
        // HELLO version [AUTH user password] [SETNAME name]
        let mut i = 2;
        while is(i, "setname") {
            i += 2;
        }
        return is(i, "auth") && words.len() > i + 2;
    }
    if is(0, "migrate") {
        // MIGRATE host port key db timeout [COPY] [REPLACE] [AUTH password] [AUTH2 user password] [KEYS ...]
        let options = (6..words.len()).take_while(|&i| !is(i, "keys"));
        return options.clone().any(|i| (is(i, "auth") || is(i, "auth2")) && i + 1 < words.len());
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(line: &str, secret: bool) {
        let words = carnelian_resp::split_args(line.as_bytes()).unwrap();
        assert_eq!(holds_secret(&words), secret, "{line}");
    }

    #[test]
    fn passwords_stay_out_of_the_history() {
        for line in [
            "auth pw",
            "AUTH user pw",
            "acl setuser u >pw",
            "config set requirepass pw",
            "config set maxmemory 1 masterauth pw",
            "hello 3 auth user pw",
            "hello 3 setname me auth user pw",
            "migrate h 1 k 0 10 copy auth pw",
            "migrate h 1 k 0 10 replace auth2 u pw keys a",
        ] {
            check(line, true);
        }
        for line in [
            "get auth",
            "acl list",
            "config get requirepass",
            "config set maxmemory 1",
            "hello 3 setname auth",
            "migrate h 1 \"\" 0 10 keys auth x",
        ] {
            check(line, false);
        }
    }

    #[test]
    fn a_count_is_a_whole_number() {
        for word in ["5", "-5", "+5", " 5", "0", "99999999999999999999"] {
            assert!(is_number(word.as_bytes()), "{word}");
        }
        for word in ["", "-", "5x", "ping", "1.5"] {
            assert!(!is_number(word.as_bytes()), "{word}");
        }
    }
}
