//! Reading configuration files, standard input and options.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use carnelian_resp::split_args;

use super::args::StartArgs;
use super::value::{Origin, Value};
use super::{Config, REDIS_VERSION, id, os_error_text, table, text, to_path};

/// Longest configuration that is read, in bytes, includes counted one by one.
const FILE_MAX: u64 = 64 << 20;
/// Deepest nesting of `include`.
const INCLUDE_DEPTH_MAX: usize = 32;

/// Directives of old versions that are still accepted, with one argument, and mean nothing.
const FORGOTTEN: [&[u8]; 3] =
    [b"list-max-ziplist-entries", b"list-max-ziplist-value", b"lua-replicate-commands"];

/// What a configuration says beyond parameters.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Extras {
    /// `rename-command`: old name and new name; an empty new name removes the command.
    pub renamed_commands: Vec<(Vec<u8>, Vec<u8>)>,
    /// `user`: name and rules of each line.
    pub users: Vec<Vec<Vec<u8>>>,
    /// `loadmodule`: path and arguments of each line.
    pub modules: Vec<Vec<Vec<u8>>>,
    /// Parameters of modules, which have a dot in their names: name and value.
    pub module_parameters: Vec<(Vec<u8>, Vec<u8>)>,
}

/// Why a `user` line was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserError {
    /// The rule at fault.
    pub rule: Vec<u8>,
    /// The reason.
    pub reason: String,
}

/// Checks the directives that this module cannot judge. They are recorded in [`Extras`] once accepted, so an implementation
/// may as well check only.
pub trait Directives {
    /// A command gets another name, or none. The error is the reason, for example `No such command in rename-command`.
    fn rename_command(&mut self, from: &[u8], to: &[u8]) -> Result<(), String> {
        let _ = (from, to);
        Ok(())
    }

    /// A user is declared: name, then rules.
    fn user(&mut self, user: &[Vec<u8>]) -> Result<(), UserError> {
        let _ = user;
        Ok(())
    }
}

/// Accepts every directive.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoDirectives;

impl Directives for NoDirectives {}

/// Why a configuration was refused. Its text is what Redis prints; print an empty line before it.
#[derive(Debug)]
pub enum LoadError {
    /// A line is wrong.
    Line {
        /// Number of the line, from 1, in the text that file, standard input and options make together; inside an included
        /// file, in that file.
        number: usize,
        /// The line, without white space around it.
        line: Vec<u8>,
        /// What is wrong with it.
        reason: String,
        /// The file the line is in, as far as known.
        file: Option<PathBuf>,
    },
    /// The configuration as a whole is wrong.
    Whole {
        /// What is wrong with it.
        reason: String,
    },
    /// A file could not be read.
    Open {
        /// The file.
        path: PathBuf,
        /// The system's error.
        error: io::Error,
    },
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let header = format!("*** FATAL CONFIG FILE ERROR (Redis {REDIS_VERSION}) ***\n");
        match self {
            Self::Line { number, line, reason, .. } => {
                let line = String::from_utf8_lossy(line);
                write!(f, "{header}Reading the configuration file, at line {number}\n>>> '{line}'\n{reason}")
            }
            Self::Whole { reason } => write!(f, "{header}{reason}"),
            Self::Open { path, error } => {
                let (path, error) = (path.display(), os_error_text(error));
                write!(f, "Fatal error, can't open config file '{path}': {error}")
            }
        }
    }
}

impl std::error::Error for LoadError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Open { error, .. } => Some(error),
            _ => None,
        }
    }
}

impl Config {
    /// Loads what a command line asks for: the file, then standard input, then the options, where later lines win.
    ///
    /// `dir`, `include` and `logfile` are looked up in the file system; the log file is opened once for appending, to find
    /// out early that it cannot be.
    pub fn load(
        &mut self,
        start: &StartArgs,
        stdin: &mut dyn Read,
        directives: &mut dyn Directives,
    ) -> Result<(), LoadError> {
        if start.bare {
            return Ok(());
        }
        let mut content = Vec::new();
        if let Some(path) = &start.file {
            self.file = Some(path.clone());
            read_files(path, &mut content)?;
        }
        if start.stdin {
            let path = Path::new("-");
            read_limited(stdin, &mut content)
                .map_err(|error| LoadError::Open { path: path.into(), error })?;
        }
        content.push(b'\n');
        content.extend_from_slice(&start.options);
        let mut loader = Loader { config: self, directives, save_seen: false, depth: 0 };
        loader.load(&content, start.file.as_deref())
    }

    /// Loads the text of a configuration file.
    pub fn load_text(&mut self, content: &[u8], directives: &mut dyn Directives) -> Result<(), LoadError> {
        Loader { config: self, directives, save_seen: false, depth: 0 }.load(content, None)
    }
}

/// Appends the content of a file, or of all files that match if the path is a pattern.
fn read_files(path: &Path, content: &mut Vec<u8>) -> Result<(), LoadError> {
    let open = |path: &Path, error| LoadError::Open { path: path.to_path_buf(), error };
    let is_pattern = path.as_os_str().as_encoded_bytes().iter().any(|b| matches!(b, b'*' | b'?' | b'['));
    let mut paths = Vec::new();
    if is_pattern {
        // As in the shell: neither `*` nor `?` stands for a slash or for the dot of a hidden file.
        let options = glob::MatchOptions {
            case_sensitive: true,
            require_literal_separator: true,
            require_literal_leading_dot: true,
        };
        if let Some(pattern) = path.to_str()
            && let Ok(found) = glob::glob_with(pattern, options)
        {
            paths.extend(found.flatten());
        }
    } else {
        paths.push(path.to_path_buf());
    }
    for path in &paths {
        let mut file = File::open(path).map_err(|error| open(path, error))?;
        read_limited(&mut file, content).map_err(|error| open(path, error))?;
    }
    Ok(())
}

fn read_limited(source: &mut dyn Read, content: &mut Vec<u8>) -> io::Result<()> {
    if source.take(FILE_MAX + 1).read_to_end(content)? as u64 > FILE_MAX {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "configuration larger than 64 MB"));
    }
    Ok(())
}

/// Why a line is refused: it is wrong itself, or a file it includes is.
enum Fault {
    Reason(String),
    Inner(LoadError),
}

impl<T: Into<String>> From<T> for Fault {
    fn from(reason: T) -> Self {
        Self::Reason(reason.into())
    }
}

struct Loader<'a> {
    config: &'a mut Config,
    directives: &'a mut dyn Directives,
    /// A `save` line has replaced the defaults; the next ones add to it.
    save_seen: bool,
    depth: usize,
}

impl Loader<'_> {
    fn load(&mut self, content: &[u8], file: Option<&Path>) -> Result<(), LoadError> {
        for (i, line) in content.split(|b| *b == b'\n').enumerate() {
            let line = text::trim(line);
            if matches!(line.first(), None | Some(b'#')) {
                continue;
            }
            self.line(line).map_err(|fault| match fault {
                Fault::Inner(error) => error,
                Fault::Reason(reason) => {
                    let file = file.map(Path::to_path_buf);
                    LoadError::Line { number: i + 1, line: line.to_vec(), reason, file }
                }
            })?;
        }
        if let Some(path) = self.config.path(id::LOGFILE) {
            File::options().append(true).create(true).open(path).map_err(|error| LoadError::Whole {
                reason: format!("Can't open the log file: {}", os_error_text(&error)),
            })?;
        }
        if self.config.bool(id::CLUSTER_ENABLED) && self.config.replicaof().is_some() {
            return Err(LoadError::Whole {
                reason: "replicaof directive not allowed in cluster mode".to_owned(),
            });
        }
        Ok(())
    }

    fn line(&mut self, line: &[u8]) -> Result<(), Fault> {
        const BAD: &str = "Bad directive or wrong number of arguments";
        if line.contains(&0) {
            return Err("NUL byte in configuration line".into());
        }
        let words = split_args(line).ok_or("Unbalanced quotes in configuration line")?;
        let Some((name, args)) = words.split_first() else { return Ok(()) };
        if let Some((id, _)) = table::find(name) {
            return self.parameter(id, args);
        }
        let name = name.to_ascii_lowercase();
        match (name.as_slice(), args) {
            (name, [_]) if FORGOTTEN.contains(&name) => Ok(()),
            (b"include", [path]) => self.include(path),
            (b"rename-command", [from, to]) => {
                self.directives.rename_command(from, to)?;
                self.config.extras.renamed_commands.push((from.clone(), to.clone()));
                Ok(())
            }
            (b"user", [user, ..]) => self.user(user, args),
            (b"loadmodule", [_, ..]) => {
                self.config.extras.modules.push(args.to_vec());
                Ok(())
            }
            (name, []) if name.contains(&b'.') => Err("Module config specified without value".into()),
            (name, _) if name.contains(&b'.') => {
                let parameters = &mut self.config.extras.module_parameters;
                parameters.retain(|(known, _)| known != name);
                parameters.push((name.to_vec(), args.join(&b' ')));
                Ok(())
            }
            (b"sentinel", []) => Ok(()),
            (b"sentinel", _) => Err("sentinel directive while not in sentinel mode".into()),
            _ => Err(BAD.into()),
        }
    }

    fn parameter(&mut self, id: super::Id, args: &[Vec<u8>]) -> Result<(), Fault> {
        let spec = id.spec();
        let split;
        let args = match args {
            // One argument may hold several words: `save "60 1000"`.
            [only] if spec.multi_arg && !only.is_empty() => {
                split = split_args(only).ok_or("Unbalanced quotes in configuration line")?;
                &split
            }
            args if !spec.multi_arg && args.len() != 1 => return Err("wrong number of arguments".into()),
            args => args,
        };
        let first = id == id::SAVE && !self.save_seen;
        let value = Value::parse(spec, args, self.config.get(id), Origin::File { first })?;
        self.save_seen |= id == id::SAVE;
        self.config.values[id.index()] = value;
        Ok(())
    }

    fn include(&mut self, path: &[u8]) -> Result<(), Fault> {
        if self.depth == INCLUDE_DEPTH_MAX {
            return Err("Too many nested includes".into());
        }
        let path = self.config.dir().join(to_path(path));
        let mut content = Vec::new();
        read_files(&path, &mut content).map_err(Fault::Inner)?;
        self.depth += 1;
        let result = self.load(&content, Some(&path)).map_err(Fault::Inner);
        self.depth -= 1;
        result
    }

    fn user(&mut self, name: &[u8], args: &[Vec<u8>]) -> Result<(), Fault> {
        let declared = |rule: &[u8], reason: &str| {
            format!("Error in user declaration '{}': {reason}", String::from_utf8_lossy(rule))
        };
        if self.config.extras.users.iter().any(|user| user[0] == name) {
            let reason = "Duplicate user found. A user can only be defined once in config files";
            return Err(declared(name, reason).into());
        }
        self.directives.user(args).map_err(|error| declared(&error.rule, &error.reason))?;
        self.config.extras.users.push(args.to_vec());
        Ok(())
    }
}
