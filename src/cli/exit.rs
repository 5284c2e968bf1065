//! Exit codes and the errors that lead to code 2.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::analysis::filter::FilterError;
use crate::auth::KeyId;
use crate::auth::trusted::TrustedError;
use crate::capture::CaptureError;
use crate::conformance::{BaselineError, SelectionError};
use crate::report::conform::StoredReportError;
use crate::report::probe::StoredRunError;
use crate::server::fault::{FaultError, ScenarioError};
use crate::server::udp::ListenError;

use super::access::Access;
use super::keyfiles::KeyFileError;

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Exit {
    /// 0: did the work, nothing wrong found.
    Fine,
    /// 1: did the work, found something wrong.
    Wrong,
    /// 2: could not do the work, or not all of it.
    Failed,
    /// 3: did the work, could not conclude.
    Inconclusive,
    /// What a monitoring plug-in's state says.
    Plugin(u8),
    /// 130: interrupted; what was read until then is told of.
    Interrupted,
}

impl Exit {
    /// The number that the shell sees.
    pub(super) fn code(self) -> u8 {
        match self {
            Exit::Fine => 0,
            Exit::Wrong => 1,
            Exit::Failed => 2,
            Exit::Inconclusive => 3,
            Exit::Plugin(code) => code,
            Exit::Interrupted => 130,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit.code())
    }
}

/// Why ntpcap cannot do its work.
#[derive(Debug, thiserror::Error)]
pub(super) enum CliError {
    /// A file cannot be opened or read.
    #[error("{}: {}", label(path), access)]
    File {
        /// The file as named.
        path: PathBuf,
        /// Why, and who could.
        access: Box<Access>,
    },
    /// A file is not a capture.
    #[error("{}: {error}", label(path))]
    Capture {
        /// The file as named.
        path: PathBuf,
        /// What it is instead.
        error: CaptureError,
    },
    /// A directory has no captures.
    #[error("{}: no capture in this directory (other files: {files})", label(path))]
    NoCaptures {
        /// The directory.
        path: PathBuf,
        /// Regular files in it.
        files: usize,
    },
    /// `-` is named more than once.
    #[error("standard input can be read only once, as capture or as key file")]
    StandardInputTwice,
    /// The client is no program of this system.
    #[error("{program}: cannot be started: {error}")]
    ClientNotStarted {
        /// The program.
        program: String,
        /// Why not.
        error: io::Error,
    },
    /// A client that asks with a key needs one.
    #[error("no key for the client: the key files have none that is trusted")]
    NoKeyForClient,
    /// A wrong time must be seen, and not be taken for a broken clock.
    #[error("--offset: expected 4s to 15m, so that it shows and no client refuses it for its size")]
    OffsetOfClient,
    /// There is no key file.
    #[error("no key file: none was given, and none of the usual places has one")]
    NoKeyFile {
        /// Where one was looked for.
        tried: Vec<PathBuf>,
    },
    /// A configuration names no key file.
    #[error("{}: names no key file", label(path))]
    NoKeysInConf {
        /// The configuration.
        path: PathBuf,
    },
    /// There is no such account.
    #[error("--user: this system has no user {name}")]
    NoSuchAccount {
        /// The name.
        name: String,
    },
    /// The filter makes no sense.
    #[error("--filter: {error}{}", excerpt(text, error.position, 1))]
    Filter {
        /// The expression.
        text: String,
        /// What is wrong, and where.
        error: FilterError,
    },
    /// The filter asks for what `decode` cannot know.
    #[error("--filter: asks for what cannot be told without keys")]
    FilterWithoutKeys,
    /// The filter asks for what was not to be looked for.
    #[error("--filter: asks for a diagnosis, and --no-diagnosis looks for none")]
    FilterWithoutDiagnosis,
    /// The list of trusted keys makes no sense.
    #[error("--trusted: {error}{}", excerpt(text, error.position, error.length))]
    Trusted {
        /// The list.
        text: String,
        /// What is wrong, and where.
        error: TrustedError,
    },
    /// A frame that is to be explained holds no message, or is not there.
    #[error("{}: {reason}", label(path))]
    NoMessage {
        /// The capture.
        path: PathBuf,
        /// What is there instead.
        reason: String,
    },
    /// What is to be explained is neither a frame nor a code.
    #[error(
        "{}: not the code of a diagnosis, finding, status, verdict or kind of server, and no frame of a capture is named",
        label(subject)
    )]
    NothingToExplain {
        /// What was given.
        subject: PathBuf,
    },
    /// More than one file is to be followed, or a directory.
    #[error("--follow takes one capture, not several and no directory")]
    FollowsSeveral,
    /// A signal came before there was anything to tell.
    #[error("interrupted")]
    Interrupted,
    /// There is a file where one is to be made.
    #[error("{}: exists already", label(path))]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// There is a directory where a file is to be made.
    #[error("{}: names a directory, not a file to write", label(path))]
    OutputIsDirectory {
        /// The directory.
        path: PathBuf,
    },
    /// The directory is not there in which a file is to be made.
    #[error("{}: no such directory", label(path))]
    NoDirectory {
        /// The directory.
        path: PathBuf,
    },
    /// No file can be made in a directory.
    #[error("{}: no file can be made in it: {access}", label(path))]
    NoFileIn {
        /// The directory.
        path: PathBuf,
        /// Why, and who could.
        access: Box<Access>,
    },
    /// The file to be made is one of those to be read.
    #[error("{}: is read, so it cannot be written", label(path))]
    OverwritesInput {
        /// The file.
        path: PathBuf,
    },
    /// Two results are to go to the same file.
    #[error("{}: cannot take both {both}", output_label(path))]
    SameOutput {
        /// The file.
        path: PathBuf,
        /// The two: `the log and the capture`.
        both: String,
    },
    /// A log or a capture cannot be written on.
    #[error("{}: {}", output_label(path), why_unwritten(error))]
    Records {
        /// The file as named.
        path: PathBuf,
        /// Why not.
        error: io::Error,
    },
    /// A capture of what is asked cannot be written on.
    #[error("{}: cannot write the capture: {error}", output_label(path))]
    Unwritten {
        /// The file as named.
        path: PathBuf,
        /// Why not.
        error: io::Error,
    },
    /// Whoever reads a log or a capture does not read on.
    #[error("{}: takes no more, and {records} records wait for it", output_label(path))]
    RecordsStalled {
        /// The file as named.
        path: PathBuf,
        /// Records that wait.
        records: u64,
    },
    /// An address is to be listened on twice.
    #[error("--listen {address}: --listen {other} listens there already")]
    ListenTwice {
        /// The address.
        address: SocketAddr,
        /// The other one, which is the same or stands for all.
        other: SocketAddr,
    },
    /// An address cannot be listened on.
    #[error("cannot listen on {}: {}", .0.address, why_deaf(.0))]
    Listen(#[from] ListenError),
    /// The server cannot run as this user.
    #[error("--user {name}: {reason}")]
    User {
        /// The user.
        name: String,
        /// Why not.
        reason: String,
    },
    /// Keys of one server are given to a server, which has one set of them.
    #[error("serve has one set of keys: ADDRESS=FILE does not fit")]
    KeysOfOneServer,
    /// A fault lacks its keys.
    #[error("--fault: {0}")]
    Fault(FaultError),
    /// A scenario makes no sense.
    #[error("{}:{error}", label(path))]
    Scenario {
        /// The file.
        path: PathBuf,
        /// What is wrong, and where.
        error: ScenarioError,
    },
    /// A capture and text are to go to standard output.
    #[error("--pcap -: standard output cannot take the capture and text too")]
    CaptureBesideText,
    /// A target is not written as one.
    #[error("{text}: no target: expected HOST, HOST:PORT or [ADDRESS]:PORT")]
    Target {
        /// What was given.
        text: String,
    },
    /// A name has no address.
    #[error("{host}: unknown host: {error}")]
    UnknownHost {
        /// The name.
        host: String,
        /// What the system says.
        error: io::Error,
    },
    /// A host has no address of the kind that is wanted.
    #[error("{host}: has no address of the kind that -4, -6 or --source wants")]
    NoSuchAddress {
        /// The host.
        host: String,
    },
    /// A file is no run of a probe.
    #[error("{}: {error}", label(path))]
    StoredRun {
        /// The file.
        path: PathBuf,
        /// What it is instead.
        error: StoredRunError,
    },
    /// No case is selected, or a name is none of a case.
    #[error(transparent)]
    Selection(#[from] SelectionError),
    /// There is no case of that name.
    #[error("{slug}: no case of that name")]
    NoSuchCase {
        /// The name.
        slug: String,
    },
    /// A baseline cannot be read.
    #[error("{name}: {error}")]
    Baseline {
        /// The file, or the name of one that comes with the program.
        name: String,
        /// What is wrong.
        error: BaselineError,
    },
    /// A baseline is neither a file nor one that comes with the program.
    #[error("{name}: no such file, and no baseline of that name")]
    NoSuchBaseline {
        /// What was given.
        name: String,
        /// The names of those that come with the program.
        known: Vec<&'static str>,
    },
    /// A baseline is to be written of no server, or of several.
    #[error("--write-baseline: a baseline is of one server, and the captures tell of {servers}")]
    BaselineOfSeveral {
        /// Servers that something is told of.
        servers: usize,
    },
    /// A matrix has no such form.
    #[error("{}: a matrix is written as a page (.html) or as a table in Markdown (.md)", label(path))]
    MatrixForm {
        /// The file.
        path: PathBuf,
    },
    /// Nothing can be sent from that address.
    #[error("--source {address}: {error}")]
    Source {
        /// The address.
        address: IpAddr,
        /// Why not.
        error: io::Error,
    },
    /// A file is no report.
    #[error("{}: {error}", label(path))]
    StoredReport {
        /// The file.
        path: PathBuf,
        /// What it is instead.
        error: StoredReportError,
    },
    /// The file of targets has none.
    #[error("no target is named")]
    NoTargets,
    /// A key that is asked for is in no key file.
    #[error("--key {key_id}: no key file has this key")]
    UnknownKey {
        /// The key.
        key_id: KeyId,
        /// The keys that there are.
        known: Vec<KeyId>,
    },
    /// A key that is asked for is in no key file for that server.
    #[error("--key {key_id}: no key file for {server} has this key")]
    UnknownKeyOf {
        /// The key.
        key_id: KeyId,
        /// The server.
        server: SocketAddr,
        /// The keys that there are for it.
        known: Vec<KeyId>,
    },
    /// All keys are asked for, and none is for that server.
    #[error("--all-keys: no key file has a key for {server}")]
    NoKeysFor {
        /// The server.
        server: SocketAddr,
    },
    /// A line of the file of targets.
    #[error("{}:{line}: {error}", input_label(path))]
    TargetLine {
        /// The file.
        path: PathBuf,
        /// The line.
        line: usize,
        /// What is wrong with it.
        error: Box<CliError>,
    },
    /// The arguments make no sense; what is wrong with them was said before.
    #[error("wrong arguments: standard error says which")]
    Arguments,
    /// It is no text.
    #[error("not UTF-8")]
    NotText,
    /// All keys are asked for, and there is none.
    #[error("--all-keys: the key files give no key")]
    NoKeys,
    /// A command on key files cannot do its work.
    #[error(transparent)]
    KeyFiles(#[from] KeyFileError),
    /// The results cannot be written.
    #[error("cannot write the results: {0}")]
    Output(#[from] io::Error),
}

impl CliError {
    /// What to do about it, where there is something to do.
    pub(super) fn hint(&self) -> Option<String> {
        match self {
            CliError::File { path, access } => access.hint().or_else(|| {
                let names_a_server = path.to_string_lossy().contains('=');
                names_a_server.then(|| "ADDRESS=FILE takes an IP address, without a port".to_owned())
            }),
            CliError::Capture { error: CaptureError::Empty, .. } => {
                Some("a capture has at least a header; was the capture interrupted, or the copy?".to_owned())
            }
            CliError::Capture { error: CaptureError::NotACapture(_), .. } => {
                Some("tcpdump -w, dumpcap and Wireshark write captures".to_owned())
            }
            CliError::Capture { error: CaptureError::ForeignFormat(_), .. } => {
                Some("editcap FILE FILE.pcapng converts it".to_owned())
            }
            CliError::NoCaptures { .. } => Some("directories inside it are not searched".to_owned()),
            CliError::NoKeyFile { tried } => {
                let tried: Vec<String> = tried.iter().map(|path| path.display().to_string()).collect();
                Some(format!(
                    "give one with --keys FILE, or use ntpcap decode, which needs none\ntried: {}",
                    tried.join(", ")
                ))
            }
            CliError::NothingToExplain { .. } => {
                Some("ntpcap explain CAPTURE FRAME --keys FILE, or ntpcap explain CODE".to_owned())
            }
            CliError::Listen(ListenError { address, error }) => deaf_hint(*address, error),
            CliError::User { .. } => {
                Some("run as root and name a user of this system, or leave --user out".to_owned())
            }
            CliError::ListenTwice { .. } => Some("leave one of them out".to_owned()),
            CliError::KeysOfOneServer => Some("give the key file with --keys FILE".to_owned()),
            CliError::Fault(wrong) => wrong.hint(),
            CliError::NoKeysFor { .. } => Some(FOR_ALL.to_owned()),
            CliError::UnknownKeyOf { known, .. } if known.is_empty() => Some(FOR_ALL.to_owned()),
            CliError::TargetLine { error, .. } => error.hint(),
            CliError::StoredRun { .. } => {
                Some("ntpcap probe --json > FILE or --ndjson > FILE writes a run".to_owned())
            }
            CliError::UnknownKey { known, .. } | CliError::UnknownKeyOf { known, .. } => {
                let known: Vec<String> = known.iter().map(KeyId::to_string).collect();
                Some(format!("the key files have: {}", known.join(", ")))
            }
            CliError::Selection(_) | CliError::NoSuchCase { .. } => {
                Some("ntpcap conform list names them all".to_owned())
            }
            CliError::NoSuchBaseline { known, .. } => {
                Some(format!("those that come with the program: {}", known.join(", ")))
            }
            CliError::BaselineOfSeveral { .. } => Some("name a capture of one server alone".to_owned()),
            CliError::Source { .. } => Some("name an address of this host".to_owned()),
            CliError::CaptureBesideText => {
                Some("add --quiet and leave --json and --log - out, or name a file".to_owned())
            }
            CliError::FilterWithoutKeys => Some(
                "use ntpcap verify; without keys there is no algorithm and no diagnosis, and no status valid, \
                 invalid or untrusted-key"
                    .to_owned(),
            ),
            CliError::KeyFiles(error) => error.hint(),
            CliError::FilterWithoutDiagnosis => Some("leave --no-diagnosis out".to_owned()),
            CliError::Exists { .. } => Some("--force replaces it".to_owned()),
            CliError::OutputIsDirectory { path } => {
                Some(format!("name a file in it, such as {}", label(&path.join("annotated.pcapng"))))
            }
            CliError::NoDirectory { .. } => Some("make it first, or name a file elsewhere".to_owned()),
            CliError::NoFileIn { .. } => Some("name a file elsewhere".to_owned()),
            CliError::OverwritesInput { .. } | CliError::SameOutput { .. } => Some("name another file".to_owned()),
            CliError::NoKeysInConf { .. } => Some("give the key file with --keys FILE".to_owned()),
            _ => None,
        }
    }

    /// True when whoever reads the results has gone: no reason to complain.
    pub(super) fn is_closed_pipe(&self) -> bool {
        matches!(self, CliError::Output(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }
}

/// What gives keys for every server.
const FOR_ALL: &str = "--keys FILE is for all servers, --keys ADDRESS=FILE for that one alone";

/// An input as it is shown.
fn input_label(path: &Path) -> String {
    if path.as_os_str() == "-" { "standard input".to_owned() } else { label(path) }
}

/// An output as it is shown.
fn output_label(path: &Path) -> String {
    if path.as_os_str() == "-" { "standard output".to_owned() } else { label(path) }
}

fn why_unwritten(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::BrokenPipe => "whoever read it has left, so the server ends".to_owned(),
        _ => format!("cannot be written on, so the server ends: {error}"),
    }
}

/// Why an address cannot be listened on.
fn why_deaf(ListenError { address, error }: &ListenError) -> String {
    match error.kind() {
        io::ErrorKind::AddrInUse => "another program listens there already".to_owned(),
        io::ErrorKind::PermissionDenied => format!("port {} needs root's rights", address.port()),
        io::ErrorKind::AddrNotAvailable => "no interface of this host has the address".to_owned(),
        _ => error.to_string(),
    }
}

/// What to do about it.
fn deaf_hint(address: SocketAddr, error: &io::Error) -> Option<String> {
    match error.kind() {
        io::ErrorKind::AddrInUse => {
            Some(format!("ss -ulpn sport = :{} names it; --listen takes another port", address.port()))
        }
        io::ErrorKind::PermissionDenied => Some(
            "run as root, which is given up once the port is bound; or --listen takes a port from 1024 on"
                .to_owned(),
        ),
        io::ErrorKind::AddrNotAvailable => Some("ip address lists those that there are".to_owned()),
        _ => None,
    }
}

/// A path as it is shown: control characters would reach the terminal.
pub(super) fn label(path: &Path) -> String {
    path.to_string_lossy().chars().map(visible).collect()
}

/// A character as it is shown.
pub(super) fn visible(character: char) -> char {
    if character.is_control() { '?' } else { character }
}

/// On lines of its own, what stands around a place in a text, with a mark below the place.
fn excerpt(text: &str, position: usize, length: usize) -> String {
    let characters: Vec<char> = text.chars().map(visible).collect();
    if characters.is_empty() {
        return String::new();
    }
    let count = |part: &str| part.chars().count();
    let place = text.get(..position).map_or(characters.len(), count);
    let marked = text.get(position..position + length).map_or(1, count).max(1);
    let start = if characters.len() <= EXCERPT { 0 } else { place.saturating_sub(EXCERPT / 2) };
    let shown: String = characters.iter().skip(start).take(EXCERPT).collect();
    let (before, after) = (cut_mark(start > 0), cut_mark(start + EXCERPT < characters.len()));
    let column = before.len() + place - start;
    let mark = "^".repeat(marked.min(EXCERPT / 2));
    format!("\n\n  {before}{shown}{after}\n  {}{mark}", " ".repeat(column))
}

fn cut_mark(is_cut: bool) -> &'static str {
    if is_cut { "..." } else { "" }
}

/// Most characters of a text that are shown around a place in it.
const EXCERPT: usize = 70;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_text_is_shown_whole() {
        assert_eq!(excerpt("11,x2", 3, 2), "\n\n  11,x2\n     ^^");
        assert_eq!(excerpt("key==", 5, 1), "\n\n  key==\n       ^");
        assert_eq!(excerpt("\u{1b}\u{fc}=1", 3, 1), "\n\n  ?\u{fc}=1\n    ^");
        assert_eq!(excerpt("", 0, 0), "");
    }

    #[test]
    fn of_a_long_text_a_window_around_the_place_is_shown() {
        let text = format!("{}!{}", "a".repeat(100), "b".repeat(100));
        let lines: Vec<String> = excerpt(&text, 100, 1).lines().map(str::to_owned).collect();
        assert_eq!(lines[2], format!("  ...{}!{}...", "a".repeat(35), "b".repeat(34)));
        assert_eq!(lines[3], format!("  {}^", " ".repeat(38)));
        for (position, length) in [(0, 201), (200, 1), (201, 0), (4_000, 9), (199, 100)] {
            let text = excerpt(&text, position, length);
            assert!(text.lines().all(|line| line.len() <= 80), "{text}");
        }
    }
}
