//! Keeps the arrows: which room may know which, where each outside crate lives, what only the shell may touch.

use std::fs;
use std::path::{Path, PathBuf};

/// A room, and the rooms that it may import. `docs/decisions/` says why where this is wider than it need be.
const ROOMS: [(&str, &[&str]); 10] = [
    ("ntp", &[]),
    ("auth", &["ntp"]),
    ("capture", &[]),
    ("net", &["capture"]),
    ("analysis", &["ntp", "auth", "net", "capture", "probe"]),
    ("conformance", &["ntp", "auth", "analysis", "probe"]),
    ("report", &["analysis", "conformance", "ntp", "capture"]),
    ("server", &["ntp", "auth"]),
    ("probe", &[]),
    ("cli", &["ntp", "auth", "capture", "net", "analysis", "conformance", "report", "server", "probe"]),
];

/// An outside crate, and the places that may name it.
const HOMES: [(&str, &[&str]); 36] = [
    ("pcap_file", &["capture/"]),
    ("byteorder_slice", &["capture/"]),
    ("flate2", &["capture/"]),
    ("zstd", &["capture/"]),
    ("liblzma", &["capture/"]),
    ("lz4_flex", &["capture/"]),
    ("etherparse", &["net/"]),
    ("md5", &["auth/algorithm.rs"]),
    ("sha1", &["auth/algorithm.rs"]),
    ("sha2", &["auth/algorithm.rs"]),
    ("sha3", &["auth/algorithm.rs"]),
    ("shake", &["auth/algorithm.rs"]),
    ("ripemd", &["auth/algorithm.rs"]),
    ("whirlpool", &["auth/algorithm.rs"]),
    ("tiger", &["auth/algorithm.rs"]),
    ("cmac", &["auth/algorithm.rs"]),
    ("aes", &["auth/algorithm.rs"]),
    ("digest", &["auth/algorithm.rs"]),
    ("subtle", &["auth/key.rs"]),
    ("zeroize", &["auth/", "cli/keys.rs", "cli/keyfiles/"]),
    ("scrypt", &["auth/fingerprint.rs"]),
    ("getrandom", &["cli/keyfiles/"]),
    ("winnow", &["analysis/filter/grammar.rs"]),
    ("serde", &["report/", "server/fault/scenario.rs", "conformance/baseline.rs"]),
    ("toml", &["server/fault/scenario.rs", "conformance/baseline.rs"]),
    ("schemars", &["report/model/"]),
    ("comfy_table", &["report/table"]),
    ("jiff", &["report/time.rs", "cli/args/length.rs"]),
    ("clap", &["cli/args", "cli/mod.rs"]),
    ("tempfile", &["cli/destination.rs"]),
    ("signal_hook", &["cli/interrupt.rs"]),
    ("landlock", &["cli/confinement.rs"]),
    ("tokio", &["probe/udp.rs"]),
    ("indicatif", &["cli/progress.rs"]),
    ("quick_junit", &["report/conform/junit.rs"]),
    ("minijinja", &["report/conform/html.rs"]),
];

/// What a pure room never touches, and the places that may.
const SHELL: [&str; 4] = ["cli/", "server/udp", "server/clock.rs", "probe/udp.rs"];
const SHELL_ONLY: [&str; 9] = [
    "UdpSocket",
    "ToSocketAddrs",
    "std::fs",
    "File::open",
    "SystemTime",
    "Instant::now",
    "std::thread",
    "println!",
    "std::env",
];

#[test]
fn rooms_import_only_the_rooms_they_may() {
    let mut broken = Vec::new();
    for line in production_lines() {
        let Some((_, allowed)) = ROOMS.iter().find(|(room, _)| line.room() == Some(*room)) else { continue };
        for (other, _) in ROOMS {
            let named = line.names_room(other);
            if named && line.room() != Some(other) && !allowed.contains(&other) {
                broken.push(format!("{line}: names {other}"));
            }
        }
    }
    assert!(broken.is_empty(), "arrows broken:\n{}", broken.join("\n"));
}

#[test]
fn every_file_belongs_to_a_room() {
    for file in source_files() {
        let known = file.room.is_none() || ROOMS.iter().any(|(room, _)| file.room.as_deref() == Some(*room));
        assert!(known, "{} is in no room of the table", file.name);
    }
}

#[test]
fn outside_crates_are_named_only_at_home() {
    let mut broken = Vec::new();
    for line in production_lines() {
        for (name, homes) in HOMES {
            let at_home = homes.iter().any(|home| line.file.starts_with(home));
            if !at_home && (line.text.contains(&format!("{name}::")) && line.names_crate(name)) {
                broken.push(format!("{line}: names {name}, whose home is {}", homes.join(", ")));
            }
        }
    }
    assert!(broken.is_empty(), "dependencies out of place:\n{}", broken.join("\n"));
}

#[test]
fn only_the_shell_touches_files_sockets_clocks_and_the_terminal() {
    let mut broken = Vec::new();
    for line in production_lines() {
        for forbidden in SHELL_ONLY {
            if !SHELL.iter().any(|shell| line.file.starts_with(shell)) && line.text.contains(forbidden) {
                broken.push(format!("{line}: touches {forbidden}"));
            }
        }
    }
    assert!(broken.is_empty(), "outside the shell:\n{}", broken.join("\n"));
}

#[test]
fn the_table_of_homes_names_every_dependency() {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let section =
        manifest.split("[dependencies]").nth(1).unwrap().split("[dev-dependencies]").next().unwrap();
    let everywhere = ["thiserror", "nix", "serde_json"];
    for line in section.lines().filter(|line| line.contains(" = ")) {
        let package = line.split(' ').next().unwrap();
        let name = if package == "md-5" { "md5".to_owned() } else { package.replace('-', "_") };
        let has_home = HOMES.iter().any(|(home, _)| *home == name) || everywhere.contains(&package);
        assert!(has_home, "{package} has no home in the table");
    }
}

struct SourceFile {
    name: String,
    room: Option<String>,
    text: String,
}

struct Line {
    file: String,
    room: Option<String>,
    number: usize,
    text: String,
    statement: String,
}

impl Line {
    fn room(&self) -> Option<&str> {
        self.room.as_deref()
    }

    /// True for `crate::room` and for `room` in `use crate::{...}`, the latter over all lines of the statement.
    fn names_room(&self, room: &str) -> bool {
        let text = if self.statement.is_empty() { &self.text } else { &self.statement };
        let direct = words_after(text, "crate::").any(|word| word == room);
        let grouped = text.split("crate::{").nth(1).is_some_and(|group| {
            group.split(['{', '}', ',']).any(|part| part.trim().split("::").next() == Some(room))
        });
        direct || grouped
    }

    /// True when the name stands as the first part of a path, not behind another `::`.
    fn names_crate(&self, name: &str) -> bool {
        self.text.match_indices(&format!("{name}::")).any(|(at, _)| {
            let before = self.text[..at].chars().next_back();
            !before.is_some_and(|character| character.is_alphanumeric() || matches!(character, '_' | ':'))
        })
    }
}

impl std::fmt::Display for Line {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "src/{}:{}", self.file, self.number)
    }
}

fn words_after<'t>(text: &'t str, mark: &'t str) -> impl Iterator<Item = &'t str> {
    text.split(mark).skip(1).map(|rest| {
        let end = rest.find(|character: char| !character.is_alphanumeric() && character != '_');
        &rest[..end.unwrap_or(rest.len())]
    })
}

/// Lines of code outside tests and comments; a `use` of several lines is joined at its first.
fn production_lines() -> Vec<Line> {
    let mut lines = Vec::new();
    for file in source_files() {
        if file.name.ends_with("tests.rs") {
            continue;
        }
        let production = file.text.split("#[cfg(test)]\nmod tests {").next().unwrap();
        let all: Vec<&str> = production.lines().collect();
        for (index, text) in all.iter().enumerate().filter(|(_, text)| !text.trim_start().starts_with("//")) {
            let is_use = text.trim_start().starts_with("use ") && !text.contains(';');
            let statement: String = if is_use {
                all[index..].iter().take_while(|line| !line.contains(';')).copied().collect()
            } else {
                String::new()
            };
            lines.push(Line {
                file: file.name.clone(),
                room: file.room.clone(),
                number: index + 1,
                text: (*text).to_owned(),
                statement,
            });
        }
    }
    assert!(lines.len() > 1_000, "the source was not found");
    lines
}

fn source_files() -> Vec<SourceFile> {
    let source = root().join("src");
    let mut paths = Vec::new();
    collect(&source, &mut paths);
    paths
        .into_iter()
        .map(|path| {
            let name = path.strip_prefix(&source).unwrap().to_str().unwrap().to_owned();
            let room = name.split_once('/').map(|(room, _)| room.to_owned());
            SourceFile { text: fs::read_to_string(&path).unwrap(), name, room }
        })
        .collect()
}

fn collect(directory: &Path, paths: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, paths);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            paths.push(path);
        }
    }
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}
