//! Every target on each of its seeds, without a fuzzer and with any toolchain.

use std::collections::BTreeSet;
use std::path::Path;

use carnelian_fuzz::TARGETS;

#[test]
fn seeds_find_nothing() {
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds");
    for (name, target) in TARGETS {
        let files =
            std::fs::read_dir(seeds.join(name)).unwrap_or_else(|error| panic!("seeds/{name}: {error}"));
        let mut run = 0;
        for file in files {
            let data = std::fs::read(file.expect("a folder entry").path()).expect("a seed");
            // Cut off at every byte, each seed is many.
            for end in 0..=data.len().min(512) {
                target(&data[..end]);
            }
            target(&data);
            run += 1;
        }
        assert!(run > 0, "{name} has no seeds");
    }
}

#[test]
fn every_target_is_listed() {
    let targets = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz_targets");
    let files: BTreeSet<_> = std::fs::read_dir(targets)
        .expect("the folder of targets")
        .map(|file| file.expect("a folder entry").path().file_stem().expect("a name").to_owned())
        .collect();
    let listed: BTreeSet<_> = TARGETS.iter().map(|(name, _)| (*name).into()).collect();
    assert_eq!(files, listed);
}
