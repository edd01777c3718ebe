//! Members picked at random: SPOP, SRANDMEMBER.

use crate::ctx::{Ctx, ElementReply, TypedKeys};
use crate::cursor::integer;
use crate::error::{CommandError, CommandResult};
use crate::families::random::{Picks, check_reply};
use crate::spec::{CommandSpec, Flags, Group, KeyFlags, KeySpec, check};
use carnelian_engine::{EventClass, Set};

pub(crate) const COMMANDS: &[CommandSpec] = &[
    CommandSpec::run("spop", -2, Group::Set, spop)
        .flags(&[Flags::WRITE, Flags::FAST])
        .keys(&[KeySpec::one(1, KeyFlags::RW.or(KeyFlags::ACCESS).or(KeyFlags::DELETE))])
        .docs(
            "1.0.0",
            "O(1), or O(N) with a count of N",
            "Removes members picked at random from a set and returns them.",
            "SPOP key [count]",
        )
        .tips(&["nondeterministic_output"])
        .history(&[("3.2.0", "The `count` argument.")]),
    CommandSpec::run("srandmember", -2, Group::Set, srandmember)
        .flags(&[Flags::READONLY])
        .keys(&[KeySpec::one(1, KeyFlags::RO.or(KeyFlags::ACCESS))])
        .docs(
            "1.0.0",
            "O(1), or O(N) with a count of N or -N",
            "Returns members of a set, picked at random.",
            "SRANDMEMBER key [count]",
        )
        .tips(&["nondeterministic_output"])
        .history(&[("2.6.0", "The `count` argument.")]),
];

const _: () = check(COMMANDS);

/// Popping so many times more than stays moves what stays to a new set instead.
const MOVE_FACTOR: usize = 5;

fn spop(ctx: &mut Ctx) -> CommandResult {
    match ctx.args.len() {
        2 => spop_one(ctx),
        3 => spop_many(ctx),
        _ => Err(CommandError::SYNTAX),
    }
}

fn spop_one(ctx: &mut Ctx) -> CommandResult {
    let key = ctx.arg(1);
    let mut rng = ctx.keys.rng();
    let mut entry = ctx.keys.entry(key);
    let Some(mut set) = entry.edit::<Set>()? else {
        ctx.out.null();
        return Ok(());
    };
    set.pop_random(&mut rng, |member| ctx.out.element(member));
    let emptied = set.is_empty();
    drop(set);
    entry.changed(EventClass::SET, "spop");
    if emptied {
        entry.remove_emptied();
    }
    Ok(())
}

fn spop_many(ctx: &mut Ctx) -> CommandResult {
    let key = ctx.arg(1);
    let count = integer(ctx.arg(2)).ok().and_then(|count| usize::try_from(count).ok());
    let count = count.ok_or(CommandError::NOT_POSITIVE)?;
    let (settings, mut rng) = (ctx.keys.settings(), ctx.keys.rng());
    let Some(mut set) = ctx.keys.set_mut(key)? else {
        ctx.out.set(0);
        return Ok(());
    };
    let size = set.len();
    if count == 0 {
        ctx.out.set(0);
        return Ok(());
    }
    ctx.out.set(count.min(size));
    let remaining = size.saturating_sub(count);
    if remaining == 0 {
        set.view().iter().for_each(|member| ctx.out.element(member));
        drop(set);
        ctx.keys.changed(EventClass::SET, "spop", key);
        ctx.remove_emptied(key);
    } else if remaining.saturating_mul(MOVE_FACTOR) > count {
        for _ in 0..count {
            set.pop_random(&mut rng, |member| ctx.out.element(member));
        }
        drop(set);
        ctx.keys.changed(EventClass::SET, "spop", key);
    } else {
        let mut rest: Option<Set> = None;
        set.view().sample(&mut rng, remaining, |member| {
            let rest = rest.get_or_insert_with(|| {
                member.with_bytes(|first| Set::for_member(first, remaining, settings))
            });
            rest.add_element(member, settings);
        });
        let stays = |member| rest.as_ref().is_some_and(|rest| rest.view().contains_element(member));
        set.view().iter().filter(|member| !stays(*member)).for_each(|member| ctx.out.element(member));
        drop(set);
        if let Some(rest) = rest {
            ctx.keys.insert_keep_expiry(key, rest.into());
        }
        ctx.keys.changed(EventClass::SET, "spop", key);
    }
    ctx.dirty(count.min(size) as u64);
    Ok(())
}

fn srandmember(ctx: &mut Ctx) -> CommandResult {
    let key = ctx.arg(1);
    let mut rng = ctx.keys.rng();
    let picks = match ctx.args.len() {
        2 => {
            match ctx.keys.set(key)?.and_then(|set| set.random(&mut rng)) {
                Some(member) => ctx.out.element(member),
                None => ctx.out.null(),
            }
            return Ok(());
        }
        3 => Picks::parse(ctx.arg(2))?,
        _ => return Err(CommandError::SYNTAX),
    };
    let Some(set) = ctx.keys.set(key)? else {
        ctx.out.array(0);
        return Ok(());
    };
    match picks {
        Picks::Different(count) if count >= set.len() => {
            ctx.out.array(set.len());
            set.iter().for_each(|member| ctx.out.element(member));
        }
        Picks::Different(count) => {
            ctx.out.array(count);
            set.sample(&mut rng, count, |member| ctx.out.element(member));
        }
        Picks::Repeated(count) => {
            let start = ctx.out.len();
            check_reply(0, count)?;
            ctx.out.array(count);
            for left in (0..count).rev() {
                if let Some(member) = set.random(&mut rng) {
                    ctx.out.element(member);
                }
                check_reply(ctx.out.len() - start, left)?;
            }
        }
    }
    Ok(())
}
