//! ACL: there is one user, `default`, who may do everything.

use crate::config::id;
use crate::server::Server;
use carnelian_commands::table::Found;
use carnelian_commands::{CommandError, CommandResult, Ctx};

/// The password of the default user as ACL shows it, if there is one: the SHA-256 in hexadecimal digits.
fn password_hash(server: &Server) -> Option<String> {
    let config = server.config.read();
    let password = config.string(id::REQUIREPASS).filter(|password| !password.is_empty())?;
    Some(sha256_hex(password))
}

fn sha256_hex(text: &[u8]) -> String {
    use sha2::Digest;
    use std::fmt::Write;
    sha2::Sha256::digest(text).iter().fold(String::with_capacity(64), |mut hex, byte| {
        // Writing to a string does not fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// ACL LIST, USERS, GETUSER, DRYRUN: told apart by the subcommand's name.
pub(super) fn acl(server: &Server, ctx: &mut Ctx) -> CommandResult {
    match ctx.spec.name {
        "list" => {
            let password = password_hash(server).map_or_else(|| "nopass".into(), |hash| format!("#{hash}"));
            ctx.out.array(1);
            ctx.out.bulk(format!("user default on {password} ~* &* +@all").as_bytes());
        }
        "users" => {
            ctx.out.array(1);
            ctx.out.bulk(b"default");
        }
        "getuser" => get_user(server, ctx),
        _ => dry_run(ctx)?,
    }
    Ok(())
}

fn get_user(server: &Server, ctx: &mut Ctx) {
    let out = &mut *ctx.out;
    if ctx.args.get(2) != Some(b"default") {
        out.null();
        return;
    }
    let password = password_hash(server);
    let flags: &[&[u8]] = if password.is_some() { &[b"on"] } else { &[b"on", b"nopass"] };
    out.map(6);
    out.bulk(b"flags");
    out.set(flags.len());
    for flag in flags {
        out.bulk(flag);
    }
    out.bulk(b"passwords");
    out.array(usize::from(password.is_some()));
    if let Some(hash) = password {
        out.bulk(hash.as_bytes());
    }
    for (name, rule) in [("commands", "+@all"), ("keys", "~*"), ("channels", "&*")] {
        out.bulk(name.as_bytes());
        out.bulk(rule.as_bytes());
    }
    out.bulk(b"selectors");
    out.array(0);
}

fn dry_run(ctx: &mut Ctx) -> CommandResult {
    if ctx.arg(2) != b"default" {
        return Err(CommandError::repeating("ERR User '", ctx.arg(2), "' not found"));
    }
    let command = ctx.args.slice(3..);
    match ctx.node.table().find(command) {
        Found::Command(entry) if entry.spec.accepts(command.len()) => {
            ctx.out.ok();
            Ok(())
        }
        Found::Command(entry) => Err(CommandError::arity(&entry.full_name())),
        Found::UnknownSubcommand(_) | Found::Unknown => {
            Err(CommandError::repeating("ERR Command '", ctx.arg(3), "' not found"))
        }
    }
}
