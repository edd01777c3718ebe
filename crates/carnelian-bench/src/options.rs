//! The command line, as redis-benchmark 7.0.15 reads it.

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;

/// What the command line asks for.
#[derive(Debug, Clone)]
pub enum Command {
    /// Measure.
    Run(Box<Options>),
    /// Print the usage.
    Help,
    /// Print the version.
    Version,
}

/// Where the server is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A host name or address, and a port.
    Tcp(String, u16),
    /// A unix socket.
    Unix(PathBuf),
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(host, port) => write!(f, "{host}:{port}"),
            Self::Unix(path) => write!(f, "{}", path.display()),
        }
    }
}

/// Everything that a run depends on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// `-h`, `-p`, `-s`, or `-u`.
    pub target: Target,
    /// `-a`, or from `-u`.
    pub password: Option<Vec<u8>>,
    /// `--user`, or from `-u`.
    pub user: Option<Vec<u8>>,
    /// `--dbnum`, or from `-u`.
    pub database: u64,
    /// `-3`: send HELLO 3.
    pub resp3: bool,
    /// `--enable-tracking`: send CLIENT TRACKING ON.
    pub tracking: bool,
    /// `-c`: connections, at least 1.
    pub clients: u32,
    /// `-n`: requests a test.
    pub requests: u64,
    /// `-d`: bytes of a value, 1 to 1 GiB.
    pub data_bytes: usize,
    /// `-k`: keep connections between requests.
    pub keep_alive: bool,
    /// `-r`: `__rand_int__` becomes a number below this.
    pub random_keys: Option<u64>,
    /// `-P`: requests sent at once, at least 1.
    pub pipeline: u32,
    /// `--threads`: 0 for one thread, as the reference says it.
    pub threads: u32,
    /// `--precision`: significant digits of latencies, 0 to 4.
    pub precision: u8,
    /// `-q`: one line a test.
    pub quiet: bool,
    /// `--csv`.
    pub csv: bool,
    /// `-l`: for ever.
    pub repeat: bool,
    /// `-I`: open connections and wait.
    pub idle: bool,
    /// `-x`: the last argument of a command of one's own comes from the standard input.
    pub last_argument_from_stdin: bool,
    /// `-t`: names of tests, in lower case; None for all.
    pub tests: Option<Vec<String>>,
    /// `--seed`: repeatable random numbers.
    pub seed: Option<u64>,
    /// A command of one's own, and its arguments; empty for the default tests.
    pub command: Vec<Vec<u8>>,
    /// What to say before starting.
    pub warnings: Vec<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            target: Target::Tcp("127.0.0.1".into(), 6379),
            password: None,
            user: None,
            database: 0,
            resp3: false,
            tracking: false,
            clients: 50,
            requests: 100_000,
            data_bytes: 3,
            keep_alive: true,
            random_keys: None,
            pipeline: 1,
            threads: 0,
            precision: 3,
            quiet: false,
            csv: false,
            repeat: false,
            idle: false,
            last_argument_from_stdin: false,
            tests: None,
            seed: None,
            command: Vec::new(),
            warnings: Vec::new(),
        }
    }
}

/// A command line that cannot be followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// No such option, or its argument is missing or no number.
    Unknown(String),
    /// An option of the reference that this build does not offer.
    Unavailable(String),
    /// A URI that does not begin with `redis://`.
    Scheme,
    /// An argument that is not text on a system whose arguments are not bytes.
    #[cfg_attr(unix, allow(dead_code))] // Arguments are bytes there.
    NotText,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(option) => write!(f, "Invalid option \"{option}\" or option argument missing"),
            Self::Unavailable(option) => write!(f, "Option \"{option}\" is not available in this build"),
            Self::Scheme => f.write_str("Invalid URI scheme"),
            Self::NotText => f.write_str("Invalid argument: not UTF-8"),
        }
    }
}

/// Limits of the reference, and of our own where it has none.
const THREADS_MAX: u32 = 500;
const CLIENTS_MAX: u32 = 1_000_000;
const DATA_BYTES_MAX: i64 = 1024 * 1024 * 1024;
const PRECISION_MAX: i64 = 4;

/// The arguments as bytes: a command of one's own may hold any.
pub(crate) fn to_bytes(args: &[OsString]) -> Result<Vec<Vec<u8>>, Refusal> {
    #[cfg(unix)]
    {
        use std::os::unix::ffi::OsStrExt;
        Ok(args.iter().map(|arg| arg.as_bytes().to_vec()).collect())
    }
    #[cfg(not(unix))]
    {
        args.iter()
            .map(|arg| arg.to_str().map(|text| text.as_bytes().to_vec()).ok_or(Refusal::NotText))
            .collect()
    }
}

impl Options {
    /// Reads a command line without the program's name.
    pub(crate) fn parse(args: &[Vec<u8>]) -> Result<Command, Refusal> {
        let mut options = Self::default();
        let mut socket = None;
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            let name = String::from_utf8_lossy(arg);
            let unknown = || Refusal::Unknown(name.clone().into_owned());
            let mut text =
                || args.next().map(|value| String::from_utf8_lossy(value).into_owned()).ok_or_else(unknown);
            let number = |value: String| value.parse::<i64>().map_err(|_| unknown());
            match name.as_ref() {
                "--help" => return Ok(Command::Help),
                "--version" | "-v" => return Ok(Command::Version),
                "-h" => options.set_host(text()?),
                "-p" => options.set_port(text()?.parse().map_err(|_| unknown())?),
                "-s" => socket = Some(PathBuf::from(text()?)),
                "-a" => options.password = Some(args.next().ok_or_else(unknown)?.clone()),
                "--user" => options.user = Some(args.next().ok_or_else(unknown)?.clone()),
                "-u" => options.set_uri(&text()?)?,
                "-c" => options.clients = number(text()?)?.clamp(1, CLIENTS_MAX.into()) as u32,
                "-n" => options.requests = u64::try_from(number(text()?)?).map_err(|_| unknown())?,
                "-d" => options.data_bytes = number(text()?)?.clamp(1, DATA_BYTES_MAX) as usize,
                "--dbnum" => options.database = u64::try_from(number(text()?)?).map_err(|_| unknown())?,
                "-3" => options.resp3 = true,
                "--enable-tracking" => options.tracking = true,
                "-k" => options.keep_alive = number(text()?)? != 0,
                // A negative range is an empty one: every number is 0.
                "-r" => options.random_keys = Some(number(text()?)?.max(0) as u64),
                "-P" => options.pipeline = number(text()?)?.clamp(1, u32::MAX.into()) as u32,
                "--threads" => options.set_threads(number(text()?)?),
                "--precision" => {
                    let digits = number(text()?)?;
                    options.precision = if digits < 0 { 3 } else { digits.min(PRECISION_MAX) as u8 };
                }
                "-q" => options.quiet = true,
                "--csv" => options.csv = true,
                "-l" => options.repeat = true,
                "-I" => options.idle = true,
                "-x" => options.last_argument_from_stdin = true,
                "-e" => options.warnings.push(
                    "-e option has no effect. The first error reply ends the run, so that no result is false."
                        .into(),
                ),
                "-t" => options.tests = Some(text()?.to_lowercase().split(',').map(str::to_owned).collect()),
                "--seed" => options.seed = Some(text()?.parse().map_err(|_| unknown())?),
                "--cluster" | "--tls" | "--sni" | "--cacert" | "--cacertdir" | "--insecure" | "--cert" | "--key"
                | "--tls-ciphers" | "--tls-ciphersuites" => return Err(Refusal::Unavailable(name.into_owned())),
                option if option.starts_with('-') => return Err(unknown()),
                _ => {
                    options.command = std::iter::once(arg).chain(args).cloned().collect();
                    break;
                }
            }
        }
        if let Some(path) = socket {
            options.target = Target::Unix(path);
        }
        if !options.command.is_empty() && options.tests.is_some() {
            options.warnings.push("Option -t is ignored.".into());
        }
        Ok(Command::Run(Box::new(options)))
    }

    fn set_host(&mut self, name: String) {
        if let Target::Tcp(host, _) = &mut self.target {
            *host = name;
        }
    }

    fn set_port(&mut self, number: u16) {
        if let Target::Tcp(_, port) = &mut self.target {
            *port = number;
        }
    }

    fn set_threads(&mut self, threads: i64) {
        if threads > i64::from(THREADS_MAX) {
            self.warnings.push(format!("Too many threads, limiting threads to {THREADS_MAX}."));
        }
        self.threads = threads.clamp(0, THREADS_MAX.into()) as u32;
    }

    /// `redis://[[user][:password]@][host][:port][/database]`
    fn set_uri(&mut self, uri: &str) -> Result<(), Refusal> {
        let scheme = uri.find("://").ok_or(Refusal::Scheme)?;
        match uri[..scheme].to_ascii_lowercase().as_str() {
            "redis" => {}
            "rediss" => return Err(Refusal::Unavailable("rediss://".into())),
            _ => return Err(Refusal::Scheme),
        }
        let rest = &uri[scheme + 3..];
        let (authority, database) = rest.split_once('/').map_or((rest, None), |(a, d)| (a, Some(d)));
        let (login, address) = authority.rsplit_once('@').map_or((None, authority), |(l, a)| (Some(l), a));
        if let Some(login) = login {
            let (user, password) = login.split_once(':').map_or((None, login), |(u, p)| (Some(u), p));
            self.user = user.filter(|user| !user.is_empty()).map(percent_decode);
            self.password = Some(percent_decode(password));
        }
        let bad = || Refusal::Unknown(uri.to_owned());
        // An IPv6 address stands in brackets, so that its colons are not taken for the port's.
        let (host, port) = match address.strip_prefix('[').and_then(|inner| inner.split_once(']')) {
            Some((host, port)) => (host, port.strip_prefix(':')),
            None => address.split_once(':').map_or((address, None), |(host, port)| (host, Some(port))),
        };
        if !host.is_empty() {
            self.set_host(host.to_owned());
        }
        if let Some(port) = port {
            self.set_port(port.parse().map_err(|_| bad())?);
        }
        if let Some(database) = database.filter(|database| !database.is_empty()) {
            self.database = database.parse().map_err(|_| bad())?;
        }
        Ok(())
    }
}

/// `%41` becomes `A`; a percent sign that no two hexadecimal digits follow stays.
fn percent_decode(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let digit = |index: usize| tail.get(index).and_then(|byte| char::from(*byte).to_digit(16));
        if let (b'%', Some(high), Some(low)) = (first, digit(0), digit(1)) {
            bytes.push((high * 16 + low) as u8);
            rest = &tail[2..];
        } else {
            bytes.push(first);
            rest = tail;
        }
    }
    bytes
}

/// The text of `--help`.
pub(crate) fn usage() -> &'static str {
    "\
Usage: carnelian benchmark [OPTIONS] [COMMAND ARGS...]
       redis-benchmark [OPTIONS] [COMMAND ARGS...]

Measures a server with its standard commands, or with COMMAND.

Server:
 -h <host>          Name or address (127.0.0.1)
 -p <port>          Port (6379)
 -s <path>          Unix socket; host and port are then not used
 -a <password>      Log in with AUTH
 --user <name>      Log in as this ACL user; needs -a
 -u <uri>           All of these at once: redis://user:password@host:port/db
 --dbnum <db>       SELECT this database (0)
 -3                 Speak RESP3
 --enable-tracking  Turn client-side caching on before the test

Load:
 -c <clients>       Parallel connections (50)
 -n <requests>      Requests of a test, over all connections (100000)
 -P <requests>      Send so many at once on each connection (1, no pipeline)
 -d <bytes>         Size of values (3)
 -r <range>         Random keys: __rand_int__ in a command becomes 12 digits, new with
                    every request, from 0 to range-1. Without -r all requests use one key
 --seed <number>    Repeat the same random keys from run to run
 -k <0|1>           0: a new connection for every request (1)
 --threads <n>      Spread the connections over n threads
 -t <tests>         Only these, separated by commas: ping (ping_inline, ping_mbulk), set,
                    get, incr, lpush, rpush, lpop, rpop, sadd, hset, spop, zadd, zpopmin,
                    lrange (lrange_100, _300, _500, _600), mset
 -l                 For ever
 -I                 Only open the connections, and wait
 -x                 The last argument of COMMAND comes from the standard input

Report:
 -q                 One line a test
 --csv              Comma separated values
 --precision <n>    Significant digits of latencies (3)

 --help             This text
 --version          The version

In COMMAND, __rand_int__ stands for a random number (with -r) and __data__ for a value
of -d bytes. The first error reply ends the run with exit status 1.

Examples:
 carnelian benchmark -q -n 1000000 -r 1000000 -P 16 -t set,get
 carnelian benchmark -h 192.168.1.1 -c 20 --csv
 carnelian benchmark -r 10000 -d 64 hset user:__rand_int__ name __data__
"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Command, Refusal> {
        Options::parse(&line.split_whitespace().map(|word| word.as_bytes().to_vec()).collect::<Vec<_>>())
    }

    fn options(line: &str) -> Options {
        match parse(line) {
            Ok(Command::Run(options)) => *options,
            other => panic!("{line}: {other:?}"),
        }
    }

    #[test]
    fn an_empty_line_is_the_reference_default() {
        let defaults = options("");
        assert_eq!(defaults, Options::default());
        assert_eq!(defaults.target.to_string(), "127.0.0.1:6379");
        assert_eq!((defaults.clients, defaults.requests, defaults.data_bytes), (50, 100_000, 3));
    }

    #[test]
    fn every_option_is_read() {
        let read = options(
            "-h db -p 7000 -a pw --user joe --dbnum 3 -3 --enable-tracking -c 10 -n 1000 -d 64 -k 0 -r 500 -P 16 \
             --threads 2 --precision 2 -q --csv -l -I -x -t SET,Get --seed 9",
        );
        assert_eq!(
            read,
            Options {
                target: Target::Tcp("db".into(), 7000),
                password: Some(b"pw".to_vec()),
                user: Some(b"joe".to_vec()),
                database: 3,
                resp3: true,
                tracking: true,
                clients: 10,
                requests: 1000,
                data_bytes: 64,
                keep_alive: false,
                random_keys: Some(500),
                pipeline: 16,
                threads: 2,
                precision: 2,
                quiet: true,
                csv: true,
                repeat: true,
                idle: true,
                last_argument_from_stdin: true,
                tests: Some(vec!["set".into(), "get".into()]),
                seed: Some(9),
                command: Vec::new(),
                warnings: Vec::new(),
            }
        );
    }

    #[test]
    fn the_first_word_without_a_dash_begins_the_command() {
        let read = options("-n 5 set -x __rand_int__ -t");
        assert_eq!(read.command, [&b"set"[..], b"-x", b"__rand_int__", b"-t"]);
        assert!(!read.last_argument_from_stdin);
        assert_eq!(options("-t get ping").warnings, ["Option -t is ignored."]);
    }

    #[test]
    fn numbers_are_held_within_their_limits() {
        assert_eq!(options("-d 0").data_bytes, 1);
        assert_eq!(options("-d 99999999999").data_bytes, 1 << 30);
        assert_eq!((options("-P -3").pipeline, options("-P 0").pipeline), (1, 1));
        assert_eq!(options("-r -5").random_keys, Some(0));
        assert_eq!((options("--precision -1").precision, options("--precision 9").precision), (3, 4));
        assert_eq!((options("--threads -1").threads, options("--threads 501").threads), (0, 500));
        assert_eq!(options("--threads 501").warnings, ["Too many threads, limiting threads to 500."]);
        assert_eq!(options("-c 0").clients, 1);
    }

    #[test]
    fn what_cannot_be_followed_is_refused_by_name() {
        for line in
            ["-Z", "-p", "-p 70000", "-p x", "-n", "-n -1", "-n 1x", "-c abc", "-r", "-r -", "--seed x"]
        {
            let option = line.split(' ').next().unwrap();
            assert_eq!(parse(line).unwrap_err(), Refusal::Unknown(option.into()), "{line}");
        }
        assert_eq!(parse("-Z").unwrap_err().to_string(), "Invalid option \"-Z\" or option argument missing");
        assert_eq!(parse("--tls").unwrap_err(), Refusal::Unavailable("--tls".into()));
        assert!(matches!(parse("-c 5 --help"), Ok(Command::Help)));
        assert!(matches!(parse("-v"), Ok(Command::Version)));
    }

    #[test]
    fn a_socket_overrides_host_and_port_in_any_order() {
        assert_eq!(options("-s /tmp/x.sock -p 7000 -h db").target, Target::Unix("/tmp/x.sock".into()));
    }

    #[test]
    fn a_uri_sets_all_parts_that_it_has() {
        let read = options("-u REDIS://joe:p%40s%zs@db:7000/3");
        assert_eq!(read.target, Target::Tcp("db".into(), 7000));
        assert_eq!((read.user, read.password), (Some(b"joe".to_vec()), Some(b"p@s%zs".to_vec())));
        assert_eq!(read.database, 3);
        let read = options("-p 7001 -u redis://secret@");
        assert_eq!(read.target, Target::Tcp("127.0.0.1".into(), 7001));
        assert_eq!((read.user, read.password), (None, Some(b"secret".to_vec())));
        assert_eq!(options("-u redis://[::1]:7000").target, Target::Tcp("::1".into(), 7000));
        assert_eq!(parse("-u http://x").unwrap_err(), Refusal::Scheme);
        assert_eq!(parse("-u x").unwrap_err(), Refusal::Scheme);
        assert!(parse("-u redis://h:port").is_err());
    }

    #[test]
    fn usage_names_every_option() {
        for option in [
            "-h",
            "-p",
            "-s",
            "-a",
            "--user",
            "-u",
            "-c",
            "-n",
            "-d",
            "--dbnum",
            "-3",
            "--threads",
            "-k",
            "-r",
            "-P",
            "-q",
            "--precision",
            "--csv",
            "-l",
            "-t",
            "-I",
            "-x",
            "--seed",
            "--help",
            "--version",
            "--enable-tracking",
        ] {
            assert!(usage().contains(&format!("\n {option} ")), "{option}");
        }
    }
}
