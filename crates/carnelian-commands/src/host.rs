//! What commands need from the server around the keyspace.

use crate::ctx::Ctx;
use crate::error::{CommandError, CommandResult};
use crate::evict::Room;
use crate::session::Session;
use crate::spec::CommandSpec;
use carnelian_engine::{Garbage, KeyEvent, Keyspace};
use carnelian_resp::Args;

macro_rules! host_commands {
    ($($name:ident),* $(,)?) => {
        /// Commands that the host runs. Their specs are in this crate like all others.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[allow(missing_docs, reason = "the names are the commands'")]
        pub enum HostCommand { $($name),* }
    };
}

host_commands! {
    Auth, Hello,
    BgRewriteAof, BgSave, Save, LastSave, Shutdown,
    ClientId, ClientSetName, ClientGetName, ClientList, ClientInfo, ClientKill, ClientSetInfo, ClientNoEvict,
    ClientNoTouch, ClientReply, ClientUnblock, ClientPause, ClientUnpause, ClientGetRedir, ClientTracking,
    ClientTrackingInfo, ClientCaching,
    ConfigGet, ConfigSet, ConfigRewrite, ConfigResetStat,
    Debug, Info, Latency, Lolwut, Monitor, ReplicaOf, Role, Slowlog, MemoryDoctor, MemoryMallocStats, MemoryPurge,
    MemoryStats, Wait, Acl, Module, Failover, Sync,
    Subscribe, Unsubscribe, PSubscribe, PUnsubscribe, SSubscribe, SUnsubscribe, Publish, SPublish, PubSub,
}

/// Half a millisecond.
const DEFAULT_EVICTION_NS: u64 = 500_000;

/// Whether a command may run now.
pub enum Gate {
    /// It may.
    Pass,
    /// It is refused with this error.
    Refuse(CommandError),
    /// Not now: the caller tries again when the host says so (CLIENT PAUSE).
    Postpone,
}

/// The server around the keyspace, as far as commands see it. Methods are called while shards may be locked: they must
/// not lock shards and not wait. What a host leaves out is as it is without a server: nothing is gated, shown or measured.
pub trait Host: Send + Sync {
    /// Runs one of the host's own commands; the shards of its scope are locked.
    fn run(&self, command: HostCommand, ctx: &mut Ctx) -> CommandResult;

    /// Puts back what the host keeps about a client (RESET): subscriptions, MONITOR, tracking, the user and whether it is
    /// authenticated. The caller sees to the rest of the session.
    fn reset(&self, session: &mut Session);

    /// Whether the command may run now. Asked while [`Node::set_gated`](crate::Node::set_gated) is on, or an arena is nearly full.
    fn gate(&self, _: &'static CommandSpec, _: &Session, _: Args<'_>) -> Gate {
        Gate::Pass
    }

    /// Bytes in use beyond what `maxmemory` allows, to be given back by removing keys; 0 when there is no limit or it is kept.
    /// Asked when [`gate`](Self::gate) is, before it: it must be cheap, and right.
    fn excess_memory(&self) -> u64 {
        0
    }

    /// For how long eviction may hold up a command, in nanoseconds.
    fn eviction_time_ns(&self) -> u64 {
        DEFAULT_EVICTION_NS
    }

    /// A key has been removed because memory was short, which took about so many bytes.
    fn evicted_key(&self, _: u64) {}

    /// Too much memory was in use: what came of it, and how long it took in nanoseconds.
    fn evicted(&self, _: Room, _: u64) {}

    /// Shows a command to MONITOR clients. Asked only while [`Node::set_monitored`](crate::Node::set_monitored) is on.
    fn monitor(&self, _: &Session, _: Args<'_>) {}

    /// Publishes a keyspace event.
    fn keyspace_event(&self, _: &KeyEvent) {}

    /// Every key has been removed (FLUSHALL); all shards are locked. True when the host has saved the empty dataset, so that
    /// the removal is no change to be saved any more.
    fn flushed_all(&self, _: &mut Keyspace<'_>) -> bool {
        false
    }

    /// A client speaks HTTP: it may be a web page attacking its visitor's network. True when it is closed, without any
    /// further reply.
    fn cuts_off_http(&self, _: &Session) -> bool {
        false
    }

    /// A database has been emptied and its memory freed: it may go back to the system.
    fn purge(&self) {}

    /// Frees removed data in the background; the shards are unlocked.
    fn reclaim(&self, garbage: Vec<Garbage>) {
        drop(garbage);
    }

    /// A command took at least the time set by [`Node::set_slow_ns`](crate::Node::set_slow_ns): that many nanoseconds.
    fn slow(&self, _: &'static CommandSpec, _: &Session, _: Args<'_>, _: u64) {}

    /// Nanoseconds of a monotonic clock, for durations. Cheap.
    fn ticks_ns(&self) -> u64 {
        0
    }

    /// Microseconds since 1970, for TIME. `now_ms` is the moment that the command runs at.
    fn unix_us(&self, now_ms: u64) -> u64 {
        now_ms.saturating_mul(1000)
    }
}

/// A host for keyspaces without a server: data commands work, server commands are refused.
#[derive(Debug, Default)]
pub struct NoHost;

impl Host for NoHost {
    fn run(&self, _: HostCommand, _: &mut Ctx) -> CommandResult {
        Err(CommandError::NO_SERVER)
    }

    fn reset(&self, session: &mut Session) {
        session.authenticated = true;
    }
}
