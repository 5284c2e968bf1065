//! FCS_NTP_EXT.1 of the collaborative Protection Profile for Network Devices, as steps that cases make.

use super::case::ClientCase;
use super::catalogue;

/// A requirement and its steps.
#[derive(Debug)]
pub struct Requirement {
    /// What it is called in the profile.
    pub name: &'static str,
    /// What it is about.
    pub title: &'static str,
    /// What is done.
    pub steps: &'static [Step],
}

/// What is done, and what must come of it.
#[derive(Debug)]
pub struct Step {
    /// What is done.
    pub does: &'static str,
    /// What must come of it.
    pub expected: &'static str,
    /// The case that does it.
    pub case: &'static str,
}

const fn step(case: &'static str, does: &'static str, expected: &'static str) -> Step {
    Step { does, expected, case }
}

/// What the assurance activities ask for, as far as a server can see it.
pub static NDCPP: &[Requirement] = &[
    Requirement {
        name: "FCS_NTP_EXT.1.1",
        title: "the version of NTP",
        steps: &[step(
            "wire/version",
            "read the version of every request",
            "the version that the Security Target claims",
        )],
    },
    Requirement {
        name: "FCS_NTP_EXT.1.2",
        title: "the time is authenticated",
        steps: &[
            step("wire/mac", "verify the MAC of every request", "a right MAC by the algorithm of the key"),
            step(
                "client/other-algorithm",
                "answer with a MAC of another digest algorithm under the same key ID and secret",
                "the device does not synchronise",
            ),
            step("client/no-mac", "answer without a MAC", "the device does not synchronise"),
            step(
                "client/wrong-key",
                "answer with a MAC by another secret",
                "the device does not synchronise",
            ),
            step(
                "client/wrong-digest",
                "answer with one bit of the digest flipped",
                "the device does not synchronise",
            ),
        ],
    },
    Requirement {
        name: "FCS_NTP_EXT.1.3",
        title: "no broadcast and no multicast",
        steps: &[
            step(
                "client/broadcast-signed",
                "broadcast another time, signed",
                "the device does not synchronise",
            ),
            step(
                "client/broadcast-unsigned",
                "broadcast another time, unsigned",
                "the device does not synchronise",
            ),
            step(
                "client/multicast-signed",
                "multicast another time, signed",
                "the device does not synchronise",
            ),
            step(
                "client/multicast-unsigned",
                "multicast another time, unsigned",
                "the device does not synchronise",
            ),
            step(
                "client/broadcast-mode-reply",
                "answer in broadcast mode",
                "the device does not synchronise",
            ),
        ],
    },
    Requirement {
        name: "FCS_NTP_EXT.1.4 test 1",
        title: "three servers",
        steps: &[step("wire/three-servers", "serve on three addresses", "every server is asked")],
    },
    Requirement {
        name: "FCS_NTP_EXT.1.4 test 2",
        title: "no time of a source that is not configured",
        steps: &[
            step(
                "client/unsolicited-address-signed",
                "send a signed reply with another time from an address that is not configured",
                "the device does not synchronise",
            ),
            step(
                "client/unsolicited-address-unsigned",
                "send an unsigned reply with another time from an address that is not configured",
                "the device does not synchronise",
            ),
            step(
                "client/other-address",
                "answer from an address that is not configured",
                "the device does not synchronise",
            ),
        ],
    },
];

/// The cases of the steps, in the order of the catalogue.
pub fn cases() -> Vec<&'static ClientCase> {
    let is_in = |case: &&ClientCase| {
        NDCPP.iter().flat_map(|requirement| requirement.steps).any(|step| step.case == case.slug)
    };
    catalogue::all().filter(is_in).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_step_is_made_by_a_case() {
        let steps = NDCPP.iter().map(|requirement| requirement.steps.len()).sum::<usize>();
        assert_eq!(cases().len(), steps);
    }
}
