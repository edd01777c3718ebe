//! Redis Cluster.

use super::scripting;
use crate::config::checks;
use crate::config::spec::{Id, Spec, parameters};

const ENDPOINTS: &[(&str, u32)] = &[("ip", 0), ("hostname", 1), ("unknown-endpoint", 2)];

parameters! {
    after scripting::END;
    /// Runs as a node of a cluster. Default: no.
    CLUSTER_ENABLED = Spec::flag("cluster-enabled", false).immutable();
    /// File in which the node keeps what it knows of the cluster; never edited by hand. Default: nodes.conf.
    CLUSTER_CONFIG_FILE = Spec::text("cluster-config-file", "nodes.conf").immutable();
    /// Milliseconds without an answer after which a node counts as failing. Default: 15000.
    CLUSTER_NODE_TIMEOUT = Spec::long("cluster-node-timeout", 15_000);
    /// Port of the cluster bus, 0 for the client port plus 10000. Default: 0.
    CLUSTER_PORT = Spec::int("cluster-port", 0, 0, 65535).immutable();
    /// How many times the node timeout a replica may have been out of touch and still stand for election, 0 for any time.
    /// Default: 10.
    CLUSTER_REPLICA_VALIDITY_FACTOR =
        Spec::count("cluster-replica-validity-factor", 10).alias("cluster-slave-validity-factor");
    /// Number of replicas that a primary keeps when one of them moves to a primary without any. Default: 1.
    CLUSTER_MIGRATION_BARRIER = Spec::count("cluster-migration-barrier", 1);
    /// Replicas may move to primaries that have none. Default: yes.
    CLUSTER_ALLOW_REPLICA_MIGRATION = Spec::flag("cluster-allow-replica-migration", true);
    /// Refuses all requests while any slot has no node. Default: yes.
    CLUSTER_REQUIRE_FULL_COVERAGE = Spec::flag("cluster-require-full-coverage", true);
    /// This replica never takes over from its primary on its own account. Default: no.
    CLUSTER_REPLICA_NO_FAILOVER =
        Spec::flag("cluster-replica-no-failover", false).alias("cluster-slave-no-failover");
    /// Answers reads of its own slots while the cluster is down. Default: no.
    CLUSTER_ALLOW_READS_WHEN_DOWN = Spec::flag("cluster-allow-reads-when-down", false);
    /// Serves sharded channels while the cluster is down. Default: yes.
    CLUSTER_ALLOW_PUBSUBSHARD_WHEN_DOWN = Spec::flag("cluster-allow-pubsubshard-when-down", true);
    /// Bytes waiting to be sent to another node at which that link is dropped, 0 for no limit. Default: 0.
    CLUSTER_LINK_SENDBUF_LIMIT = Spec::memory("cluster-link-sendbuf-limit", 0, 0, u64::MAX as i128);
    /// Host name told to clients and other nodes. Default: unset.
    CLUSTER_ANNOUNCE_HOSTNAME = Spec::optional("cluster-announce-hostname").check(checks::hostname);
    /// Address told to other nodes. Default: unset, found out by itself.
    CLUSTER_ANNOUNCE_IP = Spec::optional("cluster-announce-ip");
    /// Client port told to other nodes, 0 for the one it listens on. Default: 0.
    CLUSTER_ANNOUNCE_PORT = Spec::int("cluster-announce-port", 0, 0, 65535);
    /// TLS port told to other nodes, 0 for the one it listens on. Default: 0.
    CLUSTER_ANNOUNCE_TLS_PORT = Spec::int("cluster-announce-tls-port", 0, 0, 65535);
    /// Bus port told to other nodes, 0 for the one it listens on. Default: 0.
    CLUSTER_ANNOUNCE_BUS_PORT = Spec::int("cluster-announce-bus-port", 0, 0, 65535);
    /// What redirections name: `ip`, `hostname`, or `unknown-endpoint` (the client reuses the host it knows). Default: ip.
    CLUSTER_PREFERRED_ENDPOINT_TYPE = Spec::words("cluster-preferred-endpoint-type", ENDPOINTS, 0);
}
