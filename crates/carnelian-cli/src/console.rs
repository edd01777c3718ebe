//! Where a run reads from and prints to: the process's own terminal, or buffers that a test holds.

use std::ffi::OsString;
use std::io::{self, IsTerminal, Read, Write};

/// The surroundings of one run: its three streams, whether they are terminals, and the environment.
///
/// [`Console::process`] is what a binary wants. A test builds its own with [`Console::detached`], so that a whole run
/// of the client happens in process with its output captured.
pub struct Console {
    /// Bytes typed or piped in; taken once by the mode that reads them.
    pub(crate) input: Box<dyn Read + Send>,
    pub(crate) output: Box<dyn Write + Send>,
    pub(crate) errors: Box<dyn Write + Send>,
    pub(crate) input_is_terminal: bool,
    pub(crate) output_is_terminal: bool,
    /// Environment variables in place of the process's own.
    variables: Option<Vec<(OsString, OsString)>>,
}

impl Console {
    /// The standard streams and environment of this process.
    pub fn process() -> Self {
        Self {
            input: Box::new(io::stdin()),
            output: Box::new(io::BufWriter::with_capacity(16 * 1024, io::stdout())),
            errors: Box::new(io::stderr()),
            input_is_terminal: io::stdin().is_terminal(),
            output_is_terminal: io::stdout().is_terminal(),
            variables: None,
        }
    }

    /// Streams that are no terminals, and the given environment: `variables` are (name, value) pairs.
    pub fn detached(
        input: impl Read + Send + 'static,
        output: impl Write + Send + 'static,
        errors: impl Write + Send + 'static,
        variables: &[(&str, &str)],
    ) -> Self {
        Self {
            input: Box::new(input),
            output: Box::new(output),
            errors: Box::new(errors),
            input_is_terminal: false,
            output_is_terminal: false,
            variables: Some(variables.iter().map(|(name, value)| (name.into(), value.into())).collect()),
        }
    }

    /// The environment variable `name`; an empty one counts as absent, as in `redis-cli`.
    pub(crate) fn variable(&self, name: &str) -> Option<OsString> {
        self.any_variable(name).filter(|value| !value.is_empty())
    }

    fn any_variable(&self, name: &str) -> Option<OsString> {
        match &self.variables {
            None => std::env::var_os(name),
            Some(variables) => {
                variables.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone())
            }
        }
    }

    /// Whether replies are laid out for a person: standard output is a terminal, or `FAKETTY` says to act as if.
    pub(crate) fn is_for_a_person(&self) -> bool {
        self.output_is_terminal || self.any_variable("FAKETTY").is_some()
    }

    /// Write to standard output. Nothing is promised to have left before [`Console::flush`].
    pub(crate) fn print(&mut self, bytes: impl AsRef<[u8]>) -> Result<(), Exit> {
        let written = self.output.write_all(bytes.as_ref());
        written.map_err(|error| self.output_failed(&error))
    }

    /// Send what was printed on its way.
    pub(crate) fn flush(&mut self) -> Result<(), Exit> {
        let flushed = self.output.flush();
        flushed.map_err(|error| self.output_failed(&error))
    }

    /// A reader that has had enough needs no word about it; a full disk does.
    fn output_failed(&mut self, error: &io::Error) -> Exit {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Exit::CLOSED_OUTPUT;
        }
        let _ = writeln!(self.errors, "Cannot write the output: {}", io_error_text(error));
        Exit::FAILURE
    }

    /// Write to standard error, after what was already printed. That nobody reads errors is no reason to stop.
    pub(crate) fn complain(&mut self, bytes: impl AsRef<[u8]>) {
        let _ = self.output.flush();
        let _ = self.errors.write_all(bytes.as_ref());
        let _ = self.errors.flush();
    }

    /// Hand the input over to a thread or a loop; what is left behind is empty.
    pub(crate) fn take_input(&mut self) -> Box<dyn Read + Send> {
        std::mem::replace(&mut self.input, Box::new(io::empty()))
    }
}

/// The run is over, with this code. Carried as an error, so that `?` ends a run from any depth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Exit(pub(crate) u8);

impl Exit {
    pub(crate) const SUCCESS: Self = Self(0);
    pub(crate) const FAILURE: Self = Self(1);
    /// What a shell reports for a process that SIGPIPE ended, which is how `redis-cli` ends there.
    const CLOSED_OUTPUT: Self = Self(141);
}

/// The text of an I/O error as C programs print it, without the number Rust appends.
pub(crate) fn io_error_text(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.strip_prefix("failed to lookup address information: ").unwrap_or(&text);
    match text.find(" (os error ") {
        Some(end) => text[..end].to_owned(),
        None => text.to_owned(),
    }
}

/// `print!` to a [`Console`](crate::console::Console); returns early from the function when output is gone.
macro_rules! out {
    ($console:expr, $($text:tt)*) => { $console.print(format!($($text)*))? };
}
/// `eprint!` to a [`Console`](crate::console::Console).
macro_rules! err {
    ($console:expr, $($text:tt)*) => { $console.complain(format!($($text)*)) };
}
pub(crate) use {err, out};
