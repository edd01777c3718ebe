//! LCS: the longest common subsequence of two strings.

use crate::ctx::Ctx;
use crate::error::{CommandError, CommandResult};
use crate::spec::{CommandSpec, Flags, Group, KeyFlags, KeySpec, check};
use carnelian_engine::{Keyspace, ValueRef};
use carnelian_resp::ReplyWriter;

pub(crate) const COMMANDS: &[CommandSpec] = &[CommandSpec::run("lcs", -3, Group::String, lcs)
    .flags(&[Flags::READONLY])
    .keys(&[KeySpec::range(1, 1, 1, KeyFlags::RO.or(KeyFlags::ACCESS))])
    .docs(
        "7.0.0",
        "O(N*M), N and M being the lengths of the strings",
        "Finds the longest common subsequence of two strings: its text, its length or where it is.",
        "LCS key1 key2 [LEN] [IDX] [MINMATCHLEN min-match-len] [WITHMATCHLEN]",
    )];

const _: () = check(COMMANDS);

fn lcs(ctx: &mut Ctx) -> CommandResult {
    let (first, second) = (read(ctx.keys, ctx.arg(1)), read(ctx.keys, ctx.arg(2)));
    let (a, b) = (first?, second?);
    let (mut only_length, mut ranges, mut with_length, mut least) = (false, false, false, 0);
    let mut cursor = ctx.cursor(3);
    while !cursor.is_done() {
        if cursor.word("IDX") {
            ranges = true;
        } else if cursor.word("LEN") {
            only_length = true;
        } else if cursor.word("WITHMATCHLEN") {
            with_length = true;
        } else if let Some(operand) = cursor.word_with("MINMATCHLEN") {
            least = usize::try_from(crate::cursor::integer(operand)?).unwrap_or(0);
        } else {
            return Err(CommandError::SYNTAX);
        }
    }
    if only_length && ranges {
        return Err(CommandError::LCS_AMBIGUOUS);
    }
    let table = Lengths::new(&a, &b, ctx.keys.settings().max_bulk_len())?;
    if ranges {
        ctx.out.map(2);
        ctx.out.bulk(b"matches");
        let array = ctx.out.begin_array();
        let mut count = 0;
        table.walk(|run| {
            if run.length >= least {
                write_run(ctx.out, &run, with_length);
                count += 1;
            }
        });
        ctx.out.end_array(array, count);
        ctx.out.bulk(b"len");
        ctx.out.integer(table.longest() as i64);
    } else if only_length {
        ctx.out.integer(table.longest() as i64);
    } else {
        let mut text = vec![0; table.longest()];
        let mut end = text.len();
        table.walk(|run| {
            let start = end - run.length;
            text[start..end].copy_from_slice(&a[run.a..run.a + run.length]);
            end = start;
        });
        ctx.out.bulk(&text);
    }
    Ok(())
}

fn read(keys: &mut Keyspace<'_>, key: &[u8]) -> CommandResult<Vec<u8>> {
    match keys.read(key) {
        Some(ValueRef::String(string)) => Ok(string.get().to_vec()),
        Some(_) => Err(CommandError::LCS_NOT_STRINGS),
        None => Ok(Vec::new()),
    }
}

fn write_run(out: &mut ReplyWriter, run: &Run, with_length: bool) {
    out.array(2 + usize::from(with_length));
    for start in [run.a, run.b] {
        out.array(2);
        out.integer(start as i64);
        out.integer((start + run.length) as i64 - 1);
    }
    if with_length {
        out.integer(run.length as i64);
    }
}

/// Bytes that the subsequence takes from both strings without a gap.
struct Run {
    a: usize,
    b: usize,
    length: usize,
}

/// Lengths of the longest common subsequences of all prefixes of two strings.
struct Lengths<'a> {
    a: &'a [u8],
    b: &'a [u8],
    /// Row i, column j: for the first i bytes of `a` and the first j of `b`.
    cells: Vec<u32>,
}

impl<'a> Lengths<'a> {
    fn new(a: &'a [u8], b: &'a [u8], limit: usize) -> CommandResult<Self> {
        // Lengths are 32-bit numbers here.
        let most = u32::MAX as usize - 1;
        if a.len() >= most || b.len() >= most {
            return Err(CommandError::LCS_TOO_LONG);
        }
        let width = b.len() + 1;
        let count = (a.len() + 1).saturating_mul(width);
        if count.saturating_mul(size_of::<u32>()) > limit {
            return Err(CommandError::LCS_MEMORY_LIMIT);
        }
        let mut cells = Vec::new();
        cells.try_reserve_exact(count).map_err(|_| CommandError::LCS_NO_MEMORY)?;
        cells.resize(count, 0);
        let mut rows = cells.chunks_exact_mut(width);
        let mut above: &mut [u32] = rows.next().unwrap_or_default();
        for (byte, row) in a.iter().zip(rows) {
            let mut left = 0;
            for (((cell, other), pair), corner) in
                row[1..].iter_mut().zip(b).zip(above[1..].iter()).zip(above.iter())
            {
                left = if byte == other { corner + 1 } else { left.max(*pair) };
                *cell = left;
            }
            above = row;
        }
        Ok(Self { a, b, cells })
    }

    fn at(&self, i: usize, j: usize) -> u32 {
        self.cells[i * (self.b.len() + 1) + j]
    }

    fn longest(&self) -> usize {
        self.at(self.a.len(), self.b.len()) as usize
    }

    /// Visits the runs of one longest subsequence from the last to the first. Where there is a choice, `b` is shortened.
    fn walk(&self, mut visit: impl FnMut(Run)) {
        let (mut i, mut j) = (self.a.len(), self.b.len());
        while i > 0 && j > 0 {
            if self.a[i - 1] != self.b[j - 1] {
                if self.at(i - 1, j) > self.at(i, j - 1) {
                    i -= 1;
                } else {
                    j -= 1;
                }
                continue;
            }
            let (end, mut length) = ((i, j), 0);
            while i > 0 && j > 0 && self.a[i - 1] == self.b[j - 1] {
                (i, j, length) = (i - 1, j - 1, length + 1);
            }
            visit(Run { a: end.0 - length, b: end.1 - length, length });
        }
    }
}
