//! The table of a census: one row for each server and key.

use std::io::{self, Write};

use comfy_table::{Attribute, Cell, CellAlignment, ContentArrangement, Table, presets};

use crate::analysis::Event;
use crate::analysis::census::{Protection, Usage, Use};
use crate::analysis::finding::Severity;

use super::super::model::SummaryRecord;
use super::super::summary::{self, Told};
use super::super::time::Rfc3339;
use super::{Style, colour_of};

const HEADINGS: [&str; 6] = ["Server", "Key", "Messages", "Status", "Clients", "First, last (UTC)"];
const SERVER: usize = 0;
/// The columns of numbers.
const NUMBERS: [usize; 2] = [2, 4];

/// Clients that are listed for one row; JSON lists them all.
const MOST_LISTED: usize = 1_000;

/// Writes the table, the clients of each row if detail is asked for, and the summary.
///
/// # Errors
/// Those of writing.
pub fn write(
    output: &mut impl Write,
    style: Style,
    uses: &[(&Use, &Usage)],
    events: &[Event],
    summary: &SummaryRecord<'_>,
) -> io::Result<()> {
    if !uses.is_empty() {
        for line in table(uses, style).lines() {
            writeln!(output, "{}", line.trim_end())?;
        }
        writeln!(output)?;
    }
    if style.detail {
        for (name, usage) in uses {
            output.write_all(clients(name, usage).as_bytes())?;
        }
    }
    let mut told = Told::default();
    events.iter().for_each(|event| told.keep(event, Severity::Info, summary.captures.len() > 1));
    summary::write(output, summary, &told)?;
    output.flush()
}

fn table(uses: &[(&Use, &Usage)], style: Style) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_width(style.width);
    if style.colour {
        table.enforce_styling()
    } else {
        table.force_no_tty()
    };
    table.set_header(HEADINGS.map(|heading| Cell::new(heading).add_attribute(Attribute::Bold)));
    table.add_rows(uses.iter().map(|(name, usage)| row(name, usage)));
    table.column_iter_mut().for_each(|column| {
        column.set_padding((0, 1));
    });
    for column in NUMBERS {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    if let Some(column) = table.column_mut(SERVER) {
        column.set_delimiter(':');
    }
    table
}

fn row(name: &Use, usage: &Usage) -> Vec<Cell> {
    let statuses: Vec<String> =
        usage.statuses.iter().map(|(status, count)| format!("{} {count}", status.name())).collect();
    let mut seen = vec![usage.first.time, usage.last.time];
    seen.dedup();
    let seen: Vec<String> =
        seen.into_iter().flatten().map(|time| second(Rfc3339::of_capture(time))).collect();
    // Where a row has several statuses, the last one is the one that matters most.
    let status = Cell::new(statuses.join("\n"));
    let status = match usage.statuses.keys().next_back().and_then(|status| colour_of(*status)) {
        Some(colour) => status.fg(colour),
        None => status,
    };
    vec![
        Cell::new(name.server),
        Cell::new(protection(name.protection)),
        Cell::new(usage.messages),
        status,
        Cell::new(count_of_clients(usage)),
        Cell::new(seen.join("\n")),
    ]
}

fn protection(protection: Protection) -> String {
    match protection {
        Protection::Mac { key_id, algorithm: Some(algorithm) } => format!("{key_id} {}", algorithm.name()),
        Protection::Mac { key_id, algorithm: None } => key_id.to_string(),
        other => other.name().to_owned(),
    }
}

fn count_of_clients(usage: &Usage) -> String {
    format!("{}{}", usage.clients.len(), if usage.lists_all_clients { "" } else { "+" })
}

fn clients(name: &Use, usage: &Usage) -> String {
    let mut parts = vec![format!("{} {}: ", name.server, protection(name.protection))];
    let left_out = usage.clients.len().saturating_sub(MOST_LISTED);
    let listed = usage.clients.iter().take(MOST_LISTED).map(ToString::to_string);
    let more = (left_out > 0 || !usage.lists_all_clients).then(|| "and more".to_owned());
    let all: Vec<String> = listed.chain(more).collect();
    let last = all.len().saturating_sub(1);
    let ends = (0..all.len()).map(|index| if index < last { ", " } else { "" });
    parts.extend(all.iter().zip(ends).map(|(address, end)| format!("{address}{end}")));
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = summary::item(&mut text, "clients", &parts, "");
    text
}

/// `2026-11-25 04:26:56`.
fn second(time: Rfc3339) -> String {
    format!("{time:.0}").replace('T', " ").trim_end_matches('Z').to_owned()
}
