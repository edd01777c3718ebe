//! The multi-call binary: `carnelian server|cli|benchmark|check-rdb|check-aof|sentinel`, and the same tools by the names
//! that Redis users know when the program is called by a link of that name.

mod huge_pages;
mod memory;

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

const HELP: &str = "\
Carnelian, a Redis-compatible data-structure server.

Usage: carnelian [TOOL] [ARGUMENTS]

Tools:
  server      the server; also without a tool name: `carnelian`, `carnelian redis.conf`, `carnelian --port 7000`
  cli         the interactive and one-shot client
  benchmark   the load generator
  check-rdb   checks a snapshot file
  check-aof   checks an append-only file (not built yet)
  sentinel    watches over replicas (not built yet)

Each tool has its own `--help`. A link to this program named redis-server, redis-cli, redis-benchmark, redis-check-rdb,
redis-check-aof or redis-sentinel (or carnelian-server and so on) is that tool.
";

fn main() -> ExitCode {
    let mut args = std::env::args_os();
    let program = args.next().unwrap_or_else(|| OsString::from("carnelian"));
    let args: Vec<OsString> = args.collect();
    let name =
        Path::new(&program).file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let linked = name.strip_prefix("redis-").or_else(|| name.strip_prefix("carnelian-"));
    if let Some(tool) = linked
        && let Some(code) = run(tool, &program, &name, &args)
    {
        return code;
    }
    let tool = args.first().map(|tool| tool.to_string_lossy().into_owned()).unwrap_or_default();
    if tool == "help" || (tool == "--help" && linked.is_none()) {
        return say(&mut std::io::stdout(), HELP, ExitCode::SUCCESS);
    }
    if let Some(code) = run(&tool, &program, &format!("carnelian {tool}"), args.get(1..).unwrap_or_default())
    {
        return code;
    }
    carnelian_server::process::main(&program, &[], &args, memory::source())
}

fn say(out: &mut dyn std::io::Write, text: &str, code: ExitCode) -> ExitCode {
    // A closed pipe is the reader's choice.
    let _ = out.write_all(text.as_bytes());
    code
}

/// Runs the tool of this name, if there is one.
fn run(tool: &str, program: &OsString, shown: &str, args: &[OsString]) -> Option<ExitCode> {
    let later = |what: &str| say(&mut std::io::stderr(), what, ExitCode::FAILURE);
    Some(match tool {
        "server" => {
            let by_link = !shown.contains(' ');
            let words: &[OsString] = if by_link { &[] } else { &[OsString::from("server")] };
            carnelian_server::process::main(program, words, args, memory::source())
        }
        "cli" => carnelian_cli::run_with_docs(shown, args, &cli_docs()),
        "benchmark" => carnelian_bench::run(args),
        "check-rdb" => check_rdb(shown, args),
        "check-aof" => later("The append-only file and its checker are not built yet.\n"),
        "sentinel" => later("Sentinel is not built yet.\n"),
        _ => return None,
    })
}

/// What the client knows of commands when the server does not tell: the table this program is built with.
fn cli_docs() -> Vec<carnelian_cli::CommandDoc> {
    let table = carnelian_commands::table::CommandTable::new();
    table
        .entries()
        .iter()
        .map(|entry| {
            let words = if entry.parent.is_some() { 2 } else { 1 };
            let syntax = entry.spec.usage.splitn(words + 1, ' ').nth(words).unwrap_or_default();
            carnelian_cli::CommandDoc {
                name: entry.full_name().replace('|', " ").to_uppercase().into(),
                summary: entry.spec.summary.into(),
                syntax: syntax.into(),
                group: entry.spec.group.name().into(),
                since: entry.spec.since.into(),
            }
        })
        .collect()
}

fn check_rdb(shown: &str, args: &[OsString]) -> ExitCode {
    let [path] = args else {
        return say(&mut std::io::stderr(), &format!("Usage: {shown} <rdb-file-name>\n"), ExitCode::FAILURE);
    };
    let now_ms = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |since| since.as_millis() as i64);
    match carnelian_rdb::check(Path::new(path), now_ms, &mut std::io::stdout().lock()) {
        Ok(outcome) => ExitCode::from(u8::try_from(outcome.exit_code()).unwrap_or(1)),
        // Only printing can fail; there is nothing left to print it on.
        Err(_) => ExitCode::FAILURE,
    }
}
