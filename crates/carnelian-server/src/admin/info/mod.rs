//! INFO.

mod commands;
pub(super) mod memory;
mod sections;

use crate::server::Server;
use carnelian_commands::{CommandResult, Ctx};
use std::fmt::{Display, Write};

/// The sections in the order of the reply, the title of each, and whether it is shown when none is asked for.
const SECTIONS: &[Section] = &[
    Section { name: "server", title: "Server", default: true, write: sections::server },
    Section { name: "clients", title: "Clients", default: true, write: sections::clients },
    Section { name: "memory", title: "Memory", default: true, write: memory::section },
    Section { name: "persistence", title: "Persistence", default: true, write: sections::persistence },
    Section { name: "stats", title: "Stats", default: true, write: sections::stats },
    Section { name: "replication", title: "Replication", default: true, write: sections::replication },
    Section { name: "cpu", title: "CPU", default: true, write: sections::cpu },
    Section { name: "modules", title: "Modules", default: true, write: |_, _, _| {} },
    Section { name: "commandstats", title: "Commandstats", default: false, write: commands::statistics },
    Section { name: "errorstats", title: "Errorstats", default: true, write: commands::errors },
    Section { name: "latencystats", title: "Latencystats", default: false, write: commands::latencies },
    Section { name: "cluster", title: "Cluster", default: true, write: sections::cluster },
    Section { name: "keyspace", title: "Keyspace", default: true, write: sections::keyspace },
];

struct Section {
    name: &'static str,
    title: &'static str,
    default: bool,
    write: fn(&Server, &Ctx, &mut Report),
}

/// The text of the reply: titles, and lines of the form `name:value`.
#[derive(Default)]
struct Report(String);

impl Report {
    fn title(&mut self, title: &str) {
        if !self.0.is_empty() {
            self.0.push_str("\r\n");
        }
        // Writing to a string does not fail.
        let _ = write!(self.0, "# {title}\r\n");
    }

    fn line(&mut self, name: &str, value: impl Display) {
        let _ = write!(self.0, "{name}:{value}\r\n");
    }

    fn lines(&mut self, lines: &[(&str, u64)]) {
        for (name, value) in lines {
            self.line(name, value);
        }
    }
}

/// A number of bytes as people read it: `512B`, `1.50K`, `2.00G`.
struct Human(u64);

impl Display for Human {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut scale = 1u64 << 10;
        if self.0 < scale {
            return write!(f, "{}B", self.0);
        }
        for unit in ["K", "M", "G", "T", "P"] {
            if self.0 < scale << 10 {
                return write!(f, "{:.2}{unit}", self.0 as f64 / scale as f64);
            }
            scale <<= 10;
        }
        write!(f, "{}B", self.0)
    }
}

pub(super) fn info(server: &Server, ctx: &mut Ctx) -> CommandResult {
    let asked: Vec<&[u8]> = ctx.args.iter().skip(1).collect();
    let names = |word: &str| asked.iter().any(|name| name.eq_ignore_ascii_case(word.as_bytes()));
    let all = names("all") || names("everything");
    let defaults = asked.is_empty() || names("default");
    let mut report = Report::default();
    for section in SECTIONS {
        if all || (defaults && section.default) || names(section.name) {
            report.title(section.title);
            (section.write)(server, ctx, &mut report);
        }
    }
    ctx.out.verbatim("txt", report.0.as_bytes());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::Human;

    #[test]
    fn bytes_read_as_people_write_them() {
        for (bytes, text) in [
            (0, "0B"),
            (1023, "1023B"),
            (1024, "1.00K"),
            (1536, "1.50K"),
            ((1 << 20) - 1, "1024.00K"),
            (1 << 20, "1.00M"),
            (3 << 30, "3.00G"),
            (1 << 40, "1.00T"),
            (1 << 50, "1.00P"),
            (1 << 60, "1152921504606846976B"),
        ] {
            assert_eq!(Human(bytes).to_string(), text);
        }
    }
}
