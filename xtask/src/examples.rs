//! `cargo xtask examples`.

use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::sh;

/// Run the examples of every crate.
///
/// An example must end by itself, with success, within a minute. Those that talk to a server get one of their own.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Only this example.
    name: Option<String>,
    /// The server for the examples that need one. Our own release build if not given.
    #[arg(long, value_name = "PATH")]
    server: Option<PathBuf>,
}

/// An example that takes longer waits for something that is not there.
const LIMIT: Duration = Duration::from_mins(1);

/// The examples that need arguments, by package and name. `PORT` stands for the port of a server, which is started when
/// the word occurs. An example that is not here is run without arguments.
const ARGUMENTS: &[(&str, &str, &[&str])] = &[
    ("carnelian-bench", "benchmark", &["-p", "PORT", "-q", "-n", "1000", "-t", "set,get"]),
    ("carnelian-cli", "cli", &["-p", "PORT", "PING"]),
    ("carnelian-client", "hello", &["redis://127.0.0.1:PORT"]),
    ("carnelian-client", "pipeline_async", &["redis://127.0.0.1:PORT"]),
    ("carnelian-rdb", "list_keys", &["crates/carnelian-rdb/tests/data/all.rdb"]),
];

pub(crate) fn run(args: Args) -> Result<()> {
    let mut failed = Vec::new();
    let mut passed = 0;
    let mut server = None;
    for Example { package, name: example, executable } in build()? {
        if args.name.as_ref().is_some_and(|name| *name != example) {
            continue;
        }
        let arguments = ARGUMENTS.iter().find(|(of, name, _)| *of == package && *name == example);
        let mut arguments: Vec<String> = arguments
            .map_or_else(Vec::new, |(.., words)| words.iter().map(|word| (*word).to_owned()).collect());
        if arguments.iter().any(|word| word.contains("PORT")) {
            if server.is_none() {
                server = Some(Server::start(&args.server.clone().unwrap_or_else(sh::release_binary))?);
            }
            let port = server.as_ref().map_or(0, |server| server.port).to_string();
            for word in &mut arguments {
                *word = word.replace("PORT", &port);
            }
        }
        let mut command = sh::command(executable, arguments);
        println!("$ {}", sh::display(&command));
        match sh::Group::spawn(&mut command)?.wait(LIMIT)? {
            Some(status) if status.success() => passed += 1,
            Some(status) => failed.push(format!("{package}/{example}: {status}")),
            None => failed.push(format!("{package}/{example}: not done after {} s", LIMIT.as_secs())),
        }
    }
    println!("{passed} passed, {} failed", failed.len());
    if !failed.is_empty() {
        bail!("{}", failed.join(", "));
    }
    Ok(())
}

/// A server on a free port of this machine, which ends when this is dropped.
struct Server {
    port: u16,
    _process: sh::Group,
}

impl Server {
    fn start(binary: &Path) -> Result<Self> {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        let dir = sh::target().join("examples-server");
        std::fs::create_dir_all(&dir)?;
        let mut command = sh::command(
            std::path::absolute(binary)?,
            ["--bind", "127.0.0.1", "--save", "", "--port", &port.to_string()],
        );
        // The multi-call binary goes by the name it is called.
        command.arg0("redis-server").current_dir(&dir).stdout(Stdio::null());
        let process = sh::Group::spawn(&mut command)?;
        let end = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            if Instant::now() > end {
                bail!("{} does not listen on port {port}", binary.display());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(Self { port, _process: process })
    }
}

struct Example {
    package: String,
    name: String,
    executable: PathBuf,
}

/// Builds the examples of the whole workspace, once: `cargo run` of one package would build anew what it uses with
/// fewer features, and that would count as the time of the example.
fn build() -> Result<Vec<Example>> {
    let mut command =
        sh::cargo(["build", "--workspace", "--examples", "--message-format", "json-render-diagnostics"]);
    command.stderr(Stdio::inherit());
    println!("$ {}", sh::display(&command));
    let mut examples = Vec::new();
    for line in sh::read(&mut command)?.lines() {
        let message: Value =
            serde_json::from_str(line).context("cannot read what `cargo build` says of its products")?;
        let target = &message["target"];
        let is_example = target["kind"][0] == "example";
        let manifest = message["manifest_path"].as_str().map(Path::new);
        let package = manifest.and_then(Path::parent).and_then(Path::file_name);
        if let (true, Some(package), Some(name), Some(executable)) =
            (is_example, package, target["name"].as_str(), message["executable"].as_str())
        {
            examples.push(Example {
                package: package.to_string_lossy().into_owned(),
                name: name.to_owned(),
                executable: executable.into(),
            });
        }
    }
    examples.sort_unstable_by(|a, b| (&a.package, &a.name).cmp(&(&b.package, &b.name)));
    Ok(examples)
}
