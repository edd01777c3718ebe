//! Lists the keys of an RDB file: `cargo run --example list_keys FILE`.
#![allow(clippy::print_stdout)]

use carnelian_rdb::{Event, Object, Reader};
use std::fs::File;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args_os().nth(1).ok_or("usage: list_keys FILE")?;
    let mut reader = Reader::new(File::open(path)?);
    let mut db = 0;
    while let Some(event) = reader.next_event()? {
        match event {
            Event::SelectDb(selected) => db = selected,
            Event::Entry(entry) => {
                println!("{db} {:<7} {}", type_name(&entry.value), String::from_utf8_lossy(&entry.key));
            }
            _ => {}
        }
    }
    Ok(())
}

fn type_name(value: &Object) -> &'static str {
    match value {
        Object::String(_) | Object::Int(_) => "string",
        Object::List(_) => "list",
        Object::SetInts(_) | Object::SetListpack(_) | Object::Set(_) => "set",
        Object::HashListpack(_) | Object::Hash(_) | Object::HashTtl(_) => "hash",
        Object::ZsetListpack(_) | Object::Zset(_) => "zset",
        Object::Stream(_) => "stream",
        Object::Module { .. } => "module",
        Object::Empty => "empty",
    }
}
