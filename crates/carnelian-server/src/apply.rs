//! Putting parameters into effect, at start-up and at CONFIG SET.

use crate::config::{Config, Id, KeyspaceEvents, id};
use crate::log::{Level, Log};
use crate::server::Server;
use carnelian_commands::Node;
use carnelian_engine::EvictionPolicy;
use std::sync::atomic::Ordering::Relaxed;

/// Puts every parameter into effect.
pub(crate) fn all(server: &Server, node: &Node, config: &Config) -> Result<(), String> {
    for id in crate::config::table::all() {
        one(server, node, config, id)?;
    }
    Ok(())
}

/// Puts one parameter into effect; others that belong to it may be applied along.
pub(crate) fn one(server: &Server, node: &Node, config: &Config, id: Id) -> Result<(), String> {
    let settings = node.engine().settings();
    let size = |id| usize::try_from(config.int(id)).unwrap_or(usize::MAX);
    match id {
        id::HASH_MAX_LISTPACK_ENTRIES => settings.set_hash_max_listpack_entries(size(id)),
        id::HASH_MAX_LISTPACK_VALUE => settings.set_hash_max_listpack_value(size(id)),
        id::SET_MAX_INTSET_ENTRIES => settings.set_set_max_intset_entries(size(id)),
        id::SET_MAX_LISTPACK_ENTRIES => settings.set_set_max_listpack_entries(size(id)),
        id::SET_MAX_LISTPACK_VALUE => settings.set_set_max_listpack_value(size(id)),
        id::LIST_MAX_LISTPACK_SIZE => settings.set_list_max_listpack_size(config.int(id)),
        id::LIST_COMPRESS_DEPTH => settings.set_list_compress_depth(size(id)),
        id::RDB_VERSION => settings.set_rdb_version(config.uint(id) as u32),
        id::RDBCOMPRESSION => settings.set_rdb_compression(config.bool(id)),
        id::LFU_LOG_FACTOR => settings.set_lfu_log_factor(config.uint(id) as u32),
        id::LFU_DECAY_TIME => settings.set_lfu_decay_minutes(config.uint(id) as u32),
        id::MAXMEMORY_POLICY => {
            settings.set_eviction_policy(EvictionPolicy::from_name(config.word(id)));
            settings.set_shares_integers(shares_integers(config));
        }
        id::MAXMEMORY_SAMPLES => settings.set_eviction_samples(size(id)),
        id::MAXMEMORY_EVICTION_TENACITY => {
            server.cached.eviction_time_ns.store(eviction_time_ns(config.uint(id)), Relaxed);
        }
        id::LAZYFREE_LAZY_EVICTION => settings.set_lazy_eviction(config.bool(id)),
        id::LAZYFREE_LAZY_EXPIRE => settings.set_lazy_expire(config.bool(id)),
        id::LAZYFREE_LAZY_SERVER_DEL => settings.set_lazy_server_del(config.bool(id)),
        id::LAZYFREE_LAZY_USER_DEL => settings.set_lazy_user_del(config.bool(id)),
        id::LAZYFREE_LAZY_USER_FLUSH => settings.set_lazy_user_flush(config.bool(id)),
        id::NOTIFY_KEYSPACE_EVENTS => settings.set_notify_events(engine_events(config.keyspace_events())),
        id::SLOWLOG_LOG_SLOWER_THAN | id::LATENCY_MONITOR_THRESHOLD => node.set_slow_ns(slow_ns(config)),
        id::KEY_LOAD_DELAY => server.loading.key_delay.store(config.int(id), Relaxed),
        id::HZ => server.cached.hz.store(config.uint(id), Relaxed),
        id::PROTO_MAX_BULK_LEN => {
            server.cached.max_bulk_bytes.store(size(id), Relaxed);
            settings.set_max_bulk_len(size(id));
        }
        id::MAXMEMORY_CLIENTS => server.set_client_limit(config),
        id::CLIENT_QUERY_BUFFER_LIMIT => server.cached.query_buffer_bytes.store(size(id), Relaxed),
        id::CLIENT_OUTPUT_BUFFER_LIMIT => {
            let limits = config.output_limits();
            server.cached.normal_limit.set(limits.normal);
            server.cached.pubsub_limit.set(limits.pubsub);
        }
        id::REQUIREPASS => {
            let required = config.string(id).is_some_and(|password| !password.is_empty());
            server.cached.requires_password.store(required, Relaxed);
        }
        id::MIN_REPLICAS_TO_WRITE | id::MIN_REPLICAS_MAX_LAG => {
            // No replica ever follows yet, so that any number is too many.
            let lacks =
                config.uint(id::MIN_REPLICAS_TO_WRITE) > 0 && config.uint(id::MIN_REPLICAS_MAX_LAG) > 0;
            server.cached.lacks_replicas.store(lacks, Relaxed);
        }
        id::MAXMEMORY => {
            server.memory.refresh();
            server.cached.max_memory.store(config.uint(id), Relaxed);
            server.set_client_limit(config);
            settings.set_shares_integers(shares_integers(config));
        }
        id::LOGLEVEL => server.log.set_level(Level::from_name(config.word(id))),
        id::PORT => server.tcp_sockets.change_port(config, &server.log)?,
        id::BIND => server.tcp_sockets.change_addresses(config, &server.log)?,
        id::TLS_PORT if config.uint(id) != 0 => return Err("TLS is not supported yet".into()),
        id::APPENDONLY if config.bool(id) => {
            return Err("The append only file is not supported yet: only 'no' can be set".into());
        }
        id::MAXCLIENTS => raise_open_files(config.uint(id))?,
        id::DIR => std::env::set_current_dir(config.dir())
            .map_err(|error| format!("Changing directory: {}", crate::listen::error_text(&error)))?,
        _ => {}
    }
    Ok(())
}

/// The classes of events that the engine must record: none unless somebody could hear them.
fn engine_events(events: KeyspaceEvents) -> u32 {
    let channels = KeyspaceEvents::KEYSPACE | KeyspaceEvents::KEYEVENT;
    if events.0 & channels == 0 {
        return 0;
    }
    // The engine numbers the classes from 0, behind the two kinds of channels.
    events.0 >> 2
}

/// Whether small integers are shared as far as OBJECT REFCOUNT tells: not when each key needs an access clock of its own.
fn shares_integers(config: &Config) -> bool {
    let policy = config.word(id::MAXMEMORY_POLICY);
    config.uint(id::MAXMEMORY) == 0 || !["lru", "lfu", "lrm"].iter().any(|order| policy.ends_with(order))
}

/// For how long eviction may hold up a command, in nanoseconds: up to tenacity 10 in even steps to half a millisecond, from
/// there by 15% each, to two minutes at 99. Without an end at 100.
fn eviction_time_ns(tenacity: u64) -> u64 {
    match tenacity {
        0..=10 => tenacity * 50_000,
        11..=99 => (500_000.0 * 1.15f64.powi(tenacity as i32 - 10)) as u64,
        _ => u64::MAX,
    }
}

/// The duration from which commands are reported: the lower of the two thresholds.
fn slow_ns(config: &Config) -> u64 {
    let slowlog =
        u64::try_from(config.int(id::SLOWLOG_LOG_SLOWER_THAN)).map_or(u64::MAX, |us| us.saturating_mul(1000));
    let latency = match config.uint(id::LATENCY_MONITOR_THRESHOLD) {
        0 => u64::MAX,
        ms => ms.saturating_mul(1_000_000),
    };
    slowlog.min(latency)
}

/// Descriptors that the server needs for itself.
const RESERVED_DESCRIPTORS: u64 = 32;

/// Makes room for so many clients.
fn raise_open_files(clients: u64) -> Result<(), String> {
    let wanted = clients.saturating_add(RESERVED_DESCRIPTORS);
    match try_open_files(wanted) {
        Ok(()) => Ok(()),
        Err(_) => {
            Err("The operating system is not able to handle the specified number of clients, try with 10000"
                .into())
        }
    }
}

/// Sees to it that the process may have so many open files, or else as many as it can; then tells how many that are.
fn try_open_files(wanted: u64) -> Result<(), u64> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    if limit.current.is_none_or(|current| current >= wanted) {
        return Ok(());
    }
    let maximum = Some(limit.maximum.map_or(wanted, |maximum| maximum.max(wanted)));
    // Only root may raise the maximum; up to it everybody may go. Whether that worked is seen below.
    if setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum }).is_err() {
        let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
    }
    match getrlimit(Resource::Nofile).current {
        Some(reached) if reached < wanted => Err(reached),
        _ => Ok(()),
    }
}

/// Takes as many clients as the limit on open files allows, where that is fewer than the configuration wants.
pub(crate) fn fit_max_clients(config: &mut Config, log: &Log) -> Result<(), String> {
    let clients = config.uint(id::MAXCLIENTS);
    let wanted = clients.saturating_add(RESERVED_DESCRIPTORS);
    let Err(reached) = try_open_files(wanted) else { return Ok(()) };
    let fewer = reached.saturating_sub(RESERVED_DESCRIPTORS);
    if fewer == 0 {
        return Err(format!(
            "Your current 'ulimit -n' of {reached} is not enough for the server to start. Please increase your open file limit \
             to at least {wanted}. Exiting."
        ));
    }
    config.set_max_clients(fewer);
    log.warning(format_args!(
        "You requested maxclients of {clients} requiring at least {wanted} max file descriptors."
    ));
    log.warning(format_args!(
        "Current maximum open files is {reached}. maxclients has been reduced to {fewer} to compensate for low ulimit. If you \
         need higher maxclients increase 'ulimit -n'."
    ));
    Ok(())
}
