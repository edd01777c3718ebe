//! The line at the prompt: editing with hints, TAB and history on a terminal, plain lines from anything else.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

use rustyline::completion::Completer;
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::{Hint, Hinter};
use rustyline::history::{History, MemHistory, SearchDirection};
use rustyline::validate::Validator;
use rustyline::{CompletionType, Config, Context, Editor, Helper};

use crate::console::Console;
use crate::docs::Docs;

/// Lines kept in the history, as many as `redis-cli` keeps.
const HISTORY_LINES: usize = 100;

/// What a person or a pipe types.
pub(crate) enum Lines {
    Terminal(Box<TerminalLines>),
    Pipe(BufReader<Box<dyn Read + Send>>),
}

impl Lines {
    /// The terminal with editing when input is one, else input as it is.
    pub(crate) fn new(console: &mut Console, docs: Docs) -> io::Result<Self> {
        if !console.input_is_terminal {
            return Ok(Self::Pipe(BufReader::new(console.take_input())));
        }
        Ok(Self::Terminal(Box::new(TerminalLines::new(docs, history_file(console))?)))
    }

    pub(crate) fn is_terminal(&self) -> bool {
        matches!(self, Self::Terminal(_))
    }

    /// The next line without its end; `None` when there are no more.
    pub(crate) fn next(&mut self, prompt: &str) -> Option<Vec<u8>> {
        match self {
            Self::Terminal(terminal) => terminal.next(prompt).map(String::into_bytes),
            Self::Pipe(input) => {
                let mut line = Vec::new();
                input.read_until(b'\n', &mut line).ok()?;
                if line.is_empty() {
                    return None;
                }
                if line.ends_with(b"\n") {
                    line.pop();
                }
                Some(line)
            }
        }
    }

    /// Keep a line for the arrow keys and for later runs.
    pub(crate) fn remember(&mut self, line: &[u8]) {
        if let (Self::Terminal(terminal), Ok(line)) = (self, str::from_utf8(line)) {
            terminal.remember(line);
        }
    }

    pub(crate) fn set_hints(&mut self, on: bool) {
        if let Self::Terminal(terminal) = self
            && let Some(assistant) = terminal.editor.helper_mut()
        {
            assistant.hints = on;
        }
    }
}

/// A file in the home directory that a variable can put elsewhere; `None` for `/dev/null`, or without a home.
pub(crate) fn dotfile(console: &Console, variable: &str, name: &str) -> Option<PathBuf> {
    match console.variable(variable) {
        Some(path) if path == OsStr::new("/dev/null") => None,
        Some(path) => Some(path.into()),
        None => console.variable("HOME").map(|home| PathBuf::from(home).join(name)),
    }
}

fn history_file(console: &Console) -> Option<PathBuf> {
    dotfile(console, "REDISCLI_HISTFILE", ".rediscli_history")
}

pub(crate) struct TerminalLines {
    editor: Editor<Assistant, MemHistory>,
    history_file: Option<PathBuf>,
}

impl TerminalLines {
    fn new(docs: Docs, history_file: Option<PathBuf>) -> io::Result<Self> {
        let config = Config::builder()
            .completion_type(CompletionType::Circular)
            // Pasted lines are commands of their own, not one long one.
            .bracketed_paste(false)
            .max_history_size(HISTORY_LINES)
            .map_err(readline_to_io)?
            .build();
        let history = MemHistory::with_config(&config);
        let mut editor = Editor::with_history(config, history).map_err(readline_to_io)?;
        // The file has one command a line, shared with `redis-cli`. Without it the history begins empty.
        let lines = history_file.as_ref().and_then(|path| fs::read(path).ok()).unwrap_or_default();
        for line in String::from_utf8_lossy(&lines).lines() {
            editor.add_history_entry(line).map_err(readline_to_io)?;
        }
        editor.set_helper(Some(Assistant { docs, hints: true }));
        Ok(Self { editor, history_file })
    }

    fn next(&mut self, prompt: &str) -> Option<String> {
        // Ctrl-C and Ctrl-D on the prompt leave, and so does a terminal that is gone.
        self.editor.readline(prompt).ok()
    }

    fn remember(&mut self, line: &str) {
        // Neither a full disk nor a read-only home directory may disturb the prompt.
        let _ = self.editor.add_history_entry(line);
        let _ = self.save();
    }

    fn save(&self) -> io::Result<()> {
        let Some(path) = &self.history_file else { return Ok(()) };
        let history = self.editor.history();
        let mut text = String::new();
        for index in 0..history.len() {
            if let Ok(Some(entry)) = history.get(index, SearchDirection::Forward) {
                text.push_str(&entry.entry);
                text.push('\n');
            }
        }
        // Commands can hold secrets: nobody else reads them.
        let mut options = fs::OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(0o600).open(path)?.write_all(text.as_bytes())
    }
}

fn readline_to_io(error: ReadlineError) -> io::Error {
    match error {
        ReadlineError::Io(error) => error,
        other => io::Error::other(other),
    }
}

/// Hints and completions for the editor.
struct Assistant {
    docs: Docs,
    hints: bool,
}

/// A hint that is only shown: no key turns it into input, since it is a syntax and not a text to send.
struct SyntaxHint(String);

impl Hint for SyntaxHint {
    fn display(&self) -> &str {
        &self.0
    }

    fn completion(&self) -> Option<&str> {
        None
    }
}

impl Hinter for Assistant {
    type Hint = SyntaxHint;

    fn hint(&self, line: &str, pos: usize, _: &Context<'_>) -> Option<SyntaxHint> {
        if !self.hints || pos < line.len() {
            return None;
        }
        self.docs.hint(line).map(SyntaxHint)
    }
}

impl Completer for Assistant {
    type Candidate = String;

    fn complete(&self, line: &str, _: usize, _: &Context<'_>) -> rustyline::Result<(usize, Vec<String>)> {
        Ok((0, self.docs.completions(line)))
    }
}

impl Highlighter for Assistant {
    fn highlight_hint<'h>(&self, hint: &'h str) -> Cow<'h, str> {
        Cow::Owned(format!("\x1b[90m{hint}\x1b[0m"))
    }
}

impl Validator for Assistant {}
impl Helper for Assistant {}

/// Ask for a password without showing it. Input that is no terminal gives its first line, unasked.
pub(crate) fn ask_password(console: &mut Console, question: &str) -> io::Result<Vec<u8>> {
    use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};

    if !console.input_is_terminal {
        return read_line_unbuffered(&mut console.input);
    }
    console.complain(question);
    let stdin = io::stdin();
    let before = tcgetattr(&stdin)?;
    let mut hidden = before.clone();
    hidden.local_modes.remove(LocalModes::ECHO);
    tcsetattr(&stdin, OptionalActions::Flush, &hidden)?;
    let mut line = String::new();
    let read = stdin.read_line(&mut line);
    tcsetattr(&stdin, OptionalActions::Flush, &before)?;
    console.complain("\n");
    read?;
    Ok(line.trim_end_matches(['\r', '\n']).as_bytes().to_vec())
}

/// A line, byte by byte, so that what follows is left for the command that reads standard input.
fn read_line_unbuffered(input: &mut dyn Read) -> io::Result<Vec<u8>> {
    let mut line = Vec::new();
    let mut byte = [0];
    while input.read(&mut byte)? == 1 && byte[0] != b'\n' {
        line.push(byte[0]);
    }
    Ok(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pipe_gives_lines_with_and_without_an_end() {
        let mut console = Console::detached(&b"ping\n\nget \xff"[..], io::sink(), io::sink(), &[]);
        let mut lines = Lines::new(&mut console, Docs::default()).unwrap();
        assert_eq!(lines.next("> "), Some(b"ping".to_vec()));
        assert_eq!(lines.next("> "), Some(b"".to_vec()));
        assert_eq!(lines.next("> "), Some(b"get \xff".to_vec()));
        assert_eq!(lines.next("> "), None);
    }

    #[test]
    fn dotfiles_follow_their_variable() {
        let file = |variables: &[(&str, &str)]| {
            let console = Console::detached(io::empty(), io::sink(), io::sink(), variables);
            history_file(&console).map(|path| path.display().to_string())
        };
        assert_eq!(file(&[("HOME", "/h")]).as_deref(), Some("/h/.rediscli_history"));
        assert_eq!(file(&[("HOME", "/h"), ("REDISCLI_HISTFILE", "/x")]).as_deref(), Some("/x"));
        assert_eq!(file(&[("HOME", "/h"), ("REDISCLI_HISTFILE", "/dev/null")]), None);
        assert_eq!(file(&[]), None);
    }

    #[test]
    fn the_history_file_is_plain_and_private() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("history");
        let mut lines = TerminalLines::new(Docs::default(), Some(path.clone())).unwrap();
        lines.remember("set a b");
        lines.remember("get a");
        assert_eq!(fs::read_to_string(&path).unwrap(), "set a b\nget a\n");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let mut later = TerminalLines::new(Docs::default(), Some(path.clone())).unwrap();
        later.remember("ping");
        assert_eq!(fs::read_to_string(&path).unwrap(), "set a b\nget a\nping\n");
    }
}
