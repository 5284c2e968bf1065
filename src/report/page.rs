//! A page of the documentation as plain text: Markdown in its file, folded lines on a terminal.

use std::fmt::Write as _;

/// Columns of a line, at most. Words and commands that are longer are not broken.
pub const WIDTH: usize = 80;

/// Fewest letters of a command that stands on a line of its own.
const OWN_LINE: usize = 20;

/// How far a command stands to the right of its text.
const COMMAND_INDENT: usize = 4;

/// A page without the marks of Markdown: paragraphs and lists folded, commands indented, tables in columns of words.
pub fn plain(markdown: &str) -> String {
    let mut text = String::new();
    let mut block = String::new();
    let mut is_code = false;
    for line in markdown.lines().chain([""]) {
        let begins = ["- ", "|", "#", "```"].iter().any(|mark| line.starts_with(mark));
        if (begins || line.is_empty() || is_code) && !block.is_empty() {
            write_block(&mut text, &std::mem::take(&mut block));
        }
        if line.starts_with("```") {
            is_code = !is_code;
        } else if is_code && !line.is_empty() {
            let _ = writeln!(text, "{:COMMAND_INDENT$}{line}", "");
        } else if line.is_empty() {
            text.push('\n');
        } else {
            let joint = if block.is_empty() { "" } else { " " };
            let _ = write!(block, "{joint}{}", line.trim());
        }
    }
    text.trim_end().to_owned()
}

/// Writes a heading, a paragraph, an item of a list or a row of a table.
fn write_block(text: &mut String, block: &str) {
    if let Some(row) = block.strip_prefix('|') {
        if !row.trim_matches(['|', '-', ' ', ':']).is_empty() {
            let cells: Vec<_> = row.trim_end_matches('|').split('|').map(str::trim).collect();
            write_words(text, &cells.join(&format!("{UNBROKEN} ")), 2);
        }
        return;
    }
    let hanging = if block.starts_with("- ") { 2 } else { 0 };
    write_words(text, block.trim_start_matches('#').trim_start(), hanging);
}

/// Writes words and, on lines of their own, the commands among them; all lines but the first indented by `hanging`.
fn write_words(text: &mut String, marked: &str, hanging: usize) {
    let mut words = String::new();
    let mut indent = 0;
    for (index, piece) in marked.split('`').enumerate() {
        let is_command = index % 2 == 1;
        if is_command && piece.len() >= OWN_LINE && piece.contains(' ') {
            write_folded(text, &std::mem::take(&mut words), indent, hanging);
            indent = hanging;
            let _ = writeln!(text, "{:width$}{piece}", "", width = hanging + COMMAND_INDENT);
        } else if is_command {
            words.push_str(&piece.replace(' ', UNBROKEN));
        } else if index > 0 && words.is_empty() {
            words.push_str(piece.trim_start_matches(BEHIND_COMMAND));
        } else {
            words.push_str(&piece.replace('*', ""));
        }
    }
    write_folded(text, &words, indent, hanging);
}

fn write_folded(text: &mut String, words: &str, first: usize, hanging: usize) {
    for line in fold(words, first, hanging).iter().filter(|_| !words.trim().is_empty()) {
        let _ = writeln!(text, "{}", line.replace(UNBROKEN, " "));
    }
}

/// What ends a command's sentence is of no use where the command stands alone.
const BEHIND_COMMAND: [char; 5] = [' ', '.', ',', ';', ':'];

/// A space that no line ends at.
const UNBROKEN: &str = "\u{a0}";

/// Folds words into lines of at most [`WIDTH`] columns, the first indented by `first`, the others by `hanging`.
pub fn fold(words: &str, first: usize, hanging: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = " ".repeat(first);
    let mut is_empty = true;
    for word in words.split(' ').filter(|word| !word.is_empty()) {
        if !is_empty && line.chars().count() + 1 + word.chars().count() > WIDTH {
            lines.push(std::mem::replace(&mut line, " ".repeat(hanging)));
            is_empty = true;
        }
        let joint = if is_empty { "" } else { " " };
        let _ = write!(line, "{joint}{word}");
        is_empty = false;
    }
    lines.push(line);
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_left_away_and_lines_folded() {
        let page =
            "### `some-code`\n\nWords of *two*\nlines with `a b` in them.\n\n- one: item\n  that goes on\n";
        assert_eq!(
            plain(page),
            "some-code\n\nWords of two lines with a b in them.\n\n- one: item that goes on"
        );
        let long = plain(&"word ".repeat(100));
        assert!(long.lines().count() == 7 && long.lines().all(|line| line.len() <= WIDTH), "{long}");
    }

    #[test]
    fn commands_stand_on_lines_of_their_own_as_they_are() {
        let page = "- ntpd: `awk '{print $1, length($3)}' FILE` tells; see `x y`.\n- chrony: `chronyc keygen 11 SHA1 160`.\n";
        let expected = "\
- ntpd:
      awk '{print $1, length($3)}' FILE
  tells; see x y.
- chrony:
      chronyc keygen 11 SHA1 160";
        assert_eq!(plain(page), expected);
        assert_eq!(plain("```sh\n# *a*  `b`\n\nc\n```\nend\n"), "    # *a*  `b`\n\n    c\nend");
    }

    #[test]
    fn tables_lose_their_rules() {
        assert_eq!(plain("| a | b |\n|---|---|\n| 1 | `2` |\n"), "a  b\n1  2");
    }

    #[test]
    fn what_is_longer_than_a_line_is_not_broken() {
        let word = "w".repeat(100);
        assert_eq!(
            fold(&format!("a {word} b"), 0, 2),
            ["a".to_owned(), format!("  {word}"), "  b".to_owned()]
        );
    }
}
