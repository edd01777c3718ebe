//! The HELP subcommand of every command that has subcommands.

use crate::ctx::Ctx;
use crate::error::CommandResult;
use crate::spec::{CommandSpec, Flags, Group, Handler};

/// Columns of the explanations, without their indent.
const WIDTH: usize = 75;

/// The HELP subcommand itself; `usage` is the parent's name and the word.
pub(super) const fn spec(since: &'static str, usage: &'static str, group: Group) -> CommandSpec {
    CommandSpec::run("help", 2, group, help).flags(&[Flags::LOADING, Flags::STALE]).docs(
        since,
        "O(1)",
        "Prints this help.",
        usage,
    )
}

/// Lists the subcommands of the command that was called, as their specs describe them.
fn help(ctx: &mut Ctx) -> CommandResult {
    let Some(parent) = ctx.parent else { return Ok(()) };
    let name = parent.name.to_ascii_uppercase();
    let mut lines = vec![format!("{name} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:")];
    if !matches!(parent.handler, Handler::Subcommands) {
        lines.push("(no subcommand)".to_owned());
        explain(parent.summary, &mut lines);
    }
    for sub in parent.subcommands {
        lines.push(sub.usage.strip_prefix(&name).unwrap_or(sub.usage).trim_start().to_owned());
        explain(sub.summary, &mut lines);
    }
    ctx.out.array(lines.len());
    for line in lines {
        ctx.out.simple(&line);
    }
    Ok(())
}

/// Breaks a summary into indented lines.
fn explain(summary: &str, lines: &mut Vec<String>) {
    let mut line = String::new();
    for word in summary.split(' ') {
        if line.len() + word.len() >= WIDTH {
            lines.push(format!("    {line}"));
            line.clear();
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    lines.push(format!("    {line}"));
}
