//! `cargo xtask tidy`: what a compiler does not check.

mod rust_text;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use clap::CommandFactory;
use serde_json::Value;

use crate::{codegen, sh};

/// Check the layers of the crates, and that the tree is in order.
///
/// A crate depends only on crates of lower layers, in tests too; generated files are fresh; `unsafe` stays in its
/// islands, which UNSAFE.md explains; files stay short; nothing is left to be done; nothing names a person's machine or a package registry; the
/// README shows only commands that exist; the pages that every project has are there.
#[derive(clap::Args)]
pub(crate) struct Args {}

/// Every crate with the crates of the workspace it may depend on, lowest layer first. A crate knows as little as it
/// can: the RDB format does not know the keyspace, and the tools do not know the server.
const LAYERS: &[(&str, &[&str])] = &[
    ("carnelian-encoding", &[]),
    ("carnelian-resp", &["carnelian-encoding"]),
    ("carnelian-engine", &["carnelian-encoding", "carnelian-resp"]),
    ("carnelian-rdb", &["carnelian-encoding"]),
    ("carnelian-commands", &["carnelian-encoding", "carnelian-resp", "carnelian-engine", "carnelian-rdb"]),
    ("carnelian-client", &["carnelian-encoding", "carnelian-resp"]),
    (
        "carnelian-server",
        &[
            "carnelian-encoding",
            "carnelian-resp",
            "carnelian-engine",
            "carnelian-rdb",
            "carnelian-commands",
            "carnelian-client",
        ],
    ),
    (
        "carnelian-cli",
        &["carnelian-encoding", "carnelian-resp", "carnelian-rdb", "carnelian-commands", "carnelian-client"],
    ),
    ("carnelian-bench", &["carnelian-encoding", "carnelian-resp", "carnelian-client"]),
    // On top: the binary and the automation may use everything.
    ("carnelian", EVERYTHING),
    ("xtask", EVERYTHING),
];

const EVERYTHING: &[&str] = &["*"];

/// The files, or the folders when they end in a slash, that own memory and may say `unsafe`.
const UNSAFE_ISLANDS: &[&str] = &[
    "crates/carnelian/src/huge_pages.rs",
    "crates/carnelian-engine/src/buckets.rs",
    "crates/carnelian-engine/src/lock.rs",
    "crates/carnelian-engine/src/prefetch.rs",
];

/// Where each of them has a section, headed by its path.
const UNSAFE_PAGE: &str = "UNSAFE.md";

/// The longest that a source file may be.
const FILE_LINES_MAX: usize = 900;

/// Files that every reader looks for.
const PAGES: &[&str] = &["README.md", "CHANGELOG.md", UNSAFE_PAGE, "LICENSE-MIT", "LICENSE-APACHE"];

/// Words that say that something is left to be done. They are written so that this file does not contain them.
const UNFINISHED: &[&str] =
    &[concat!("TO", "DO"), concat!("FIX", "ME"), concat!("todo", "!("), concat!("unimplemented", "!(")];

/// Pieces of paths that exist on one machine only.
const MACHINE_PATHS: &[&str] = &[
    concat!("/tmp", "/wt"),
    concat!("/tmp", "/house"),
    concat!("/tmp", "/ref"),
    concat!("/tmp", "/target"),
    concat!("/work", "/"),
    concat!("/home", "/"),
    concat!("/Users", "/"),
];

/// Hosts that packages come from; which one is used is the business of the machine's configuration.
const REGISTRY_HOSTS: &[&str] = &[
    concat!("crates", ".io"),
    concat!("pypi", ".org"),
    concat!("debian", ".org"),
    concat!("ubuntu", ".com"),
    concat!("npmjs", ".org"),
    concat!("golang", ".org"),
    concat!("ghcr", ".io"),
    concat!("docker", ".io"),
];

pub(crate) fn run(_: Args) -> Result<()> {
    let mut problems = Vec::new();
    layers(&workspace()?, &mut problems);
    problems.extend(codegen::stale().iter().map(|path| format!("{path}: stale, run `cargo xtask codegen`")));
    for page in PAGES {
        if !sh::root().join(page).exists() {
            problems.push(format!("{page}: missing"));
        }
    }
    let files =
        sh::read(&mut sh::command("git", ["ls-files", "--cached", "--others", "--exclude-standard"]))?;
    for path in files.lines() {
        // What is deleted but not yet committed is listed too, and some files are not text.
        if let Ok(text) = fs::read_to_string(sh::root().join(path)) {
            file(path, &text, &mut problems);
        }
    }
    let page = fs::read_to_string(sh::root().join(UNSAFE_PAGE)).unwrap_or_default();
    let texts = files.lines().filter_map(|path| {
        let text = is_rust(path).then(|| fs::read_to_string(sh::root().join(path)).ok())?;
        Some((path, text?))
    });
    unsafe_page(&page, texts, &mut problems);
    if let Ok(readme) = fs::read_to_string(sh::root().join("README.md")) {
        commands("README.md", &readme, &mut problems);
    }
    for problem in &problems {
        println!("{problem}");
    }
    if !problems.is_empty() {
        bail!("{} things are not in order", problems.len());
    }
    println!("tidy: {} files are in order", files.lines().count());
    Ok(())
}

/// What cargo says about the packages of the workspace.
fn workspace() -> Result<Value> {
    let text = sh::read(&mut sh::cargo(["metadata", "--no-deps", "--format-version", "1"]))?;
    serde_json::from_str(&text).context("cannot read what `cargo metadata` says")
}

fn layers(metadata: &Value, problems: &mut Vec<String>) {
    for package in metadata["packages"].as_array().into_iter().flatten() {
        let name = package["name"].as_str().unwrap_or_default();
        let Some((_, allowed)) = LAYERS.iter().find(|(layer, _)| *layer == name) else {
            problems.push(format!("{name}: a new crate needs its place in LAYERS in xtask/src/tidy.rs"));
            continue;
        };
        for dependency in package["dependencies"].as_array().into_iter().flatten() {
            let on = dependency["name"].as_str().unwrap_or_default();
            let ours = LAYERS.iter().any(|(layer, _)| *layer == on);
            if ours && *allowed != EVERYTHING && !allowed.contains(&on) {
                let kind = dependency["kind"].as_str().unwrap_or("normal");
                problems.push(format!("{name}: depends on {on} ({kind}), which is not below it"));
            }
        }
    }
}

fn is_rust(path: &str) -> bool {
    Path::new(path).extension().is_some_and(|extension| extension == "rs")
}

/// Checks the text of one file.
fn file(path: &str, text: &str, problems: &mut Vec<String>) {
    let is_rust = is_rust(path);
    // The lock files name registries on every line, and the licences are not ours to word.
    if path.ends_with("Cargo.lock") || path.starts_with("LICENSE") {
        return;
    }
    let lines = text.lines().count();
    if is_rust && lines > FILE_LINES_MAX {
        problems
            .push(format!("{path}: {lines} lines, which is more than {FILE_LINES_MAX}; it is two topics"));
    }
    for (index, line) in text.lines().enumerate() {
        let at = index + 1;
        if let Some(word) = UNFINISHED.iter().find(|word| has_word(line, word)) {
            problems.push(format!("{path}:{at}: {word}: finish it, or say what is so and why"));
        }
        if let Some(piece) = MACHINE_PATHS.iter().find(|piece| line.contains(**piece)) {
            problems.push(format!("{path}:{at}: {piece} is a path of one machine"));
        }
        if let Some(host) = REGISTRY_HOSTS.iter().find(|host| line.contains(**host)) {
            problems.push(format!("{path}:{at}: names the package host {host}"));
        }
    }
    let island = UNSAFE_ISLANDS
        .iter()
        .any(|island| path == *island || (island.ends_with('/') && path.starts_with(island)));
    if is_rust && !island {
        for (index, line) in rust_text::code_only(text).lines().enumerate() {
            if has_word(line, "unsafe") || line.contains("allow(unsafe_code)") {
                problems.push(format!("{path}:{}: unsafe outside of its islands", index + 1));
            }
        }
    }
}

/// Checks that the page on unsafe code has a section for each file that says `unsafe`, and for no other.
fn unsafe_page<'a>(page: &str, files: impl Iterator<Item = (&'a str, String)>, problems: &mut Vec<String>) {
    let section = |line: &'_ str| Some(line.strip_prefix("## `")?.strip_suffix('`')?.to_owned());
    let mut sections: BTreeSet<String> = page.lines().filter_map(section).collect();
    for (path, text) in files {
        let says_unsafe = rust_text::code_only(&text).lines().any(|line| has_word(line, "unsafe"));
        if says_unsafe && !sections.remove(path) {
            problems.push(format!("{UNSAFE_PAGE}: no section for {path}, which says unsafe"));
        }
    }
    problems.extend(
        sections.iter().map(|path| format!("{UNSAFE_PAGE}: a section for {path}, which does not say unsafe")),
    );
}

/// Whether the line has this word, and not just as a part of a longer one.
fn has_word(line: &str, word: &str) -> bool {
    let in_word = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + word.len()..].chars().next();
        let goes_on = after.is_some_and(in_word) && word.ends_with(in_word);
        !before.is_some_and(in_word) && !goes_on
    })
}

/// Checks that the `cargo xtask` commands that a page shows exist, with their options.
fn commands(page: &str, text: &str, problems: &mut Vec<String>) {
    let cli = crate::Cli::command();
    for (index, line) in text.lines().enumerate() {
        for (at, found) in line.match_indices("cargo xtask ") {
            let shown =
                line[at + found.len()..].split(['`', '#', ',', ')', ';', '|']).next().unwrap_or_default();
            let mut words = shown.split_whitespace();
            let Some(name) = words.next().filter(|name| !name.starts_with(['<', '-', '.', '\u{2026}']))
            else {
                continue;
            };
            let name = name.trim_end_matches(['.', ':']);
            let Some(task) = cli.find_subcommand(name) else {
                problems.push(format!("{page}:{}: there is no `cargo xtask {name}`", index + 1));
                continue;
            };
            for option in words.filter_map(|word| word.strip_prefix("--")).filter(|option| *option != "help")
            {
                let option = option.split('=').next().unwrap_or_default();
                if !task.get_arguments().any(|argument| argument.get_long() == Some(option)) {
                    problems.push(format!("{page}:{}: `cargo xtask {name}` has no --{option}", index + 1));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(check: impl FnOnce(&mut Vec<String>)) -> Vec<String> {
        let mut problems = Vec::new();
        check(&mut problems);
        problems
    }

    #[test]
    fn layers_point_down() {
        let mut seen: Vec<&str> = Vec::new();
        for (name, allowed) in LAYERS {
            for on in allowed.iter().filter(|on| **on != "*") {
                assert!(seen.contains(on), "{name} would depend on {on}, which is not below it");
            }
            seen.push(name);
        }
    }

    #[test]
    fn an_upward_dependency_is_found() {
        let metadata = serde_json::json!({"packages": [
            {"name": "carnelian-resp", "dependencies": [
                {"name": "carnelian-encoding", "kind": null},
                {"name": "carnelian-server", "kind": "dev"},
                {"name": "bytes", "kind": null},
            ]},
            {"name": "carnelian", "dependencies": [{"name": "carnelian-server", "kind": null}]},
            {"name": "carnelian-new", "dependencies": []},
        ]});
        let found = problems(|problems| layers(&metadata, problems));
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].contains("carnelian-server (dev)"));
        assert!(found[1].contains("carnelian-new"));
    }

    #[test]
    fn words_are_whole() {
        assert!(has_word("let x = unsafe { y };", "unsafe"));
        assert!(!has_word("deny(unsafe_code)", "unsafe"));
        assert!(!has_word("not_unsafe()", "unsafe"));
        assert!(has_word(concat!("    todo", "!(\"later\")"), UNFINISHED[2]));
    }

    #[test]
    fn a_file_is_searched() {
        let long = "\n".repeat(FILE_LINES_MAX + 1);
        let home = concat!("path = \"/home", "/me\"");
        for (path, text, count) in [
            ("a.rs", "fn f() {} // unsafe in a comment\nconst A: &str = \"unsafe\";\n", 0),
            ("a.rs", "fn f() { unsafe { g() } }\n", 1),
            ("a.rs", long.as_str(), 1),
            ("a.md", long.as_str(), 0),
            ("a.toml", home, 1),
            ("Cargo.lock", home, 0),
        ] {
            assert_eq!(problems(|problems| file(path, text, problems)).len(), count, "{path}: {text:?}");
        }
    }

    #[test]
    fn the_page_on_unsafe_code_is_complete() {
        let page = "# Unsafe code\n\n## `a.rs`\n\n## `gone.rs`\n";
        let files = [("a.rs", "fn f() { unsafe {} }"), ("b.rs", "unsafe fn g() {}"), ("c.rs", "// unsafe\n")];
        let found = problems(|problems| {
            unsafe_page(page, files.into_iter().map(|(path, text)| (path, text.to_owned())), problems);
        });
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].contains("b.rs") && found[1].contains("gone.rs"));
    }

    #[test]
    fn shown_commands_must_exist() {
        let page = "Run `cargo xtask test`, `cargo xtask test --package x`, or `cargo xtask <task> --help`.\n\
                    cargo xtask teste\ncargo xtask test --pakcage x\n";
        let found = problems(|problems| commands("page", page, problems));
        assert_eq!(found.len(), 2, "{found:?}");
    }
}
