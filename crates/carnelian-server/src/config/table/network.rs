//! Listening and sockets.

use crate::config::spec::{Id, Spec, Special, Unit, parameters};

parameters! {
    after 0;
    /// Addresses to listen on, separated by spaces. `*` stands for all IPv4 and `::*` for all IPv6 addresses; a leading `-`
    /// means that the address may be missing on this machine. Default: `* -::*`. An empty string listens on none.
    BIND = Spec::special("bind", Special::Bind);
    /// TCP port, 0 for none. Default: 6379.
    PORT = Spec::int("port", 6379, 0, 65535);
    /// Refuses connections from other machines while no password is set and `bind` is at its default. Default: yes.
    PROTECTED_MODE = Spec::flag("protected-mode", true);
    /// Path of a Unix socket to listen on. Default: unset, no such socket.
    UNIXSOCKET = Spec::optional("unixsocket").immutable();
    /// Permissions of the Unix socket as an octal mode; 0 leaves them to the umask. Default: 0.
    UNIXSOCKETPERM = Spec::int("unixsocketperm", 0, 0, 0o777).unit(Unit::Octal).immutable();
    /// Length of the queue of connections that the kernel holds until they are accepted; the kernel's own
    /// limit (`net.core.somaxconn`) also applies. Default: 511.
    TCP_BACKLOG = Spec::count("tcp-backlog", 511).immutable();
    /// Seconds between keepalive probes on idle connections, 0 for none. Default: 300.
    TCP_KEEPALIVE = Spec::count("tcp-keepalive", 300);
    /// Seconds after which an idle client is disconnected, 0 for never. Default: 0.
    TIMEOUT = Spec::count("timeout", 0);
    /// Local address for the connections this server opens itself (to a primary, to cluster nodes).
    /// Default: unset, the kernel chooses.
    BIND_SOURCE_ADDR = Spec::optional("bind-source-addr");
    /// Mark put on listening sockets for packet filters (SO_MARK on Linux), 0 for none. Default: 0.
    SOCKET_MARK_ID = Spec::int("socket-mark-id", 0, 0, u32::MAX as i128).immutable();
}
