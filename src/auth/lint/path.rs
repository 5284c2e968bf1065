//! The path of a key file, component by component: who can get there and read it, who else can, and whether a program
//! that runs as another user can.
//!
//! Modes alone are judged, no access control lists.

use std::path::{Path, PathBuf};

use super::apparmor;
use super::{Flaw, Place};
use crate::auth::keyfile::{Dialect, Severity};

/// A directory, link or file on the way to a key file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Component {
    /// Its path, without links before it.
    pub path: PathBuf,
    /// What it is.
    pub kind: Kind,
    /// Its owner.
    pub user: Identity,
    /// Its group.
    pub group: Identity,
    /// Its mode: the lower twelve bits.
    pub mode: u32,
}

/// What a component is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A directory.
    Directory,
    /// A symbolic link.
    Link {
        /// Where it points, as written.
        target: PathBuf,
    },
    /// A regular file.
    File,
    /// A device, pipe or socket.
    Other,
}

impl Kind {
    /// The name in outputs.
    pub fn name(&self) -> &'static str {
        match self {
            Kind::Directory => "directory",
            Kind::Link { .. } => "link",
            Kind::File => "file",
            Kind::Other => "other",
        }
    }
}

/// A user or a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Its number.
    pub id: u32,
    /// Its name; the number where it has none.
    pub name: String,
}

/// The account that a daemon runs as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// The user.
    pub user: Identity,
    /// The group that it has of its own.
    pub group: Identity,
    /// The numbers of all groups that it is in.
    pub groups: Vec<u32>,
}

/// What is asked of a path.
pub struct Question<'q> {
    /// The path as it was named.
    pub named: &'q Path,
    /// The components in the order in which the kernel meets them, the file last.
    pub components: &'q [Component],
    /// The account that is to read it, if one is asked about.
    pub account: Option<&'q Account>,
    /// The programs that are to read it.
    pub programs: &'q [Dialect],
    /// True for programs whose AppArmor profile is on this machine.
    pub has_profile: &'q dyn Fn(Dialect) -> bool,
}

const READ: u32 = 4;
const WRITE: u32 = 2;
const SEARCH: u32 = 1;

impl Component {
    /// True when the mode gives the account this right.
    fn allows(&self, account: &Account, right: u32) -> bool {
        if account.user.id == 0 {
            return true;
        }
        let shift = if self.user.id == account.user.id {
            6
        } else if account.groups.contains(&self.group.id) {
            3
        } else {
            0
        };
        self.mode >> shift & right != 0
    }

    fn others_may(&self, right: u32) -> bool {
        self.mode & right != 0
    }

    fn tell(&self) -> String {
        format!("owner {}, group {}, mode {:04o}", self.user.name, self.group.name, self.mode)
    }
}

/// Judges a path.
pub fn judge(question: &Question<'_>) -> Vec<Flaw> {
    let mut flaws = Vec::new();
    for directory in question.components.iter().filter(|one| one.kind == Kind::Directory) {
        judge_directory(directory, question, &mut flaws);
    }
    if let Some(file) = question.components.last().filter(|last| last.kind == Kind::File) {
        judge_file(file, question, &mut flaws);
        for program in question.programs {
            flaws.extend(judge_confinement(file, *program, question));
        }
    }
    flaws
}

fn judge_directory(directory: &Component, question: &Question<'_>, flaws: &mut Vec<Flaw>) {
    let flaw =
        |severity, code, what: String| Flaw::new(Place::Path(directory.path.clone()), severity, code, what);
    let shown = directory.path.display();
    if let Some(account) = question.account.filter(|account| !directory.allows(account, SEARCH)) {
        let name = &account.user.name;
        let told = flaw(
            Severity::Error,
            "directory-closed",
            format!("{name} cannot pass through this directory ({})", directory.tell()),
        );
        let mend = if directory.group.id == account.group.id {
            format!("chmod g+x {shown}")
        } else {
            format!("chmod o+x {shown}, or keep the file elsewhere")
        };
        flaws.push(told.does(denied_later(name)).mend(mend));
    }
    let is_sticky = directory.mode & 0o1000 != 0;
    if directory.others_may(WRITE) && !is_sticky {
        let what = format!("anybody can put another key file here ({})", directory.tell());
        flaws.push(flaw(Severity::Error, "directory-writable", what).mend(format!("chmod o-w {shown}")));
    }
}

fn judge_file(file: &Component, question: &Question<'_>, flaws: &mut Vec<Flaw>) {
    let flaw = |severity, code, what: String| Flaw::new(Place::Path(file.path.clone()), severity, code, what);
    let shown = file.path.display();
    if let Some(account) = question.account.filter(|account| !file.allows(account, READ)) {
        flaws.push(unreadable(file, account, question));
    }
    if file.others_may(WRITE) {
        let what = format!("anybody can change the keys ({})", file.tell());
        flaws.push(flaw(Severity::Error, "others-can-write", what).mend(format!("chmod o= {shown}")));
    } else if file.others_may(READ) {
        let what = format!("anybody on this host can read the keys ({})", file.tell());
        let told = flaw(Severity::Warning, "others-can-read", what)
            .wire("nothing; but whoever has the keys can send what verifies");
        flaws.push(told.mend(format!("chmod o= {shown}")));
    }
    let is_daemons = question.account.is_some_and(|account| account.user.id == file.user.id);
    if question.account.is_some() && file.user.id != 0 && !is_daemons {
        let what = format!("the file belongs to {}, who is neither root nor the daemon", file.user.name);
        flaws.push(flaw(Severity::Warning, "foreign-owner", what).mend(format!("chown root {shown}")));
    }
}

/// The flaw of a file that the account may not read, with all that makes it hard to see.
fn unreadable(file: &Component, account: &Account, question: &Question<'_>) -> Flaw {
    let name = &account.user.name;
    let mut what = format!("{name} may not read the keys: {}", file.tell());
    if let Some((link, mode)) = last_link(question.components) {
        let link = link.display();
        what = format!(
            "{name} may not read the keys: {link} is a symbolic link to this file ({}), and what counts is the mode \
             of the file, not the {mode} of the link",
            file.tell()
        );
    }
    let shown = file.path.display();
    let group = &account.group.name;
    Flaw::new(Place::Path(file.path.clone()), Severity::Error, "user-cannot-read", what)
        .does(denied_later(name) + &denied_at_once(file, question.programs))
        .wire(without_keys(question.programs))
        .mend(format!("chgrp {group} {shown} && chmod 0640 {shown}"))
}

/// What denies a file to root, which no mode does.
fn denied_at_once(file: &Component, programs: &[Dialect]) -> String {
    let refuses = programs.iter().filter(|program| !apparmor::allows(**program, &file.path)).map(|program| {
        let allowed = apparmor::allowed(*program);
        format!("Debian's AppArmor profile lets {} read {allowed}, not this file", program.title())
    });
    let mut told = ". Where every start logs that, AppArmor or SELinux denies it".to_owned();
    for (index, clause) in refuses.enumerate() {
        told += if index == 0 { ": " } else { "; " };
        told += &clause;
    }
    told
}

/// The last link on the way, and the mode that `ls` shows for it.
fn last_link(components: &[Component]) -> Option<(&Path, &'static str)> {
    let is_link = |component: &&Component| matches!(component.kind, Kind::Link { .. });
    components.iter().rfind(is_link).map(|link| (link.path.as_path(), "lrwxrwxrwx"))
}

fn denied_later(name: &str) -> String {
    format!(
        "started as root, it reads its keys before it becomes {name}, so they load; told to read them again, or \
         started as {name}, it logs: Permission denied"
    )
}

fn without_keys(programs: &[Dialect]) -> String {
    let told = programs.iter().map(|program| match program {
        Dialect::NtpOrg => "ntp.org answers every authenticated request with a crypto-NAK",
        Dialect::Ntpsec => "NTPsec leaves every authenticated request without an answer",
        Dialect::Chrony => "chrony leaves every authenticated request without an answer",
    });
    let told: Vec<&str> = told.collect();
    format!(
        "without keys {}, and nothing is sent to servers that are to be asked with a key",
        told.join(", ")
    )
}

/// What AppArmor would refuse, of one program: the path, or root.
fn judge_confinement(file: &Component, program: Dialect, question: &Question<'_>) -> Vec<Flaw> {
    let is_here = (question.has_profile)(program);
    let severity = if is_here { Severity::Warning } else { Severity::Info };
    let whose =
        if is_here { "the AppArmor profile" } else { "where Debian's AppArmor profile is in force, it" };
    let told = |code, what: String, mend: String| {
        let flaw = Flaw::new(Place::Path(file.path.clone()), severity, code, what).of(program);
        flaw.does(denied_to_root(program, question.named)).wire(without_keys(&[program])).mend(mend)
    };
    let mut flaws = Vec::new();
    if !apparmor::allows(program, &file.path) {
        let allowed = apparmor::allowed(program);
        let what = format!("{whose} lets {} read {allowed}, not this file", program.title());
        flaws.push(told("apparmor-path", what, allow_path(program, &file.path)));
    }
    if file.user.id != 0 && !apparmor::leaves_root_its_rights(program) && !root_may_read(file) {
        let what =
            format!("{whose} lets root read no file that is closed to it, and this one is ({})", file.tell());
        let shown = file.path.display();
        let group = question.account.map_or("the daemon's group", |account| account.group.name.as_str());
        let mend = format!("chown root {shown} && chgrp {group} {shown} && chmod 0640 {shown}");
        flaws.push(told("apparmor-owner", what, mend));
    }
    flaws
}

fn allow_path(program: Dialect, path: &Path) -> String {
    let profile = apparmor::profile(program);
    format!(
        "keep the file itself at {}, or add `{} r,` to {} and run apparmor_parser -r {profile}",
        apparmor::good_path(program),
        path.display(),
        profile.replace("/etc/apparmor.d/", "/etc/apparmor.d/local/")
    )
}

fn denied_to_root(program: Dialect, named: &Path) -> String {
    let named = named.display();
    let log = match program {
        Dialect::NtpOrg => format!("authreadkeys: file '{named}': Permission denied"),
        Dialect::Ntpsec => format!("AUTH: authreadkeys: file {named}: Permission denied"),
        Dialect::Chrony => format!("Could not open keyfile {named}"),
    };
    format!(
        "it is denied already at the start, as root, and logs: {log}; `journalctl -k --grep apparmor=.DENIED` tells \
         whether it was AppArmor"
    )
}

/// True when the mode lets root read, without the rights that only root has.
fn root_may_read(file: &Component) -> bool {
    let in_group = file.group.id == 0 && file.mode & 0o040 != 0;
    in_group || file.others_may(READ)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(id: u32, name: &str) -> Identity {
        Identity { id, name: name.to_owned() }
    }

    fn component(path: &str, kind: Kind, user: u32, group: u32, mode: u32) -> Component {
        let name = |id| identity(id, if id == 0 { "root" } else { "ntp" });
        Component { path: path.into(), kind, user: name(user), group: name(group), mode }
    }

    fn ntp() -> Account {
        Account { user: identity(110, "ntp"), group: identity(110, "ntp"), groups: vec![110] }
    }

    fn codes(components: &[Component], program: Dialect, has_profile: bool) -> Vec<(&'static str, Severity)> {
        let flaws = judge(&Question {
            named: Path::new("/etc/ntp.keys"),
            components,
            account: Some(&ntp()),
            programs: &[program],
            has_profile: &|_| has_profile,
        });
        flaws.iter().map(|flaw| (flaw.code, flaw.severity)).collect()
    }

    #[test]
    fn a_link_to_a_file_that_only_root_reads_is_told_of_by_the_file() {
        let target = "/etc/ntpkey_MD5key_host.3941";
        let components = [
            component("/", Kind::Directory, 0, 0, 0o755),
            component("/etc", Kind::Directory, 0, 0, 0o755),
            component("/etc/ntp.keys", Kind::Link { target: target.into() }, 0, 0, 0o777),
            component(target, Kind::File, 0, 0, 0o600),
        ];
        let expected = [("user-cannot-read", Severity::Error), ("apparmor-path", Severity::Warning)];
        assert_eq!(codes(&components, Dialect::NtpOrg, true), expected);
    }

    #[test]
    fn the_owners_bits_count_for_the_owner_and_the_groups_for_its_members() {
        let file = |user, group, mode| [component("/etc/ntp.keys", Kind::File, user, group, mode)];
        let none: [(&str, Severity); 0] = [];
        assert_eq!(codes(&file(0, 110, 0o640), Dialect::NtpOrg, true), none);
        assert_eq!(codes(&file(110, 110, 0o040), Dialect::NtpOrg, true)[0].0, "user-cannot-read");
        assert_eq!(
            codes(&file(0, 0, 0o644), Dialect::NtpOrg, true),
            [("others-can-read", Severity::Warning)]
        );
        assert_eq!(codes(&file(0, 0, 0o666), Dialect::NtpOrg, true), [("others-can-write", Severity::Error)]);
        let foreign = codes(&file(7, 110, 0o640), Dialect::NtpOrg, false);
        assert_eq!(foreign, [("foreign-owner", Severity::Warning), ("apparmor-owner", Severity::Info)]);
    }

    /// Measured: ntpd of both families, started as root without `dac_override`, is denied a file of its user's of mode
    /// 0600. chrony's profile leaves root that right.
    #[test]
    fn a_file_of_the_daemons_own_is_closed_to_a_confined_root() {
        let file = |path| [component(path, Kind::File, 110, 110, 0o600)];
        assert_eq!(
            codes(&file("/etc/ntp.keys"), Dialect::NtpOrg, true),
            [("apparmor-owner", Severity::Warning)]
        );
        let none: [(&str, Severity); 0] = [];
        assert_eq!(codes(&file("/etc/chrony/k"), Dialect::Chrony, true), none);
    }

    #[test]
    fn directories_are_to_be_passed_and_not_written() {
        let with = |mode| {
            let components = [
                component("/etc", Kind::Directory, 0, 0, mode),
                component("/etc/ntp.keys", Kind::File, 0, 110, 0o640),
            ];
            codes(&components, Dialect::NtpOrg, true)
        };
        assert_eq!(with(0o700), [("directory-closed", Severity::Error)]);
        assert_eq!(with(0o757), [("directory-writable", Severity::Error)]);
        assert!(with(0o1777).is_empty());
    }
}
