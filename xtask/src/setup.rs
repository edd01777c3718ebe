//! `cargo xtask setup`: what the other tasks need beside a Rust toolchain.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::sh;

/// The version of the reference server, whose test suite and tools the tasks use.
const REDIS_VERSION: &str = "7.0.15";

/// Debian packages, and a file that proves that somebody installed the same by other means.
const PACKAGES: &[(&str, &str)] = &[
    ("build-essential", "/usr/bin/cc"),
    ("dpkg-dev", "/usr/bin/dpkg-source"),
    ("procps", "/usr/bin/pgrep"),
    ("python3-venv", ""),
    ("redis-sentinel", "/usr/bin/redis-sentinel"),
    ("redis-server", "/usr/bin/redis-server"),
    ("redis-tools", "/usr/bin/redis-cli"),
    ("strace", "/usr/bin/strace"),
    ("tcl", "/usr/bin/tclsh"),
    ("tcl-tls", ""),
];

/// Install what the checks need: packages, a Python environment, the reference server's source.
///
/// Three steps, each of which does nothing when its result is already there: Debian packages (the real server and its
/// tools, Tcl, a C toolchain), a Python environment under target/venv with the packages of xtask/requirements.txt, and
/// the source of the reference server under target/redis-src, through the package sources this machine is configured
/// with. The machine's own package configuration is not changed, and no service is left running.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Only these steps (repeatable).
    #[arg(long, value_enum)]
    only: Vec<Step>,
}

#[derive(clap::ValueEnum, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// Debian packages.
    Packages,
    /// The Python environment.
    Python,
    /// The source of the reference server.
    RedisSource,
}

pub(crate) fn run(args: Args) -> Result<()> {
    let wanted = |step| args.only.is_empty() || args.only.contains(&step);
    if wanted(Step::Packages) {
        packages()?;
    }
    if wanted(Step::Python) {
        python()?;
    }
    if wanted(Step::RedisSource) {
        redis_source()?;
    }
    Ok(())
}

fn packages() -> Result<()> {
    if !sh::on_path("apt-get") {
        println!("packages: no apt-get here; install by hand what is missing: {}", names(PACKAGES.iter()));
        return Ok(());
    }
    let missing: Vec<_> = PACKAGES.iter().filter(|(name, file)| !installed(name, file)).collect();
    if missing.is_empty() {
        println!("packages: all there");
        return Ok(());
    }
    let missing = names(missing.into_iter());
    println!("packages: installing {missing}");
    let services = NoServices::start()?;
    let install = || {
        sh::check(&mut as_root(["apt-get", "-qq", "update"]))?;
        let install = ["apt-get", "-qq", "install", "--yes", "--no-install-recommends"];
        sh::check(as_root(install).args(missing.split(' ')))
    };
    let result = sh::with_retries("packages", install);
    drop(services);
    result
}

fn names<'a>(packages: impl Iterator<Item = &'a (&'a str, &'a str)>) -> String {
    packages.map(|(name, _)| *name).collect::<Vec<_>>().join(" ")
}

fn installed(name: &str, file: &str) -> bool {
    let status = sh::read(&mut sh::command("dpkg-query", ["-W", "-f=${db:Status-Status}", name]));
    status.is_ok_and(|status| status == "installed") || (!file.is_empty() && Path::new(file).exists())
}

/// A command for the superuser: as it is for whoever is it, through sudo for others. It asks nothing.
fn as_root<'a>(words: impl IntoIterator<Item = &'a str>) -> Command {
    let root = sh::read(&mut sh::command("id", ["-u"])).is_ok_and(|id| id.trim() == "0");
    let setting = ["env", "DEBIAN_FRONTEND=noninteractive", "APT_LISTCHANGES_FRONTEND=none"];
    let words = setting.into_iter().chain(words);
    if root {
        sh::command("env", words.skip(1))
    } else {
        sh::command("sudo", ["-n"].into_iter().chain(words))
    }
}

/// While this lives, Debian's package scripts start no services: the package of the reference server would
/// otherwise take port 6379.
struct NoServices(bool);

impl NoServices {
    const POLICY: &str = "/usr/sbin/policy-rc.d";

    fn start() -> Result<Self> {
        if Path::new(Self::POLICY).exists() {
            return Ok(Self(false)); // Containers come with such a policy; it is not ours to change.
        }
        let policy = sh::target().join("policy-rc.d");
        fs::create_dir_all(sh::target())?;
        fs::write(&policy, "#!/bin/sh\n# No service is started while packages are installed.\nexit 101\n")?;
        fs::set_permissions(&policy, fs::Permissions::from_mode(0o755))?;
        sh::check(as_root(["install", "-m", "755"]).arg(&policy).arg(Self::POLICY))?;
        Ok(Self(true))
    }
}

impl Drop for NoServices {
    fn drop(&mut self) {
        if self.0
            && let Err(error) = sh::check(&mut as_root(["rm", "-f", Self::POLICY]))
        {
            println!("packages: remove {} by hand: {error:#}", Self::POLICY);
        }
    }
}

fn python() -> Result<()> {
    let requirements = sh::root().join("xtask/requirements.txt");
    let wanted = fs::read_to_string(&requirements).context("cannot read xtask/requirements.txt")?;
    let environment = sh::target().join("venv");
    let stamp = environment.join("requirements.txt");
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) && sh::python().exists() {
        println!("python: target/venv is up to date");
        return Ok(());
    }
    println!("python: preparing target/venv");
    if let Err(error) = sh::check(sh::command("python3", ["-m", "venv", "--clear"]).arg(&environment)) {
        println!("python: {error:#}; trying virtualenv");
        sh::check(sh::command("virtualenv", ["--clear", "--python", "python3"]).arg(&environment))?;
    }
    sh::with_retries("python", || {
        let install = ["-m", "pip", "--quiet", "--disable-pip-version-check", "install", "--requirement"];
        sh::check(sh::command(sh::python(), install).arg(&requirements))
    })?;
    fs::write(stamp, wanted)?;
    Ok(())
}

fn redis_source() -> Result<()> {
    let destination = sh::redis_source();
    if destination.join("tests/test_helper.tcl").exists() {
        println!("redis source: target/redis-src is there");
        return Ok(());
    }
    println!("redis source: fetching {REDIS_VERSION} through the configured package sources");
    let apt = Apt::new(&sh::target().join("apt"))?;
    let version = sh::with_retries("redis source", || {
        // One source of several may have no sources to offer; what counts is whether the version turns up.
        if let Err(error) = sh::check(&mut apt.command(["apt-get", "-qq", "update"])) {
            println!("redis source: {error:#}");
        }
        apt.version("redis")
    })?;
    sh::with_retries("redis source", || {
        let package = format!("redis={version}");
        sh::check(
            apt.command(["apt-get", "-qq", "source", "--download-only", &package]).current_dir(&apt.download),
        )
    })?;
    let description = fs::read_dir(&apt.download)?
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .find(|path| path.extension().is_some_and(|extension| extension == "dsc"))
        .context("apt-get brought no source description")?;
    let unpacked = sh::target().join("redis-src.part");
    remove(&unpacked)?;
    remove(&destination)?;
    sh::check(sh::command("dpkg-source", ["--no-check", "--extract"]).arg(&description).arg(&unpacked))?;
    fs::rename(&unpacked, &destination)?;
    println!("redis source: unpacked into target/redis-src");
    Ok(())
}

fn remove(dir: &Path) -> Result<()> {
    match fs::remove_dir_all(dir) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}

/// apt with its state in a directory of ours and the machine's package sources turned into source-code sources.
struct Apt {
    options: Vec<String>,
    download: PathBuf,
}

impl Apt {
    fn new(dir: &Path) -> Result<Self> {
        remove(dir)?;
        let parts = dir.join("sources");
        let download = dir.join("download");
        for dir in [&parts, &download, &dir.join("lists/partial"), &dir.join("cache/archives/partial")] {
            fs::create_dir_all(dir)?;
        }
        let mut listed = 0;
        for path in configured_sources() {
            let Ok(text) = fs::read_to_string(&path) else { continue };
            let deb822 = path.extension().is_some_and(|extension| extension == "sources");
            let (sources, name) = if deb822 {
                (deb822_to_source(&text), format!("{listed}.sources"))
            } else {
                (list_to_source(&text), format!("{listed}.list"))
            };
            if !sources.is_empty() {
                fs::write(parts.join(name), sources)?;
                listed += 1;
            }
        }
        if listed == 0 {
            bail!("this machine has no apt package sources configured");
        }
        let option = |name: &str, value: &Path| ["-o".to_owned(), format!("{name}={}", value.display())];
        let mut options = Vec::new();
        options.extend(option("Dir::Etc::SourceList", Path::new("/dev/null")));
        options.extend(option("Dir::Etc::SourceParts", &parts));
        options.extend(option("Dir::State::Lists", &dir.join("lists")));
        options.extend(option("Dir::Cache", &dir.join("cache")));
        // The unprivileged user that apt downloads as cannot write here.
        options.extend(option("APT::Sandbox::User", Path::new("root")));
        options.extend(option("Acquire::Retries", Path::new("2")));
        Ok(Self { options, download })
    }

    fn command<'a>(&self, words: impl IntoIterator<Item = &'a str>) -> Command {
        let mut words = words.into_iter();
        let mut command = sh::command(words.next().unwrap_or("apt-get"), &self.options);
        command.args(words);
        command
    }

    /// The full version of the source package that carries [`REDIS_VERSION`].
    fn version(&self, package: &str) -> Result<String> {
        let shown = sh::read(&mut self.command(["apt-cache", "showsrc", package]))?;
        let versions: Vec<_> = shown.lines().filter_map(|line| line.strip_prefix("Version: ")).collect();
        let version = versions.iter().find(|version| version.contains(REDIS_VERSION));
        version.map(|&version| version.to_owned()).with_context(|| {
            format!("the package sources offer {package} in {versions:?}, and {REDIS_VERSION} is needed")
        })
    }
}

fn configured_sources() -> Vec<PathBuf> {
    let mut paths = vec![PathBuf::from("/etc/apt/sources.list")];
    let parts = fs::read_dir("/etc/apt/sources.list.d").into_iter().flatten();
    let mut parts: Vec<_> = parts.filter_map(|entry| entry.ok().map(|entry| entry.path())).collect();
    parts.retain(|path| {
        path.extension().is_some_and(|extension| extension == "list" || extension == "sources")
    });
    parts.sort();
    paths.append(&mut parts);
    paths
}

/// The one-line format: every `deb` line as a `deb-src` line, without its list of architectures.
fn list_to_source(text: &str) -> String {
    let mut sources = String::new();
    for line in text.lines() {
        let Some(rest) = line.trim().strip_prefix("deb ") else { continue };
        let rest = rest.trim_start();
        let (options, location) = match rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((options, location)) => (options, location.trim_start()),
            None => ("", rest),
        };
        let options: Vec<_> =
            options.split_whitespace().filter(|option| !option.starts_with("arch=")).collect();
        let options = if options.is_empty() { String::new() } else { format!("[{}] ", options.join(" ")) };
        let _ = writeln!(sources, "deb-src {options}{location}");
    }
    sources
}

/// The stanza format: every enabled stanza that offers binary packages, offering source packages instead.
fn deb822_to_source(text: &str) -> String {
    let mut sources = String::new();
    for stanza in text.split("\n\n") {
        let field = |name: &str| {
            stanza.lines().find_map(|line| {
                let (key, value) = line.split_once(':')?;
                key.eq_ignore_ascii_case(name).then(|| value.trim())
            })
        };
        let offers_binaries =
            field("Types").is_some_and(|types| types.split_whitespace().any(|kind| kind == "deb"));
        if !offers_binaries || field("Enabled").is_some_and(|enabled| enabled.eq_ignore_ascii_case("no")) {
            continue;
        }
        for line in stanza.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#')) {
            let key = line.split(':').next().unwrap_or_default().to_ascii_lowercase();
            match key.as_str() {
                "types" => sources.push_str("Types: deb-src\n"),
                "architectures" => {}
                _ => {
                    let _ = writeln!(sources, "{line}");
                }
            }
        }
        sources.push('\n');
    }
    sources
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_sources_offer_source_code() {
        let text = "# a comment\n\
                    deb [arch=amd64 signed-by=/usr/share/k.gpg] http://mirror.invalid/debian stable main contrib\n\
                    deb http://mirror.invalid/security stable-security main\n\
                    deb-src http://mirror.invalid/debian stable main\n";
        assert_eq!(
            list_to_source(text),
            "deb-src [signed-by=/usr/share/k.gpg] http://mirror.invalid/debian stable main contrib\n\
             deb-src http://mirror.invalid/security stable-security main\n"
        );
    }

    #[test]
    fn stanzas_offer_source_code() {
        let text = "# a comment\nTypes: deb deb-src\nURIs: http://mirror.invalid/debian\nSuites: stable\n\
                    Components: main\nArchitectures: amd64\nSigned-By:\n -----BEGIN\n .\n -----END\n\n\
                    Types: deb\nEnabled: no\nURIs: http://off.invalid\nSuites: stable\nComponents: main\n\n\
                    Types: deb-src\nURIs: http://source.invalid\nSuites: stable\nComponents: main\n";
        assert_eq!(
            deb822_to_source(text),
            "Types: deb-src\nURIs: http://mirror.invalid/debian\nSuites: stable\nComponents: main\nSigned-By:\n \
             -----BEGIN\n .\n -----END\n\n"
        );
    }
}
