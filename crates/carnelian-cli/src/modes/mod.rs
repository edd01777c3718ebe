//! What the client does besides sending commands: one file for each family of modes.

mod keyspace;
mod latency;
mod lru;
mod one_shot;
mod pipe;
pub(crate) mod replica;
mod stat;

use crate::console::{Exit, err};
use crate::options::Mode;
use crate::repl;
use crate::session::Session;

/// Run the mode that the options select.
pub(crate) fn run(session: &mut Session<'_>) -> Result<(), Exit> {
    match session.options.mode.clone() {
        Mode::Command if session.options.command.is_empty() => repl::run(session),
        Mode::Command => one_shot::command(session),
        Mode::Eval { script } => one_shot::eval(session, &script),
        Mode::Latency { history } => latency::sample(session, history),
        Mode::LatencySpectrum => latency::spectrum(session),
        Mode::IntrinsicLatency { seconds } => latency::intrinsic(session, seconds),
        Mode::LruTest { keys } => lru::run(session, keys),
        Mode::Stat => stat::run(session),
        Mode::Scan => keyspace::scan(session),
        Mode::BigKeys => keyspace::big_keys(session, keyspace::Measure::Elements),
        Mode::MemKeys { samples } => keyspace::big_keys(session, keyspace::Measure::Memory { samples }),
        Mode::HotKeys => keyspace::hot_keys(session),
        Mode::Pipe => pipe::run(session),
        Mode::Replica => replica::run(session),
        Mode::Rdb { file, functions_only } => replica::fetch_rdb(session, &file, functions_only),
        Mode::Cluster => {
            err!(session.console, "--cluster: the cluster manager is not available in this build\n");
            Err(Exit::FAILURE)
        }
    }
}
