//! `help` at the prompt: topics and single commands.

use std::fmt::Write;

use crate::console::{Exit, out};
use crate::docs::CommandDoc;
use crate::session::Session;

const TOPICS: &str = "\
Type a command with its arguments, as in: set greeting \"hello world\"
      \"help @<group>\"    lists the commands of a group, such as string or sorted-set
      \"help <command>\"   explains one command
      \"help <tab>\"       goes through everything there is help for
      \"quit\"             leaves

A number before a command repeats it, as in: 5 ping
\"connect <host> <port>\" goes to another server, \"clear\" clears the screen.

Preferences, for now or for ever in ~/.redisclirc:
      \":set hints\"       shows the arguments of a command while you type it
      \":set nohints\"     does not
";

/// Print help for `topic`, or the overview when there is none. Colours only for a terminal.
pub(crate) fn print(session: &mut Session<'_>, topic: &[Vec<u8>]) -> Result<(), Exit> {
    let [first, ..] = topic else {
        return session.console.print(TOPICS).and_then(|()| session.console.flush());
    };
    let coloured = session.console.output_is_terminal;
    let mut text = String::new();
    if let Some(group) = first.strip_prefix(b"@") {
        let group = String::from_utf8_lossy(group).into_owned();
        for doc in session.docs().in_group(&group) {
            push_doc(&mut text, doc, false, coloured);
        }
    } else {
        let words: Vec<_> = topic.iter().map(|word| String::from_utf8_lossy(word)).collect();
        let words: Vec<&str> = words.iter().map(AsRef::as_ref).collect();
        for doc in session.docs().named(&words) {
            push_doc(&mut text, doc, true, coloured);
        }
    }
    out!(session.console, "{text}\n");
    session.console.flush()
}

fn push_doc(text: &mut String, doc: &CommandDoc, with_group: bool, coloured: bool) {
    let paint = |code: &str, text: &str| {
        if coloured { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    };
    // Writing to a string cannot fail.
    let _ = writeln!(text, "\n  {} {}", paint("1", &doc.name), paint("90", &doc.syntax));
    let mut field = |name: &str, value: &str| {
        let _ = writeln!(text, "  {} {value}", paint("33", name));
    };
    field("summary:", &doc.summary);
    if !doc.since.is_empty() {
        field("since:", &doc.since);
    }
    if with_group {
        field("group:", &doc.group);
    }
}
