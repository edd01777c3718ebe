//! ACL: categories come from the command table; what concerns users is the host's.

use crate::ctx::Ctx;
use crate::error::{CommandError, CommandResult};
use crate::families::help;
use crate::host::HostCommand;
use crate::spec::{Categories, CommandSpec, Flags, Group, check};

const SUBCOMMANDS: &[CommandSpec] = &[
    CommandSpec::run("cat", -2, Group::Server, cat)
        .flags(&[Flags::NOSCRIPT, Flags::LOADING, Flags::STALE])
        .docs(
            "6.0.0",
            "O(1)",
            "Returns the categories of commands, or the commands of a category.",
            "ACL CAT [categoryname]",
        ),
    CommandSpec::host("dryrun", -4, Group::Server, HostCommand::Acl)
        .flags(&[Flags::ADMIN, Flags::NOSCRIPT, Flags::LOADING, Flags::STALE])
        .docs(
            "7.0.0",
            "O(1)",
            "Tells whether a user may run a command, without running it.",
            "ACL DRYRUN username command [arg [arg ...]]",
        ),
    CommandSpec::host("getuser", 3, Group::Server, HostCommand::Acl)
        .flags(&[Flags::ADMIN, Flags::NOSCRIPT, Flags::LOADING, Flags::STALE])
        .docs(
            "6.0.0",
            "O(N), N being the number of rules of the user",
            "Returns what a user may do.",
            "ACL GETUSER username",
        )
        .history(&[("6.2.0", "Channel patterns."), ("7.0.0", "Selectors; patterns are given as rules.")]),
    CommandSpec::host("list", 2, Group::Server, HostCommand::Acl)
        .flags(&[Flags::ADMIN, Flags::NOSCRIPT, Flags::LOADING, Flags::STALE])
        .docs("6.0.0", "O(N), N being the number of users", "Returns the users as rules.", "ACL LIST"),
    CommandSpec::host("users", 2, Group::Server, HostCommand::Acl)
        .flags(&[Flags::ADMIN, Flags::NOSCRIPT, Flags::LOADING, Flags::STALE])
        .docs("6.0.0", "O(N), N being the number of users", "Returns the names of the users.", "ACL USERS"),
    CommandSpec::run("whoami", 2, Group::Server, whoami)
        .flags(&[Flags::NOSCRIPT, Flags::LOADING, Flags::STALE])
        .docs(
            "6.0.0",
            "O(1)",
            "Returns the name of the user that this connection authenticated as.",
            "ACL WHOAMI",
        ),
    help::spec("6.0.0", "ACL HELP", Group::Server),
];

pub(crate) const COMMANDS: &[CommandSpec] = &[CommandSpec::container("acl", Group::Server, SUBCOMMANDS)
    .docs("6.0.0", "Depends on the subcommand", "Commands about users and what they may do.", "ACL")];

const _: () = check(COMMANDS);

fn whoami(ctx: &mut Ctx) -> CommandResult {
    ctx.out.bulk(ctx.session.user.as_bytes());
    Ok(())
}

fn cat(ctx: &mut Ctx) -> CommandResult {
    if ctx.args.len() > 3 {
        return Err(CommandError::subcommand_syntax(ctx.arg(1), "acl"));
    }
    let Some(name) = ctx.args.get(2) else {
        ctx.out.array(Categories::ALL.len());
        for (_, name) in Categories::ALL {
            ctx.out.bulk(name.as_bytes());
        }
        return Ok(());
    };
    let category = Categories::named(name).ok_or_else(|| CommandError::unknown_category(name))?;
    let entries = ctx.node.table().entries().iter().filter(|entry| entry.spec.all_categories().has(category));
    let array = ctx.out.begin_array();
    let mut count = 0;
    for entry in entries {
        ctx.out.bulk(entry.full_name().as_bytes());
        count += 1;
    }
    ctx.out.end_array(array, count);
    Ok(())
}
