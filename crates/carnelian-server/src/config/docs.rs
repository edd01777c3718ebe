//! The documentation that is generated from the table.

use std::fmt::Write;

use super::spec::{Kind, Spec, Special, Unit};
use super::table::GROUPS;
use super::value::{self, yes_no};

/// Width of the comments in the sample, in columns.
const WIDTH: usize = 100;

/// A configuration file with every parameter, explained and commented out at its default (`carnelian.conf`).
pub fn sample_conf() -> String {
    let mut out = String::from(
        "# The configuration of Carnelian. Start the server with it:\n\
         #\n\
         #     redis-server /path/to/carnelian.conf\n\
         #\n\
         # Every parameter is listed with its default, commented out: remove the `#` and change the value. One line sets one\n\
         # parameter; values with spaces or special characters go in double quotes. In amounts of memory 1k is 1000 bytes,\n\
         # 1kb 1024, and so on with m, mb, g and gb, in any letter case. `include /path/to/other.conf` reads another file at\n\
         # that point, where the path may have wildcards; later lines win. Options on the command line win over the file.\n",
    );
    for group in GROUPS {
        let _ = write!(out, "\n{}\n# {}\n{0}\n", "#".repeat(WIDTH), group.title);
        for spec in group.specs.iter().filter(|spec| !spec.hidden) {
            out.push('\n');
            wrap(&mut out, &full_doc(spec));
            let value = default_text(spec);
            let _ = writeln!(out, "#{} {}", spec.name, if value.is_empty() { "\"\"" } else { &value });
        }
    }
    out
}

/// The reference of all parameters as Markdown (`docs/config.md`).
pub fn reference_markdown() -> String {
    let mut out = String::from(
        "# Configuration parameters\n\n\
         Generated from the parameter table; do not edit. *Start* marks parameters that are set at start only, *protected* those\n\
         that CONFIG SET changes only with `enable-protected-configs`, *no effect* those that are accepted so that existing\n\
         configurations work.\n",
    );
    for group in GROUPS {
        let _ = write!(
            out,
            "\n## {}\n\n| parameter | values | default | | meaning |\n|---|---|---|---|---|\n",
            group.title
        );
        for spec in group.specs {
            let alias = spec.alias.map(|alias| format!(" (`{alias}`)")).unwrap_or_default();
            let marks = [
                (spec.immutable, "start"),
                (spec.protected, "protected"),
                (spec.hidden, "hidden"),
                (spec.inert, "no effect"),
            ];
            let marks: Vec<&str> = marks.iter().filter(|(on, _)| *on).map(|(_, mark)| *mark).collect();
            let default = match default_text(spec).as_str() {
                "" => String::new(),
                text => format!("`{text}`"),
            };
            let _ = writeln!(
                out,
                "| `{}`{alias} | {} | {default} | {} | {} |",
                spec.name,
                allowed(spec),
                marks.join(", "),
                spec.doc_text().replace('|', "\\|")
            );
        }
    }
    out
}

fn full_doc(spec: &Spec) -> String {
    let mut doc = spec.doc_text();
    if spec.immutable {
        doc.push_str(" Set at start only.");
    }
    if spec.inert {
        doc.push_str(" Accepted for compatibility; has no effect.");
    }
    doc
}

/// The default as it may stand in a file, on any machine.
fn default_text(spec: &Spec) -> String {
    let quoted = |text: &str| if text.contains([' ', '{']) { format!("\"{text}\"") } else { text.to_owned() };
    match &spec.kind {
        Kind::Bool { default } => yes_no(*default).to_owned(),
        Kind::Int(int) if int.cores => "<number of cores>".to_owned(),
        Kind::Int(int) => match int.unit {
            Unit::Memory | Unit::MemoryOrPercent => super::text::format_memory(int.default as u64),
            Unit::Octal => format!("{:o}", int.default),
            Unit::Plain => int.default.to_string(),
        },
        Kind::Enum(words) => value::word_names(words, words.default),
        Kind::Text(text) => quoted(text.default.unwrap_or_default()),
        Kind::Special(special) => match special {
            Special::Save => "3600 1 300 100 60 10000",
            Special::Bind => "* -::*",
            Special::Dir => "./",
            Special::OutputLimits => "normal 0 0 0 replica 256mb 64mb 60 pubsub 32mb 8mb 60",
            Special::OomScoreValues => "0 200 800",
            Special::KeyspaceEvents => "",
            Special::ReplicaOf => "no one",
            Special::Percentiles => "50 99 99.9",
        }
        .to_owned(),
    }
}

/// What values are allowed, in short.
fn allowed(spec: &Spec) -> String {
    match &spec.kind {
        Kind::Bool { .. } => "yes, no".to_owned(),
        Kind::Int(int) => {
            let unit = match int.unit {
                Unit::Plain => "",
                Unit::Memory => " bytes",
                Unit::MemoryOrPercent => return "bytes, or 0% to 100%".to_owned(),
                Unit::Octal => return format!("{:o} to {:o}, octal", int.min, int.max),
            };
            if int.max >= i128::from(i32::MAX) {
                format!("from {}{unit}", int.min)
            } else {
                format!("{} to {}{unit}", int.min, int.max)
            }
        }
        Kind::Enum(words) => {
            let words: Vec<&str> = words.words.iter().map(|(word, _)| *word).collect();
            words.join(", ")
        }
        Kind::Text(_) => "string".to_owned(),
        Kind::Special(special) => match special {
            Special::Save => "seconds changes ...",
            Special::Bind => "address ...",
            Special::Dir => "directory",
            Special::OutputLimits => "class bytes bytes seconds ...",
            Special::OomScoreValues => "three numbers",
            Special::KeyspaceEvents => "letters",
            Special::ReplicaOf => "host port, or no one",
            Special::Percentiles => "numbers",
        }
        .to_owned(),
    }
}

/// Writes a paragraph as comment lines.
fn wrap(out: &mut String, paragraph: &str) {
    let mut column = 0;
    for word in paragraph.split(' ') {
        if column == 0 {
            out.push('#');
            column = 1;
        } else if column + 1 + word.chars().count() > WIDTH {
            out.push_str("\n#");
            column = 1;
        }
        out.push(' ');
        out.push_str(word);
        column += 1 + word.chars().count();
    }
    out.push('\n');
}
