//! The families of commands, listed once.

use crate::spec::CommandSpec;

mod strings;
mod transactions;

/// Every command there is.
pub(crate) const FAMILIES: &[&[CommandSpec]] =
    &[strings::basic::COMMANDS, strings::multi::COMMANDS, transactions::COMMANDS];
