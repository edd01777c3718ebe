//! The command line of `redis-server`.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use carnelian_resp::{quote_arg, split_args};

use super::text;

/// What the command line asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CommandLine {
    /// `-v` or `--version`: print the version to standard output and leave with 0.
    Version,
    /// `-h` or `--help`: print [`usage`] to standard error and leave with 1.
    Help,
    /// `--test-memory <megabytes>`; `None` if the number is missing, which is an error.
    TestMemory(Option<u64>),
    /// `--check-system`: check the settings of the system and leave.
    CheckSystem,
    /// Run the server.
    Start(StartArgs),
}

/// How to start the server.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StartArgs {
    /// The configuration file, absolute.
    pub file: Option<PathBuf>,
    /// More configuration comes from standard input (an argument `-`).
    pub stdin: bool,
    /// The options as lines of a configuration file, to be read after the file and standard input.
    pub options: Vec<u8>,
    /// `--sentinel` was given.
    pub sentinel: bool,
    /// There were no arguments at all.
    pub bare: bool,
}

impl CommandLine {
    /// Reads the arguments behind the program's name. `dir` is the current directory.
    ///
    /// The rules are those of Redis 7.0: the first argument is a file unless it begins with `-`; `-` as first or last argument
    /// means standard input; an argument that begins with `--` starts a new line of configuration unless the option before
    /// it still lacks a value (so `--logfile --x` sets the log file to `--x`); all others are values and are quoted.
    /// `--save` without a value means `save ""`, and `--sentinel` never takes one.
    pub fn parse(args: &[OsString], dir: &std::path::Path) -> Self {
        let args: Vec<&[u8]> = args.iter().map(|arg| OsStr::as_bytes(arg)).collect();
        match args.as_slice() {
            [] => return Self::Start(StartArgs { bare: true, ..StartArgs::default() }),
            [b"-v" | b"--version", ..] => return Self::Version,
            [b"-h" | b"--help", ..] => return Self::Help,
            [b"--test-memory", megabytes] => {
                let number = text::strtoll(megabytes, 10).and_then(|(n, _)| u64::try_from(n).ok());
                return Self::TestMemory(number);
            }
            [b"--test-memory", ..] => return Self::TestMemory(None),
            [b"--check-system", ..] => return Self::CheckSystem,
            _ => {}
        }
        let mut start =
            StartArgs { sentinel: args.contains(&b"--sentinel".as_slice()), ..StartArgs::default() };
        let mut first = 0;
        if args[0].first() != Some(&b'-') {
            start.file = Some(dir.join(super::to_path(args[0])));
            first = 1;
        }
        // Whether the option read last has a value, so that `--` may start the next one.
        let mut complete = true;
        for (i, arg) in args.iter().enumerate().skip(first) {
            let last = i + 1 == args.len();
            if *arg == b"-" && (i == 0 || last) {
                start.stdin = true;
            } else if complete && arg.starts_with(b"--") {
                complete = start.option(arg, args.get(i + 1).copied());
            } else {
                quote_arg(&mut start.options, arg);
                start.options.push(b' ');
                complete = true;
            }
        }
        Self::Start(start)
    }
}

impl StartArgs {
    /// Starts a line for an option; tells whether the next `--` may start another one.
    fn option(&mut self, arg: &[u8], next: Option<&[u8]>) -> bool {
        if !self.options.is_empty() {
            self.options.push(b'\n');
        }
        self.options.extend_from_slice(&arg[2..]);
        self.options.push(b' ');
        // `--port 6380` may be one argument, and then has its value.
        if split_args(arg).is_none_or(|words| words.len() != 1) {
            return true;
        }
        let next_is_option = next.is_some_and(|next| next.starts_with(b"--"));
        if arg.eq_ignore_ascii_case(b"--save") && (next_is_option || next.is_none()) {
            self.options.extend_from_slice(b"\"\"");
            return next_is_option;
        }
        arg.eq_ignore_ascii_case(b"--sentinel") && next_is_option
    }
}

/// The text for `--help`, with the program's name as it was called.
pub fn usage(program: &str) -> String {
    format!(
        "Usage: {program} [/path/to/carnelian.conf] [options] [-]
       {program} -                        read the configuration from standard input
       {program} -v | --version
       {program} -h | --help
       {program} --test-memory <megabytes>
       {program} --check-system

Every parameter of the configuration file can be given as an option; options win over the file.

Examples:
       {program}
       {program} /etc/carnelian.conf
       {program} --port 7777 --appendonly yes
       {program} --port 7777 --replicaof 127.0.0.1 8888
       {program} /etc/carnelian.conf --loglevel verbose
       echo 'maxmemory 128mb' | {program} -
"
    )
}
