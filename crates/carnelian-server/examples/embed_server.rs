//! A server inside another program: started, used by a client, and stopped.
//!
//! Run it with `cargo run -p carnelian-server --example embed_server`.

use carnelian_client::{ConnectOptions, Connection};
use carnelian_server::config::{Config, SetContext};
use carnelian_server::{Log, MemorySource, Options, start};
use std::error::Error;
use std::net::TcpListener;
use std::sync::Arc;

fn main() -> Result<(), Box<dyn Error>> {
    // A port that is free now; a program of its own would have one configured.
    let port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();

    // The same parameters as in a configuration file, here set one by one. Files go to the directory given first.
    let mut config = Config::new(std::env::temp_dir());
    let port_text = port.to_string();
    config.set(
        &[(b"port", port_text.as_bytes()), (b"bind", b"127.0.0.1"), (b"save", b"")],
        SetContext::default(),
        &mut |_, _| Ok(()),
    )?;

    let server = start(Options {
        config,
        log: Arc::new(Log::new()),
        memory: MemorySource::default(),
        // The program keeps its own handling of SIGTERM and SIGINT.
        handle_signals: false,
    })?;

    let mut client = Connection::connect(&ConnectOptions::tcp("127.0.0.1", port))?;
    client.command(&["SET", "stone", "carnelian"])?;
    let reply = client.command(&["GET", "stone"])?;
    assert_eq!(reply.as_str(), Some("carnelian"));

    // Nothing is saved; every thread of the server has ended when this returns.
    server.stop();
    Ok(())
}
