//! A timeline of faults, as a file in TOML.
//!
//! ```toml
//! [[phase]]
//! from = "0s"
//! to = "60s"
//! client = "10.0.0.2"
//! faults = ["other-algorithm", "late:delay=200ms"]
//! ```
//!
//! Times are counted from the server's start. Outside of every phase, and in a phase without faults, service is
//! correct; in phases that overlap, the faults of both apply.

use std::net::IpAddr;
use std::time::Duration;

use serde::Deserialize;
use toml::Spanned;

use crate::auth::Keyring;

use super::error::FaultError;
use super::spec::Fault;
use super::together::kept_out;
use super::value;

/// A timeline of faults.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scenario {
    /// Its phases, in the order of the file.
    pub phases: Vec<Phase>,
}

/// A part of a scenario.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Phase {
    /// When it begins.
    pub from: Duration,
    /// When it ends; never without.
    pub to: Option<Duration>,
    /// The client that it is for; every client without.
    pub client: Option<IpAddr>,
    /// Its faults, each with its place in the file.
    pub faults: Vec<(Place, Fault)>,
}

/// A place in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The line, from 1.
    pub line: usize,
    /// The character in it, from 1.
    pub column: usize,
}

/// What is wrong with a scenario, and where.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{}:{}: {wrong}", place.line, place.column)]
pub struct ScenarioError {
    /// Where.
    pub place: Place,
    /// What.
    pub wrong: Wrong,
}

/// What is wrong with a scenario.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Wrong {
    /// It is no TOML, or has what no scenario has.
    #[error("{0}")]
    Text(String),
    /// A time is none.
    #[error("\"{0}\" is no time; write it with its unit, such as 200ms, 8s or 2m")]
    Time(String),
    /// A phase ends before it begins.
    #[error("the phase ends at or before its begin")]
    EndsBeforeBegin,
    /// An address is none.
    #[error("\"{0}\" is no IP address")]
    Address(String),
    /// A fault sets what is the phase's to set.
    #[error("{fault}: {parameter} is the phase's to set, not the fault's")]
    InPhase {
        /// The fault.
        fault: &'static str,
        /// What it sets.
        parameter: &'static str,
    },
    /// A fault is none.
    #[error(transparent)]
    Fault(#[from] FaultError),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    phase: Vec<PhaseText>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PhaseText {
    from: Option<Spanned<String>>,
    to: Option<Spanned<String>>,
    client: Option<Spanned<String>>,
    #[serde(default)]
    faults: Vec<Spanned<String>>,
}

impl Scenario {
    /// Reads a scenario.
    ///
    /// # Errors
    /// What is wrong first, with line and column. Whether there are the keys, [`Scenario::check`] says.
    pub fn parse(text: &str) -> Result<Scenario, ScenarioError> {
        let file: File = toml::from_str(text).map_err(|error| {
            let place = Place::of(text, error.span().map_or(0, |span| span.start));
            ScenarioError { place, wrong: Wrong::Text(error.message().trim().replace('\n', ", ")) }
        })?;
        let phases = file.phase.into_iter().map(|phase| Phase::read(text, &phase));
        Ok(Scenario { phases: phases.collect::<Result<_, _>>()? })
    }

    /// Checks that there are the keys that its faults need, and that each phase leaves each of its faults replies.
    ///
    /// # Errors
    /// What the first fault lacks.
    pub fn check(&self, keys: &Keyring) -> Result<(), ScenarioError> {
        self.phases.iter().try_for_each(|phase| phase.check(keys))
    }

    /// Its faults, each limited to its phase.
    pub fn faults(&self) -> impl Iterator<Item = Fault> {
        self.phases.iter().flat_map(|phase| phase.faults.iter().map(|(_, fault)| phase.limit(fault)))
    }
}

impl Phase {
    fn read(text: &str, phase: &PhaseText) -> Result<Phase, ScenarioError> {
        let time = |time: &Spanned<String>| {
            let wrong = || Wrong::Time(time.get_ref().clone());
            value::duration(time.get_ref()).ok_or_else(|| at(text, time, wrong()))
        };
        let from = phase.from.as_ref().map(time).transpose()?.unwrap_or_default();
        let to = phase.to.as_ref().map(time).transpose()?;
        if let Some(written) = &phase.to
            && to.is_some_and(|to| to <= from)
        {
            return Err(at(text, written, Wrong::EndsBeforeBegin));
        }
        let client = phase.client.as_ref().map(|client| {
            let wrong = |_| at(text, client, Wrong::Address(client.get_ref().clone()));
            client.get_ref().parse().map_err(wrong)
        });
        let mut read = Phase { from, to, client: client.transpose()?, faults: Vec::new() };
        for written in &phase.faults {
            let fault = read.fault(written.get_ref()).map_err(|wrong| at(text, written, wrong))?;
            read.faults.push((Place::of(text, written.span().start), fault));
        }
        Ok(read)
    }

    fn fault(&self, spec: &str) -> Result<Fault, Wrong> {
        let fault = Fault::parse(spec)?;
        let scope = fault.scope;
        let parameter = match () {
            () if !scope.from.is_zero() => "from",
            () if scope.to.is_some() => "to",
            () if self.client.is_some() && scope.client.is_some() => "client",
            () => return Ok(fault),
        };
        Err(Wrong::InPhase { fault: fault.name(), parameter })
    }

    fn check(&self, keys: &Keyring) -> Result<(), ScenarioError> {
        let together: Vec<Fault> = self.faults.iter().map(|(_, fault)| self.limit(fault)).collect();
        for ((place, _), fault) in self.faults.iter().zip(&together) {
            let kept_out = kept_out(fault, &together).map_or(Ok(()), Err);
            let checked = fault.check(keys).and(kept_out);
            checked.map_err(|wrong| ScenarioError { place: *place, wrong: wrong.into() })?;
        }
        Ok(())
    }

    fn limit(&self, fault: &Fault) -> Fault {
        let mut fault = fault.clone();
        fault.scope.from = self.from;
        fault.scope.to = self.to;
        fault.scope.client = self.client.or(fault.scope.client);
        fault
    }
}

fn at(text: &str, written: &Spanned<String>, wrong: Wrong) -> ScenarioError {
    ScenarioError { place: Place::of(text, written.span().start), wrong }
}

impl Place {
    /// The place of an octet of the text.
    fn of(text: &str, offset: usize) -> Place {
        let before = text.get(..offset).unwrap_or(text);
        let line_begin = before.rfind('\n').map_or(0, |end| end + 1);
        let column = before.get(line_begin..).unwrap_or_default().chars().count() + 1;
        Place { line: before.matches('\n').count() + 1, column }
    }
}
