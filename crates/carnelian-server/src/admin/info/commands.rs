//! What INFO tells of commands and errors.

use super::Report;
use crate::config::id;
use crate::latency::{Histogram, shown_percentile};
use crate::server::Server;
use carnelian_commands::Ctx;
use std::fmt::Write;

/// Counts of one command, over all workers.
#[derive(Default)]
struct Counts {
    calls: u64,
    duration_ns: u64,
    rejected: u64,
    failed: u64,
}

fn counts(server: &Server, command: usize) -> Counts {
    let mut sum = Counts::default();
    for worker in server.workers.read().iter() {
        let stats = &worker.stats.commands[command];
        sum.calls += stats.calls.get();
        sum.duration_ns += stats.duration_ns.get();
        sum.rejected += stats.rejected.get();
        sum.failed += stats.failed.get();
    }
    sum
}

pub(super) fn statistics(server: &Server, ctx: &Ctx, report: &mut Report) {
    for entry in ctx.node.table().entries() {
        let Counts { calls, duration_ns, rejected, failed } = counts(server, entry.id);
        if calls + rejected + failed == 0 {
            continue;
        }
        let us = duration_ns / 1000;
        let us_per_call = if calls == 0 { 0.0 } else { duration_ns as f64 / 1000.0 / calls as f64 };
        report.line(
            &format!("cmdstat_{}", entry.full_name()),
            format_args!(
                "calls={calls},usec={us},usec_per_call={us_per_call:.2},rejected_calls={rejected},failed_calls={failed}"
            ),
        );
    }
}

pub(super) fn errors(_: &Server, ctx: &Ctx, report: &mut Report) {
    for (code, count) in ctx.node.errors().snapshot() {
        // Codes can come from clients; what would break the form of the reply is replaced.
        let code: String = String::from_utf8_lossy(&code)
            .chars()
            .map(|char| if matches!(char, '#' | ':' | '\n' | '\r') { '_' } else { char })
            .collect();
        report.line(&format!("errorstat_{code}"), format_args!("count={count}"));
    }
}

pub(super) fn latencies(server: &Server, ctx: &Ctx, report: &mut Report) {
    let (enabled, percentiles) = {
        let config = server.config.read();
        (config.bool(id::LATENCY_TRACKING), config.percentiles().clone())
    };
    if !enabled {
        return;
    }
    for entry in ctx.node.table().entries() {
        let histogram = Histogram::of(server, entry.id);
        if histogram.total() == 0 {
            continue;
        }
        let mut values = String::new();
        for percentile in percentiles.iter() {
            let comma = if values.is_empty() { "" } else { "," };
            let shown = shown_percentile(*percentile);
            // Writing to a string does not fail.
            let _ = write!(values, "{comma}p{shown}={:.3}", histogram.percentile_us(*percentile) as f64);
        }
        report.line(&format!("latency_percentiles_usec_{}", entry.full_name()), values);
    }
}
