//! The network server: listeners, sessions, configuration, persistence jobs, pub/sub.
