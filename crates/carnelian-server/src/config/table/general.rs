//! The process: how it starts, logs and stops.

use super::tls;
use crate::config::checks;
use crate::config::spec::{Id, Spec, Special, parameters};

const LOG_LEVELS: &[(&str, u32)] = &[("debug", 0), ("verbose", 1), ("notice", 2), ("warning", 3)];
const FACILITIES: &[(&str, u32)] = &[
    ("user", 1),
    ("local0", 16),
    ("local1", 17),
    ("local2", 18),
    ("local3", 19),
    ("local4", 20),
    ("local5", 21),
    ("local6", 22),
    ("local7", 23),
];
const SUPERVISORS: &[(&str, u32)] = &[("upstart", 3), ("systemd", 2), ("auto", 1), ("no", 0)];
const SIGNAL_ACTIONS: &[(&str, u32)] = &[
    ("default", 0),
    ("save", checks::SHUTDOWN_SAVE),
    ("nosave", checks::SHUTDOWN_NOSAVE),
    ("now", checks::SHUTDOWN_NOW),
    ("force", checks::SHUTDOWN_FORCE),
];

parameters! {
    after tls::END;
    /// Runs in the background, detached from the terminal. Default: no.
    DAEMONIZE = Spec::flag("daemonize", false).immutable();
    /// Process supervisor to report readiness to: `no`, `upstart`, `systemd`, or `auto` to find out. Default: no.
    SUPERVISED = Spec::words("supervised", SUPERVISORS, 0).immutable();
    /// File that holds the process number while the server runs. Default: unset; `/var/run/redis.pid` when run in the
    /// background.
    PIDFILE = Spec::optional("pidfile").immutable();
    /// How much is logged: `debug`, `verbose`, `notice` or `warning`. Default: notice.
    LOGLEVEL = Spec::words("loglevel", LOG_LEVELS, 2);
    /// File for the log; an empty string means standard output. Default: empty.
    LOGFILE = Spec::text("logfile", "").immutable();
    /// Also sends the log to the system logger. Default: no.
    SYSLOG_ENABLED = Spec::flag("syslog-enabled", false).immutable();
    /// Name under which the system logger sees the server. Default: redis.
    SYSLOG_IDENT = Spec::text("syslog-ident", "redis").immutable();
    /// Facility of the system logger: `user` or `local0` to `local7`. Default: local0.
    SYSLOG_FACILITY = Spec::words("syslog-facility", FACILITIES, 16).immutable();
    /// Number of databases that SELECT can choose from. Default: 16.
    DATABASES = Spec::int("databases", 16, 1, i32::MAX as i128).immutable();
    /// Prints the banner even when the log does not go to a terminal. Default: no.
    ALWAYS_SHOW_LOGO = Spec::flag("always-show-logo", false).immutable();
    /// Shows the state of the server in the process list. Default: yes.
    SET_PROC_TITLE = Spec::flag("set-proc-title", true).immutable();
    /// What the process list shows. `{title}`, `{listen-addr}`, `{server-mode}`, `{port}`, `{tls-port}`, `{unixsocket}` and
    /// `{config-file}` are replaced. Default: `{title} {listen-addr} {server-mode}`.
    PROC_TITLE_TEMPLATE = Spec::text("proc-title-template", "{title} {listen-addr} {server-mode}")
        .check(checks::proc_title_template);
    /// Directory for the files the server writes; relative paths of other parameters start here. Default: the directory the
    /// server was started in.
    DIR = Spec::special("dir", Special::Dir).protected().deny_loading();
    /// Writes a report with a stack trace to the log on a crash. Default: yes.
    CRASH_LOG_ENABLED = Spec::flag("crash-log-enabled", true);
    /// Tests the memory of the machine during a crash report. Default: yes.
    CRASH_MEMCHECK_ENABLED = Spec::flag("crash-memcheck-enabled", true).inert();
    /// Leaves with `exit` in place of `abort` after an internal error. Default: no.
    USE_EXIT_ON_PANIC = Spec::flag("use-exit-on-panic", false).hidden().inert();
    /// In Redis, whether huge pages are kept from the process because it forks. Nothing forks here. Default: yes.
    DISABLE_THP = Spec::flag("disable-thp", true).immutable().inert();
    /// What SIGINT does: `default`, or any of `save`, `nosave`, `now` and `force`. Default: default.
    SHUTDOWN_ON_SIGINT = Spec::words("shutdown-on-sigint", SIGNAL_ACTIONS, 0).several(checks::shutdown_flags);
    /// What SIGTERM does: `default`, or any of `save`, `nosave`, `now` and `force`. Default: default.
    SHUTDOWN_ON_SIGTERM = Spec::words("shutdown-on-sigterm", SIGNAL_ACTIONS, 0).several(checks::shutdown_flags);
    /// Seconds that a shutdown waits for replicas to catch up, 0 for no waiting. Default: 10.
    SHUTDOWN_TIMEOUT = Spec::count("shutdown-timeout", 10);
    /// Names of start-up checks whose failure is not fatal. Default: empty.
    IGNORE_WARNINGS = Spec::text("ignore-warnings", "");
    /// How many times a second background work runs. Values above 500 count as 500, and 0 counts as 1. Default: 10.
    HZ = Spec::count("hz", 10).clamp(1, 500);
    /// Runs background work more often when many clients are connected. Default: yes.
    DYNAMIC_HZ = Spec::flag("dynamic-hz", true);
}
