//! Baselines: those that come with the program, and files.

use std::path::Path;

use crate::conformance::Baseline;

use super::super::exit::CliError;

/// What real servers and clients are known to do otherwise. `tests/peers/conform.py` and `clients_conform.py` hold them
/// to it.
static KNOWN: [(&str, &str); 13] = [
    ("ntp.org-4.2.8p15", include_str!("../../../captures/baselines/ntp.org-4.2.8p15.toml")),
    ("ntpsec-1.2.2", include_str!("../../../captures/baselines/ntpsec-1.2.2.toml")),
    ("chrony-4.3", include_str!("../../../captures/baselines/chrony-4.3.toml")),
    ("chrony-4.6.1", include_str!("../../../captures/baselines/chrony-4.6.1.toml")),
    ("ntpd-rs-1.4.0", include_str!("../../../captures/baselines/ntpd-rs-1.4.0.toml")),
    ("openntpd-6.2p3", include_str!("../../../captures/baselines/openntpd-6.2p3.toml")),
    ("clients/chrony-4.3", include_str!("../../../captures/baselines/clients/chrony-4.3.toml")),
    ("clients/chrony-4.6.1", include_str!("../../../captures/baselines/clients/chrony-4.6.1.toml")),
    ("clients/ntp.org-4.2.8p15", include_str!("../../../captures/baselines/clients/ntp.org-4.2.8p15.toml")),
    ("clients/ntpdate-4.2.8p15", include_str!("../../../captures/baselines/clients/ntpdate-4.2.8p15.toml")),
    ("clients/ntpdig-1.2.2", include_str!("../../../captures/baselines/clients/ntpdig-1.2.2.toml")),
    ("clients/ntpsec-1.2.2", include_str!("../../../captures/baselines/clients/ntpsec-1.2.2.toml")),
    ("clients/sntp-4.2.8p15", include_str!("../../../captures/baselines/clients/sntp-4.2.8p15.toml")),
];

/// True for the name of a baseline that comes with the program.
pub(super) fn is_known(name: &str) -> bool {
    KNOWN.iter().any(|(known, _)| *known == name)
}

/// The baseline of that name, or in that file.
///
/// # Errors
/// When there is neither, or it makes no sense.
pub(super) fn baseline(name: &str) -> Result<Baseline, CliError> {
    let known = KNOWN.iter().find(|(known, _)| *known == name).map(|(_, text)| (*text).to_owned());
    let text = match known {
        Some(text) => text,
        None if Path::new(name).exists() => super::read(Path::new(name))?,
        None => {
            let known = KNOWN.iter().map(|(known, _)| *known).collect();
            return Err(CliError::NoSuchBaseline { name: name.to_owned(), known });
        }
    };
    Baseline::parse(&text).map_err(|error| CliError::Baseline { name: name.to_owned(), error })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_baseline_that_comes_along_is_one_and_gives_reasons() {
        for (name, _) in KNOWN {
            let known = baseline(name).unwrap();
            assert_eq!(known.name, name);
            assert!(known.entries.iter().all(|entry| !entry.reason.is_empty()), "{name}");
        }
    }
}
