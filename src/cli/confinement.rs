//! Giving up what a server no longer needs once its sockets and files are open: root's rights, and all of the file
//! system.

use landlock::{ABI, Access, AccessFs, AccessNet, Ruleset, RulesetAttr, RulesetStatus};
use nix::unistd::{Gid, Uid, User, geteuid, setgid, setgroups, setuid};

use super::exit::CliError;

/// Who serves where no other user is named.
const NOBODY: &str = "nobody";

/// The user to change to: the one that is named, else `nobody` if root's rights were needed for a port below 1024.
///
/// # Errors
/// When there is no such user.
pub(super) fn user(name: Option<&str>, privileged_port: bool) -> Result<Option<User>, CliError> {
    let by_default = (geteuid().is_root() && privileged_port).then_some(NOBODY);
    let Some(name) = name.or(by_default) else { return Ok(None) };
    match User::from_name(name) {
        Ok(Some(user)) => Ok(Some(user)),
        Ok(None) => Err(CliError::User { name: name.to_owned(), reason: "no such user".to_owned() }),
        Err(error) => Err(CliError::User { name: name.to_owned(), reason: error.desc().to_owned() }),
    }
}

/// Becomes `user` for good, in this and all further threads.
///
/// # Errors
/// When the system refuses, or when the rights could be got back.
pub(super) fn become_user(user: &User) -> Result<(), CliError> {
    let refused = |reason: String| CliError::User { name: user.name.clone(), reason };
    let change = || {
        // In this order: who is no longer root can change neither groups nor user.
        setgroups(&[])?;
        setgid(user.gid)?;
        setuid(user.uid)
    };
    change().map_err(|error| refused(format!("cannot become this user: {}", error.desc())))?;
    let is_back = setuid(Uid::from_raw(0)).is_ok() || setgid(Gid::from_raw(0)).is_ok();
    if is_back && !user.uid.is_root() {
        return Err(refused("root's rights could be got back".to_owned()));
    }
    Ok(())
}

/// Gives up opening files, and TCP, in this and all further threads, as far as the kernel knows how (Landlock).
/// Where it does not, nothing changes, and false comes back: this is a second line of defence.
pub(super) fn leave_files() -> bool {
    let newest = ABI::V5;
    let status = Ruleset::default()
        .handle_access(AccessFs::from_all(newest))
        .and_then(|rules| rules.handle_access(AccessNet::from_all(newest)))
        .and_then(Ruleset::create)
        .and_then(landlock::RulesetCreated::restrict_self);
    status.is_ok_and(|status| status.ruleset != RulesetStatus::NotEnforced)
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::ErrorKind;

    use super::*;

    #[test]
    fn files_cannot_be_opened_any_more() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let path = file.path().to_owned();
        // It binds the thread that asks for it, and those that this one starts.
        let confined = std::thread::spawn(move || {
            let is_enforced = leave_files();
            let open = || File::open(&path).map_err(|error| error.kind()).err();
            let own = open();
            (is_enforced, std::thread::scope(|scope| [own, scope.spawn(open).join().unwrap()]))
        });
        let (is_enforced, refused) = confined.join().unwrap();
        let expected = is_enforced.then_some(ErrorKind::PermissionDenied);
        if !is_enforced {
            eprintln!("skipped: the kernel has no Landlock");
        }
        assert_eq!(refused, [expected; 2]);
        assert!(File::open(file.path()).is_ok());
    }
}
