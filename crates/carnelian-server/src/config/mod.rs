//! Configuration: every parameter of Redis 7.0 and Carnelian's own, with loading, CONFIG GET, SET and REWRITE.
//!
//! Each parameter is one item in [`table`]: name, alias, type, default, bounds, flags, documentation. Everything else is
//! derived from those: the constants in [`id`], the commented [`sample_conf`], the [`reference_markdown`].
//!
//! Nothing here opens a socket, changes the process or keeps global state. A [`Config`] is a plain value; the server keeps it
//! behind a lock and copies what its hot paths need when [`Config::set`] tells it that something has changed.
//!
//! Values are kept as parsed and come back through typed getters:
//!
//! ```
//! use carnelian_server::config::{Config, SetContext, id};
//!
//! let mut config = Config::new(std::env::temp_dir());
//! assert_eq!(config.uint(id::MAXCLIENTS), 10_000);
//! config.set(&[(b"maxmemory", b"64mb")], SetContext::default(), &mut |_, _| Ok(())).unwrap();
//! assert_eq!(config.uint(id::MAXMEMORY), 64 << 20);
//! ```

mod args;
mod checks;
mod docs;
mod load;
mod rewrite;
mod set;
mod spec;
mod special;
pub mod table;
mod text;
mod value;

#[cfg(test)]
mod tests;

use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use carnelian_encoding::glob_match;

pub use args::{CommandLine, StartArgs, usage};
pub use checks::{SHUTDOWN_FORCE, SHUTDOWN_NOSAVE, SHUTDOWN_NOW, SHUTDOWN_SAVE};
pub use docs::{reference_markdown, sample_conf};
pub use load::{Directives, Extras, LoadError, NoDirectives, UserError};
pub use rewrite::RewriteError;
pub use set::{SetContext, SetError, find_spec};
pub use spec::{EnumSpec, Id, IntCheck, IntSpec, Kind, Spec, Special, TextCheck, TextSpec, Unit, WordCheck};
pub use special::{KeyspaceEvents, OutputLimit, OutputLimits, Primary, SavePoint};
pub use table::id;
pub use value::Value;

/// The version of Redis whose configuration this follows, as its error messages give it.
pub const REDIS_VERSION: &str = "7.0.15";

/// Longest pattern of CONFIG GET, in bytes. A class of a megabyte would be walked at every byte of every name.
const PATTERN_MAX: usize = 4096;

/// The values of all parameters, and the file they came from. A clone costs one allocation.
#[derive(Debug, Clone)]
pub struct Config {
    values: Vec<Value>,
    defaults: Arc<[Value]>,
    file: Option<PathBuf>,
    extras: Extras,
}

impl Config {
    /// All parameters at their defaults. `dir` is the directory the server was started in, and must be absolute: relative
    /// paths in the configuration start from there.
    pub fn new(dir: impl AsRef<Path>) -> Self {
        let dir: Arc<[u8]> = path_bytes(dir.as_ref()).into();
        let values: Vec<Value> = table::all().map(|id| Value::default_of(id.spec(), &dir)).collect();
        Self { defaults: values.as_slice().into(), values, file: None, extras: Extras::default() }
    }

    /// The value of a parameter.
    pub fn get(&self, id: Id) -> &Value {
        &self.values[id.index()]
    }

    /// The default of a parameter.
    pub fn default_value(&self, id: Id) -> &Value {
        &self.defaults[id.index()]
    }

    /// The text of a parameter as CONFIG GET answers it.
    pub fn text(&self, id: Id) -> Vec<u8> {
        self.get(id).text(id.spec())
    }

    /// A `yes` or `no` parameter. Panics if the parameter is of another type, which is a mistake in the caller; so do the
    /// other typed getters.
    pub fn bool(&self, id: Id) -> bool {
        match self.get(id) {
            Value::Bool(value) => *value,
            _ => wrong_type(id),
        }
    }

    /// An integer parameter. Percentages (`maxmemory-clients`) are negative. Values beyond the range of the result, which only
    /// parameters in bytes can have, are moved to its end.
    pub fn int(&self, id: Id) -> i64 {
        match self.get(id) {
            Value::Int(value) => i64::try_from(*value).unwrap_or(i64::MAX),
            _ => wrong_type(id),
        }
    }

    /// An integer parameter that is never negative.
    pub fn uint(&self, id: Id) -> u64 {
        match self.get(id) {
            Value::Int(value) => u64::try_from(*value).unwrap_or(0),
            _ => wrong_type(id),
        }
    }

    /// The word of a parameter that takes one out of a list, for example `everysec`.
    pub fn word(&self, id: Id) -> &'static str {
        let (Value::Word(value), Kind::Enum(spec)) = (self.get(id), &id.spec().kind) else { wrong_type(id) };
        spec.words.iter().find(|(_, v)| v == value).map_or("", |(word, _)| word)
    }

    /// The bits of a parameter that takes several words (`shutdown-on-sigterm`), or the number of the word.
    pub fn bits(&self, id: Id) -> u32 {
        match self.get(id) {
            Value::Word(value) => *value,
            _ => wrong_type(id),
        }
    }

    /// A string parameter, `None` if unset. A default of "" is set, and empty.
    pub fn string(&self, id: Id) -> Option<&Arc<[u8]>> {
        match self.get(id) {
            Value::Text(value) => value.as_ref(),
            _ => wrong_type(id),
        }
    }

    /// A string parameter as a path, resolved against `dir`; `None` if unset or empty.
    pub fn path(&self, id: Id) -> Option<PathBuf> {
        let text = self.string(id).filter(|text| !text.is_empty())?;
        Some(self.dir().join(to_path(text)))
    }

    /// The working directory, absolute.
    pub fn dir(&self) -> &Path {
        match self.get(id::DIR) {
            Value::Dir(path) => to_path(path),
            _ => wrong_type(id::DIR),
        }
    }

    /// The points at which snapshots are due.
    pub fn save_points(&self) -> &Arc<[SavePoint]> {
        match self.get(id::SAVE) {
            Value::Save(points) => points,
            _ => wrong_type(id::SAVE),
        }
    }

    /// The addresses to listen on, as configured: possibly `*`, `::*`, and with a leading `-`.
    pub fn bind(&self) -> &Arc<[Box<[u8]>]> {
        match self.get(id::BIND) {
            Value::Bind(addresses) => addresses,
            _ => wrong_type(id::BIND),
        }
    }

    /// Limits on waiting replies.
    pub fn output_limits(&self) -> OutputLimits {
        match self.get(id::CLIENT_OUTPUT_BUFFER_LIMIT) {
            Value::OutputLimits(limits) => *limits,
            _ => wrong_type(id::CLIENT_OUTPUT_BUFFER_LIMIT),
        }
    }

    /// Scores for the out-of-memory killer: primary, replica, background work.
    pub fn oom_score_values(&self) -> [i32; 3] {
        match self.get(id::OOM_SCORE_ADJ_VALUES) {
            Value::OomScoreValues(values) => *values,
            _ => wrong_type(id::OOM_SCORE_ADJ_VALUES),
        }
    }

    /// The classes of keyspace events that are published.
    pub fn keyspace_events(&self) -> KeyspaceEvents {
        match self.get(id::NOTIFY_KEYSPACE_EVENTS) {
            Value::KeyspaceEvents(events) => *events,
            _ => wrong_type(id::NOTIFY_KEYSPACE_EVENTS),
        }
    }

    /// The percentiles that INFO shows.
    pub fn percentiles(&self) -> &Arc<[f64]> {
        match self.get(id::LATENCY_TRACKING_INFO_PERCENTILES) {
            Value::Percentiles(numbers) => numbers,
            _ => wrong_type(id::LATENCY_TRACKING_INFO_PERCENTILES),
        }
    }

    /// The primary to follow.
    pub fn replicaof(&self) -> Option<&Arc<Primary>> {
        match self.get(id::REPLICAOF) {
            Value::ReplicaOf(primary) => primary.as_ref(),
            _ => wrong_type(id::REPLICAOF),
        }
    }

    /// Records the outcome of REPLICAOF, so that CONFIG GET and CONFIG REWRITE know it.
    pub fn set_replicaof(&mut self, primary: Option<Primary>) {
        self.values[id::REPLICAOF.index()] = Value::ReplicaOf(primary.map(Arc::new));
    }

    /// Records that fewer clients are possible than were asked for, so that CONFIG GET tells what holds.
    pub fn set_max_clients(&mut self, clients: u64) {
        self.values[id::MAXCLIENTS.index()] = Value::Int(clients.into());
    }

    /// The configuration file, absolute; `None` if the server was started without one.
    pub fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    /// What the configuration said that is not a parameter: users, renamed commands, modules.
    pub fn extras(&self) -> &Extras {
        &self.extras
    }

    /// Answers CONFIG GET: names and values in a fixed order, no name twice. A pattern without `*`, `?` and `[` names one
    /// parameter, in any letter case, and comes back as it was written; the others match names and aliases, except those of
    /// hidden parameters. A pattern beyond 4 KB matches nothing.
    pub fn get_matching(&self, patterns: &[&[u8]]) -> Vec<(Vec<u8>, Vec<u8>)> {
        let mut found: Vec<(Vec<u8>, Id)> = Vec::new();
        for pattern in patterns {
            if !pattern.iter().any(|b| matches!(b, b'[' | b'*' | b'?')) {
                if let Some((id, _)) = table::find(pattern)
                    && !found.iter().any(|(name, _)| name.eq_ignore_ascii_case(pattern))
                {
                    found.push((pattern.to_vec(), id));
                }
                continue;
            }
            if pattern.len() > PATTERN_MAX {
                continue;
            }
            for id in table::all().filter(|id| !id.spec().hidden) {
                for name in [Some(id.spec().name), id.spec().alias].into_iter().flatten() {
                    let name = name.as_bytes();
                    if glob_match(pattern, name, true)
                        && !found.iter().any(|(known, _)| known.eq_ignore_ascii_case(name))
                    {
                        found.push((name.to_vec(), id));
                    }
                }
            }
        }
        found.into_iter().map(|(name, id)| (name, self.text(id))).collect()
    }
}

/// Reads a number of bytes in the notation of the configuration: `100`, `64kb`, `2gb`.
pub fn parse_memory(text: &[u8]) -> Option<u64> {
    text::memory(text)
}

#[cold]
fn wrong_type(id: Id) -> ! {
    unreachable!("the parameter {} has another type", id.name())
}

fn to_path(bytes: &[u8]) -> &Path {
    Path::new(OsStr::from_bytes(bytes))
}

fn path_bytes(path: &Path) -> Vec<u8> {
    path.to_path_buf().into_os_string().into_vec()
}

/// The system's text for an error, without the number that Rust appends.
fn os_error_text(error: &io::Error) -> String {
    let text = error.to_string();
    match text.find(" (os error ") {
        Some(end) => text[..end].to_owned(),
        None => text,
    }
}
