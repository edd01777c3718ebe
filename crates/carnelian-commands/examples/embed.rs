//! A keyspace inside a program: no server, no sockets, no async.
//!
//! Run with `cargo run -p carnelian-commands --example embed`.

#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use carnelian_commands::{Local, LocalOptions};

fn main() {
    let local = Local::open(LocalOptions { shards: 16, ..LocalOptions::default() });
    let mut session = local.session();
    session.execute(&["SET", "visits", "41", "EX", "60"]);
    let visits = session.execute(&["INCR", "visits"]);
    println!(
        "visits: {:?}, seconds to live: {:?}",
        visits.as_i64(),
        session.execute(&["TTL", "visits"]).as_i64()
    );
    println!("{:?}", session.execute(&["RENAME", "nothing", "something"]));
}
