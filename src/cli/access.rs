//! Why a file cannot be read, in terms of the file system: owner, mode, link.

use std::fmt;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use nix::unistd::{Gid, Group, Uid, User};

/// A failed opening, with what the file system tells about the file.
#[derive(Debug)]
pub(super) struct Access {
    error: io::Error,
    target: Option<PathBuf>,
    owner: Option<Owner>,
    blocked_at: Option<PathBuf>,
}

#[derive(Debug)]
struct Owner {
    user: String,
    group: String,
    mode: u32,
}

impl Access {
    /// Looks at `path` after opening it failed with `error`.
    pub(super) fn explain(path: &Path, error: io::Error) -> Access {
        let denied = error.kind() == io::ErrorKind::PermissionDenied;
        Access {
            target: fs::read_link(path).ok(),
            owner: fs::metadata(path).ok().filter(|_| denied).map(|metadata| Owner::of(&metadata)),
            blocked_at: denied.then(|| unsearchable(path)).flatten(),
            error,
        }
    }

    /// What to do about it.
    pub(super) fn hint(&self) -> Option<String> {
        match (self.error.kind(), &self.owner) {
            (io::ErrorKind::PermissionDenied, Some(owner)) => Some(format!(
                "run as {} or as a member of group {}, or copy what you need to a file of your own",
                owner.user, owner.group
            )),
            (io::ErrorKind::PermissionDenied, None) => {
                Some("run as a user who may search that directory".to_owned())
            }
            (io::ErrorKind::NotFound, _) if self.target.is_some() => {
                Some("the link points to a file that is not there".to_owned())
            }
            _ => None,
        }
    }
}

impl fmt::Display for Access {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.error.kind() {
            io::ErrorKind::NotFound => formatter.write_str("no such file")?,
            io::ErrorKind::PermissionDenied => formatter.write_str("permission denied")?,
            io::ErrorKind::NotADirectory => formatter.write_str("not a directory")?,
            io::ErrorKind::IsADirectory => formatter.write_str("is a directory")?,
            _ => write!(formatter, "{}", self.error)?,
        }
        let mut facts = Vec::new();
        facts.extend(
            self.target.as_ref().map(|target| format!("symbolic link to {}", super::exit::label(target))),
        );
        if let Some(Owner { user, group, mode }) = &self.owner {
            facts.push(format!("owner {user}, group {group}, mode {mode:04o}"));
        }
        facts.extend(
            self.blocked_at
                .as_ref()
                .map(|path| format!("directory {} cannot be searched", super::exit::label(path))),
        );
        if facts.is_empty() { Ok(()) } else { write!(formatter, " ({})", facts.join("; ")) }
    }
}

impl Owner {
    fn of(metadata: &Metadata) -> Owner {
        let user = User::from_uid(Uid::from_raw(metadata.uid())).ok().flatten();
        let group = Group::from_gid(Gid::from_raw(metadata.gid())).ok().flatten();
        Owner {
            user: user.map_or_else(|| metadata.uid().to_string(), |user| user.name),
            group: group.map_or_else(|| metadata.gid().to_string(), |group| group.name),
            mode: metadata.permissions().mode() & 0o7777,
        }
    }
}

/// The first directory on the way to `path` behind which nothing can be looked at.
fn unsearchable(path: &Path) -> Option<PathBuf> {
    let absolute = std::path::absolute(path).ok()?;
    let mut above: Vec<&Path> = absolute.ancestors().skip(1).collect();
    above.reverse();
    let denied = |directory: &&&Path| {
        let inside = fs::symlink_metadata(directory.join("."));
        inside.is_err_and(|error| error.kind() == io::ErrorKind::PermissionDenied)
    };
    above.iter().find(denied).map(|directory| directory.to_path_buf())
}
