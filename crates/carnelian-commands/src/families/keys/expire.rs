//! When keys expire.

use crate::ctx::Ctx;
use crate::cursor::{Cursor, integer};
use crate::error::{CommandError, CommandResult};
use crate::spec::{CommandSpec, Flags, Group, KeyFlags, KeySpec, check};
use carnelian_engine::{EventClass, Expiry, Lookup, Removal};

pub(crate) const COMMANDS: &[CommandSpec] = &[
    CommandSpec::run("expire", -3, Group::Generic, expire)
        .flags(&[Flags::WRITE, Flags::FAST])
        .keys(&[KeySpec::one(1, KeyFlags::RW.or(KeyFlags::UPDATE))])
        .docs(
            "1.0.0",
            "O(1)",
            "Makes a key expire after some seconds.",
            "EXPIRE key seconds [NX | XX | GT | LT]",
        )
        .history(&[("7.0.0", "Options `NX`, `XX`, `GT` and `LT`.")]),
    CommandSpec::run("expireat", -3, Group::Generic, expire)
        .flags(&[Flags::WRITE, Flags::FAST])
        .keys(&[KeySpec::one(1, KeyFlags::RW.or(KeyFlags::UPDATE))])
        .docs(
            "1.2.0",
            "O(1)",
            "Makes a key expire at a time given in seconds since 1970.",
            "EXPIREAT key unix-time-seconds [NX | XX | GT | LT]",
        )
        .history(&[("7.0.0", "Options `NX`, `XX`, `GT` and `LT`.")]),
    CommandSpec::run("expiretime", 2, Group::Generic, expiretime)
        .flags(&[Flags::READONLY, Flags::FAST])
        .looks()
        .keys(&[KeySpec::one(1, KeyFlags::RO.or(KeyFlags::ACCESS))])
        .docs("7.0.0", "O(1)", "Returns when a key expires, in seconds since 1970.", "EXPIRETIME key"),
    CommandSpec::run("persist", 2, Group::Generic, persist)
        .flags(&[Flags::WRITE, Flags::FAST])
        .keys(&[KeySpec::one(1, KeyFlags::RW.or(KeyFlags::UPDATE))])
        .docs("2.2.0", "O(1)", "Makes a key stay until it is removed.", "PERSIST key"),
    CommandSpec::run("pexpire", -3, Group::Generic, expire)
        .flags(&[Flags::WRITE, Flags::FAST])
        .keys(&[KeySpec::one(1, KeyFlags::RW.or(KeyFlags::UPDATE))])
        .docs(
            "2.6.0",
            "O(1)",
            "Makes a key expire after some milliseconds.",
            "PEXPIRE key milliseconds [NX | XX | GT | LT]",
        )
        .history(&[("7.0.0", "Options `NX`, `XX`, `GT` and `LT`.")]),
    CommandSpec::run("pexpireat", -3, Group::Generic, expire)
        .flags(&[Flags::WRITE, Flags::FAST])
        .keys(&[KeySpec::one(1, KeyFlags::RW.or(KeyFlags::UPDATE))])
        .docs(
            "2.6.0",
            "O(1)",
            "Makes a key expire at a time given in milliseconds since 1970.",
            "PEXPIREAT key unix-time-milliseconds [NX | XX | GT | LT]",
        )
        .history(&[("7.0.0", "Options `NX`, `XX`, `GT` and `LT`.")]),
    CommandSpec::run("pexpiretime", 2, Group::Generic, pexpiretime)
        .flags(&[Flags::READONLY, Flags::FAST])
        .looks()
        .keys(&[KeySpec::one(1, KeyFlags::RO.or(KeyFlags::ACCESS))])
        .docs("7.0.0", "O(1)", "Returns when a key expires, in milliseconds since 1970.", "PEXPIRETIME key"),
    CommandSpec::run("pttl", 2, Group::Generic, pttl)
        .flags(&[Flags::READONLY, Flags::FAST])
        .tips(&["nondeterministic_output"])
        .looks()
        .keys(&[KeySpec::one(1, KeyFlags::RO.or(KeyFlags::ACCESS))])
        .docs("2.6.0", "O(1)", "Returns how long a key has to live, in milliseconds.", "PTTL key")
        .history(&[("2.8.0", "Tells a key that does not exist (-2) from one that never expires (-1).")]),
    CommandSpec::run("ttl", 2, Group::Generic, ttl)
        .flags(&[Flags::READONLY, Flags::FAST])
        .tips(&["nondeterministic_output"])
        .looks()
        .keys(&[KeySpec::one(1, KeyFlags::RO.or(KeyFlags::ACCESS))])
        .docs("1.0.0", "O(1)", "Returns how long a key has to live, in seconds.", "TTL key")
        .history(&[("2.8.0", "Tells a key that does not exist (-2) from one that never expires (-1).")]),
];

const _: () = check(COMMANDS);

/// On which condition an expiry is set.
#[derive(Clone, Copy, Default)]
struct Conditions {
    never_expires: bool,
    expires: bool,
    later: bool,
    sooner: bool,
}

impl Conditions {
    fn parse(mut cursor: Cursor<'_>) -> CommandResult<Self> {
        let mut conditions = Self::default();
        while !cursor.is_done() {
            if cursor.word("NX") {
                conditions.never_expires = true;
            } else if cursor.word("XX") {
                conditions.expires = true;
            } else if cursor.word("GT") {
                conditions.later = true;
            } else if cursor.word("LT") {
                conditions.sooner = true;
            } else {
                return Err(CommandError::unsupported_option(cursor.take()?));
            }
        }
        if conditions.never_expires && (conditions.expires || conditions.later || conditions.sooner) {
            return Err(CommandError::EXPIRE_NX);
        }
        if conditions.later && conditions.sooner {
            return Err(CommandError::EXPIRE_GT_LT);
        }
        Ok(conditions)
    }

    /// Whether the new moment may replace the old one. A key that never expires counts as expiring after all others.
    fn allow(self, old: Option<u64>, new: i64) -> bool {
        let old = old.map(u64::cast_signed);
        !(self.never_expires && old.is_some()
            || self.expires && old.is_none()
            || self.later && old.is_none_or(|old| new <= old)
            || self.sooner && old.is_some_and(|old| new >= old))
    }
}

fn expire(ctx: &mut Ctx) -> CommandResult {
    let (key, name) = (ctx.arg(1), ctx.spec.name);
    let conditions = Conditions::parse(ctx.cursor(3))?;
    let unit = if name.starts_with('p') { 1 } else { 1000 };
    let base = if name.ends_with("at") { 0 } else { ctx.keys.now_ms().cast_signed() };
    let expire_ms = integer(ctx.arg(2))?
        .checked_mul(unit)
        .and_then(|millis| millis.checked_add(base))
        .ok_or_else(|| CommandError::invalid_expire(name))?;
    let now_ms = ctx.keys.now_ms().cast_signed();
    let loading = ctx.keys.settings().loading();
    let mut entry = ctx.keys.entry(key);
    if !entry.exists() || !conditions.allow(entry.expiry(), expire_ms) {
        entry.used();
        ctx.out.integer(0);
        return Ok(());
    }
    if expire_ms <= now_ms && !loading {
        ctx.keys.remove_for(key, Removal::Expired);
        ctx.changed(EventClass::GENERIC, "del", key);
    } else {
        // Counts as a use of the key.
        entry.touch();
        entry.set_expiry(Expiry::At(expire_ms.max(0).unsigned_abs()));
        entry.changed(EventClass::GENERIC, "expire");
    }
    ctx.out.integer(1);
    Ok(())
}

fn persist(ctx: &mut Ctx) -> CommandResult {
    let mut entry = ctx.keys.entry(ctx.args.get(1).unwrap_or_default());
    let expires = entry.expiry().is_some();
    if expires {
        entry.touch();
        entry.set_expiry(Expiry::Never);
        entry.changed(EventClass::GENERIC, "persist");
    } else {
        entry.used();
    }
    ctx.out.integer(i64::from(expires));
    Ok(())
}

fn ttl(ctx: &mut Ctx) -> CommandResult {
    reply_expiry(ctx, |expire_ms, now_ms| (expire_ms.saturating_sub(now_ms).saturating_add(500)) / 1000)
}

fn pttl(ctx: &mut Ctx) -> CommandResult {
    reply_expiry(ctx, u64::saturating_sub)
}

fn expiretime(ctx: &mut Ctx) -> CommandResult {
    reply_expiry(ctx, |expire_ms, _| expire_ms.saturating_add(500) / 1000)
}

fn pexpiretime(ctx: &mut Ctx) -> CommandResult {
    reply_expiry(ctx, |expire_ms, _| expire_ms)
}

/// Replies with what `form` makes of the expiry and the present; -2 without the key, -1 without an expiry.
fn reply_expiry(ctx: &mut Ctx, form: fn(u64, u64) -> u64) -> CommandResult {
    let key = ctx.arg(1);
    let reply = if ctx.keys.read_with(key, Lookup::NoTouch).is_none() {
        -2
    } else {
        match ctx.keys.expiry(key) {
            Some(expire_ms) => form(expire_ms, ctx.keys.now_ms()).cast_signed(),
            None => -1,
        }
    };
    ctx.out.integer(reply);
    Ok(())
}
