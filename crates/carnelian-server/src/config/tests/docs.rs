//! The generated documentation.

use crate::config::{Config, NoDirectives, id, reference_markdown, sample_conf, table};

#[test]
fn the_sample_with_every_parameter_turned_on_is_the_default_configuration() {
    let dir = std::env::temp_dir().canonicalize().unwrap();
    let sample = sample_conf();
    let settings: Vec<&str> = sample
        .lines()
        .filter_map(|l| l.strip_prefix('#').filter(|l| l.starts_with(|c: char| c.is_ascii_lowercase())))
        .collect();
    let visible = table::all().filter(|id| !id.spec().hidden).count();
    assert_eq!(settings.len(), visible);
    let text = settings.join("\n").replace("io-threads <number of cores>", "");
    let mut config = Config::new(&dir);
    config.load_text(text.as_bytes(), &mut NoDirectives).unwrap();
    assert_eq!(config.get_matching(&[b"*"]), Config::new(&dir).get_matching(&[b"*"]));
    assert_eq!(config.dir(), dir);
    // As it stands, it sets nothing at all.
    let mut config = Config::new("/");
    config.load_text(sample.as_bytes(), &mut NoDirectives).unwrap();
    assert_eq!(config.dir().to_str(), Some("/"));
    assert!(sample.lines().all(|line| line.is_empty() || line.starts_with('#')));
}

#[test]
fn the_reference_lists_everything() {
    let reference = reference_markdown();
    for id in table::all() {
        assert!(reference.contains(&format!("| `{}`", id.name())), "{}", id.name());
    }
    assert!(reference.contains(id::MAXMEMORY.spec().doc_text().as_str()));
}
