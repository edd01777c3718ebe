//! What tasks share: where things are, and running other programs.

use std::ffi::OsStr;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, ChildStdout, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// The root of the workspace.
pub(crate) fn root() -> PathBuf {
    let manifest = std::env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    manifest.parent().map_or_else(|| PathBuf::from("."), Path::to_path_buf)
}

/// Where build products and everything that a task downloads or scratches goes: `CARGO_TARGET_DIR`, or `target`
/// in the root.
pub(crate) fn target() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(dir) if Path::new(&dir).is_absolute() => PathBuf::from(dir),
        Some(dir) => root().join(dir),
        None => root().join("target"),
    }
}

/// The release build of the multi-call binary, whether or not it has been built.
pub(crate) fn release_binary() -> PathBuf {
    target().join("release/carnelian")
}

/// The Python interpreter that `cargo xtask setup` prepares.
pub(crate) fn python() -> PathBuf {
    target().join("venv/bin/python")
}

/// The source of the reference server that `cargo xtask setup` fetches.
pub(crate) fn redis_source() -> PathBuf {
    target().join("redis-src")
}

/// A command in the root of the workspace with nothing on its standard input.
pub(crate) fn command<S: AsRef<OsStr>>(
    program: impl AsRef<OsStr>,
    args: impl IntoIterator<Item = S>,
) -> Command {
    let mut command = Command::new(program);
    command.args(args).current_dir(root()).stdin(Stdio::null());
    command
}

/// The cargo that runs this task.
pub(crate) fn cargo<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>) -> Command {
    command(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()), args)
}

/// The command as a person would type it.
pub(crate) fn display(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let program = program.file_name().unwrap_or(program.as_os_str());
    std::iter::once(program)
        .chain(command.get_args())
        .map(OsStr::to_string_lossy)
        .collect::<Vec<_>>()
        .join(" ")
}

/// Runs a command with its output on the terminal; its failure is an error that names it.
pub(crate) fn check(command: &mut Command) -> Result<()> {
    let shown = display(command);
    println!("$ {shown}");
    let status = command.status().with_context(|| format!("cannot start `{shown}`"))?;
    if !status.success() {
        bail!("`{shown}` failed: {status}");
    }
    Ok(())
}

/// Runs a command without showing it; its failure is an error with what it said.
pub(crate) fn check_quiet(command: &mut Command) -> Result<()> {
    read(command).map(drop)
}

/// Runs a command and returns what it wrote to its standard output; its failure is an error with what it wrote to
/// its standard error.
pub(crate) fn read(command: &mut Command) -> Result<String> {
    let shown = display(command);
    let output = command.output().with_context(|| format!("cannot start `{shown}`"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        bail!("`{shown}` failed: {}: {said}", output.status);
    }
    String::from_utf8(output.stdout).with_context(|| format!("`{shown}` wrote something that is not UTF-8"))
}

/// Whether a program of this name is on the `PATH`.
pub(crate) fn on_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|dir| dir.join(program).is_file())
}

/// Tries a step that depends on a network up to three times, with a pause before each repetition.
pub(crate) fn with_retries<T>(what: &str, mut step: impl FnMut() -> Result<T>) -> Result<T> {
    for pause_s in [3, 15] {
        match step() {
            Ok(value) => return Ok(value),
            Err(error) => println!("{what}: {error:#}; again in {pause_s} s"),
        }
        std::thread::sleep(Duration::from_secs(pause_s));
    }
    step().with_context(|| format!("{what}: gave up after three tries"))
}

/// A child in a process group of its own, which is killed with everything it started when this is dropped.
pub(crate) struct Group(Child);

impl Group {
    /// Starts the command.
    pub(crate) fn spawn(command: &mut Command) -> Result<Self> {
        let shown = display(command);
        let child = command.process_group(0).spawn().with_context(|| format!("cannot start `{shown}`"))?;
        Ok(Self(child))
    }

    /// The ends of the pipes of the child's standard output and error, where it was given pipes.
    pub(crate) fn take_output(&mut self) -> (Option<ChildStdout>, Option<ChildStderr>) {
        (self.0.stdout.take(), self.0.stderr.take())
    }

    /// Waits until the child ends, at most this long; `None` when the time is over and it still runs.
    pub(crate) fn wait(&mut self, limit: Duration) -> Result<Option<ExitStatus>> {
        let end = Instant::now() + limit;
        loop {
            if let Some(status) = self.0.try_wait()? {
                return Ok(Some(status));
            }
            if Instant::now() >= end {
                return Ok(None);
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // The group outlives its leader when the leader leaves servers behind, so it is signalled in any case; that
        // there is nobody left in it is the usual outcome.
        let group = format!("-{}", self.0.id());
        let _ = command("kill", ["-KILL", "--", &group]).stderr(Stdio::null()).status();
        let _ = self.0.wait();
    }
}
