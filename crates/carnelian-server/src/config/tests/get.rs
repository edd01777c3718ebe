//! CONFIG GET.

use crate::config::Config;

fn names(patterns: &[&str]) -> Vec<String> {
    let patterns: Vec<&[u8]> = patterns.iter().map(|p| p.as_bytes()).collect();
    let found = Config::new("/").get_matching(&patterns);
    found.into_iter().map(|(name, _)| String::from_utf8(name).unwrap()).collect()
}

#[test]
fn names_match_in_any_case_and_come_once() {
    for (patterns, expected) in [
        (&["maxmemory"][..], &["maxmemory"][..]),
        // A plain name comes back as it was written.
        (&["MAXMEMORY"], &["MAXMEMORY"]),
        (&["MAXMEMORY", "maxmemory"], &["MAXMEMORY"]),
        (&["MaxMemory-S*"], &["maxmemory-samples"]),
        (&["slave-pri*", "SLAVE-PRIORITY"], &["slave-priority"]),
        (&["replica-priority", "slave-priority"], &["replica-priority", "slave-priority"]),
        (&["*-priority"], &["replica-priority", "slave-priority"]),
        (&["hash-max-[lz]i?*-entries"], &["hash-max-listpack-entries", "hash-max-ziplist-entries"]),
        (&["[^a-z]*"], &[]),
        (&["nothing", "such"], &[]),
        // Without a wildcard a backslash is just a byte.
        (&["maxmem\\ory"], &[]),
        (&["maxmem\\ory*samples"], &["maxmemory-samples"]),
        (&["lua-time-limit"], &["lua-time-limit"]),
        (&["", "*****"], &names(&["*"]).iter().map(String::as_str).collect::<Vec<_>>()),
    ] {
        assert_eq!(names(patterns), expected, "{patterns:?}");
    }
}

#[test]
fn a_huge_pattern_costs_little() {
    let start = std::time::Instant::now();
    for len in [4096, 1 << 20] {
        for unit in ["*?", "[a-z]*", "a*", "[m"] {
            assert!(names(&[&unit.repeat(len / unit.len())]).is_empty());
        }
    }
    assert_eq!(names(&[&format!("*por[{}", "t".repeat(4000))]).first().unwrap(), "port");
    // Far above what it takes, even unoptimised on a busy machine, and far below what backtracking would.
    assert!(start.elapsed().as_secs() < 20, "{:?}", start.elapsed());
}
