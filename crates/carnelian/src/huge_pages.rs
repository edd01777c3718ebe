//! Memory that is in use throughout goes to huge pages, in the background.
//!
//! Looking up random keys of a large dataset waits for the translation of addresses as much as for the data: pages of 4 KiB
//! are too many for what the processor remembers of them. Huge pages from the start would be resident as a whole with their
//! first byte, and clearing one holds up the command that touches it first. So pages stay small until all of a range of 2 MiB
//! are there; then the kernel is asked to move them to a huge one, which takes no more memory, and whoever touches the range
//! meanwhile waits for some tenths of a millisecond. What is given back later leaves the rest of a huge page as small ones.
//!
//! The process never forks, so that there are no huge pages to be copied because of one byte that changes (the reason why
//! Redis turns them off).

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::time::{Duration, Instant};

/// Bytes of a huge page, on the processors that this is for.
const HUGE: usize = 2 * 1024 * 1024;
const PAGE: usize = 4096;
/// Bytes that the kernel's table of pages has for each page.
const ENTRY: usize = 8;
/// Set in the last byte of an entry while the page is in memory.
const PRESENT: u8 = 0x80;
/// The table of so many ranges is read at once.
const RANGES: usize = 4;
/// Time between two rounds, at least.
const PAUSE: Duration = Duration::from_secs(1);
/// After each piece of work a pause so many times as long: it takes a fiftieth of a core at most. A huge page costs some tenths
/// of a millisecond, and ten times that on a virtual machine whose host has yet to find the memory.
const PAUSE_FACTOR: u32 = 50;

/// Starts the thread that does it, where it can be done.
pub(crate) fn start() {
    if !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        return;
    }
    // Without the thread, or when it has to give up, everything works as before.
    let _ = std::thread::Builder::new().name("huge-pages".into()).spawn(|| {
        let _ = run();
    });
}

fn run() -> io::Result<()> {
    let table = File::open("/proc/self/pagemap")?;
    let mut buffer = vec![0; RANGES * HUGE / PAGE * ENTRY];
    let (mut faults, mut works) = (0, false);
    // Ranges that have been moved, and have been full whenever they were looked at since.
    let mut moved = BTreeSet::new();
    loop {
        std::thread::sleep(PAUSE);
        // As long as hardly a page comes, no range becomes full.
        let now = page_faults()?;
        if now - faults < (HUGE / PAGE) as u64 {
            continue;
        }
        faults = now;
        let mut full = BTreeSet::new();
        for mapping in mappings()? {
            for block in mapping.clone().step_by(RANGES * HUGE) {
                let block = block..mapping.end.min(block + RANGES * HUGE);
                rested(|| full_ranges(&table, &mut buffer, block, &mut full))?;
            }
        }
        moved.retain(|start| full.contains(start));
        for start in full {
            if moved.contains(&start) {
                continue;
            }
            match rested(|| collapse(start)) {
                Ok(()) => {
                    works = true;
                    moved.insert(start);
                }
                // The kernel does not know of it, or does not want it.
                Err(error) if !works && error.kind() == io::ErrorKind::InvalidInput => return Err(error),
                // One of the pages could not be moved just now.
                Err(_) => {}
            }
        }
    }
}

/// Does something and then pauses in proportion.
fn rested<T>(work: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let done = work();
    std::thread::sleep(start.elapsed() * PAUSE_FACTOR);
    done
}

/// Page faults of the process so far that needed no reading.
fn page_faults() -> io::Result<u64> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    // The name of the program, in parentheses, may hold anything.
    let field = stat.rsplit(')').next().and_then(|fields| fields.split_whitespace().nth(7));
    field.and_then(|field| field.parse().ok()).ok_or_else(|| io::ErrorKind::InvalidData.into())
}

/// The parts of anonymous private mappings that huge pages could be in.
fn mappings() -> io::Result<Vec<Range<usize>>> {
    let mut found = Vec::new();
    for line in BufReader::new(File::open("/proc/self/maps")?).lines() {
        found.extend(mapping(&line?).filter(|range| !range.is_empty()));
    }
    Ok(found)
}

/// As [`mappings`], of one line.
fn mapping(line: &str) -> Option<Range<usize>> {
    let mut words = line.split_whitespace();
    let (start, end) = words.next()?.split_once('-')?;
    let (access, inode, name) = (words.next()?, words.nth(2)?, words.next());
    if access != "rw-p" || inode != "0" || name.is_some() {
        return None;
    }
    let address = |text| usize::from_str_radix(text, 16).ok();
    Some(address(start)?.next_multiple_of(HUGE)..address(end)? / HUGE * HUGE)
}

/// Adds those ranges of a block, by their start, of which all pages are in memory.
fn full_ranges(
    table: &File,
    buffer: &mut [u8],
    block: Range<usize>,
    full: &mut BTreeSet<usize>,
) -> io::Result<()> {
    let entries = &mut buffer[..block.len() / PAGE * ENTRY];
    table.read_exact_at(entries, (block.start / PAGE * ENTRY) as u64)?;
    for (number, entries) in entries.chunks_exact(HUGE / PAGE * ENTRY).enumerate() {
        if entries.chunks_exact(ENTRY).all(|entry| entry[ENTRY - 1] & PRESENT != 0) {
            full.insert(block.start + number * HUGE);
        }
    }
    Ok(())
}

/// Has the kernel move the pages of the range that starts here to a huge one.
#[cfg(target_os = "linux")]
#[allow(unsafe_code, reason = "no library has a safe call for it")]
fn collapse(start: usize) -> io::Result<()> {
    // SAFETY: this advice changes what pages memory is in and neither its content nor its addresses, whatever lies there;
    // where nothing lies any more it is refused.
    let result = unsafe { libc::madvise(std::ptr::without_provenance_mut(start), HUGE, libc::MADV_COLLAPSE) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

#[cfg(not(target_os = "linux"))]
fn collapse(_: usize) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(all(test, target_os = "linux", target_arch = "x86_64"))]
mod tests {
    use super::{ENTRY, HUGE, PAGE, RANGES, full_ranges, mapping, page_faults};
    use std::collections::BTreeSet;
    use std::fs::File;

    #[test]
    fn only_anonymous_memory_counts() {
        for (line, found) in [
            ("7f0000100000-7f0000900000 rw-p 00000000 00:00 0 ", Some(0x7f00_0020_0000..0x7f00_0080_0000)),
            ("7f0000200000-7f0000400000 rw-p 00000000 00:00 0", Some(0x7f00_0020_0000..0x7f00_0040_0000)),
            ("7f0000200000-7f0000400000 r--p 00000000 00:00 0", None),
            ("7f0000200000-7f0000400000 rw-s 00000000 00:01 1024 /dev/shm/x", None),
            ("7f0000200000-7f0000400000 rw-p 00000000 08:01 77 /usr/lib/libc.so.6", None),
            ("7ffc00000000-7ffc00400000 rw-p 00000000 00:00 0 [stack]", None),
            ("", None),
        ] {
            assert_eq!(mapping(line), found, "{line}");
        }
        assert!(
            mapping("7f0000100000-7f0000101000 rw-p 00000000 00:00 0").is_some_and(|range| range.is_empty())
        );
    }

    #[test]
    fn a_range_counts_once_all_its_pages_are_there() {
        let Ok(table) = File::open("/proc/self/pagemap") else { return };
        // Where the system gives huge pages from the start, a range is full with its first page.
        let setting = std::fs::read_to_string("/sys/kernel/mm/transparent_hugepage/enabled");
        if setting.is_ok_and(|setting| setting.contains("[always]")) {
            return;
        }
        let mut buffer = vec![0; RANGES * HUGE / PAGE * ENTRY];
        // From the system, so that no page of it is there yet.
        let mut memory: Vec<u8> = Vec::with_capacity((RANGES + 1) * HUGE);
        let start = memory.as_ptr().addr().next_multiple_of(HUGE);
        let mut full = || {
            let mut full = BTreeSet::new();
            full_ranges(&table, &mut buffer, start..start + RANGES * HUGE, &mut full)
                .expect("the table is there");
            full.into_iter().map(|range| (range - start) / HUGE).collect::<Vec<_>>()
        };
        assert!(page_faults().is_ok());
        assert_eq!(full(), []);
        let ahead = start - memory.as_ptr().addr();
        // All of the first two, and all but the last page of the third.
        memory.resize(ahead + 3 * HUGE - PAGE, 1);
        assert_eq!(full(), [0, 1]);
        memory.resize(ahead + 3 * HUGE, 1);
        assert_eq!(full(), [0, 1, 2]);
        // A kernel that cannot do it leaves everything as it is, too.
        let _ = super::collapse(start);
        assert!(memory.iter().all(|byte| *byte == 1));
        assert_eq!(full(), [0, 1, 2]);
    }
}
