//! Specs of MODULE; the host runs it.

use crate::families::help;
use crate::host::HostCommand;
use crate::spec::{CommandSpec, Flags, Group, check};

const SUBCOMMANDS: &[CommandSpec] = &[
    CommandSpec::host("list", 2, Group::Server, HostCommand::Module)
        .flags(&[Flags::ADMIN, Flags::NOSCRIPT])
        .tips(&["nondeterministic_output_order"])
        .docs("4.0.0", "O(N), N being the number of modules", "Returns the loaded modules.", "MODULE LIST"),
    help::spec("5.0.0", "MODULE HELP", Group::Server),
];

pub(crate) const COMMANDS: &[CommandSpec] = &[CommandSpec::container("module", Group::Server, SUBCOMMANDS)
    .docs("4.0.0", "Depends on the subcommand", "Commands about modules.", "MODULE")];

const _: () = check(COMMANDS);
