//! Starts the client anew for each phase, with its files in a folder that goes at the end.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use crate::auth::KeyId;
use crate::conformance::client::Reader;

use super::super::super::args::conform::client::ClientRunArguments;
use super::super::super::destination::{Scratch, scratch};
use super::super::super::exit::CliError;
use super::super::super::inputs::{is_standard_input, unreadable};
use super::super::super::keys;
use super::process::{Process, words, write_private};
use super::templates::{self, Template};

/// What stands for what in commands and configurations.
pub(super) struct Filling {
    folder: Scratch,
    addresses: Vec<SocketAddr>,
    key: Option<KeyId>,
}

/// How the client is started.
pub(super) struct Starter {
    command: Vec<String>,
    /// How its output is read.
    pub(super) reader: Reader,
}

impl Filling {
    /// Writes the client's files: its keys, and its configuration where there is one.
    ///
    /// # Errors
    /// Those of reading and writing.
    pub(super) fn new(
        arguments: &ClientRunArguments,
        inputs: &[PathBuf],
        addresses: &[SocketAddr],
        key: Option<KeyId>,
    ) -> Result<Filling, CliError> {
        let filling = Filling { folder: scratch()?, addresses: addresses.to_vec(), key };
        let first = arguments.keys.files.first().map(|file| &file.path);
        // Where none is named, the last that was read is the one that a configuration names.
        let given = arguments.starting.client_keys.as_ref().or(first).or(inputs.last());
        if let Some(path) = given.filter(|path| !is_standard_input(path)) {
            write_private(&filling.keys(), &keys::octets(path)?)?;
        }
        Ok(filling)
    }

    /// The folder of the client's files.
    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    fn keys(&self) -> PathBuf {
        self.folder().join("client.keys")
    }

    fn conf(&self) -> PathBuf {
        self.folder().join("client.conf")
    }

    /// The words of a command, with what stands for something filled in.
    pub(super) fn command(&self, command: &str) -> Vec<String> {
        words(command).iter().map(|word| self.fill(word, self.addresses.first())).collect()
    }

    /// A configuration: lines with an address are there once for each server.
    fn configuration(&self, text: &str) -> String {
        let lines = text.lines().flat_map(|line| {
            let times = if line.contains("{address}") { self.addresses.as_slice() } else { &[] };
            let once = times.is_empty().then(|| self.fill(line, self.addresses.first()));
            times.iter().map(|address| self.fill(line, Some(address))).chain(once).collect::<Vec<_>>()
        });
        lines.map(|line| line + "\n").collect()
    }

    fn fill(&self, text: &str, address: Option<&SocketAddr>) -> String {
        let (host, port) = address.map(|it| (it.ip().to_string(), it.port().to_string())).unwrap_or_default();
        let key = self.key.map(|key| key.to_string()).unwrap_or_default();
        let path = |path: PathBuf| path.to_string_lossy().into_owned();
        let filled = text.replace("{address}", &host).replace("{port}", &port).replace("{key}", &key);
        let filled = filled.replace("{keys}", &path(self.keys())).replace("{conf}", &path(self.conf()));
        filled.replace("{folder}", &path(self.folder().to_owned()))
    }
}

impl Starter {
    /// How the client is to be started; `None` for a device that somebody else has configured.
    ///
    /// # Errors
    /// Those of the client's files.
    pub(super) fn new(
        arguments: &ClientRunArguments,
        filling: &Filling,
        with_key: bool,
    ) -> Result<Option<Starter>, CliError> {
        let starting = &arguments.starting;
        let template: Option<Template> = starting.client.map(|program| templates::of(program, with_key));
        let Some(command) = starting.exec.clone().or(template.as_ref().map(|known| known.command.clone()))
        else {
            return Ok(None);
        };
        let configuration = match &starting.conf_template {
            Some(path) => Some(std::fs::read_to_string(path).map_err(|error| unreadable(path, error))?),
            None => template.as_ref().map(|known| known.configuration.clone()),
        };
        if let Some(text) = configuration {
            write_private(&filling.conf(), filling.configuration(&text).as_bytes())?;
        }
        let command = filling.command(&command);
        let by_name = || Reader::of_program(command.first().map_or("", String::as_str));
        let known = template.map(|known| known.reader);
        let reader = starting.output_as.or(known).unwrap_or_else(by_name);
        Ok(Some(Starter { command, reader }))
    }

    /// The command, as it is told of.
    pub(super) fn told(&self) -> String {
        self.command.join(" ")
    }

    /// Starts the client.
    ///
    /// # Errors
    /// When there is no such program.
    pub(super) fn start(&self, filling: &Filling) -> Result<Process, CliError> {
        let output = filling.folder().join("client.output");
        Process::start(&self.command, &output).map_err(|error| self.wrong(error))
    }

    fn wrong(&self, error: io::Error) -> CliError {
        let program = self.command.first().cloned().unwrap_or_default();
        CliError::ClientNotStarted { program, error }
    }
}
