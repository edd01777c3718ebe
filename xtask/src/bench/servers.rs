//! The servers that are compared: finding them, starting them on a core of their own, and ending them.

use std::fs::File;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::sh;

/// How long a server may take to answer PING, and to leave when it is told to.
const START_TIMEOUT: Duration = Duration::from_secs(20);
const STOP_TIMEOUT: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(20);

/// A server that takes part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Contender {
    pub(crate) name: String,
    /// Program and arguments; `{port}` in them stands for the port.
    pub(crate) command: Vec<String>,
    /// The one that the others are compared with.
    pub(crate) ours: bool,
    /// Threads that run commands, each on a core of its own.
    pub(crate) threads: usize,
}

/// The arguments that make a server of the Redis family keep everything in memory.
fn in_memory(program: &str) -> Vec<String> {
    let arguments = ["--port", "{port}", "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"];
    std::iter::once(program).chain(arguments).map(str::to_owned).collect()
}

impl Contender {
    /// Our server: `program` is the multi-call binary, or a link to it that names the server.
    /// It is named with its number of workers where there are `several` of it.
    pub(crate) fn ours(program: &Path, workers: u32, several: bool) -> Self {
        let mut command = in_memory(&program.to_string_lossy());
        if program.file_stem().is_some_and(|name| name == "carnelian") {
            command.insert(1, "server".into());
        }
        command.extend(["--io-threads".into(), workers.to_string()]);
        let name = match workers {
            _ if !several => "Carnelian".to_owned(),
            1 => "Carnelian, 1 worker".to_owned(),
            _ => format!("Carnelian, {workers} workers"),
        };
        Self { name, command, ours: true, threads: workers as usize }
    }

    /// The peers whose programs are on the `PATH`.
    pub(crate) fn found() -> Vec<Self> {
        [("Redis", "redis-server"), ("Valkey", "valkey-server")]
            .into_iter()
            .filter(|(_, program)| sh::on_path(program))
            .map(|(name, program)| Self {
                name: name.into(),
                command: in_memory(program),
                ours: false,
                threads: 1,
            })
            .collect()
    }

    /// `NAME=COMMAND`, as given to `--peer`. The command is split at spaces, outside of quotes.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let (name, command) = text.split_once('=').context("a peer is NAME=COMMAND")?;
        let command = split_words(command).context("a quote of the peer's command is not closed")?;
        if name.is_empty() || command.is_empty() {
            bail!("a peer is NAME=COMMAND, neither empty");
        }
        if !command.iter().any(|word| word.contains("{port}")) {
            bail!("the command of the peer {name} has no {{port}}");
        }
        Ok(Self { name: name.to_owned(), command, ours: false, threads: 1 })
    }
}

/// Splits at spaces; what is between double or single quotes stays together. None if a quote is left open.
fn split_words(text: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    for character in text.chars() {
        match (quote, character) {
            (Some(open), _) if character == open => quote = None,
            (Some(_), _) => word.get_or_insert_default().push(character),
            (None, '"' | '\'') => {
                quote = Some(character);
                word.get_or_insert_default();
            }
            (None, _) if character.is_whitespace() => words.extend(word.take()),
            (None, _) => word.get_or_insert_default().push(character),
        }
    }
    words.extend(word);
    quote.is_none().then_some(words)
}

/// The processes that are to end with this one.
static CHILDREN: Mutex<Vec<u32>> = Mutex::new(Vec::new());

fn children() -> MutexGuard<'static, Vec<u32>> {
    CHILDREN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Ends the servers and the load when the user ends this program. Call once, before anything is started.
pub(crate) fn end_with_us() -> Result<()> {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    let mut signals = signal_hook::iterator::Signals::new([SIGINT, SIGTERM, SIGHUP])?;
    std::thread::spawn(move || {
        if let Some(signal) = signals.forever().next() {
            // Holding the lock to the end keeps anything from being started, or reaped, meanwhile.
            let children = children();
            for pid in children.iter() {
                kill(*pid, rustix::process::Signal::KILL);
            }
            std::process::exit(128 + signal);
        }
    });
    Ok(())
}

fn kill(pid: u32, signal: rustix::process::Signal) {
    if let Some(pid) = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw) {
        // A process that has already ended is what was wanted.
        let _ = rustix::process::kill_process(pid, signal);
    }
}

/// A process that ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Process(Child);

impl Process {
    /// Starts `command` on the cores `cpus` (all of them if empty).
    pub(crate) fn start(command: &mut Command, cpus: &[usize]) -> Result<Self> {
        let shown = sh::display(command);
        let mut children = children();
        let child = on_cpus(cpus, || command.spawn())?.with_context(|| format!("cannot start `{shown}`"))?;
        children.push(child.id());
        Ok(Self(child))
    }

    pub(crate) fn pid(&self) -> u32 {
        self.0.id()
    }

    /// Waits for the end of the process until `deadline`.
    pub(crate) fn wait_until(&mut self, deadline: Instant) -> Result<Option<std::process::ExitStatus>> {
        loop {
            if let Some(status) = self.0.try_wait()? {
                return Ok(Some(status));
            }
            if Instant::now() >= deadline {
                return Ok(None);
            }
            std::thread::sleep(POLL);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if !matches!(self.0.try_wait(), Ok(Some(_))) {
            kill(self.pid(), rustix::process::Signal::TERM);
            if !matches!(self.wait_until(Instant::now() + STOP_TIMEOUT), Ok(Some(_))) {
                kill(self.pid(), rustix::process::Signal::KILL);
                let _ = self.0.wait();
            }
        }
        let pid = self.pid();
        children().retain(|child| *child != pid);
    }
}

/// Runs `start` on the cores `cpus`, which what it starts inherits. The affinity of this thread is put back.
#[cfg(target_os = "linux")]
fn on_cpus<T>(cpus: &[usize], start: impl FnOnce() -> T) -> Result<T> {
    use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
    if cpus.is_empty() {
        return Ok(start());
    }
    let before = sched_getaffinity(None)?;
    let mut wanted = CpuSet::new();
    for cpu in cpus {
        if *cpu >= CpuSet::MAX_CPU || !before.is_set(*cpu) {
            bail!("there is no core {cpu} for this process");
        }
        wanted.set(*cpu);
    }
    sched_setaffinity(None, &wanted)?;
    let started = start();
    sched_setaffinity(None, &before)?;
    Ok(started)
}

/// Elsewhere the scheduler decides.
#[cfg(not(target_os = "linux"))]
fn on_cpus<T>(_: &[usize], start: impl FnOnce() -> T) -> Result<T> {
    Ok(start())
}

/// A server that answers.
#[derive(Debug)]
pub(crate) struct Server {
    process: Process,
    port: u16,
}

impl Server {
    /// Starts `contender` on a free port and waits until it answers. Its directory is `scratch`, and so is its log.
    pub(crate) fn start(contender: &Contender, cpus: &[usize], scratch: &Path) -> Result<Self> {
        let port = free_port()?;
        let words: Vec<String> =
            contender.command.iter().map(|word| word.replace("{port}", &port.to_string())).collect();
        let (program, arguments) = words.split_first().context("an empty command")?;
        let log = scratch.join("server.log");
        let output = File::create(&log).with_context(|| format!("cannot write {}", log.display()))?;
        let mut command = Command::new(program);
        command.args(arguments).current_dir(scratch).stdin(Stdio::null());
        command.stdout(output.try_clone()?).stderr(output);
        let mut process = Process::start(&mut command, cpus)?;
        let deadline = Instant::now() + START_TIMEOUT;
        loop {
            if let Some(status) = process.wait_until(Instant::now() + POLL)? {
                bail!("it ended at once ({status}){}", last_words(&log));
            }
            if ask(port, "PING").is_ok_and(|reply| reply.starts_with("+PONG")) {
                return Ok(Self { process, port });
            }
            if Instant::now() >= deadline {
                bail!("it does not answer PING{}", last_words(&log));
            }
        }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// What the server says that it is, such as `7.0.15`.
    pub(crate) fn version(&self) -> Option<String> {
        let info = ask(self.port, "INFO server").ok()?;
        let field =
            |name: &str| info.lines().find_map(|line| line.strip_prefix(name)).map(|v| v.trim().to_owned());
        // A fork tells its own version next to the one that it is compatible with.
        field("carnelian_version:").or_else(|| field("valkey_version:")).or_else(|| field("redis_version:"))
    }

    /// A field of a section of INFO.
    pub(crate) fn info(&self, section: &str, name: &str) -> Result<String> {
        let info = ask(self.port, &format!("INFO {section}"))?;
        let field = info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        Ok(field.with_context(|| format!("INFO {section} has no {name}"))?.trim().to_owned())
    }

    /// Removes every key.
    pub(crate) fn flush(&self) -> Result<()> {
        let reply = ask(self.port, "FLUSHALL")?;
        if !reply.starts_with("+OK") {
            bail!("FLUSHALL was answered with {reply:?}");
        }
        Ok(())
    }

    /// Processor time that the server has used so far, in user and system mode, over all of its threads.
    #[cfg(target_os = "linux")]
    pub(crate) fn cpu_time(&self) -> Result<Duration> {
        let path = PathBuf::from(format!("/proc/{}/stat", self.process.pid()));
        let stat = std::fs::read_to_string(&path).context("the server has ended")?;
        let ticks = cpu_ticks(&stat).context("cannot read the server's processor time")?;
        Ok(Duration::from_secs_f64(ticks as f64 / rustix::param::clock_ticks_per_second() as f64))
    }

    /// Processor time is read from /proc, which only Linux has.
    #[cfg(not(target_os = "linux"))]
    pub(crate) fn cpu_time(&self) -> Result<Duration> {
        bail!("processor time is read from /proc, which this system does not have")
    }
}

/// `utime` + `stime` of a `/proc/PID/stat`: the 14th and 15th field. The second one is the program's name in
/// brackets, and may hold anything, brackets and spaces too.
fn cpu_ticks(stat: &str) -> Option<u64> {
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut fields = after_name.split_whitespace().skip(11);
    let mut next = || fields.next()?.parse::<u64>().ok();
    Some(next()? + next()?)
}

/// A port that nobody listens on now.
fn free_port() -> Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

/// Sends one inline command, and reads what comes at first, up to 64 KiB.
fn ask(port: u16, command: &str) -> Result<String> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(1))?;
    // FLUSHALL of millions of keys takes its time.
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    stream.write_all(format!("{command}\r\n").as_bytes())?;
    let mut reply = vec![0; 64 * 1024];
    let mut read = 0;
    // A bulk string says how long it is; everything else asked here is one line.
    loop {
        let count = stream.read(&mut reply[read..])?;
        read += count;
        if count == 0 || read == reply.len() || is_whole(&reply[..read]) {
            break;
        }
    }
    Ok(String::from_utf8_lossy(&reply[..read]).into_owned())
}

fn is_whole(reply: &[u8]) -> bool {
    let Some(line) = reply.windows(2).position(|pair| pair == b"\r\n") else { return false };
    if reply[0] != b'$' {
        return true;
    }
    let length = std::str::from_utf8(&reply[1..line]).ok().and_then(|digits| digits.parse::<usize>().ok());
    length.is_none_or(|length| reply.len() >= line + 2 + length + 2)
}

/// The end of a log, to put behind an error.
fn last_words(log: &Path) -> String {
    let text =
        std::fs::read(log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    match lines.get(lines.len().saturating_sub(3)..) {
        Some(last) if !last.is_empty() => format!(":\n    {}", last.join("\n    ")),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_has_a_name_and_a_command_with_a_port() {
        let peer = Contender::parse("R 8=redis-server --port {port} --save \"\" --dir 'a b'").unwrap();
        assert_eq!(peer.name, "R 8");
        assert_eq!(peer.command, ["redis-server", "--port", "{port}", "--save", "", "--dir", "a b"]);
        for bad in ["redis-server", "=x {port}", "a=", "a=redis-server", "a=x \"{port}"] {
            assert!(Contender::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_multi_call_binary_is_told_to_be_a_server() {
        let server = |path: &str| Contender::ours(Path::new(path), 2, false).command;
        assert_eq!(server("x/carnelian")[1..3], ["server", "--port"]);
        assert_eq!(server("x/redis-server")[1], "--port");
        assert_eq!(server("x/carnelian")[10..], ["--io-threads", "2"]);
        let names = |several| [1, 2].map(|workers| Contender::ours(Path::new("x"), workers, several).name);
        assert_eq!(names(true), ["Carnelian, 1 worker", "Carnelian, 2 workers"]);
        assert_eq!(names(false), ["Carnelian", "Carnelian"]);
    }

    #[test]
    fn processor_time_is_found_behind_any_name() {
        let stat = "42 (a) b (c) S 1 42 42 0 -1 4194560 700 0 0 0 120 35 0 0 20 0 5 0 100";
        assert_eq!(cpu_ticks(stat), Some(155));
        assert_eq!(cpu_ticks("42 (a) S 1"), None);
        assert_eq!(cpu_ticks(""), None);
    }

    #[test]
    fn a_reply_is_whole_when_its_length_says_so() {
        assert!(is_whole(b"+PONG\r\n") && is_whole(b"$3\r\nabc\r\n") && is_whole(b"-ERR\r\n"));
        assert!(!is_whole(b"+PO") && !is_whole(b"$3\r\nab") && !is_whole(b""));
    }

    #[test]
    fn a_server_that_ends_at_once_is_an_error_with_its_last_words() {
        let scratch = std::env::temp_dir().join(format!("carnelian-bench-{}", std::process::id()));
        std::fs::create_dir_all(&scratch).unwrap();
        let failing = Contender::parse("x=sh -c 'echo no such luck on {port}; exit 3'").unwrap();
        let error = Server::start(&failing, &[], &scratch).unwrap_err().to_string();
        assert!(error.contains("exit status: 3") && error.contains("no such luck"), "{error}");
        assert!(children().is_empty());
        std::fs::remove_dir_all(&scratch).unwrap();
    }
}
