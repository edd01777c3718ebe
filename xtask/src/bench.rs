//! `cargo xtask bench`: our server against its peers, side by side.

mod chart;
mod expiry;
mod hostile;
mod instructions;
mod micro;
mod report;
mod servers;
mod workload;
mod zipf;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use self::report::{Comparison, Machine, Measured, Setting};
use self::servers::{Contender, Server};
use self::workload::{Load, Sample, Test};
use crate::sh;

/// Measure our server side by side with its peers.
///
/// Each server runs alone, pinned to one core, and the load to another one. They take turns (A B A B ...) for several
/// rounds, so that whatever drifts on the machine hits all alike, and the medians of the rounds are compared. Look at
/// the processor time per operation first: it is far steadier than the throughput, which the load and its core limit
/// as well.
///
/// Peers are `redis-server` and `valkey-server` from the PATH, and those given with --peer. A server that does not
/// start is left out with a warning. Persistence is off. The results go to target/bench: results.json, cpu.svg and
/// throughput.svg.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Our server's program. Built in release mode if not given.
    #[arg(long, value_name = "PATH")]
    server: Option<PathBuf>,
    /// Leave our server out.
    #[arg(long, conflicts_with = "server")]
    peers_only: bool,
    /// One more peer; {port} in the command stands for its port (repeatable).
    #[arg(long, value_name = "NAME=COMMAND", value_parser = parse_peer)]
    peer: Vec<Contender>,
    /// Take no peers from the PATH.
    #[arg(long)]
    no_path_peers: bool,
    /// What to measure, such as set, get, incr, lpush, rpop, sadd, hset, spop, zadd, mset, lrange_100.
    #[arg(long, value_name = "TESTS", value_delimiter = ',', default_value = "set,get", value_parser = Test::named)]
    tests: Vec<Test>,
    /// Requests sent at once.
    #[arg(long, value_name = "DEPTHS", value_delimiter = ',', default_value = "1,16,64",
          value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pipeline: Vec<u32>,
    /// Requests of a run; at pipeline 1 a fifth of them, at least 100000.
    #[arg(short = 'n', long, value_name = "N", default_value_t = 1_000_000,
          value_parser = clap::value_parser!(u64).range(1..))]
    requests: u64,
    /// Random keys out of so many.
    #[arg(short = 'r', long, value_name = "KEYS", default_value_t = 1_000_000)]
    keys: u64,
    /// Bytes of a value.
    #[arg(short = 'd', long, value_name = "BYTES", default_value_t = 64)]
    value_bytes: u64,
    /// Parallel connections.
    #[arg(short = 'c', long, value_name = "N", default_value_t = 50)]
    clients: u32,
    /// Turns of each server.
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=1000))]
    rounds: u32,
    /// What makes the load. `redis` needs redis-benchmark; the default is that if it is there, and ours if not.
    #[arg(long, value_enum)]
    load: Option<LoadProgram>,
    /// Cores of the server under test: if not given, one for each of its workers, from core 0 on.
    #[arg(long, value_name = "CPUS", value_delimiter = ',')]
    server_cpus: Vec<usize>,
    /// Cores of the load: if not given, the one behind those of the workers. Where there is none left it is the last,
    /// which the load then shares; compare only processor times there.
    #[arg(long, value_name = "CPUS", value_delimiter = ',')]
    load_cpus: Vec<usize>,
    /// Worker threads of our server. With several numbers, such as 1,2, it takes part once with each.
    #[arg(long, value_name = "N", value_delimiter = ',', default_value = "1",
          value_parser = clap::value_parser!(u32).range(1..=1024))]
    workers: Vec<u32>,
    /// Print Markdown for docs/performance.md instead of the table.
    #[arg(long)]
    markdown: bool,
    /// Measure how much more two threads do than one instead, in the engine alone. It takes --rounds.
    #[arg(long, conflicts_with = "micro")]
    scaling: bool,
    /// Measure the longest operations on a large shard instead, in the engine alone: growing to 20 million keys and shrinking,
    /// and removing and moving values of 10 million members. It takes --rounds.
    #[arg(long, conflicts_with_all = ["micro", "scaling"])]
    pauses: bool,
    /// Measure instead what it costs that a hundredth of the -r keys expires each second, and how soon they are gone.
    #[arg(long, conflicts_with_all = ["micro", "scaling", "pauses"])]
    expiry: bool,
    /// Measure instead how long GETs take beside a client that runs KEYS and SMEMBERS of a large set over and over. With
    /// --workers 2 or more.
    #[arg(long, conflicts_with_all = ["micro", "scaling", "pauses", "expiry"])]
    hostile: bool,
    /// Measure hit rates at a limit of memory instead, on keys that follow Zipf's law.
    #[arg(long, conflicts_with_all = ["micro", "scaling", "pauses", "expiry", "hostile"])]
    zipf: bool,
    /// Count the instructions of a command instead, with callgrind and without sockets, at each of --pipeline.
    #[arg(long, conflicts_with_all = ["micro", "scaling", "pauses", "expiry", "hostile", "zipf"])]
    instructions: bool,
    /// Run the criterion benches of all crates instead, and print their medians.
    #[arg(long)]
    micro: bool,
    /// With --micro: only benches whose name contains this.
    #[arg(long, value_name = "TEXT", requires = "micro")]
    filter: Option<String>,
    /// With --micro: keep the results under this name, for --baseline.
    #[arg(long, value_name = "NAME", requires = "micro", conflicts_with = "baseline")]
    save: Option<String>,
    /// With --micro: compare with the results kept under this name.
    #[arg(long, value_name = "NAME", requires = "micro")]
    baseline: Option<String>,
}

/// Rounds of --scaling for each of --rounds: they are short, and the best one counts.
const SCALING_ROUNDS: u32 = 100;
/// Keys and members for --pauses.
const PAUSES_KEYS: &str = "20000000";
const PAUSES_MEMBERS: &str = "10000000";

/// Who makes the load.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum LoadProgram {
    /// `redis-benchmark` of the PATH.
    Redis,
    /// `carnelian benchmark`.
    Carnelian,
}

fn parse_peer(text: &str) -> Result<Contender, String> {
    Contender::parse(text).map_err(|error| error.to_string())
}

pub(crate) fn run(args: Args) -> Result<()> {
    if args.micro {
        return micro::run(args.filter.as_deref(), args.save.as_deref(), args.baseline.as_deref());
    }
    if args.instructions {
        return instructions::run(&args.pipeline);
    }
    if args.scaling {
        return example("scaling", &[(args.rounds * SCALING_ROUNDS).to_string()]);
    }
    if args.pauses {
        return example("pauses", &[PAUSES_KEYS.into(), PAUSES_MEMBERS.into(), args.rounds.to_string()]);
    }
    let contenders = contenders(&args)?;
    servers::end_with_us()?;
    let directory = sh::target().join("bench");
    let scratch = directory.join("scratch");
    std::fs::create_dir_all(&scratch).with_context(|| format!("cannot create {}", scratch.display()))?;
    if args.expiry {
        return expiry::run(&contenders, args.keys, &scratch);
    }
    if args.hostile {
        return hostile::run(&contenders, &scratch);
    }
    if args.zipf {
        return zipf::run(&contenders, &scratch);
    }
    let load = load(&args)?;
    let measured = measure(&args, contenders, &load, &scratch)?;
    // What the servers logged; a server that left a file of its own there keeps it for the curious.
    let _ = std::fs::remove_dir_all(&scratch);
    let setting = Setting {
        machine: Machine::read(),
        date: report::today(),
        command: command_line(&args),
        load: load_name(&load.program),
        requests: args.requests,
        keys: args.keys,
        value_bytes: args.value_bytes,
        clients: args.clients,
        rounds: args.rounds,
    };
    let comparison = Comparison::new(setting, measured);
    if args.markdown {
        print!("{}", comparison.markdown());
    } else {
        let colour =
            std::io::IsTerminal::is_terminal(&std::io::stdout()) && std::env::var_os("NO_COLOR").is_none();
        print!("{}", comparison.table(colour));
    }
    for (name, text) in [
        ("results.json", comparison.json()?),
        ("cpu.svg", chart::svg(&comparison, chart::Figure::CpuPerOp)),
        ("throughput.svg", chart::svg(&comparison, chart::Figure::Throughput)),
    ] {
        let path = directory.join(name);
        std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        eprintln!("wrote {}", path.display());
    }
    Ok(())
}

/// Runs an example of the engine.
fn example(name: &str, arguments: &[String]) -> Result<()> {
    let run = ["run", "--release", "--package", "carnelian-engine", "--example", name, "--"];
    sh::check(sh::cargo(run).args(arguments))
}

/// Who takes part, our server first.
fn contenders(args: &Args) -> Result<Vec<Contender>> {
    let mut contenders = Vec::new();
    if !args.peers_only {
        let program = match &args.server {
            Some(path) => std::path::absolute(path)?,
            None => built()?,
        };
        let several = args.workers.len() > 1;
        contenders.extend(args.workers.iter().map(|&workers| Contender::ours(&program, workers, several)));
    }
    if !args.no_path_peers {
        contenders.extend(Contender::found());
    }
    contenders.extend(args.peer.iter().cloned());
    if contenders.is_empty() {
        bail!("there is nobody to measure: no peer on the PATH, and none given with --peer");
    }
    Ok(contenders)
}

/// The multi-call binary, up to date.
fn built() -> Result<PathBuf> {
    sh::check(&mut sh::cargo(["build", "--quiet", "--release", "--package", "carnelian"]))?;
    Ok(sh::release_binary())
}

fn load(args: &Args) -> Result<Load> {
    let redis = sh::on_path("redis-benchmark");
    let program = match args.load {
        Some(LoadProgram::Redis) if !redis => bail!("there is no redis-benchmark on the PATH"),
        Some(LoadProgram::Redis) => vec!["redis-benchmark".into()],
        None if redis => vec!["redis-benchmark".into()],
        Some(LoadProgram::Carnelian) | None => {
            vec![built()?.to_string_lossy().into_owned(), "benchmark".into()]
        }
    };
    Ok(Load {
        program,
        cpus: load_cpus(args),
        requests: args.requests,
        keys: args.keys,
        value_bytes: args.value_bytes,
        clients: args.clients,
    })
}

/// The cores of the load.
fn load_cpus(args: &Args) -> Vec<usize> {
    if !args.load_cpus.is_empty() {
        return args.load_cpus.clone();
    }
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let behind = match args.server_cpus.iter().max() {
        Some(last) => last + 1,
        None => args.workers.iter().max().map_or(1, |&workers| workers as usize),
    };
    if behind >= cores {
        eprintln!("no core is left for the load alone: compare processor times, not throughput");
    }
    vec![behind.min(cores - 1)]
}

/// The load generator without the directory that it is in.
fn load_name(program: &[String]) -> String {
    let name = |word: &String| Path::new(word).file_name().map(|name| name.to_string_lossy().into_owned());
    program.iter().filter_map(name).collect::<Vec<_>>().join(" ")
}

/// The command that repeats this, without what only this machine has.
fn command_line(args: &Args) -> String {
    let list = |words: Vec<String>| words.join(",");
    format!(
        "cargo xtask bench --tests {} --pipeline {} -n {} -r {} -d {} -c {} --rounds {}{}",
        list(args.tests.iter().map(|test| test.name.to_owned()).collect()),
        list(args.pipeline.iter().map(u32::to_string).collect()),
        args.requests,
        args.keys,
        args.value_bytes,
        args.clients,
        args.rounds,
        if args.workers == [1] {
            String::new()
        } else {
            format!(" --workers {}", list(args.workers.iter().map(u32::to_string).collect()))
        },
    )
}

/// All rounds of all servers. A server that fails is left out from then on.
fn measure(args: &Args, contenders: Vec<Contender>, load: &Load, scratch: &Path) -> Result<Vec<Measured>> {
    let cases: Vec<(Test, u32)> =
        args.pipeline.iter().flat_map(|depth| args.tests.iter().map(|test| (*test, *depth))).collect();
    let mut taking_part: Vec<(Contender, Measured)> = contenders
        .into_iter()
        .map(|contender| {
            let measured = Measured::new(&contender.name, contender.ours, &cases);
            (contender, measured)
        })
        .collect();
    for round in 1..=args.rounds {
        let mut failed = Vec::new();
        for (index, (contender, measured)) in taking_part.iter_mut().enumerate() {
            eprintln!("round {round} of {}: {}", args.rounds, contender.name);
            if let Err(error) = turn(args, contender, measured, &cases, load, scratch) {
                eprintln!("{} is left out: {error:#}", contender.name);
                failed.push(index);
            }
        }
        for index in failed.into_iter().rev() {
            taking_part.remove(index);
        }
    }
    if taking_part.is_empty() {
        bail!("no server could be measured");
    }
    Ok(taking_part.into_iter().map(|(_, measured)| measured).collect())
}

/// One turn of one server: all tests at all pipelines.
fn turn(
    args: &Args,
    contender: &Contender,
    measured: &mut Measured,
    cases: &[(Test, u32)],
    load: &Load,
    scratch: &Path,
) -> Result<()> {
    let own_cpus: Vec<usize> = (0..contender.threads).collect();
    let cpus = if args.server_cpus.is_empty() { &own_cpus } else { &args.server_cpus };
    let server = Server::start(contender, cpus, scratch)?;
    if let Some(version) = server.version() {
        measured.set_version(&version);
    }
    // GET finds what SET wrote, so a GET that comes first needs someone to write.
    if cases
        .iter()
        .find(|(test, _)| matches!(test.name, "get" | "set"))
        .is_some_and(|(test, _)| test.name == "get")
    {
        load.fill(&server, scratch)?;
    }
    for (index, (test, pipeline)) in cases.iter().enumerate() {
        let sample: Sample = load
            .measure(&server, *test, *pipeline, scratch)
            .with_context(|| format!("{} at pipeline {pipeline}", test.name))?;
        measured.add(index, sample);
    }
    Ok(())
}
