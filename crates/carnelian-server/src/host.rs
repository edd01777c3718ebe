//! The server as commands see it.

use crate::admin;
use crate::client::{Details, handle_of, shared_handle_of};
use crate::config::{KeyspaceEvents, id};
use crate::inbox::Mail;
use crate::server::Server;
use crate::slowlog::{SlowEntry, shorten, without_secrets};
use carnelian_commands::spec::{CommandSpec, Flags};
use carnelian_commands::{CommandError, CommandResult, Ctx, Gate, Host, HostCommand, Room, Session};
use carnelian_engine::{Garbage, KeyEvent, Keyspace};
use carnelian_resp::Args;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

/// Time between two warnings of clients that speak HTTP.
const ATTACK_LOG_INTERVAL_S: u64 = 60;

/// Hands the server to commands. A type of its own because some of what it does needs the server to be shared.
pub(crate) struct ServerHost(pub(crate) Arc<Server>);

impl Host for ServerHost {
    fn run(&self, command: HostCommand, ctx: &mut Ctx) -> CommandResult {
        admin::run(&self.0, command, ctx)
    }

    fn gate(&self, spec: &'static CommandSpec, session: &Session, _: Args<'_>) -> Gate {
        let server = &self.0;
        let is_exec = spec.name == "exec";
        let queued = session.transaction.as_ref().map(|transaction| transaction.flags).unwrap_or_default();
        let writes = spec.flags.has_any(Flags::WRITE.or(Flags::MAY_REPLICATE))
            || (is_exec && queued.has_any(Flags::WRITE.or(Flags::MAY_REPLICATE)));
        let writes_now = spec.flags.has(Flags::WRITE) || (is_exec && queued.has(Flags::WRITE));
        if writes_now || spec.name == "ping" {
            let config = server.config.read();
            if server.persistence.refuses_writes(&config) {
                return Gate::Refuse(misconf());
            }
        }
        if writes_now && server.cached.lacks_replicas.load(Relaxed) {
            return Gate::Refuse(CommandError::NO_REPLICAS);
        }
        // Nothing that needs the data can be queued meanwhile, so EXEC has nothing to wait for.
        if server.loading.is_active() && !spec.flags.has(Flags::LOADING) {
            return Gate::Refuse(CommandError::LOADING);
        }
        // Commands that a transaction only queues are let through; EXEC waits for them. What administers the server must
        // stay possible, or nobody could end the pause.
        let exempt = session.is_queueing() && !is_exec;
        let admin = spec.name == "client" || spec.group.name() == "connection" && !writes;
        if !exempt && !admin && server.pause.stops(writes, server.clock.unix_ms()) {
            return Gate::Postpone;
        }
        Gate::Pass
    }

    #[inline]
    fn excess_memory(&self) -> u64 {
        self.0.excess_memory()
    }

    fn eviction_time_ns(&self) -> u64 {
        self.0.cached.eviction_time_ns.load(Relaxed)
    }

    fn evicted_key(&self, bytes: u64) {
        self.0.memory.settle(bytes, self.0.cached.max_memory.load(Relaxed));
    }

    fn evicted(&self, room: Room, duration_ns: u64) {
        let server = &self.0;
        server.totals.over_limit(room != Room::Enough, server.clock.ticks_ns());
        let duration_ms = duration_ns / 1_000_000;
        // Most are far from a millisecond, and the configuration need not be asked.
        if duration_ms > 0 {
            let threshold_ms = server.config.read().uint(id::LATENCY_MONITOR_THRESHOLD);
            if threshold_ms > 0 && duration_ms >= threshold_ms {
                server.latency.add("eviction-cycle", server.clock.unix_ms() / 1000, duration_ms);
            }
        }
    }

    fn reset(&self, session: &mut Session) {
        let server = &self.0;
        if let Some(client) = shared_handle_of(session) {
            server.pubsub.forget(&client);
            server.monitors.remove(client.id, server);
            client.monitoring.store(false, Relaxed);
            client.no_touch.store(false, Relaxed);
            client.no_evict.store(false, Relaxed);
            client.resp.store(2, Relaxed);
            *client.details.lock() = Details { user: "default".into(), ..Details::default() };
        }
        session.subscriptions = 0;
        session.shard_subscriptions = 0;
        session.monitoring = false;
        session.authenticated = !server.requires_password();
    }

    fn monitor(&self, session: &Session, args: Args<'_>) {
        self.0.monitors.show(session, args, self.0.clock.unix_us());
    }

    fn keyspace_event(&self, event: &KeyEvent) {
        if self.0.pubsub.is_idle() {
            return;
        }
        let wanted = self.0.config.read().keyspace_events();
        let channel = |kind: &str, name: &[u8]| {
            let mut channel = format!("__{kind}@{}__:", event.db).into_bytes();
            channel.extend_from_slice(name);
            channel
        };
        if wanted.contains(KeyspaceEvents::KEYSPACE) {
            self.0.pubsub.publish(&channel("keyspace", &event.key), event.name.as_bytes(), None);
        }
        if wanted.contains(KeyspaceEvents::KEYEVENT) {
            self.0.pubsub.publish(&channel("keyevent", event.name.as_bytes()), &event.key, None);
        }
    }

    fn flushed_all(&self, keys: &mut Keyspace<'_>) -> bool {
        let server = &self.0;
        let Some(node) = server.node() else { return false };
        crate::snapshot::abort_background(server, node.engine(), keys.shards());
        // Saving reads the configuration again: the guard must be gone by then.
        let wanted = !server.config.read().save_points().is_empty();
        wanted && crate::snapshot::save(server, node.engine(), keys.shards()).is_ok()
    }

    fn cuts_off_http(&self, session: &Session) -> bool {
        let server = &self.0;
        let now_s = server.clock.unix_ms() / 1000;
        let logged_s = server.totals.attack_logged_s.load(Relaxed);
        if now_s.abs_diff(logged_s) > ATTACK_LOG_INTERVAL_S {
            server.totals.attack_logged_s.store(now_s, Relaxed);
            server.log.warning(
                "Possible SECURITY ATTACK detected. It looks like somebody is sending POST or Host: commands to Redis. This \
                 is likely due to an attacker attempting to use Cross Protocol Scripting to compromise your Redis instance. \
                 Connection aborted.",
            );
        }
        if let Some(client) = handle_of(session) {
            client.inbox.send(Mail::Kill);
        }
        true
    }

    fn purge(&self) {
        (self.0.memory.source().purge)();
    }

    fn reclaim(&self, garbage: Vec<Garbage>) {
        self.0.reclaimer.free(&self.0, garbage);
    }

    fn slow(&self, spec: &'static CommandSpec, session: &Session, args: Args<'_>, duration_ns: u64) {
        let server = &self.0;
        let duration_us = duration_ns / 1000;
        let now_s = server.clock.unix_ms() / 1000;
        let config = server.config.read();
        let threshold_us = config.int(id::SLOWLOG_LOG_SLOWER_THAN);
        if threshold_us >= 0
            && duration_us >= threshold_us as u64
            && let Some(client) = handle_of(session)
        {
            let entry = SlowEntry {
                id: 0,
                time_s: now_s,
                duration_us,
                args: shorten(without_secrets(args).into_iter()),
                address: client.address.clone(),
                name: session.name.clone(),
            };
            server.slowlog.add(entry, config.uint(id::SLOWLOG_MAX_LEN) as usize);
        }
        let threshold_ms = config.uint(id::LATENCY_MONITOR_THRESHOLD);
        if threshold_ms > 0 && duration_us / 1000 >= threshold_ms {
            let event = if spec.flags.has(Flags::FAST) { "fast-command" } else { "command" };
            server.latency.add(event, now_s, duration_us / 1000);
        }
    }

    fn ticks_ns(&self) -> u64 {
        self.0.clock.ticks_ns()
    }
}

fn misconf() -> CommandError {
    CommandError::new(
        "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk. Commands that may \
         modify the data set are disabled, because this instance is configured to report errors during writes if RDB \
         snapshotting fails (stop-writes-on-bgsave-error option). Please check the Redis logs for details about the RDB error.",
    )
}
