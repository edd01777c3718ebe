//! The licences of the crates that are linked into the binary.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::sh;

/// How the file that holds the text of a licence begins, in capitals.
const LICENCE_FILES: &[&str] = &["LICENSE", "LICENCE", "COPYING", "NOTICE", "UNLICENSE"];

/// A page with the name, version and licence of every crate that the binary is made of, followed by the texts, each
/// once, with the crates it came with.
pub(crate) fn third_party() -> Result<String> {
    let metadata = sh::read(&mut sh::cargo(["metadata", "--format-version", "1", "--locked"]))?;
    let metadata: Value =
        serde_json::from_str(&metadata).context("cannot read what `cargo metadata` says")?;
    let linked = linked()?;
    let mut list = String::from("Crates that this binary is made of, and the licences they are under.\n\n");
    let mut texts: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut crates = BTreeMap::new();
    for package in metadata["packages"].as_array().into_iter().flatten() {
        let text = |field: &str| package[field].as_str().unwrap_or_default();
        let name = format!("{} {}", text("name"), text("version"));
        // Packages without a source are our own.
        if !package["source"].is_null() && linked.contains(&name) {
            crates.insert(name, (text("license").to_owned(), text("manifest_path").to_owned()));
        }
    }
    for (name, (licence, manifest)) in crates {
        let _ = writeln!(list, "{name}: {licence}");
        for text in licence_texts(Path::new(&manifest))? {
            texts.entry(text).or_default().insert(name.clone());
        }
    }
    for (text, names) in texts {
        let names = names.into_iter().collect::<Vec<_>>().join(", ");
        let _ = write!(list, "\n{}\n{names}\n\n{}\n", "-".repeat(80), text.trim_end());
    }
    Ok(list)
}

/// Name and version of every package that the binary is linked from.
fn linked() -> Result<BTreeSet<String>> {
    let tree = ["tree", "--locked", "--package", "carnelian", "--edges", "normal", "--prefix", "none"];
    let tree = sh::read(&mut sh::cargo(tree))?;
    let names = tree.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        Some(format!("{} {}", words.next()?, words.next()?.strip_prefix('v')?))
    });
    Ok(names.collect())
}

/// The texts of the licences that lie beside a manifest.
fn licence_texts(manifest: &Path) -> Result<Vec<String>> {
    let dir = manifest.parent().context("a manifest lies in a folder")?;
    let mut texts = Vec::new();
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_uppercase();
        if path.is_file() && LICENCE_FILES.iter().any(|start| name.starts_with(start)) {
            texts.push(String::from_utf8_lossy(&fs::read(&path)?).replace("\r\n", "\n"));
        }
    }
    Ok(texts)
}
