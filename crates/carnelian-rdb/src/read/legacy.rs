//! The layouts that Redis wrote before the listpack: ziplists and zipmaps, turned into listpacks.

use carnelian_encoding::Listpack;

/// Turns a ziplist into a listpack. `None` if anything about it is wrong.
///
/// A ziplist is `total bytes u32 | offset of the last entry u32 | entries u16 | entry ... | FF`, little endian; an entry
/// is the size of the one before it, an encoding with a length, and the content.
pub(super) fn from_ziplist(bytes: &[u8]) -> Option<Listpack> {
    const HEADER: usize = 10;
    let total = u32::from_le_bytes(bytes.get(..4)?.try_into().ok()?);
    let tail = u32::from_le_bytes(bytes.get(4..8)?.try_into().ok()?) as usize;
    let count = u16::from_le_bytes(bytes.get(8..HEADER)?.try_into().ok()?);
    let (&end, entries) = bytes.split_last()?;
    if total as usize != bytes.len() || end != 0xFF || tail > entries.len() {
        return None;
    }
    let mut listpack = Listpack::new();
    let (mut at, mut previous, mut last, mut seen) = (HEADER, 0usize, None, 0usize);
    while at < entries.len() {
        let entry = &entries[at..];
        let (previous_size, head) = match entry {
            [0xFE, a, b, c, d, ..] => (u32::from_le_bytes([*a, *b, *c, *d]) as usize, 5),
            [size @ 0..0xFE, ..] => (*size as usize, 1),
            _ => return None,
        };
        if previous_size != previous {
            return None;
        }
        let size = head + push_ziplist_content(entry.get(head..)?, &mut listpack)?;
        last = Some(at);
        previous = size;
        at += size;
        seen += 1;
    }
    let right = at == entries.len()
        && last.is_none_or(|last| last == tail)
        && (count == u16::MAX || count as usize == seen);
    right.then_some(listpack)
}

/// Appends the content of an entry; gives how many bytes it and its encoding take.
fn push_ziplist_content(content: &[u8], listpack: &mut Listpack) -> Option<usize> {
    let first = *content.first()?;
    let (head, len): (usize, usize) = match first >> 6 {
        0 => (1, first as usize),
        1 => (2, ((first & 0x3F) as usize) << 8 | *content.get(1)? as usize),
        2 => (5, u32::from_be_bytes(content.get(1..5)?.try_into().ok()?) as usize),
        _ => {
            let size = match first {
                0xC0 => 2,
                0xD0 => 4,
                0xE0 => 8,
                0xF0 => 3,
                0xFE => 1,
                0xF1..=0xFD => 0,
                _ => return None,
            };
            let mut le = [0; 8];
            le[..size].copy_from_slice(content.get(1..=size)?);
            let int = if size == 0 {
                (first & 0x0F) as i64 - 1
            } else {
                let unused_bits = 64 - 8 * size as u32;
                i64::from_le_bytes(le) << unused_bits >> unused_bits
            };
            listpack.push_back_int(int);
            return Some(1 + size);
        }
    };
    listpack.push_back(content.get(head..head.checked_add(len)?)?);
    Some(head + len)
}

/// Turns a zipmap, the small hash of Redis 2.4, into a listpack. `None` if anything about it is wrong.
///
/// A zipmap is `fields u8 | entry ... | FF`; an entry is the field and its length, then the value and its length, where
/// a byte with the number of unused bytes behind the value stands between length and value.
pub(super) fn from_zipmap(bytes: &[u8]) -> Option<Listpack> {
    let (&count, rest) = bytes.split_first()?;
    let (&end, mut rest) = rest.split_last()?;
    if end != 0xFF {
        return None;
    }
    let mut listpack = Listpack::new();
    let mut seen = 0usize;
    while !rest.is_empty() {
        let (len, behind) = zipmap_len(rest)?;
        let (field, behind) = behind.split_at_checked(len)?;
        let (len, behind) = zipmap_len(behind)?;
        let (&unused, behind) = behind.split_first()?;
        let (value, behind) = behind.split_at_checked(len)?;
        rest = behind.get(unused as usize..)?;
        listpack.push_back(field);
        listpack.push_back(value);
        seen += 1;
    }
    (count == 254 || count as usize == seen).then_some(listpack)
}

fn zipmap_len(bytes: &[u8]) -> Option<(usize, &[u8])> {
    match bytes {
        [len @ 0..254, rest @ ..] => Some((*len as usize, rest)),
        [254, a, b, c, d, rest @ ..] => {
            let len = u32::from_le_bytes([*a, *b, *c, *d]) as usize;
            (len >= 254).then_some((len, rest))
        }
        _ => None,
    }
}
