//! The log, line by line in the form that tools parse: `pid:role day month year time level message`.

use parking_lot::Mutex;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering::Relaxed};

/// How much a message matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Level {
    /// For developers.
    Debug,
    /// Many details, seldom useful.
    Verbose,
    /// What an operator wants to see.
    Notice,
    /// What an operator must see.
    Warning,
}

impl Level {
    fn mark(self) -> char {
        match self {
            Self::Debug => '.',
            Self::Verbose => '-',
            Self::Notice => '*',
            Self::Warning => '#',
        }
    }

    /// The level that the `loglevel` parameter names.
    pub fn from_name(name: &str) -> Self {
        match name {
            "debug" => Self::Debug,
            "verbose" => Self::Verbose,
            "warning" => Self::Warning,
            _ => Self::Notice,
        }
    }
}

/// Where messages go.
#[derive(Debug)]
pub struct Log {
    level: AtomicU8,
    /// The process serves clients: before that its lines carry another role.
    serving: AtomicBool,
    /// `None` is standard output.
    file: Mutex<Option<File>>,
}

impl Default for Log {
    fn default() -> Self {
        Self::new()
    }
}

impl Log {
    /// A log on standard output, from notices on.
    pub fn new() -> Self {
        Self {
            level: AtomicU8::new(Level::Notice as u8),
            serving: AtomicBool::new(false),
            file: Mutex::new(None),
        }
    }

    /// Opens the file that messages go to from now on; an empty path is standard output.
    pub fn open(&self, path: &Path) -> io::Result<()> {
        let file = if path.as_os_str().is_empty() {
            None
        } else {
            Some(OpenOptions::new().create(true).append(true).open(path)?)
        };
        *self.file.lock() = file;
        Ok(())
    }

    /// Messages below this level are left out from now on.
    pub fn set_level(&self, level: Level) {
        self.level.store(level as u8, Relaxed);
    }

    /// From now on lines carry the role of a server.
    pub fn set_serving(&self) {
        self.serving.store(true, Relaxed);
    }

    /// Writes one line. Errors have nowhere to go and are ignored.
    pub fn write(&self, level: Level, message: impl std::fmt::Display) {
        if (level as u8) < self.level.load(Relaxed) {
            return;
        }
        let role = if self.serving.load(Relaxed) { 'M' } else { 'C' };
        let line = format!(
            "{}:{role} {} {} {message}\n",
            std::process::id(),
            jiff::Zoned::now().strftime("%d %b %Y %H:%M:%S.%3f"),
            level.mark()
        );
        self.raw(&line);
    }

    /// Writes text as it is.
    pub(crate) fn raw(&self, text: &str) {
        let _ = match &mut *self.file.lock() {
            Some(file) => file.write_all(text.as_bytes()),
            None => io::stdout().lock().write_all(text.as_bytes()),
        };
    }

    /// Writes a notice.
    pub fn notice(&self, message: impl std::fmt::Display) {
        self.write(Level::Notice, message);
    }

    /// Writes a warning.
    pub fn warning(&self, message: impl std::fmt::Display) {
        self.write(Level::Warning, message);
    }
}
