//! The command that runs cases alone, as it can be given to a shell.

use std::path::Path;
use std::time::Duration;

use super::super::args::KeyArguments;
use super::super::args::conform::ReportArguments;
use super::super::inputs::is_standard_input;

/// A command but for its cases.
pub(super) struct Alone {
    command: String,
    reads_standard_input: bool,
}

impl Alone {
    /// Such a subcommand of `conform`.
    pub(super) fn new(subcommand: &str) -> Alone {
        Alone { command: format!("ntpcap conform {subcommand}"), reads_standard_input: false }
    }

    /// A word.
    pub(super) fn word(&mut self, word: &str) {
        self.command.push(' ');
        self.command.push_str(&quoted(word));
    }

    /// An option and its value.
    pub(super) fn option(&mut self, name: &str, value: &str) {
        // An equals sign keeps a value that begins with a hyphen from being taken for an option.
        match value.starts_with('-') && value != "-" {
            true => self.word(&format!("{name}={value}")),
            false => {
                self.word(name);
                self.word(value);
            }
        }
    }

    /// A file that is read.
    pub(super) fn file(&mut self, path: &Path) {
        self.reads_standard_input |= is_standard_input(path);
        self.word(&path.to_string_lossy());
    }

    /// A length of time, where it is not the usual one.
    pub(super) fn time(&mut self, name: &str, time: Duration, usual: Duration) {
        if time != usual {
            self.option(name, &in_words(time));
        }
    }

    /// Where keys come from. `read` are the files that were read where none is named.
    pub(super) fn keys(&mut self, keys: &KeyArguments, read: &[impl AsRef<Path>]) {
        for file in &keys.files {
            self.reads_standard_input |= is_standard_input(&file.path);
            let path = file.path.to_string_lossy();
            match file.address {
                Some(address) => self.option("--keys", &format!("{address}={path}")),
                None => self.option("--keys", &path),
            }
        }
        if let Some(conf) = &keys.conf {
            self.word("--conf");
            self.file(conf);
        }
        if keys.files.is_empty() && keys.conf.is_none() {
            read.iter().for_each(|path| self.option("--keys", &path.as_ref().to_string_lossy()));
        }
        let format = keys.format.map(|dialect| dialect.name());
        format.into_iter().for_each(|name| self.option("--key-format", name));
        keys.trusted.iter().for_each(|trusted| self.option("--trusted", trusted));
    }

    /// How results are judged.
    pub(super) fn judging(&mut self, arguments: &ReportArguments) {
        arguments.baseline.iter().for_each(|name| self.option("--baseline", name));
        if arguments.strict {
            self.word("--strict");
        }
    }

    /// The command that runs those cases alone.
    pub(super) fn of(&self, slugs: &[&str]) -> String {
        let input = if self.reads_standard_input { " < FILE" } else { "" };
        format!("{} --only {}{input}", self.command, slugs.join(","))
    }
}

/// A word as a shell of POSIX takes it.
fn quoted(word: &str) -> String {
    let is_plain = |character: char| character.is_ascii_alphanumeric() || "-_./:=,@%+".contains(character);
    match !word.is_empty() && word.chars().all(is_plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

/// A length of time as options take it.
fn in_words(time: Duration) -> String {
    let nanoseconds = time.as_nanos();
    let units = [(1_000_000_000, "s"), (1_000_000, "ms"), (1_000, "us")];
    let whole = units.into_iter().find(|(unit, _)| nanoseconds.is_multiple_of(*unit));
    whole.map_or_else(|| format!("{nanoseconds}ns"), |(unit, name)| format!("{}{name}", nanoseconds / unit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_as_a_shell_takes_them() {
        assert_eq!(quoted("a/b-c.keys"), "a/b-c.keys");
        assert_eq!(quoted("with space"), "'with space'");
        assert_eq!(quoted("it's $HOME"), r"'it'\''s $HOME'");
        assert_eq!(quoted(""), "''");
    }

    #[test]
    fn times_are_as_options_take_them() {
        for (time, words) in [
            (Duration::ZERO, "0s"),
            (Duration::from_millis(1_500), "1500ms"),
            (Duration::from_secs(8), "8s"),
            (Duration::from_nanos(1_001), "1001ns"),
        ] {
            assert_eq!(in_words(time), words);
        }
    }

    #[test]
    fn what_came_from_standard_input_is_to_be_given_again() {
        let mut alone = Alone::new("judge");
        alone.file(Path::new("-"));
        alone.option("--trusted", "-3");
        assert_eq!(
            alone.of(&["auth/support", "kiss/codes"]),
            "ntpcap conform judge - --trusted=-3 --only auth/support,kiss/codes < FILE"
        );
    }
}
