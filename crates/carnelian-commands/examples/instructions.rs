//! Runs commands as a worker does, without sockets, to have their instructions counted.
//!
//! `instructions COMMAND READS [PIPELINE]` runs the requests of so many reads on 100,000 keys, members or elements; a command that ends in
//! `-short` on 4,096 small collections. What one command takes is the difference between two numbers of reads: `cargo xtask
//! bench --instructions` does that under callgrind.

#[path = "../benches/caller/mod.rs"]
mod caller;

use caller::Caller;
use carnelian_resp::encode_command;

/// Loaded before.
const KEYS: usize = 100_000;
/// Small collections loaded before, and what each of them begins with.
const SHORT_KEYS: usize = 4096;
const SHORT_BEGIN: usize = 3;
/// What those begin with that elements are taken from.
const SHORT_FULL: usize = 25;
/// Different reads.
const READS: usize = 256;
/// Different reads on small collections: none is repeated.
const SHORT_READS: usize = 1200;

fn words(command: &str, number: usize) -> Vec<String> {
    if let Some(command) = command.strip_suffix("-short") {
        return words_on_short(command, number);
    }
    let key = format!("key:{:012}", number.wrapping_mul(0x9e37_79b1) % KEYS);
    let member = format!("element:{:012}", number.wrapping_mul(0x9e37_79b1) % KEYS);
    let value = "x".repeat(64);
    let words: Vec<&str> = match command {
        "get" => vec!["GET", &key],
        "set" => vec!["SET", &key, &value],
        "incr" => return vec!["INCR".into(), format!("counter:{key}")],
        "lpush" => vec!["LPUSH", "mylist", &value],
        "rpush" => vec!["RPUSH", "mylist", &value],
        "lpop" => vec!["LPOP", "mylist"],
        "rpop" => vec!["RPOP", "mylist"],
        "rpoplpush" => vec!["RPOPLPUSH", "mylist", "mylist"],
        "sadd" => vec!["SADD", "myset", &member],
        "hset" => vec!["HSET", "myhash", &member, &value],
        "spop" => vec!["SPOP", "myset"],
        "lrange" => vec!["LRANGE", "mylist", "0", "99"],
        "ping" => vec!["PING"],
        _ => panic!("no such command: {command}"),
    };
    words.into_iter().map(str::to_owned).collect()
}

/// A command on one of the small collections, each in turn.
fn words_on_short(command: &str, number: usize) -> Vec<String> {
    let key = format!("key:{:06}", number % SHORT_KEYS);
    let element = format!("elem:{:02}", number / SHORT_KEYS + SHORT_BEGIN);
    let words: Vec<&str> = match command {
        "lpush" => vec!["LPUSH", &key, &element],
        "rpush" => vec!["RPUSH", &key, &element],
        "lpop" => vec!["LPOP", &key],
        "rpop" => vec!["RPOP", &key],
        "rpoplpush" => vec!["RPOPLPUSH", &key, &key],
        // Nothing is left over after the first time.
        "ltrim" => vec!["LTRIM", &key, "0", "9"],
        "sadd" => vec!["SADD", &key, &element],
        "spop" => vec!["SPOP", &key],
        "hset" => vec!["HSET", &key, &element, "value:01"],
        // A field that is there already.
        "hset-again" => vec!["HSET", &key, "elem:01", &element],
        _ => panic!("no such command: {command}"),
    };
    words.into_iter().map(str::to_owned).collect()
}

/// A command that makes one of the small collections.
fn words_before_short(command: &str, key: usize) -> Vec<String> {
    let (name, elements) = match command {
        "lpush-short" | "rpush-short" | "rpoplpush-short" => ("RPUSH", SHORT_BEGIN),
        "lpop-short" | "rpop-short" | "ltrim-short" => ("RPUSH", SHORT_FULL),
        "sadd-short" => ("SADD", SHORT_BEGIN),
        "spop-short" => ("SADD", SHORT_FULL),
        _ => ("HSET", SHORT_BEGIN),
    };
    let mut words = vec![name.to_owned(), format!("key:{key:06}")];
    for element in 0..elements {
        words.push(format!("elem:{element:02}"));
        if name == "HSET" {
            words.push(format!("value:{element:02}"));
        }
    }
    words
}

fn wire(words: impl Iterator<Item = Vec<String>>) -> Vec<u8> {
    let mut wire = Vec::new();
    for words in words {
        encode_command(&mut wire, &words.iter().map(String::as_bytes).collect::<Vec<_>>());
    }
    wire
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let command = arguments.next().unwrap_or_else(|| "get".to_owned());
    let mut number = |default| arguments.next().and_then(|text| text.parse().ok()).unwrap_or(default);
    let (reads, pipeline): (usize, usize) = (number(1000), number(64));
    let mut caller = Caller::new(16);
    let is_short = command.ends_with("-short");
    let before = match &*command {
        "get" | "set" => "set",
        "lpop" | "rpop" | "lrange" | "rpoplpush" => "lpush",
        "spop" => "sadd",
        other => other,
    };
    if is_short {
        caller.run_read(&wire((0..SHORT_KEYS).map(|key| words_before_short(&command, key))));
    } else {
        caller.run_read(&wire((0..KEYS).map(|number| words(before, number))));
    }
    let different = if is_short { SHORT_READS } else { READS };
    let inputs: Vec<Vec<u8>> = (0..different)
        .map(|read| wire((read * pipeline..(read + 1) * pipeline).map(|number| words(&command, number))))
        .collect();
    for read in 0..reads {
        caller.run_read(&inputs[read % different]);
    }
}
