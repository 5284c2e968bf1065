//! The table of messages: one row each, in pages, so that a capture of any size is printed as it is read.

pub mod census;

use std::io::{self, Write};
use std::net::SocketAddr;

use comfy_table::{Attribute, Cell, CellAlignment, Color, ColumnConstraint, Table, Width, presets};

use crate::analysis::finding::Severity;
use crate::analysis::{Event, Judged, Status};

use super::diagnosis::{DiagnosisRecord, TriedRecord};
use super::model::{SummaryRecord, short_mode};
use super::time::Rfc3339;
use super::{Sink, summary};

/// Rows that are laid out together. The first page settles the widths of all, so it is a long one.
const FIRST_PAGE: usize = 1_000;
/// Rows of the pages behind it, few enough for the processor's cache.
const PAGE: usize = 100;

const HEADINGS: [&str; 7] = ["No.", "Time (UTC)", "Source", "Destination", "NTP", "Key", "Status"];
const NUMBER: usize = 0;
const SOURCE: usize = 2;
const DESTINATION: usize = 3;
const MESSAGE: usize = 4;
const KEY: usize = 5;
const STATUS: usize = 6;

/// Narrowest that a column is made where the table would be too wide.
const NARROWEST: [u16; 7] = [5, 12, 15, 15, 9, 7, 13];

/// Columns of a terminal that has room for ports beside addresses, before the rows are known.
const SETTLED_WIDE: u16 = 99;

/// Widest that a table is made where the output is no terminal.
pub const DEFAULT_WIDTH: u16 = 80;

/// Columns of the terminal that standard output is; at least [`DEFAULT_WIDTH`].
pub fn terminal_width() -> u16 {
    Table::new().width().unwrap_or(DEFAULT_WIDTH).max(DEFAULT_WIDTH)
}

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
    /// Rows of a page.
    rows: usize,
    layout: Option<Layout>,
    /// Whether the headings are written.
    headed: bool,
    told: summary::Told,
}

struct Row {
    cells: [String; 7],
    /// Source and destination without their ports, for narrow terminals.
    addresses: [String; 2],
    status: Status,
}

/// What the first page settles for all.
#[derive(Clone, Copy)]
struct Layout {
    widths: [u16; 7],
    ports: bool,
}

impl<W: Write> MessageTable<W> {
    /// Writes to `output`. `captures` are the labels that messages name as their file.
    pub fn new(output: W, style: Style, captures: Vec<String>) -> Self {
        MessageTable {
            output,
            style,
            captures,
            page: Vec::new(),
            rows: FIRST_PAGE,
            layout: None,
            headed: false,
            told: summary::Told::default(),
        }
    }

    /// Writes each row at once, under widths that are settled beforehand.
    pub fn line_by_line(mut self) -> Self {
        self.rows = 1;
        self.layout = Some(Layout::settled(self.style.width));
        self
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
        let addresses = [judged.datagram.source, judged.datagram.destination].map(|end| end.ip().to_string());
        Row { cells, addresses, status: judged.verdict.status }
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
        let diagnosis = judged.diagnosis.as_ref();
        for record in diagnosis.map(DiagnosisRecord::all).unwrap_or_default() {
            lines.push(record.codes());
            if self.style.detail {
                lines.push(format!("{}:{}: {}", record.key.place.file, record.key.place.line, record.detail));
                lines.push(format!("to change: {}", record.advice));
            }
        }
        let tried = diagnosis.and_then(TriedRecord::new).filter(|_| self.style.detail);
        lines.extend(tried.map(|tried| tried.detail));
        lines.join("\n")
    }

    fn details(judged: &Judged<'_, '_>) -> Vec<String> {
        let mut details = Vec::new();
        details.extend(judged.verdict.reason.map(|reason| reason.to_string()));
        if let Some((file, candidate)) = judged.verdict.key_file.zip(judged.verdict.candidate) {
            details.push(format!("key: {file}:{}", candidate.line));
        }
        let rule = judged.verdict.reading.map(|(_, rule)| format!("read by: {}", rule.name()));
        details.extend(rule.filter(|_| judged.verdict.status != Status::None));
        details.extend(
            judged
                .exchange
                .map(|exchange| format!("answers {} ({})", exchange.request.frame, exchange.mode.name())),
        );
        details.extend(judged.findings.iter().map(|finding| finding.code().to_owned()));
        details
    }

    fn print_page(&mut self) -> io::Result<()> {
        if self.page.is_empty() {
            return Ok(());
        }
        let layout = *self.layout.get_or_insert_with(|| Layout::of(&self.page, self.style.width));
        let layout = if self.rows == 1 { layout.with_room_for(&self.page) } else { layout };
        self.layout = Some(layout);
        let mut table = Table::new();
        table.load_style(presets::NOTHING);
        if self.style.colour {
            table.enforce_styling()
        } else {
            table.force_no_tty()
        };
        if !self.headed {
            self.headed = true;
            table.set_header(HEADINGS.map(|heading| Cell::new(heading).add_attribute(Attribute::Bold)));
        }
        table.add_rows(self.page.drain(..).map(|row| cells(row, layout)));
        for (column, width) in table.column_iter_mut().zip(layout.widths) {
            column.set_padding((0, 1));
            column.set_constraint(ColumnConstraint::Absolute(Width::Fixed(width + 1)));
        }
        if let Some(column) = table.column_mut(NUMBER) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        for line in table.lines() {
            writeln!(self.output, "{}", line.trim_end())?;
        }
        self.rows = self.rows.min(PAGE);
        Ok(())
    }
}

impl<W: Write> Sink for MessageTable<W> {
    fn message<'a>(&mut self, judged: &Judged<'a, 'a>, file: Option<&'a str>) -> io::Result<()> {
        self.page.push(self.row(judged, file));
        if self.page.len() >= self.rows { self.print_page() } else { Ok(()) }
    }

    fn event(&mut self, event: &Event) -> io::Result<()> {
        let least = if self.style.detail { Severity::Info } else { Severity::Warning };
        self.told.keep(event, least, self.captures.len() > 1);
        Ok(())
    }

    fn finish(&mut self, record: &SummaryRecord<'_>) -> io::Result<()> {
        self.print_page()?;
        if self.headed {
            writeln!(self.output)?;
        }
        summary::write(&mut self.output, record, &self.told)?;
        self.output.flush()
    }
}

fn colour_of(status: Status) -> Option<Color> {
    match status {
        Status::Valid => Some(Color::Green),
        Status::Invalid | Status::Malformed | Status::CryptoNak | Status::UntrustedKey => Some(Color::Red),
        Status::UnknownKey | Status::Unverifiable => Some(Color::Yellow),
        Status::None | Status::MsSntp | Status::Autokey | Status::Nts => None,
    }
}

fn cells(row: Row, layout: Layout) -> Vec<Cell> {
    let colour = colour_of(row.status);
    let texts = row.into_texts(layout.ports).into_iter().zip(layout.widths).enumerate();
    let cell = |(column, (text, width)): (usize, (String, u16))| {
        let cell = Cell::new_owned(fold(text, usize::from(width)));
        match colour {
            Some(colour) if column == STATUS => cell.fg(colour),
            _ => cell,
        }
    };
    texts.map(cell).collect()
}

/// Breaks lines that are too long behind the signs that hold addresses and codes together, so that nothing is
/// lost and nothing is broken within a word.
fn fold(text: String, width: usize) -> String {
    if text.len() <= width && !text.contains('\n') {
        return text;
    }
    let mut folded = String::with_capacity(text.len() + 8);
    for line in text.lines() {
        let mut column = 0;
        for piece in line.split_inclusive([':', '-', '/', ' ']) {
            let length = piece.chars().count();
            if column > 0 && column + piece.trim_end().chars().count() > width {
                folded.push('\n');
                column = 0;
            }
            folded.push_str(piece);
            column += length;
        }
        folded.push('\n');
    }
    folded.truncate(folded.trim_end().len());
    folded
}

impl Row {
    fn into_texts(self, ports: bool) -> [String; 7] {
        let mut texts = self.cells;
        if !ports {
            let [source, destination] = self.addresses;
            (texts[SOURCE], texts[DESTINATION]) = (source, destination);
        }
        texts
    }

    fn texts(&self, ports: bool) -> [&str; 7] {
        let mut texts = self.cells.each_ref().map(String::as_str);
        for (column, address) in [SOURCE, DESTINATION].into_iter().zip(&self.addresses) {
            if let Some(text) = texts.get_mut(column).filter(|_| !ports) {
                *text = address;
            }
        }
        texts
    }
}

impl Layout {
    /// The layout that holds the page: with ports where the terminal has room for them, else with columns made
    /// narrower until it fits.
    fn of(page: &[Row], terminal: u16) -> Layout {
        let with_ports = Layout { widths: natural_widths(page, true), ports: true };
        if with_ports.total() <= terminal {
            return with_ports;
        }
        let mut layout = Layout { widths: natural_widths(page, false), ports: false };
        while layout.total() > terminal {
            let narrower = [SOURCE, DESTINATION, KEY, STATUS].into_iter().filter_map(|column| {
                let (width, narrowest) = (*layout.widths.get(column)?, *NARROWEST.get(column)?);
                (width > narrowest).then(|| (width - narrowest, column))
            });
            let Some((_, column)) = narrower.max() else { break };
            layout.widths.get_mut(column).into_iter().for_each(|width| *width -= 1);
        }
        layout
    }

    /// The layout for rows that are not known yet.
    fn settled(terminal: u16) -> Layout {
        if terminal < SETTLED_WIDE {
            return Layout { widths: [4, 12, 15, 15, 8, 7, 13], ports: false };
        }
        let more = (terminal - SETTLED_WIDE).min(30);
        Layout { widths: [5, 12, 21, 21, 9, 12, 13 + more], ports: true }
    }

    /// The same with room for the frame numbers and kinds of these rows, which make no sense when they are folded.
    fn with_room_for(mut self, page: &[Row]) -> Layout {
        let natural = natural_widths(page, self.ports);
        for column in [NUMBER, MESSAGE] {
            if let (Some(width), Some(natural)) = (self.widths.get_mut(column), natural.get(column)) {
                *width = (*width).max(*natural);
            }
        }
        self
    }

    /// Columns of a line: each column's own and one between two.
    fn total(&self) -> u16 {
        let gaps = u16::try_from(self.widths.len() - 1).unwrap_or_default();
        self.widths.iter().sum::<u16>() + gaps
    }
}

fn natural_widths(page: &[Row], ports: bool) -> [u16; 7] {
    let mut widths = HEADINGS.map(width_of);
    for row in page {
        for (width, text) in widths.iter_mut().zip(row.texts(ports)) {
            *width = (*width).max(width_of(text));
        }
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
        Some(message) => format!("{} {}", message.version().number(), short_mode(message.mode())),
        None => summary::octets(judged.datagram.length),
    }
}

fn key(judged: &Judged<'_, '_>) -> String {
    if let Some(account) = judged.verdict.account() {
        return format!("RID {account}");
    }
    match (judged.verdict.key_id(), judged.verdict.algorithm()) {
        (Some(key_id), Some(algorithm)) => format!("{key_id} {}", algorithm.name()),
        (Some(key_id), None) => key_id.to_string(),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_broken_behind_a_colon_and_lose_nothing() {
        let address = "2003:51:6012:110:1234:5678:9abc:dcf7";
        let folded = fold(address.to_owned(), 15);
        assert_eq!(folded, "2003:51:6012:\n110:1234:5678:\n9abc:dcf7");
        assert_eq!(folded.replace('\n', ""), address);
    }

    #[test]
    fn codes_are_broken_behind_a_hyphen_and_sentences_between_words() {
        assert_eq!(fold("malformed\ntrailer-length".to_owned(), 13), "malformed\ntrailer-\nlength");
        assert_eq!(
            fold("a key ID stands without a digest".to_owned(), 16),
            "a key ID stands \nwithout a digest"
        );
        assert_eq!(fold("valid".to_owned(), 13), "valid");
    }
}
