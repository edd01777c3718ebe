//! The command line: which server, how to print, which mode, and the command that follows the options.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use crate::uri;

/// Where the server is and who we are there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) host: String,
    pub(crate) port: u16,
    /// A unix socket, which wins over host and port.
    pub(crate) socket: Option<PathBuf>,
    pub(crate) user: Option<Vec<u8>>,
    pub(crate) password: Option<Vec<u8>>,
    pub(crate) database: i64,
}

impl Default for Address {
    fn default() -> Self {
        Self { host: "127.0.0.1".into(), port: 6379, socket: None, user: None, password: None, database: 0 }
    }
}

/// How replies are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Layout {
    /// Types and indices spelled out, for a person.
    Formatted,
    /// Content only, for a program.
    Raw,
    Csv,
    Json,
    /// JSON in ASCII: strings are quoted as in [`Layout::Formatted`].
    QuotedJson,
}

/// Whether the connection is switched to RESP3 with HELLO.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Resp3 {
    No,
    /// Wanted by an output format, done without where the server does not know it.
    Preferred,
    /// Asked for with `-3`: refusing it is an error.
    Demanded,
}

/// Where standard input goes in a one-shot command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum StdinArgument {
    None,
    Last,
    /// In place of the argument that equals this tag.
    Tag(Vec<u8>),
    /// Both at once, which is refused.
    Conflict,
}

/// What the run does.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Mode {
    /// Run the given command, or the prompt when there is none.
    Command,
    Latency {
        history: bool,
    },
    LatencySpectrum,
    LruTest {
        keys: u64,
    },
    Replica,
    Stat,
    Scan,
    IntrinsicLatency {
        seconds: u64,
    },
    Rdb {
        file: PathBuf,
        functions_only: bool,
    },
    Pipe,
    BigKeys,
    MemKeys {
        samples: Option<u64>,
    },
    HotKeys,
    Eval {
        script: PathBuf,
    },
    Cluster,
}

/// Everything the command line said.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Options {
    pub(crate) address: Address,
    pub(crate) mode: Mode,
    pub(crate) layout: Layout,
    pub(crate) show_pushes: bool,
    /// Between the elements of a raw reply.
    pub(crate) element_delimiter: Vec<u8>,
    /// After a raw reply.
    pub(crate) reply_delimiter: Vec<u8>,
    /// How often a command is sent; negative for ever.
    pub(crate) repeat: i64,
    pub(crate) interval: Option<Duration>,
    pub(crate) stdin: StdinArgument,
    pub(crate) quoted_input: bool,
    pub(crate) ask_password: bool,
    pub(crate) no_auth_warning: bool,
    pub(crate) exit_on_error_reply: bool,
    /// Follow MOVED and ASK.
    pub(crate) follow_redirections: bool,
    pub(crate) resp2: bool,
    pub(crate) resp3: Resp3,
    pub(crate) pattern: Option<Vec<u8>>,
    /// The COUNT hint of SCAN.
    pub(crate) count: Option<u64>,
    /// `--mono`: shades of grey in the latency spectrum.
    pub(crate) grey_spectrum: bool,
    /// In pipe mode, how long to wait for the last reply; `None` for ever.
    pub(crate) pipe_timeout: Option<Duration>,
    pub(crate) command: Vec<Vec<u8>>,
    /// Said while reading the options, to be printed before anything else.
    pub(crate) warnings: String,
}

/// What the command line asks for.
#[derive(Debug, PartialEq)]
pub(crate) enum Parsed {
    Run(Box<Options>),
    Help,
    Version,
}

const PASSWORD_WARNING: &str =
    "Warning: Using a password with '-a' or '-u' option on the command line interface may not be safe.\n";

impl Options {
    /// What holds before the first option: `for_a_person` selects the formatted layout and shows pushes.
    pub(crate) fn new(for_a_person: bool) -> Self {
        Self {
            address: Address::default(),
            mode: Mode::Command,
            layout: if for_a_person { Layout::Formatted } else { Layout::Raw },
            show_pushes: for_a_person,
            element_delimiter: b"\n".to_vec(),
            reply_delimiter: b"\n".to_vec(),
            repeat: 1,
            interval: None,
            stdin: StdinArgument::None,
            quoted_input: false,
            ask_password: false,
            no_auth_warning: false,
            exit_on_error_reply: false,
            follow_redirections: false,
            resp2: false,
            resp3: Resp3::No,
            pattern: None,
            count: None,
            grey_spectrum: false,
            pipe_timeout: Some(Duration::from_secs(30)),
            command: Vec::new(),
            warnings: String::new(),
        }
    }

    /// Read the arguments after the program's name. The error is the text for the user.
    pub(crate) fn parse(args: Vec<OsString>, for_a_person: bool) -> Result<Parsed, String> {
        let mut options = Self::new(for_a_person);
        let mut args = args.into_iter();
        while let Some(arg) = args.next() {
            let Some(name) = arg.to_str().filter(|name| name.starts_with('-')) else {
                options.command.push(arg.into_vec());
                options.command.extend(args.by_ref().map(OsString::into_vec));
                break;
            };
            if options.flag(name) {
                continue;
            }
            match name {
                "--help" => return Ok(Parsed::Help),
                "-h" if args.len() == 0 => return Ok(Parsed::Help),
                "-v" | "--version" => return Ok(Parsed::Version),
                "--cluster" => {
                    // The cluster manager has its own grammar; none of it is looked at yet.
                    options.mode = Mode::Cluster;
                    args.by_ref().for_each(drop);
                    break;
                }
                _ => {}
            }
            let unknown = || format!("Unrecognized option or bad number of args for: '{name}'\n");
            if let Some(reason) = not_available(name) {
                return Err(format!("{name}: {reason}\n"));
            }
            let value = args.next().ok_or_else(unknown)?;
            if !options.valued(name, value)? {
                return Err(unknown());
            }
        }
        options.checked().map(|options| Parsed::Run(Box::new(options)))
    }

    /// Take an option that has no value; false when `name` is none.
    fn flag(&mut self, name: &str) -> bool {
        match name {
            "-x" => self.add_stdin(StdinArgument::Last),
            "-c" => self.follow_redirections = true,
            "-e" => self.exit_on_error_reply = true,
            "-2" => self.resp2 = true,
            "-3" => self.resp3 = Resp3::Demanded,
            "--no-auth-warning" => self.no_auth_warning = true,
            "--askpass" => self.ask_password = true,
            "--quoted-input" => self.quoted_input = true,
            "--verbose" => {}
            "--raw" => self.layout = Layout::Raw,
            "--no-raw" => self.layout = Layout::Formatted,
            "--csv" => self.layout = Layout::Csv,
            "--json" | "--quoted-json" => {
                if self.resp3 == Resp3::No {
                    self.resp3 = Resp3::Preferred;
                }
                self.layout = if name == "--json" { Layout::Json } else { Layout::QuotedJson };
            }
            "--latency" => {
                self.mode = Mode::Latency { history: matches!(self.mode, Mode::Latency { history: true }) }
            }
            "--latency-history" => self.mode = Mode::Latency { history: true },
            "--latency-dist" => self.mode = Mode::LatencySpectrum,
            "--mono" => self.grey_spectrum = true,
            "--replica" | "--slave" => self.mode = Mode::Replica,
            "--stat" => self.mode = Mode::Stat,
            "--scan" => self.mode = Mode::Scan,
            "--pipe" => self.mode = Mode::Pipe,
            "--bigkeys" => self.mode = Mode::BigKeys,
            "--memkeys" => self.mode = Mode::MemKeys { samples: None },
            "--hotkeys" => self.mode = Mode::HotKeys,
            _ => return false,
        }
        true
    }

    /// Note where standard input goes; a second place is a conflict, refused once all options are read.
    fn add_stdin(&mut self, place: StdinArgument) {
        let same = std::mem::discriminant(&self.stdin) == std::mem::discriminant(&place);
        self.stdin = if same || self.stdin == StdinArgument::None { place } else { StdinArgument::Conflict };
    }

    /// Take an option with its value; false when `name` is none.
    fn valued(&mut self, name: &str, value: OsString) -> Result<bool, String> {
        match name {
            "-h" => self.address.host = text(name, value)?,
            "-p" => self.address.port = number(name, &value)?,
            "-s" => self.address.socket = Some(value.into()),
            "-a" | "--pass" => self.address.password = Some(value.into_vec()),
            "--user" => self.address.user = Some(value.into_vec()),
            "-u" => uri::apply(&text(name, value)?, &mut self.address)?,
            "-n" => self.address.database = number(name, &value)?,
            "-r" => self.repeat = number(name, &value)?,
            "-i" => {
                let seconds: f64 = number(name, &value)?;
                let interval = Duration::try_from_secs_f64(seconds);
                let interval = interval.map_err(|_| format!("Invalid interval for -i: '{seconds}'\n"))?;
                self.interval = Some(interval).filter(|interval| !interval.is_zero());
            }
            "-X" => self.add_stdin(StdinArgument::Tag(value.into_vec())),
            "-d" => self.element_delimiter = value.into_vec(),
            "-D" => self.reply_delimiter = value.into_vec(),
            "--show-pushes" => match value.as_bytes().first().map(u8::to_ascii_lowercase) {
                Some(b'y') => self.show_pushes = true,
                Some(b'n') => self.show_pushes = false,
                _ => {
                    // As in `redis-cli`, no reason not to go on.
                    let value = value.to_string_lossy();
                    let warning = format!("Unknown --show-pushes value '{value}' (valid: '[y]es', '[n]o')\n");
                    self.warnings.push_str(&warning);
                }
            },
            "--pattern" => self.pattern = Some(value.into_vec()),
            "--quoted-pattern" => {
                let pattern = unquoted(value.as_bytes());
                self.pattern =
                    Some(pattern.ok_or("Invalid quoted string specified for --quoted-pattern.\n")?);
            }
            "--count" => self.count = Some(number(name, &value)?),
            "--pipe-timeout" => {
                let seconds: u64 = number(name, &value)?;
                self.pipe_timeout = (seconds > 0).then(|| Duration::from_secs(seconds));
            }
            "--memkeys-samples" => {
                // 0 means the server's own default, as with plain --memkeys.
                let samples = number(name, &value)?;
                self.mode = Mode::MemKeys { samples: Some(samples).filter(|&samples| samples > 0) };
            }
            "--lru-test" => self.mode = Mode::LruTest { keys: number(name, &value)? },
            "--intrinsic-latency" => self.mode = Mode::IntrinsicLatency { seconds: number(name, &value)? },
            "--rdb" | "--functions-rdb" => {
                let functions_only = name == "--functions-rdb";
                if matches!(self.mode, Mode::Rdb { functions_only: before, .. } if before != functions_only) {
                    return Err("Option --functions-rdb and --rdb are mutually exclusive.\n".into());
                }
                self.mode = Mode::Rdb { file: value.into(), functions_only };
            }
            "--eval" => self.mode = Mode::Eval { script: value.into() },
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Refuse options that exclude each other, and settle what follows from them together.
    fn checked(mut self) -> Result<Self, String> {
        if self.follow_redirections && self.address.socket.is_some() {
            return Err("Options -c and -s are mutually exclusive.\n".into());
        }
        if self.resp2 && self.resp3 == Resp3::Demanded {
            return Err("Options -2 and -3 are mutually exclusive.\n".into());
        }
        if self.resp2 {
            self.resp3 = Resp3::No;
        }
        if self.stdin == StdinArgument::Conflict {
            return Err("Options -x and -X are mutually exclusive.\n".into());
        }
        if self.address.password.is_some() && !self.no_auth_warning {
            self.warnings.push_str(PASSWORD_WARNING);
        }
        Ok(self)
    }
}

/// Options of `redis-cli` that this build knows of and does not do.
fn not_available(name: &str) -> Option<&'static str> {
    match name {
        "--tls" | "--sni" | "--cacert" | "--cacertdir" | "--cert" | "--key" | "--insecure"
        | "--tls-ciphers" | "--tls-ciphersuites" => Some("TLS is not available in this build"),
        "--ldb" | "--ldb-sync-mode" => Some("the Lua debugger is not available in this build"),
        _ => None,
    }
}

fn text(name: &str, value: OsString) -> Result<String, String> {
    value.into_string().map_err(|_| format!("The value of {name} is not UTF-8\n"))
}

fn number<T: FromStr>(name: &str, value: &OsStr) -> Result<T, String> {
    let parsed = value.to_str().and_then(|value| value.trim().parse().ok());
    parsed.ok_or_else(|| format!("Invalid number for {name}: '{}'\n", value.to_string_lossy()))
}

/// The one word that `text` is when its quotes and escapes are read; `None` when it is not exactly one.
pub(crate) fn unquoted(text: &[u8]) -> Option<Vec<u8>> {
    let mut words = carnelian_resp::split_args(text)?;
    if words.len() == 1 { words.pop() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Parsed, String> {
        Options::parse(line.split_whitespace().map(OsString::from).collect(), false)
    }

    #[track_caller]
    fn options(line: &str) -> Options {
        match parse(line) {
            Ok(Parsed::Run(options)) => *options,
            other => panic!("{line}: {other:?}"),
        }
    }

    #[track_caller]
    fn refused(line: &str, expected: &str) {
        let error = parse(line).unwrap_err();
        assert!(error.contains(expected) && error.ends_with('\n'), "{line}: {error}");
    }

    #[test]
    fn a_terminal_selects_the_formatted_layout() {
        assert_eq!((Options::new(true).layout, Options::new(true).show_pushes), (Layout::Formatted, true));
        assert_eq!((Options::new(false).layout, Options::new(false).show_pushes), (Layout::Raw, false));
    }

    #[test]
    fn options_end_where_the_command_begins() {
        let run = options("-p 7000 -n 3 -r -1 -i 0.5 set -p --help");
        assert_eq!((run.address.port, run.address.database, run.repeat), (7000, 3, -1));
        assert_eq!(run.interval, Some(Duration::from_millis(500)));
        assert_eq!(run.command, [b"set".to_vec(), b"-p".to_vec(), b"--help".to_vec()]);
    }

    #[test]
    fn output_formats_ask_for_resp3_mildly() {
        assert_eq!(options("--json").resp3, Resp3::Preferred);
        assert_eq!(options("--json -2").resp3, Resp3::No);
        assert_eq!(options("-3 --quoted-json").resp3, Resp3::Demanded);
        assert_eq!(options("--quoted-json --csv").layout, Layout::Csv);
        refused("-2 -3", "-2 and -3 are mutually exclusive");
    }

    #[test]
    fn modes() {
        assert_eq!(options("--scan --pattern a* --count 7").mode, Mode::Scan);
        assert_eq!(options("--scan --pattern a* --count 7").count, Some(7));
        assert_eq!(options(r#"--scan --quoted-pattern "*\x41""#).pattern, Some(b"*A".to_vec()));
        assert_eq!(options("--memkeys-samples 0").mode, Mode::MemKeys { samples: None });
        assert_eq!(options("--memkeys-samples 9").mode, Mode::MemKeys { samples: Some(9) });
        assert_eq!(options("--latency-history --latency").mode, Mode::Latency { history: true });
        assert_eq!(options("--rdb f").mode, Mode::Rdb { file: "f".into(), functions_only: false });
        assert_eq!(options("--pipe --pipe-timeout 0").pipe_timeout, None);
        assert_eq!(options("--cluster create a:1 --cluster-yes").mode, Mode::Cluster);
        refused("--rdb f --functions-rdb g", "mutually exclusive");
        refused(r#"--scan --quoted-pattern "open"#, "--quoted-pattern");
    }

    #[test]
    fn help_and_version_win() {
        assert_eq!(parse("--help --nonsense"), Ok(Parsed::Help));
        assert_eq!(parse("-p 1 -h"), Ok(Parsed::Help));
        assert_eq!(parse("-v"), Ok(Parsed::Version));
    }

    #[test]
    fn refuses_what_it_does_not_know() {
        refused("--nonsense", "Unrecognized option or bad number of args for: '--nonsense'");
        refused("--nonsense 1", "'--nonsense'");
        refused("-X", "Unrecognized option or bad number of args for: '-X'");
        refused("-x -X tag", "-x and -X are mutually exclusive");
        refused("-X tag -x", "-x and -X are mutually exclusive");
        refused("-c -s /sock", "-c and -s are mutually exclusive");
        refused("-p seven", "Invalid number for -p: 'seven'");
        refused("-i -1", "Invalid interval");
        assert!(options("--show-pushes maybe").warnings.contains("Unknown --show-pushes value 'maybe'"));
        refused("--tls", "TLS");
    }

    #[test]
    fn warns_about_passwords_in_sight() {
        assert!(options("-a secret").warnings.contains("may not be safe"));
        assert!(options("-u redis://secret@h").warnings.contains("may not be safe"));
        assert_eq!(options("-a secret --no-auth-warning").warnings, "");
        assert_eq!(options("--user me --pass secret").address.user, Some(b"me".to_vec()));
    }
}
