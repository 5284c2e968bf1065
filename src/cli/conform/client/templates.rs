//! How known clients are configured and started. None of them sets a clock.

use crate::conformance::client::Reader;

use super::super::super::args::conform::client::Program;

/// What is written and started for a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Template {
    /// The command.
    pub(super) command: String,
    /// The text of its configuration.
    pub(super) configuration: String,
    /// How its output is read.
    pub(super) reader: Reader,
}

/// The template of a known client.
pub(super) fn of(program: Program, with_key: bool) -> Template {
    let (command, keyless, configuration, reader) = row(program);
    let command = if with_key { command } else { keyless };
    let configuration: Vec<&str> =
        configuration.lines().filter(|line| with_key || !needs_keys(line)).collect();
    let configuration = configuration.join("\n") + "\n";
    let configuration = if with_key { configuration } else { configuration.replace(" key {key}", "") };
    Template { command: command.to_owned(), configuration, reader }
}

fn needs_keys(line: &str) -> bool {
    line.starts_with("key") || line.starts_with("trustedkey")
}

type Row = (&'static str, &'static str, &'static str, Reader);

fn row(program: Program) -> Row {
    match program {
        Program::Chrony => (
            "chronyd -x -Q -t 5 -u root -f {conf}",
            "chronyd -x -Q -t 5 -u root -f {conf}",
            CHRONY,
            Reader::Chronyd,
        ),
        Program::NtpOrg => {
            let command = "ntpd -n -c {conf} -p {folder}/ntpd.pid";
            (command, command, NTPD, Reader::Nothing)
        }
        Program::Ntpsec => {
            let command = "ntpd -n -N -c {conf} -p {folder}/ntpd.pid";
            (command, command, NTPD, Reader::Nothing)
        }
        Program::Ntpdate => (
            "ntpdate -q -p 1 -t 1 -a {key} -k {keys} {address}",
            "ntpdate -q -p 1 -t 1 {address}",
            "",
            Reader::Ntpdate,
        ),
        Program::Sntp => ("sntp -t 2 -a {key} -k {keys} {address}", "sntp -t 2 {address}", "", Reader::Sntp),
        Program::Ntpdig => {
            ("ntpdig -t 2 -a {key} -k {keys} {address}", "ntpdig -t 2 {address}", "", Reader::Sntp)
        }
    }
}

/// One sample is enough to be judged by; no command socket, so that several can run.
const CHRONY: &str = "\
server {address} port {port} key {key} iburst maxsamples 1
keyfile {keys}
cmdport 0
bindcmdaddress /
pidfile {folder}/chronyd.pid
";

const NTPD: &str = "\
server {address} key {key} iburst minpoll 3 maxpoll 4
keys {keys}
trustedkey {key}
disable ntp
restrict default
restrict 127.0.0.1
driftfile {folder}/drift
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_key_nothing_is_said_of_keys() {
        let all = [
            Program::Chrony,
            Program::NtpOrg,
            Program::Ntpsec,
            Program::Ntpdate,
            Program::Sntp,
            Program::Ntpdig,
        ];
        for program in all {
            let Template { command, configuration, .. } = of(program, false);
            assert!(!command.contains("key") && !configuration.contains("key"), "{program:?}");
            let with = of(program, true);
            assert!((with.command + &with.configuration).contains("{key}"), "{program:?}");
        }
    }
}
