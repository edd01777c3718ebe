//! The hit rate of a cache with a limit of memory, on requests whose keys follow Zipf's law.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context, Result};
use carnelian_bench::SplitMix64;
use carnelian_client::{ConnectOptions, Connection, Pipeline};

use super::servers::{Contender, Server};

/// Requests of a run; its keys, their exponent, the bytes of a value and the limit.
const REQUESTS: usize = 600_000;
const CASES: [(usize, f64, usize, &str); 2] = [(200_000, 0.9, 512, "32mb"), (400_000, 1.0, 200, "16mb")];
const POLICIES: [&str; 2] = ["allkeys-lru", "allkeys-lfu"];
/// Requests sent at once.
const DEPTH: usize = 50;
const SEED: u64 = 42;

/// Keys by how often they are asked for: the chance of one of the first n of them, for each n.
fn chances(keys: usize, exponent: f64) -> Vec<f64> {
    let mut sum = 0.0;
    let sums: Vec<f64> = (1..=keys)
        .map(|rank| {
            sum += (rank as f64).powf(-exponent);
            sum
        })
        .collect();
    sums.iter().map(|part| part / sum).collect()
}

/// The keys of all requests, the same in every run.
fn trace(keys: usize, exponent: f64) -> Vec<usize> {
    let chances = chances(keys, exponent);
    let mut numbers = SplitMix64::new(SEED);
    let mut unit = || (numbers.next_u64() >> 11) as f64 / (1u64 << 53) as f64;
    (0..REQUESTS)
        .map(|_| unit())
        .map(|at| chances.partition_point(|&chance| chance <= at).min(keys - 1))
        .collect()
}

/// Runs every case on every server, and prints hit rates and how many keys each holds at the end.
pub(super) fn run(contenders: &[Contender], scratch: &Path) -> Result<()> {
    println!(
        "{:<32} {:<12} {:<12} {:>8} {:>9} {:>12}",
        "keys, exponent, value, limit", "policy", "server", "hits", "keys held", "used_memory"
    );
    for (keys, exponent, value_bytes, limit) in CASES {
        let trace = trace(keys, exponent);
        for policy in POLICIES {
            for contender in contenders {
                let mut contender = contender.clone();
                let limits = ["--maxmemory", limit, "--maxmemory-policy", policy];
                contender.command.extend(limits.map(str::to_owned));
                let server = Server::start(&contender, &[], scratch)?;
                let mut connection = Connection::connect(&ConnectOptions::tcp("127.0.0.1", server.port()))?;
                let hits = replay(&mut connection, &trace, &vec![b'v'; value_bytes])?;
                let held = connection.command(&["DBSIZE"])?.as_i64().context("DBSIZE is no number")?;
                let memory = server.info("memory", "used_memory")?;
                let case = format!("{keys}, {exponent}, {value_bytes} B, {limit}");
                let rate = 100.0 * hits as f64 / trace.len() as f64;
                println!(
                    "{case:<32} {policy:<12} {:<12} {rate:>7.2}% {held:>9} {memory:>12}",
                    contender.name
                );
            }
        }
    }
    Ok(())
}

/// Asks for every key, and sets those that are missing. Returns how many were there.
fn replay(connection: &mut Connection, trace: &[usize], value: &[u8]) -> Result<usize> {
    let name = |key: &usize| format!("key:{key:012}").into_bytes();
    let mut hits = 0;
    let mut requests = Pipeline::new();
    for part in trace.chunks(DEPTH) {
        requests.clear();
        for key in part {
            requests.command(&[&b"GET"[..], &name(key)]);
        }
        let replies = connection.pipeline(&requests)?;
        let missing: BTreeSet<&usize> =
            part.iter().zip(&replies).filter(|(_, reply)| reply.is_null()).map(|(key, _)| key).collect();
        hits += replies.iter().filter(|reply| !reply.is_null()).count();
        requests.clear();
        for key in missing {
            requests.command(&[&b"SET"[..], &name(key), value]);
        }
        connection.pipeline(&requests)?;
    }
    Ok(hits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_key_is_asked_for_as_often_as_zipf_says() {
        assert_eq!(
            chances(3, 1.0).iter().map(|chance| (chance * 11.0).round()).collect::<Vec<_>>(),
            [6.0, 9.0, 11.0]
        );
        let trace = trace(1000, 1.0);
        let first = trace.iter().filter(|&&key| key == 0).count() as f64 / trace.len() as f64;
        assert!((first - chances(1000, 1.0)[0]).abs() < 0.005, "{first}");
        assert!(trace.iter().all(|&key| key < 1000));
    }
}
