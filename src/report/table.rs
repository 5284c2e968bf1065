//! The table of messages: one row each, in pages, so that a capture of any size is printed as it is read.

use std::io::{self, Write};
use std::net::SocketAddr;

use comfy_table::{Attribute, Cell, CellAlignment, Color, ColumnConstraint, Table, Width, presets};

use crate::analysis::{Judged, Status};

use super::model::{SummaryRecord, short_mode};
use super::time::Rfc3339;
use super::{Sink, summary};

/// Rows that are laid out together. The first page settles the widths of all.
const PAGE: usize = 1_000;

const HEADINGS: [&str; 7] = ["Frame", "Time (UTC)", "Source", "Destination", "Message", "Key", "Status"];
const SOURCE: usize = 2;
const DESTINATION: usize = 3;
const KEY: usize = 5;
const STATUS: usize = 6;

/// Narrowest that a column is made where the table would be too wide.
const NARROWEST: [u16; 7] = [5, 12, 15, 15, 9, 7, 13];

/// How a table is drawn.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    /// Columns of the terminal.
    pub width: u16,
    /// Whether to colour the statuses.
    pub colour: bool,
    /// Whether to add a sentence where there is one.
    pub detail: bool,
}

/// Writes a table and then the summary.
pub struct MessageTable<W> {
    output: W,
    style: Style,
    captures: Vec<String>,
    page: Vec<Row>,
    widths: Option<[u16; 7]>,
}

struct Row {
    cells: [String; 7],
    status: Status,
}

impl<W: Write> MessageTable<W> {
    /// Writes to `output`. `captures` are the labels that messages name as their file.
    pub fn new(output: W, style: Style, captures: Vec<String>) -> Self {
        MessageTable { output, style, captures, page: Vec::new(), widths: None }
    }

    fn row(&self, judged: &Judged<'_, '_>, file: Option<&str>) -> Row {
        let number = file.and_then(|file| self.captures.iter().position(|capture| capture == file));
        let frame = match number {
            Some(number) => format!("{}:{}", number + 1, judged.frame),
            None => judged.frame.to_string(),
        };
        let cells = [
            frame,
            judged.time.map(|time| time_of_day(Rfc3339::of_capture(time))).unwrap_or_else(|| "-".to_owned()),
            endpoint(judged.datagram.source),
            endpoint(judged.datagram.destination),
            message(judged),
            key(judged),
            self.status(judged),
        ];
        Row { cells, status: judged.verdict.status }
    }

    fn status(&self, judged: &Judged<'_, '_>) -> String {
        let mut lines = vec![judged.verdict.status.name().to_owned()];
        lines.extend(
            judged
                .verdict
                .digest_matches
                .map(|matches| if matches { "digest right".to_owned() } else { "digest wrong".to_owned() }),
        );
        if self.style.detail {
            lines.extend(Self::details(judged));
        } else {
            lines.extend(judged.verdict.reason.map(|reason| reason.code().to_owned()));
        }
        lines.join("\n")
    }

    fn details(judged: &Judged<'_, '_>) -> Vec<String> {
        let mut details = Vec::new();
        details.extend(judged.verdict.reason.map(|reason| reason.to_string()));
        if let Some((file, candidate)) = judged.verdict.key_file.zip(judged.verdict.candidate) {
            details.push(format!("key: {file}:{}", candidate.line));
        }
        details.extend(judged.verdict.reading.map(|(_, rule)| format!("read by: {}", rule.name())));
        details.extend(
            judged
                .exchange
                .map(|exchange| format!("answers {} ({})", exchange.request, exchange.mode.name())),
        );
        details.extend(judged.findings.iter().map(|finding| finding.code().to_owned()));
        details
    }

    fn print_page(&mut self) -> io::Result<()> {
        if self.page.is_empty() {
            return Ok(());
        }
        let is_first = self.widths.is_none();
        let widths = *self.widths.get_or_insert_with(|| widths_for(&self.page, self.style.width));
        let mut table = Table::new();
        table.load_style(presets::NOTHING);
        if self.style.colour {
            table.enforce_styling()
        } else {
            table.force_no_tty()
        };
        if is_first {
            table.set_header(HEADINGS.map(|heading| Cell::new(heading).add_attribute(Attribute::Bold)));
        }
        table.add_rows(self.page.iter().map(cells));
        for (column, width) in table.column_iter_mut().zip(widths) {
            column.set_padding((0, 1));
            column.set_constraint(ColumnConstraint::Absolute(Width::Fixed(width + 1)));
        }
        for index in [SOURCE, DESTINATION] {
            table.column_mut(index).map(|column| column.set_delimiter(':'));
        }
        table.column_mut(0).map(|column| column.set_cell_alignment(CellAlignment::Right));
        for line in table.lines() {
            writeln!(self.output, "{}", line.trim_end())?;
        }
        self.page.clear();
        Ok(())
    }
}

impl<W: Write> Sink for MessageTable<W> {
    fn message<'a>(&mut self, judged: &Judged<'a, 'a>, file: Option<&'a str>) -> io::Result<()> {
        self.page.push(self.row(judged, file));
        if self.page.len() >= PAGE { self.print_page() } else { Ok(()) }
    }

    fn finish(&mut self, record: &SummaryRecord<'_>) -> io::Result<()> {
        let had_rows = self.widths.is_some() || !self.page.is_empty();
        self.print_page()?;
        if had_rows {
            writeln!(self.output)?;
        }
        summary::write(&mut self.output, record)?;
        self.output.flush()
    }
}

fn cells(row: &Row) -> Vec<Cell> {
    let colour = match row.status {
        Status::Valid => Some(Color::Green),
        Status::Invalid | Status::Malformed | Status::CryptoNak | Status::UntrustedKey => Some(Color::Red),
        Status::UnknownKey | Status::Unverifiable => Some(Color::Yellow),
        Status::None | Status::MsSntp | Status::Autokey | Status::Nts => None,
    };
    let cell = |(index, text): (usize, &String)| match colour {
        Some(colour) if index == STATUS => Cell::new(text).fg(colour),
        _ => Cell::new(text),
    };
    row.cells.iter().enumerate().map(cell).collect()
}

/// Widths that hold the page, made narrower where together they are too wide for the terminal.
fn widths_for(page: &[Row], terminal: u16) -> [u16; 7] {
    let mut widths = HEADINGS.map(width_of);
    for row in page {
        for (width, cell) in widths.iter_mut().zip(&row.cells) {
            *width = (*width).max(width_of(cell));
        }
    }
    let gaps = 6;
    while widths.iter().sum::<u16>() + gaps > terminal {
        let narrower = [SOURCE, DESTINATION, KEY, STATUS].into_iter().filter_map(|index| {
            let (width, narrowest) = (*widths.get(index)?, *NARROWEST.get(index)?);
            (width > narrowest).then_some((width - narrowest, index))
        });
        let Some((_, index)) = narrower.max() else { break };
        widths.get_mut(index).into_iter().for_each(|width| *width -= 1);
    }
    widths
}

fn width_of(text: &str) -> u16 {
    let longest = text.lines().map(|line| line.chars().count()).max().unwrap_or_default();
    u16::try_from(longest).unwrap_or(u16::MAX).min(100)
}

/// `04:26:56.123`; the date stands in the summary.
fn time_of_day(time: Rfc3339) -> String {
    let text = format!("{time:.3}");
    match text.split_once('T') {
        Some((_, time)) => time.trim_end_matches('Z').to_owned(),
        None => text,
    }
}

/// The port is left away where it is NTP's own.
fn endpoint(end: SocketAddr) -> String {
    if end.port() == 123 { end.ip().to_string() } else { end.to_string() }
}

fn message(judged: &Judged<'_, '_>) -> String {
    match judged.message {
        Some(message) => format!("v{} {}", message.version().number(), short_mode(message.mode())),
        None => format!("{} octets", judged.datagram.length),
    }
}

fn key(judged: &Judged<'_, '_>) -> String {
    match (judged.verdict.key_id(), judged.verdict.algorithm()) {
        (Some(key_id), Some(algorithm)) => format!("{key_id} {}", algorithm.name()),
        (Some(key_id), None) => key_id.to_string(),
        _ => String::new(),
    }
}
