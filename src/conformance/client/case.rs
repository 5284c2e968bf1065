//! What a case of a client is.

use crate::conformance::case::Level;
use crate::conformance::outcome::Judgement;

use super::judge::Setting;
use super::phase::Phase;

/// One thing that is asked of a client.
#[derive(Debug)]
pub struct ClientCase {
    /// What it is called, for ever: `client/other-algorithm`.
    pub slug: &'static str,
    /// RFC and section, the profile's requirement, or `practice`.
    pub source: &'static str,
    /// How strongly it is asked for.
    pub level: Level,
    /// The requirement, in a line.
    pub summary: &'static str,
    /// Why it matters.
    pub why: &'static str,
    /// Which clients do otherwise, as was measured; empty where none is known to.
    pub differs: &'static str,
    /// How it is told.
    pub test: Test,
}

/// How a case is told.
#[derive(Clone, Copy, Debug)]
pub enum Test {
    /// By how the client takes a fault of its server.
    Fault(FaultTest),
    /// By what its requests look like while it is served rightly.
    Wire(WireJudge),
}

/// Judges the phases in which the client was served rightly.
pub type WireJudge = fn(&[Phase], &Setting) -> Judgement;

/// A fault, and what it shows.
#[derive(Clone, Copy, Debug)]
pub struct FaultTest {
    /// The faults, as `ntpcap serve` takes them. `{offset}`, `{broadcast}` and `{multicast}` stand for what is given.
    pub faults: &'static [&'static str],
    /// The names of those that a datagram must have to show something.
    pub shown_by: &'static [&'static str],
    /// Whose doing it is that a wrong time is told.
    pub shift: Shift,
    /// What a correct client does.
    pub proof: Proof,
    /// Whether a reply with the fault must have gone before, which a right client believes.
    pub primed: bool,
}

/// Why a time is told that is not right.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Shift {
    /// The server's clock is off.
    Clock,
    /// The fault tells another time itself.
    Inside,
    /// What happens on the way makes it look so many seconds off.
    Way(f64),
    /// It is right.
    None,
}

/// What a correct client does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// It believes no time: none that is right is told.
    RejectsAll,
    /// It believes no time that is off: a right one is told too.
    RejectsShifted,
    /// As [`Proof::RejectsAll`], and it may ask no more afterwards.
    MayGiveUp,
    /// It may believe it or not, and it must go on.
    Survives,
    /// It has the right time all the same.
    Believes,
}

/// What the shell has for the faults.
#[derive(Clone, Debug, Default)]
pub struct Means {
    /// How far the wrong time is off, as faults take it: `+100s`.
    pub offset: String,
    /// Address and port to broadcast to.
    pub broadcast: Option<String>,
    /// Group and port to send to.
    pub multicast: Option<String>,
}

/// What is missing for a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lacking(pub &'static str);

impl ClientCase {
    /// The first part of the slug.
    pub fn group(&self) -> &'static str {
        self.slug.split('/').next().unwrap_or(self.slug)
    }
}

impl FaultTest {
    /// The faults with what is given in place of what stands for it.
    ///
    /// # Errors
    /// What was not given.
    pub fn faults(&self, means: &Means) -> Result<Vec<String>, Lacking> {
        self.faults.iter().map(|fault| fill(fault, means)).collect()
    }
}

fn fill(fault: &str, means: &Means) -> Result<String, Lacking> {
    let given = [
        ("{broadcast}", means.broadcast.as_deref(), "no address to broadcast to is given (--broadcast)"),
        ("{multicast}", means.multicast.as_deref(), "no group to send to is given (--multicast)"),
        ("{offset}", Some(means.offset.as_str()), ""),
    ];
    let mut filled = fault.to_owned();
    for (name, value, lacking) in given {
        if filled.contains(name) {
            filled = filled.replace(name, value.ok_or(Lacking(lacking))?);
        }
    }
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_for_something_is_filled_in_or_lacks() {
        let means = Means { offset: "+100s".to_owned(), ..Means::default() };
        assert_eq!(fill("unsolicited:offset={offset}", &means).unwrap(), "unsolicited:offset=+100s");
        assert!(fill("broadcast:destination={broadcast}", &means).unwrap_err().0.contains("--broadcast"));
    }
}
