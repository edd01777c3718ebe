//! GET and SET with their kin.

use super::expire::{Condition, Options, Time};
use crate::ctx::{Ctx, ElementReply, TypedKeys};
use crate::cursor::Cursor;
use crate::error::{CommandError, CommandResult};
use crate::spec::{CommandSpec, Flags, Group, KeyFlags, KeySpec, check};
use carnelian_engine::{EventClass, Expiry, ValueRef};
use carnelian_resp::Args;

const WRITE_OOM: &[Flags] = &[Flags::WRITE, Flags::DENYOOM];
const WRITE_OOM_FAST: &[Flags] = &[Flags::WRITE, Flags::DENYOOM, Flags::FAST];
const OVERWRITE: &[KeySpec] = &[KeySpec::one(1, KeyFlags::OW.or(KeyFlags::UPDATE))];

pub(crate) const COMMANDS: &[CommandSpec] = &[
    CommandSpec::run("get", 2, Group::String, get)
        .flags(&[Flags::READONLY, Flags::FAST])
        .looks()
        .keys(&[KeySpec::one(1, KeyFlags::RO.or(KeyFlags::ACCESS))])
        .docs("1.0.0", "O(1)", "Returns the string a key holds.", "GET key"),
    CommandSpec::run("set", -3, Group::String, set)
        .flags(WRITE_OOM)
        .keys(&[KeySpec::one(
            1,
            KeyFlags::RW.or(KeyFlags::ACCESS).or(KeyFlags::UPDATE).or(KeyFlags::VARIABLE_FLAGS),
        )
        .note("Read, too, when the option `GET` is given")])
        .key_finder(set_keys)
        .docs(
            "1.0.0",
            "O(1)",
            "Makes a key hold a string, whatever it held, with conditions and an expiry if asked for.",
            "SET key value [NX | XX] [GET] [EX seconds | PX milliseconds | EXAT unix-time-seconds | \
             PXAT unix-time-milliseconds | KEEPTTL]",
        )
        .history(&[
            ("2.6.12", "Options `EX`, `PX`, `NX` and `XX`."),
            ("6.0.0", "Option `KEEPTTL`."),
            ("6.2.0", "Options `GET`, `EXAT` and `PXAT`."),
            ("7.0.0", "`NX` and `GET` can be combined."),
        ]),
    CommandSpec::run("setnx", 3, Group::String, setnx)
        .flags(WRITE_OOM_FAST)
        .keys(&[KeySpec::one(1, KeyFlags::OW.or(KeyFlags::INSERT))])
        .docs("1.0.0", "O(1)", "Sets a key to a string unless the key exists.", "SETNX key value"),
    CommandSpec::run("setex", 4, Group::String, setex).flags(WRITE_OOM).keys(OVERWRITE).docs(
        "2.0.0",
        "O(1)",
        "Sets a key to a string that expires after some seconds.",
        "SETEX key seconds value",
    ),
    CommandSpec::run("psetex", 4, Group::String, psetex).flags(WRITE_OOM).keys(OVERWRITE).docs(
        "2.6.0",
        "O(1)",
        "Sets a key to a string that expires after some milliseconds.",
        "PSETEX key milliseconds value",
    ),
    CommandSpec::run("getset", 3, Group::String, getset)
        .flags(WRITE_OOM_FAST)
        .keys(&[KeySpec::one(1, KeyFlags::RW.or(KeyFlags::ACCESS).or(KeyFlags::UPDATE))])
        .docs("1.0.0", "O(1)", "Sets a key to a string and returns what it held before.", "GETSET key value")
        .deprecated("6.2.0", "`SET` with the `GET` option"),
    CommandSpec::run("getdel", 2, Group::String, getdel)
        .flags(&[Flags::WRITE, Flags::FAST])
        .keys(&[KeySpec::one(1, KeyFlags::RW.or(KeyFlags::ACCESS).or(KeyFlags::DELETE))])
        .docs("6.2.0", "O(1)", "Returns the string a key holds and removes the key.", "GETDEL key"),
    CommandSpec::run("getex", -2, Group::String, getex)
        .flags(&[Flags::WRITE, Flags::FAST])
        .keys(&[KeySpec::one(1, KeyFlags::RW.or(KeyFlags::ACCESS).or(KeyFlags::UPDATE))
            .note("Updates: the expiry changes")])
        .docs(
            "6.2.0",
            "O(1)",
            "Returns the string a key holds and sets or clears its expiry.",
            "GETEX key [EX seconds | PX milliseconds | EXAT unix-time-seconds | PXAT unix-time-milliseconds | \
             PERSIST]",
        ),
];

const _: () = check(COMMANDS);

fn get(ctx: &mut Ctx) -> CommandResult {
    match ctx.keys.string(ctx.arg(1))? {
        Some(value) => ctx.out.string(value),
        None => ctx.out.null(),
    }
    Ok(())
}

/// The key of SET, which is read only with the option GET.
fn set_keys(args: Args<'_>, visit: &mut dyn FnMut(usize, KeyFlags)) {
    let mut reads = false;
    let mut options = Cursor::new(args, 3);
    while !options.is_done() {
        let with_operand = ["EX", "PX", "EXAT", "PXAT"];
        if with_operand.into_iter().any(|word| options.word_with(word).is_some()) {
            continue;
        }
        if options.word("GET") {
            reads = true;
        } else if options.take().is_err() {
            break;
        }
    }
    let flags = if reads { KeyFlags::RW.or(KeyFlags::ACCESS) } else { KeyFlags::OW };
    visit(1, flags.or(KeyFlags::UPDATE));
}

fn set(ctx: &mut Ctx) -> CommandResult {
    let (key, value) = (ctx.arg(1), ctx.arg(2));
    if ctx.args.len() == 3 {
        let mut entry = ctx.keys.entry(key);
        entry.store_string(value, Expiry::Never);
        entry.changed(EventClass::STRING, "set");
        ctx.out.ok();
        return Ok(());
    }
    let options = Options::of_set(ctx.cursor(3))?;
    let expiry = match options.time {
        Some(time) => Expiry::At(time.moment(ctx)?),
        None if options.keep => Expiry::Keep,
        None => Expiry::Never,
    };
    let mut entry = ctx.keys.entry(key);
    if options.get {
        entry.count_read();
        entry.used();
        match entry.value() {
            Some(ValueRef::String(old)) => ctx.out.string(old),
            Some(_) => return Err(CommandError::WRONG_TYPE),
            None => ctx.out.null(),
        }
    }
    let refused = match options.condition {
        Some(Condition::Absent) => entry.exists(),
        Some(Condition::Present) => !entry.exists(),
        None => false,
    };
    if !refused {
        entry.store_string(value, expiry);
        entry.changed(EventClass::STRING, "set");
        if matches!(expiry, Expiry::At(_)) {
            entry.event(EventClass::GENERIC, "expire");
        }
    } else if !options.get {
        entry.used();
    }
    match (options.get, refused) {
        (true, _) => {}
        (false, true) => ctx.out.null(),
        (false, false) => ctx.out.ok(),
    }
    Ok(())
}

fn setnx(ctx: &mut Ctx) -> CommandResult {
    let mut entry = ctx.keys.entry(ctx.args.get(1).unwrap_or_default());
    let new = !entry.exists();
    if new {
        entry.store_string(ctx.args.get(2).unwrap_or_default(), Expiry::Never);
        entry.changed(EventClass::STRING, "set");
    } else {
        entry.used();
    }
    ctx.out.integer(i64::from(new));
    Ok(())
}

fn setex(ctx: &mut Ctx) -> CommandResult {
    set_expiring(ctx, Time::Seconds(ctx.arg(2)))
}

fn psetex(ctx: &mut Ctx) -> CommandResult {
    set_expiring(ctx, Time::Millis(ctx.arg(2)))
}

fn set_expiring(ctx: &mut Ctx, time: Time<'_>) -> CommandResult {
    let expire_ms = time.moment(ctx)?;
    let (key, value) = (ctx.arg(1), ctx.arg(3));
    let mut entry = ctx.keys.entry(key);
    entry.store_string(value, Expiry::At(expire_ms));
    entry.changed(EventClass::STRING, "set");
    entry.event(EventClass::GENERIC, "expire");
    ctx.out.ok();
    Ok(())
}

fn getset(ctx: &mut Ctx) -> CommandResult {
    let (key, value) = (ctx.arg(1), ctx.arg(2));
    let mut entry = ctx.keys.entry(key);
    entry.count_read();
    // Once for reading, and then for writing.
    entry.used();
    match entry.value() {
        Some(ValueRef::String(old)) => ctx.out.string(old),
        Some(_) => return Err(CommandError::WRONG_TYPE),
        None => ctx.out.null(),
    }
    entry.store_string(value, Expiry::Never);
    entry.changed(EventClass::STRING, "set");
    Ok(())
}

fn getdel(ctx: &mut Ctx) -> CommandResult {
    let key = ctx.arg(1);
    let mut entry = ctx.keys.entry(key);
    entry.count_read();
    match entry.value() {
        Some(ValueRef::String(old)) => ctx.out.string(old),
        Some(_) => return Err(CommandError::WRONG_TYPE),
        None => {
            ctx.out.null();
            return Ok(());
        }
    }
    entry.remove();
    entry.changed(EventClass::GENERIC, "del");
    Ok(())
}

fn getex(ctx: &mut Ctx) -> CommandResult {
    let key = ctx.arg(1);
    let options = Options::of_get(ctx.cursor(2))?;
    let Some(value) = ctx.keys.string(key)? else {
        ctx.out.null();
        return Ok(());
    };
    ctx.out.string(value);
    let Some(time) = options.time else {
        let mut entry = ctx.keys.entry(key);
        if options.persist && entry.expiry().is_some() {
            entry.set_expiry(Expiry::Never);
            entry.changed(EventClass::GENERIC, "persist");
        }
        return Ok(());
    };
    let expire_ms = time.moment(ctx)?;
    let now_ms = ctx.keys.now_ms();
    let past = time.is_absolute() && expire_ms <= now_ms && !ctx.keys.settings().loading();
    let mut entry = ctx.keys.entry(key);
    if past {
        entry.remove();
        entry.changed(EventClass::GENERIC, "del");
    } else {
        entry.set_expiry(Expiry::At(expire_ms));
        entry.changed(EventClass::GENERIC, "expire");
    }
    Ok(())
}
