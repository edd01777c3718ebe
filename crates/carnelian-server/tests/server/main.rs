//! Servers started in the process of the test, and clients that talk to them over loopback.

mod admin;
mod client_memory;
mod config;
mod embedding;
mod expiring;
mod freeing;
mod info;
mod large;
mod loading;
mod placement;
mod support;
mod waiting;
