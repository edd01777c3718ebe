//! Sets a key and reads it back, on a connection that blocks.
//!
//! `cargo run -p carnelian-client --example hello -- redis://127.0.0.1:6379`

use std::io::Write;

use carnelian_client::{ConnectOptions, Connection, check};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let url = std::env::args().nth(1).unwrap_or_else(|| "redis://127.0.0.1:6379".into());
    let mut connection = Connection::connect(&ConnectOptions::from_url(&url)?)?;
    check(connection.command(&["SET", "greeting", "hello"])?)?;
    let greeting = check(connection.command(&["GET", "greeting"])?)?;
    writeln!(std::io::stdout(), "{}", greeting.as_str().unwrap_or("(no text)"))?;
    Ok(())
}
