//! The network server: listeners, sessions, configuration, persistence jobs, pub/sub.

pub mod config;
