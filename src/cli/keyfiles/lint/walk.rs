//! The components of a path, as the kernel meets them, and accounts of this machine.

use std::collections::VecDeque;
use std::ffi::CString;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Component as Part, Path, PathBuf};

use nix::unistd::{Gid, Group, Uid, User, getgrouplist};

use crate::auth::lint::path::{Account, Component, Identity, Kind};

/// What was met on the way to a file, and why the way ended before it, if it did.
pub(super) struct Walk {
    /// Directories, links, and the file last.
    pub(super) components: Vec<Component>,
    /// The path that could not be looked at.
    pub(super) ended: Option<(PathBuf, io::Error)>,
}

impl Walk {
    /// The links that lead to the file, or to nothing.
    pub(super) fn links(&self) -> impl Iterator<Item = &Component> {
        self.components.iter().filter(|component| matches!(component.kind, Kind::Link { .. }))
    }
}

/// Links that the kernel follows before it gives up.
const MOST_LINKS: usize = 40;

/// Walks to `path`, over every link.
pub(super) fn walk(path: &Path) -> Walk {
    let mut walk = Walk { components: Vec::new(), ended: None };
    let absolute = match std::path::absolute(path) {
        Ok(absolute) => absolute,
        Err(error) => {
            walk.ended = Some((path.to_owned(), error));
            return walk;
        }
    };
    let mut rest: VecDeque<PathBuf> = parts(&absolute);
    let mut here = PathBuf::new();
    let mut links = 0;
    while let Some(part) = rest.pop_front() {
        if part.as_os_str() == ".." {
            here.pop();
            continue;
        }
        let next = here.join(part);
        let component = match fs::symlink_metadata(&next).and_then(|metadata| component(&next, &metadata)) {
            Ok(component) => component,
            Err(error) => {
                walk.ended = Some((next, error));
                break;
            }
        };
        if let Kind::Link { target } = &component.kind {
            links += 1;
            if links > MOST_LINKS {
                walk.ended = Some((next, io::Error::from_raw_os_error(nix::errno::Errno::ELOOP as i32)));
                break;
            }
            if target.is_absolute() {
                here = PathBuf::new();
            }
            for part in parts(target).into_iter().rev() {
                rest.push_front(part);
            }
        } else {
            here = next;
        }
        walk.add(component);
    }
    walk
}

impl Walk {
    /// Directories are met more than once where links lead back.
    fn add(&mut self, component: Component) {
        if component.kind != Kind::Directory || !self.components.contains(&component) {
            self.components.push(component);
        }
    }
}

fn parts(path: &Path) -> VecDeque<PathBuf> {
    let kept = path.components().filter(|part| !matches!(part, Part::CurDir | Part::Prefix(_)));
    kept.map(|part| PathBuf::from(part.as_os_str())).collect()
}

fn component(path: &Path, metadata: &Metadata) -> io::Result<Component> {
    let kind = match metadata.file_type() {
        kind if kind.is_dir() => Kind::Directory,
        kind if kind.is_symlink() => Kind::Link { target: fs::read_link(path)? },
        kind if kind.is_file() => Kind::File,
        _ => Kind::Other,
    };
    Ok(Component {
        path: path.to_owned(),
        kind,
        user: user(metadata.uid()),
        group: group(metadata.gid()),
        mode: metadata.permissions().mode() & 0o7777,
    })
}

fn user(id: u32) -> Identity {
    let known = User::from_uid(Uid::from_raw(id)).ok().flatten();
    Identity { id, name: known.map_or_else(|| id.to_string(), |user| user.name) }
}

fn group(id: u32) -> Identity {
    let known = Group::from_gid(Gid::from_raw(id)).ok().flatten();
    Identity { id, name: known.map_or_else(|| id.to_string(), |group| group.name) }
}

/// The account of that name or number, with the groups that it is in.
pub(super) fn account(name: &str) -> Option<Account> {
    let by_number = || name.parse().ok().and_then(|id| User::from_uid(Uid::from_raw(id)).ok().flatten());
    let found = User::from_name(name).ok().flatten().or_else(by_number)?;
    let own = found.gid;
    let all = CString::new(found.name.as_str()).ok().and_then(|name| getgrouplist(&name, own).ok());
    Some(Account {
        user: Identity { id: found.uid.as_raw(), name: found.name },
        group: group(own.as_raw()),
        groups: all.unwrap_or_else(|| vec![own]).into_iter().map(Gid::as_raw).collect(),
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn links_are_followed_one_by_one() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().canonicalize().unwrap().join(name);
        fs::create_dir(at("deep")).unwrap();
        fs::write(at("deep/real"), "").unwrap();
        symlink("deep/../second", at("first")).unwrap();
        symlink(at("deep/real"), at("second")).unwrap();
        let walk = walk(&at("./first"));
        assert!(walk.ended.is_none());
        let links: Vec<PathBuf> = walk.links().map(|link| link.path.clone()).collect();
        assert_eq!(links, [at("first"), at("second")]);
        let last = walk.components.last().unwrap();
        assert_eq!((last.path.clone(), last.kind.clone()), (at("deep/real"), Kind::File));
        assert_eq!(walk.components[0].path, Path::new("/"));
    }

    #[test]
    fn a_walk_tells_where_it_ended() {
        let folder = tempfile::tempdir().unwrap();
        symlink("nowhere", folder.path().join("dangling")).unwrap();
        symlink("loop", folder.path().join("loop")).unwrap();
        let (path, error) = walk(&folder.path().join("dangling")).ended.unwrap();
        assert!(path.ends_with("nowhere"));
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
        assert!(walk(&folder.path().join("loop")).ended.is_some());
    }

    #[test]
    fn accounts_have_names_and_numbers() {
        assert_eq!(account("root").unwrap().user.id, 0);
        assert_eq!(account("0").unwrap().user.name, "root");
        assert!(account("no such user").is_none());
    }
}
