//! Slow log, latency, events.

use super::cluster;
use crate::config::spec::{Id, Spec, Special, parameters};

parameters! {
    after cluster::END;
    /// Microseconds above which a command enters the slow log; 0 logs all, -1 none. Default: 10000.
    SLOWLOG_LOG_SLOWER_THAN = Spec::int("slowlog-log-slower-than", 10_000, -1, i64::MAX as i128);
    /// Number of commands that the slow log holds. Default: 128.
    SLOWLOG_MAX_LEN = Spec::long("slowlog-max-len", 128);
    /// Milliseconds above which an event is recorded for LATENCY, 0 for none. Default: 0.
    LATENCY_MONITOR_THRESHOLD = Spec::long("latency-monitor-threshold", 0);
    /// Counts how long each command takes, for INFO and LATENCY HISTOGRAM. Default: yes.
    LATENCY_TRACKING = Spec::flag("latency-tracking", true);
    /// Percentiles that INFO shows, numbers from 0 to 100. Default: `50 99 99.9`.
    LATENCY_TRACKING_INFO_PERCENTILES =
        Spec::special("latency-tracking-info-percentiles", Special::Percentiles);
    /// Which changes of keys are published: `K` and `E` for the two kinds of channel, and `g` generic, `$` strings, `l` lists,
    /// `s` sets, `h` hashes, `z` sorted sets, `t` streams, `d` modules, `x` expired, `e` evicted, `n` new, `m` missed keys;
    /// `A` is all of them but `n` and `m`. Default: empty, none.
    NOTIFY_KEYSPACE_EVENTS = Spec::special("notify-keyspace-events", Special::KeyspaceEvents);
    /// Milliseconds of standstill at which the state of the server is logged, 0 for off. Default: 0.
    WATCHDOG_PERIOD = Spec::count("watchdog-period", 0).hidden().inert();
}
