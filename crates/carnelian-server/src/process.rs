//! A server as a process of its own: command line, daemon, pid file, the lines around its life in the log.

use crate::config::{CommandLine, Config, Directives, StartArgs, id};
use crate::log::{Level, Log};
use crate::memory::MemorySource;
use crate::start::{Options, say_mode, start_and_announce};
use crate::{CARNELIAN_VERSION, REDIS_VERSION};
use carnelian_commands::table::CommandTable;
use std::cell::Cell;
use std::ffi::OsString;
use std::io::{self, Cursor, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::Arc;

/// Set for the process that a daemon's first process starts.
const DAEMON_MARK: &str = "CARNELIAN_DAEMON_CHILD";
/// Largest configuration taken from standard input, in bytes.
const STDIN_MAX: u64 = 64 * 1024 * 1024;

/// The text of `--version`, in the form of `redis-server --version`.
pub fn version_line(allocator: &str) -> String {
    format!("Redis server v={REDIS_VERSION} sha=00000000:0 malloc={allocator} bits=64 build={}", build_id())
}

/// Tells builds apart, as INFO's `redis_build_id` does: 16 hexadecimal digits from the version.
pub(crate) fn build_id() -> String {
    let hash = CARNELIAN_VERSION
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3));
    format!("{hash:016x}")
}

/// Runs a server as the command line says, until it ends. `program` is the name the process was called by, `tool` the words
/// behind it that chose this tool, `args` the server's own arguments.
pub fn main(program: &OsString, tool: &[OsString], args: &[OsString], memory: MemorySource) -> ExitCode {
    let dir = std::env::current_dir().unwrap_or_else(|_| PathBuf::from("/"));
    let start_args = match CommandLine::parse(args, &dir) {
        CommandLine::Version => {
            return print(&mut io::stdout(), &version_line(memory.allocator), ExitCode::SUCCESS);
        }
        CommandLine::Help => {
            let usage = crate::config::usage(&program.to_string_lossy());
            return print(&mut io::stderr(), &usage, ExitCode::FAILURE);
        }
        CommandLine::TestMemory(_) => {
            let advice =
                "Memory tests need a machine without an operating system in the way: use memtest86+ instead.";
            return print(&mut io::stderr(), advice, ExitCode::FAILURE);
        }
        CommandLine::CheckSystem => {
            let done =
                "[OK] Carnelian never forks, so overcommit and transparent huge pages need no settings.";
            return print(&mut io::stdout(), done, ExitCode::SUCCESS);
        }
        CommandLine::Start(start_args) => start_args,
    };
    if start_args.sentinel {
        return print(&mut io::stderr(), "Sentinel mode is not built yet.", ExitCode::FAILURE);
    }
    let mut stdin = Vec::new();
    if start_args.stdin
        && let Err(error) = io::stdin().lock().take(STDIN_MAX).read_to_end(&mut stdin)
    {
        return print(&mut io::stderr(), &format!("Standard input: {error}"), ExitCode::FAILURE);
    }
    let mut config = Config::new(&dir);
    if let Err(error) = config.load(&start_args, &mut Cursor::new(&stdin), &mut CommandNames::default()) {
        return print(&mut io::stderr(), &format!("\n{error}"), ExitCode::FAILURE);
    }
    let is_daemon_child = std::env::var_os(DAEMON_MARK).is_some();
    if config.bool(id::DAEMONIZE) && !is_daemon_child {
        return match become_daemon(program, tool, args, &stdin) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => print(&mut io::stderr(), &format!("Cannot daemonize: {error}"), ExitCode::FAILURE),
        };
    }
    if is_daemon_child {
        // A session of its own keeps it alive when the terminal goes.
        let _ = rustix::process::setsid();
    }
    serve(&start_args, config, memory, is_daemon_child)
}

/// Judges `rename-command` lines by the commands there are.
#[derive(Default)]
struct CommandNames(CommandTable);

impl Directives for CommandNames {
    fn rename_command(&mut self, from: &[u8], to: &[u8]) -> Result<(), String> {
        self.0.rename(from, to).map_err(|error| error.to_string())
    }
}

fn print(out: &mut dyn Write, text: &str, code: ExitCode) -> ExitCode {
    // Nobody is left to tell when this fails.
    let _ = writeln!(out, "{text}");
    code
}

/// Starts the same program again, detached. A fork would do less, but it is not safe in a language with threads.
fn become_daemon(program: &OsString, tool: &[OsString], args: &[OsString], stdin: &[u8]) -> io::Result<()> {
    // The name it was called by stays the name that process lists show.
    let own_name = Path::new(program);
    let executable =
        if own_name.components().count() > 1 { own_name.into() } else { std::env::current_exe()? };
    let mut child = Command::new(executable)
        .args(tool)
        .args(args)
        .env(DAEMON_MARK, "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    if let Some(mut pipe) = child.stdin.take() {
        pipe.write_all(stdin)?;
    }
    Ok(())
}

/// The stone, with what a person wants to know at a glance.
fn logo(port: u16) -> String {
    let pid = std::process::id();
    format!(
        "\n\
         \x20         .-'''''-.\n\
         \x20      .-'  .-'-.  '-.        Carnelian {CARNELIAN_VERSION} (Redis {REDIS_VERSION} compatible) 64 bit\n\
         \x20     /  .-'     '-.  \\\n\
         \x20    |  |  _.---._  |  |      Running in standalone mode\n\
         \x20    |  | |       | |  |      Port: {port}\n\
         \x20    |  |  '-._.-'  |  |      PID: {pid}\n\
         \x20     \\  '-.     .-'  /\n\
         \x20      '-.  '-.-'  .-'\n\
         \x20         '-.....-'\n"
    )
}

fn serve(start_args: &StartArgs, config: Config, memory: MemorySource, daemon: bool) -> ExitCode {
    let log = Arc::new(Log::new());
    log.set_level(Level::from_name(config.word(id::LOGLEVEL)));
    let log_path = config.path(id::LOGFILE).unwrap_or_default();
    if let Err(error) = log.open(&log_path) {
        let text = format!("Can't open the log file: {}: {error}", log_path.display());
        return print(&mut io::stderr(), &text, ExitCode::FAILURE);
    }
    log.warning("oO0OoO0OoO0Oo Redis is starting oO0OoO0OoO0Oo");
    log.warning(format_args!(
        "Redis version={REDIS_VERSION}, bits=64, commit=00000000, modified=0, pid={}, just started",
        std::process::id()
    ));
    if start_args.bare {
        log.warning(
            "Warning: no config file specified, using the default config. In order to specify a config file use redis-server \
             /path/to/redis.conf",
        );
    } else {
        log.warning("Configuration loaded");
    }
    log.notice(format_args!("This is Carnelian {CARNELIAN_VERSION}, compatible with Redis {REDIS_VERSION}"));
    report_panics(&log);
    log.set_serving();
    let to_terminal = log_path.as_os_str().is_empty() && io::stdout().is_terminal();
    let shows_logo = config.bool(id::ALWAYS_SHOW_LOGO) || to_terminal;
    let pid_file = pid_file(&config, daemon);
    let written = Cell::new(None);
    let announce = |log: &Log, port| {
        if let Some(path) = &pid_file {
            // A missing directory for it must not keep a database from starting.
            match std::fs::write(path, format!("{}\n", std::process::id())) {
                Ok(()) => written.set(Some(path)),
                Err(error) => log.notice(format_args!("Failed to write PID file: {error}")),
            }
        }
        if shows_logo {
            log.raw(&logo(port));
        } else {
            say_mode(log, port);
        }
    };
    let started = start_and_announce(Options { config, log, memory, handle_signals: true }, announce);
    let (log, last_words, code) = match started {
        Ok(server) => {
            let log = server.log();
            server.wait();
            (log, "Redis is now ready to exit, bye bye...".to_owned(), ExitCode::SUCCESS)
        }
        Err(error) => (Arc::clone(&error.log), error.to_string(), ExitCode::FAILURE),
    };
    if let Some(path) = written.get() {
        let _ = std::fs::remove_file(path);
    }
    log.warning(last_words);
    code
}

/// Sends what a panic says to the log, where an operator looks, and standard error may not lead anywhere.
fn report_panics(log: &Arc<Log>) {
    let log = Arc::clone(log);
    std::panic::set_hook(Box::new(move |panic| {
        let thread = std::thread::current();
        log.warning(format_args!(
            "This is a bug of Carnelian {CARNELIAN_VERSION}: thread '{}' {panic}. The server goes on without the task it ran.\n{}",
            thread.name().unwrap_or_default(),
            std::backtrace::Backtrace::force_capture()
        ));
    }));
}

fn pid_file(config: &Config, daemon: bool) -> Option<PathBuf> {
    let configured = config.path(id::PIDFILE).filter(|path| !path.as_os_str().is_empty());
    configured.or_else(|| daemon.then(|| PathBuf::from("/var/run/redis.pid")))
}
