//! What it costs that keys expire, and how soon they are gone.

use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};
use carnelian_client::{ConnectOptions, Connection, Pipeline};

use super::servers::{Contender, Server};

/// All keys expire within so many seconds, at even intervals.
const SPAN_MS: u64 = 100_000;
/// So much of it is watched, after the idle server was for as long as that.
const WATCHED_MS: u64 = 20_000;
const STEP_MS: u64 = 500;
/// Requests sent at once.
const DEPTH: u64 = 500;
/// How long a million keys may take to be loaded.
const LOAD_MS: u64 = 6_000;

fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}

fn sleep_until(moment_ms: u64) {
    std::thread::sleep(Duration::from_millis(moment_ms.saturating_sub(now_ms())));
}

/// Keys whose time is over at `moment_ms`, when the first expires at `first_ms`.
fn due(keys: u64, first_ms: u64, moment_ms: u64) -> u64 {
    (keys * moment_ms.saturating_sub(first_ms) / SPAN_MS).min(keys)
}

/// Loads `keys` keys of which one in a hundred expires each second, and prints the server's processor time, idle before and
/// then, and how late it is with removing them.
pub(super) fn run(contenders: &[Contender], keys: u64, scratch: &Path) -> Result<()> {
    println!("{keys} keys, {} of them expire each second", keys * 1000 / SPAN_MS);
    for contender in contenders {
        let cpus: Vec<usize> = (0..contender.threads).collect();
        let server = Server::start(contender, &cpus, scratch)?;
        let mut connection = Connection::connect(&ConnectOptions::tcp("127.0.0.1", server.port()))?;
        let first_ms = now_ms() + 5_000 + LOAD_MS * keys.div_ceil(1_000_000) + WATCHED_MS;
        load(&mut connection, keys, first_ms)?;
        if now_ms() + WATCHED_MS > first_ms {
            bail!("{} took too long to load: the first keys expire already", contender.name);
        }
        sleep_until(first_ms - WATCHED_MS);
        let before = server.cpu_time()?;
        sleep_until(first_ms);
        let idle = server.cpu_time()?.saturating_sub(before);
        let before = server.cpu_time()?;
        let (mut latest_ms, mut sum_ms) = (0, 0);
        for step in 1..=WATCHED_MS / STEP_MS {
            sleep_until(first_ms + step * STEP_MS);
            let asked_ms = now_ms();
            let left = connection.command(&["DBSIZE"])?.as_i64().context("DBSIZE is no number")?;
            let backlog = (left.unsigned_abs() + due(keys, first_ms, asked_ms)).saturating_sub(keys);
            let late_ms = backlog * SPAN_MS / keys;
            latest_ms = latest_ms.max(late_ms);
            sum_ms += late_ms;
        }
        let seconds = (now_ms() - first_ms) as f64 / 1000.0;
        let busy = server.cpu_time()?.saturating_sub(before);
        let percent = |time: Duration, seconds: f64| 100.0 * time.as_secs_f64() / seconds;
        println!(
            "{}: {:.1}% of a core, idle before {:.1}%; due and not removed yet: as many as expire in {} ms, at most {latest_ms} \
             ms; expired_keys {}",
            contender.name,
            percent(busy, seconds),
            percent(idle, WATCHED_MS as f64 / 1000.0),
            sum_ms * STEP_MS / WATCHED_MS,
            server.info("stats", "expired_keys")?,
        );
    }
    Ok(())
}

fn load(connection: &mut Connection, keys: u64, first_ms: u64) -> Result<()> {
    let mut requests = Pipeline::new();
    for part in 0..keys.div_ceil(DEPTH) {
        requests.clear();
        for key in part * DEPTH..((part + 1) * DEPTH).min(keys) {
            let due_ms = first_ms + key * SPAN_MS / keys;
            requests.command(&[
                "SET",
                &format!("key:{key:012}"),
                "a short value",
                "PXAT",
                &due_ms.to_string(),
            ]);
        }
        if let Some(error) = connection.pipeline(&requests)?.iter().find_map(|reply| reply.error()) {
            bail!("SET was answered with {}", String::from_utf8_lossy(error));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hundredth_of_the_keys_is_due_each_second() {
        assert_eq!(
            [0, 5_000, 6_000, 7_500, 500_000].map(|moment| due(1000, 5_000, moment)),
            [0, 0, 10, 25, 1000]
        );
    }
}
