//! Where a file goes that a command makes: whole or not at all, and over nothing that is still needed.

use std::fs::{self, File, Metadata, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;
pub(super) use tempfile::TempDir as Scratch;

use super::access::Access;
use super::exit::CliError;
use super::inputs::{is_standard_input, unreadable};
use super::interrupt::Interrupt;
use super::keyfiles::KeyFileError;
use super::live;

/// An output that was opened and is not yet in its place.
pub(super) enum Destination {
    /// Standard output.
    Standard,
    /// A device or pipe, which has no content that could be lost.
    Direct(File),
    /// A file that gets its name at the end. Left before that, it is deleted.
    Named {
        /// The file.
        file: NamedTempFile,
        /// The name that it gets.
        path: PathBuf,
        /// Whether it may take the place of another.
        replace: bool,
    },
}

impl Destination {
    /// Opens `path`, or standard output for `-`. `inputs` are files and directories that are read.
    ///
    /// # Errors
    /// When there is such a file and `force` is not given, when it is an input or a directory, when it cannot be
    /// made, or when a signal comes before a named pipe has a reader.
    pub(super) fn open<'i>(
        path: &Path,
        force: bool,
        mut inputs: impl Iterator<Item = &'i Path>,
        interrupt: &Interrupt,
    ) -> Result<Destination, CliError> {
        if is_standard_input(path) {
            return Ok(Destination::Standard);
        }
        let found = fs::metadata(path).ok();
        if path.as_os_str().as_encoded_bytes().ends_with(b"/") || found.as_ref().is_some_and(Metadata::is_dir)
        {
            return Err(CliError::OutputIsDirectory { path: path.to_owned() });
        }
        if found.as_ref().is_some_and(|found| !found.is_file()) {
            return live::open_to_write(path, interrupt).map(Destination::Direct);
        }
        if inputs.any(|input| is_same_file(path, input)) {
            return Err(CliError::OverwritesInput { path: path.to_owned() });
        }
        if path.symlink_metadata().is_ok() && !force {
            return Err(CliError::Exists { path: path.to_owned() });
        }
        // A link stays, and the file that it names is replaced.
        let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        Destination::named(path, force, USUAL_MODE)
    }

    /// Opens a file for secrets: readable by its owner alone, made anew, and never through a link of that name.
    ///
    /// # Errors
    /// Those of [`Destination::open`]; standard output, and whatever has that name and is neither file nor link.
    pub(super) fn open_secret<'i>(
        path: &Path,
        force: bool,
        mut inputs: impl Iterator<Item = &'i Path>,
    ) -> Result<Destination, CliError> {
        if is_standard_input(path) {
            return Err(KeyFileError::ToStandardOutput.into());
        }
        let found = path.symlink_metadata().ok();
        if path.as_os_str().as_encoded_bytes().ends_with(b"/") || found.as_ref().is_some_and(Metadata::is_dir)
        {
            return Err(CliError::OutputIsDirectory { path: path.to_owned() });
        }
        if inputs.any(|input| is_same_file(path, input)) {
            return Err(CliError::OverwritesInput { path: path.to_owned() });
        }
        if found.as_ref().is_some_and(|found| !found.is_file() && !found.is_symlink()) {
            return Err(KeyFileError::NoRegularFile { path: path.to_owned() }.into());
        }
        if found.is_some() && !force {
            return Err(CliError::Exists { path: path.to_owned() });
        }
        Destination::named(path.to_owned(), force, SECRET_MODE)
    }

    /// A file beside `path` that gets its name at the end.
    fn named(path: PathBuf, replace: bool, mode: u32) -> Result<Destination, CliError> {
        let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        let directory = directory.unwrap_or(Path::new("."));
        let file = tempfile::Builder::new()
            .prefix(".ntpcap-")
            .permissions(Permissions::from_mode(mode))
            .tempfile_in(directory)
            .map_err(|error| no_file_in(directory, plain(error)))?;
        Ok(Destination::Named { file, path, replace })
    }

    /// Waits until what was written is on its medium.
    ///
    /// # Errors
    /// Those of the medium.
    pub(super) fn sync(&self) -> io::Result<()> {
        match self {
            Destination::Named { file, .. } => file.as_file().sync_all(),
            Destination::Standard | Destination::Direct(_) => Ok(()),
        }
    }

    /// Puts the file into its place.
    ///
    /// # Errors
    /// When there is such a file by now, or it cannot be named.
    pub(super) fn finish(self) -> Result<(), CliError> {
        let Destination::Named { file, path, replace } = self else { return Ok(()) };
        let persisted = if replace { file.persist(&path) } else { file.persist_noclobber(&path) };
        match persisted {
            Ok(_) => Ok(()),
            Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => {
                Err(CliError::Exists { path })
            }
            Err(error) => Err(unreadable(&path, error.error)),
        }
    }
}

impl Write for Destination {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        match self {
            Destination::Standard => io::stdout().write(octets),
            Destination::Direct(file) => file.write(octets),
            Destination::Named { file, .. } => file.write(octets),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Destination::Standard => io::stdout().flush(),
            Destination::Direct(file) => file.flush(),
            Destination::Named { file, .. } => file.flush(),
        }
    }
}

/// The mode of any new file: the user's mask takes away what it takes away.
const USUAL_MODE: u32 = 0o666;

/// The mode of a file with secrets.
const SECRET_MODE: u32 = 0o600;

/// A folder that only the user may look into, for what others need for a while; it goes when this does.
///
/// # Errors
/// When none can be made.
pub(super) fn scratch() -> io::Result<Scratch> {
    tempfile::Builder::new().prefix("ntpcap-").permissions(Permissions::from_mode(0o700)).tempdir()
}

/// Why nothing can be made in `directory`.
fn no_file_in(directory: &Path, error: io::Error) -> CliError {
    let path = directory.to_owned();
    match error.kind() {
        io::ErrorKind::NotFound => CliError::NoDirectory { path },
        _ => CliError::NoFileIn { path, access: Box::new(Access::explain(directory, error)) },
    }
}

/// True when `path` is `input`, by whatever name, or lies in it when it is a directory.
pub(super) fn is_same_file(path: &Path, input: &Path) -> bool {
    let identity = |path: &Path| fs::metadata(path).ok().map(|metadata| (metadata.dev(), metadata.ino()));
    let Some(found) = identity(path) else { return false };
    if input.is_dir() {
        let members = fs::read_dir(input).into_iter().flatten().flatten();
        return members.map(|member| member.path()).any(|member| identity(&member) == Some(found));
    }
    identity(input) == Some(found)
}

/// True when what is written to both names would be in one file, be it there already or not.
pub(super) fn is_same_output(one: &Path, other: &Path) -> bool {
    let place = |path: &Path| {
        let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        let directory = directory.unwrap_or(Path::new(".")).canonicalize().ok()?;
        Some(directory.join(path.file_name()?))
    };
    let is_one_place = place(one).is_some_and(|one| place(other) == Some(one));
    one == other || is_one_place || (!other.is_dir() && is_same_file(one, other))
}

/// The error without the temporary name, which the user has not chosen.
fn plain(error: io::Error) -> io::Error {
    error.raw_os_error().map_or(error, io::Error::from_raw_os_error)
}
