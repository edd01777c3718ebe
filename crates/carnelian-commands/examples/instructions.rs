//! Runs commands as a worker does, without sockets, to have their instructions counted.
//!
//! `instructions COMMAND READS [PIPELINE]` runs the requests of so many reads on 100,000 keys, members or elements. What one command takes is the
//! difference between two numbers of reads: `cargo xtask bench --instructions` does that under callgrind.

#[path = "../benches/caller/mod.rs"]
mod caller;

use caller::Caller;
use carnelian_resp::encode_command;

/// Loaded before.
const KEYS: usize = 100_000;
/// Different reads.
const READS: usize = 256;

fn words(command: &str, number: usize) -> Vec<String> {
    let key = format!("key:{:012}", number.wrapping_mul(0x9e37_79b1) % KEYS);
    let member = format!("element:{:012}", number.wrapping_mul(0x9e37_79b1) % KEYS);
    let value = "x".repeat(64);
    let words: Vec<&str> = match command {
        "get" => vec!["GET", &key],
        "set" => vec!["SET", &key, &value],
        "incr" => return vec!["INCR".into(), format!("counter:{key}")],
        "lpush" => vec!["LPUSH", "mylist", &value],
        "lpop" => vec!["LPOP", "mylist"],
        "sadd" => vec!["SADD", "myset", &member],
        "hset" => vec!["HSET", "myhash", &member, &value],
        "spop" => vec!["SPOP", "myset"],
        "lrange" => vec!["LRANGE", "mylist", "0", "99"],
        "ping" => vec!["PING"],
        _ => panic!("no such command: {command}"),
    };
    words.into_iter().map(str::to_owned).collect()
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let command = arguments.next().unwrap_or_else(|| "get".to_owned());
    let mut number = |default| arguments.next().and_then(|text| text.parse().ok()).unwrap_or(default);
    let (reads, pipeline): (usize, usize) = (number(1000), number(64));
    let mut caller = Caller::new(16);
    let wire = |command: &str, numbers: std::ops::Range<usize>| {
        let mut wire = Vec::new();
        for number in numbers {
            let words = words(command, number);
            encode_command(&mut wire, &words.iter().map(String::as_bytes).collect::<Vec<_>>());
        }
        wire
    };
    let before = match &*command {
        "get" | "set" => "set",
        "lpop" | "lrange" => "lpush",
        other => other,
    };
    caller.run_read(&wire(before, 0..KEYS));
    let inputs: Vec<Vec<u8>> =
        (0..READS).map(|read| wire(&command, read * pipeline..(read + 1) * pipeline)).collect();
    for read in 0..reads {
        caller.run_read(&inputs[read % READS]);
    }
}
