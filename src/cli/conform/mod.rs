//! `ntpcap conform`: whether a server does what the RFCs and the other servers have it do.

mod alone;
mod baselines;
mod client;
mod judge;
mod mutations;
mod own;
mod results;
mod server;

use std::io::{self, Write};
use std::path::Path;

use crate::conformance::client::catalogue as catalogue_of_clients;
use crate::conformance::{Selection, catalogue};
use crate::report::conform::{self, Matrix, StoredReport};

use super::args::conform::{
    ConformCommand, ListArguments, MatrixArguments, SelectionArguments, ShowArguments,
};
use super::destination::Destination;
use super::exit::{CliError, Exit};
use super::inputs::unreadable;
use super::interrupt::Interrupt;
use super::output::output;

/// `ntpcap conform`.
///
/// # Errors
/// Whatever keeps it from asking, or from writing its results.
pub(super) fn conform(command: &ConformCommand) -> Result<Exit, CliError> {
    match command {
        ConformCommand::Server(arguments) => server::server(arguments),
        ConformCommand::Client(arguments) => client::client(arguments),
        ConformCommand::Own(arguments) if arguments.mutations => mutations::mutations(arguments),
        ConformCommand::Own(arguments) => own::own(arguments),
        ConformCommand::Judge(arguments) => judge::judge(arguments),
        ConformCommand::List(arguments) => list(arguments),
        ConformCommand::Show(arguments) => show(arguments),
        ConformCommand::Matrix(arguments) => matrix(arguments),
    }
}

fn list(arguments: &ListArguments) -> Result<Exit, CliError> {
    if arguments.client {
        let cases = selection(&arguments.selection).of(catalogue_of_clients::all())?;
        match arguments.json {
            true => conform::write_client_catalogue(&cases, &mut output())?,
            false => conform::write_client_list(cases, &mut output())?,
        }
        return Ok(Exit::Fine);
    }
    let cases = selection(&arguments.selection).cases()?;
    match arguments.json {
        true => conform::write_catalogue(&cases, &mut output())?,
        false => conform::write_list(cases, &mut output())?,
    }
    Ok(Exit::Fine)
}

fn show(arguments: &ShowArguments) -> Result<Exit, CliError> {
    if let Some(case) = catalogue_of_clients::find(&arguments.slug) {
        conform::write_client_case(case, &mut output())?;
        return Ok(Exit::Fine);
    }
    let none = || CliError::NoSuchCase { slug: arguments.slug.clone() };
    let case = catalogue::find(&arguments.slug).ok_or_else(none)?;
    conform::write_case(case, &mut output())?;
    Ok(Exit::Fine)
}

fn matrix(arguments: &MatrixArguments) -> Result<Exit, CliError> {
    let reports = arguments.reports.iter().map(|path| read_reports(path)).collect::<Result<Vec<_>, _>>()?;
    let matrix = Matrix::new(&reports.concat());
    let Some(path) = &arguments.output else {
        matrix.write_markdown(&mut output())?;
        return Ok(Exit::Fine);
    };
    let is_page = is_page(path)?;
    let inputs = arguments.reports.iter().map(|path| path.as_path());
    let mut destination = Destination::open(path, arguments.force, inputs, &Interrupt::catch()?)?;
    match is_page {
        true => matrix.write_html(&mut destination)?,
        false => matrix.write_markdown(&mut destination)?,
    }
    destination.flush()?;
    destination.finish()?;
    Ok(Exit::Fine)
}

/// Whether a name asks for a page or for a table; without an ending it is a table.
fn is_page(path: &Path) -> Result<bool, CliError> {
    match path.extension().map(|extension| extension.to_string_lossy().to_lowercase()).as_deref() {
        Some("html" | "htm") => Ok(true),
        None | Some("md" | "markdown" | "txt") => Ok(false),
        Some(_) => Err(CliError::MatrixForm { path: path.to_owned() }),
    }
}

fn read_reports(path: &Path) -> Result<Vec<StoredReport>, CliError> {
    let text = read(path)?;
    StoredReport::parse(&text).map_err(|error| CliError::StoredReport { path: path.to_owned(), error })
}

fn read(path: &Path) -> Result<String, CliError> {
    let text =
        if path == Path::new("-") { io::read_to_string(io::stdin()) } else { std::fs::read_to_string(path) };
    text.map_err(|error| unreadable(path, error))
}

fn selection(arguments: &SelectionArguments) -> Selection {
    Selection {
        only: arguments.only.clone(),
        exclude: arguments.exclude.clone(),
        levels: arguments.level.clone(),
        tags: arguments.tag.clone(),
    }
}
