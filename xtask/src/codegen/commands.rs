//! `docs/commands.md`: the reference of the commands, from their table.

use std::fmt::Write as _;

use carnelian_commands::spec::CommandSpec;
use carnelian_commands::table::{CommandTable, Entry};

/// The page: a chapter for each group, in the order of their names, with a row for each command.
pub(crate) fn reference() -> String {
    let table = CommandTable::new();
    let mut entries: Vec<&Entry> = table.entries().iter().collect();
    entries.sort_by_key(|entry| (group(entry), entry.full_name()));
    // A command that only has subcommands does nothing by itself.
    entries.retain(|entry| entry.spec.subcommands.is_empty());

    let mut page = format!(
        "# Commands\n\n\
         Generated from the command table; do not edit. These are the {} commands and subcommands that Carnelian has. *Since*\n\
         is the version of Redis that had the command first; its documentation applies.\n",
        entries.len()
    );
    let mut chapter = "";
    for entry in entries {
        if group(entry) != chapter {
            chapter = group(entry);
            let head = "| command | what it does | cost | since | ACL categories |\n|---|---|---|---|---|";
            let _ = write!(page, "\n## {chapter}\n\n{head}\n");
        }
        let spec = entry.spec;
        let _ = writeln!(
            page,
            "| `{}` | {} | {} | {} | {} |",
            cell(&usage(entry)),
            cell(&summary(spec)),
            cell(spec.complexity),
            spec.since,
            spec.all_categories().names().collect::<Vec<_>>().join(" ")
        );
    }
    page
}

/// A subcommand belongs where its command does.
fn group(entry: &Entry) -> &'static str {
    entry.parent.unwrap_or(entry.spec).group.name()
}

fn usage(entry: &Entry) -> String {
    if entry.spec.usage.is_empty() {
        entry.full_name().replace('|', " ").to_uppercase()
    } else {
        entry.spec.usage.to_owned()
    }
}

fn summary(spec: &CommandSpec) -> String {
    match spec.deprecated {
        Some((since, instead)) => format!("{} Deprecated since {since}: {instead}.", spec.summary),
        None => spec.summary.to_owned(),
    }
}

/// Text that does not end a cell of a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_has_a_complete_row() {
        let page = reference();
        let columns = |line: &str| line.replace("\\|", "").matches('|').count();
        let rows: Vec<&str> = page.lines().filter(|line| line.starts_with("| `")).collect();
        assert!(!rows.is_empty());
        for row in rows {
            assert_eq!(columns(row), 6, "{row}");
            assert!(!row.contains("|  |"), "an empty cell: {row}");
        }
        assert!(page.contains("| `GET key` |"), "{page}");
    }
}
