//! Which key files AppArmor lets a daemon read, by the profiles that Debian's packages bring.
//!
//! Read in the profiles of ntp 4.2.8p15, ntpsec 1.2.2 and chrony 4.3. AppArmor asks for the file at the end of all
//! links. The profiles of ntp and ntpsec also take from root the right to read what the mode of a file does not let it
//! read (`dac_override` is not in them); that of chrony leaves it.

use std::path::Path;

use crate::auth::keyfile::Dialect;

/// Where the profile of a program is.
pub fn profile(program: Dialect) -> &'static str {
    match program {
        Dialect::NtpOrg | Dialect::Ntpsec => "/etc/apparmor.d/usr.sbin.ntpd",
        Dialect::Chrony => "/etc/apparmor.d/usr.sbin.chronyd",
    }
}

/// True when the profile lets the program read key files at this path.
pub fn allows(program: Dialect, path: &Path) -> bool {
    match program {
        Dialect::NtpOrg => path == Path::new("/etc/ntp.keys") || path.starts_with("/etc/ntp/"),
        Dialect::Ntpsec => path == Path::new("/etc/ntpsec/ntp.keys"),
        Dialect::Chrony => {
            let name = path.file_name().map(|name| name.as_encoded_bytes()).unwrap_or_default();
            let in_etc = path.parent() == Some(Path::new("/etc")) && name.starts_with(b"chrony.");
            in_etc || path.starts_with("/etc/chrony/") || path.parent() == Some(Path::new("/var/lib/chrony"))
        }
    }
}

/// The paths that the profile names, as a clause.
pub(super) fn allowed(program: Dialect) -> &'static str {
    match program {
        Dialect::NtpOrg => "/etc/ntp.keys and what is in /etc/ntp",
        Dialect::Ntpsec => "/etc/ntpsec/ntp.keys",
        Dialect::Chrony => "what is in /etc/chrony, and /etc/chrony.keys",
    }
}

/// A path where the profile allows a key file.
pub(super) fn good_path(program: Dialect) -> &'static str {
    match program {
        Dialect::NtpOrg => "/etc/ntp.keys",
        Dialect::Ntpsec => "/etc/ntpsec/ntp.keys",
        Dialect::Chrony => "/etc/chrony/chrony.keys",
    }
}

/// True when the profile leaves root the right to read files of others.
pub(super) fn leaves_root_its_rights(program: Dialect) -> bool {
    program == Dialect::Chrony
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn profiles_allow_the_paths_of_their_packages() {
        let allowed = |path: &str| Dialect::ALL.map(|program| allows(program, Path::new(path)));
        assert_eq!(allowed("/etc/ntp.keys"), [true, false, false]);
        assert_eq!(allowed("/etc/ntp/deep/keys"), [true, false, false]);
        assert_eq!(allowed("/etc/ntpkey_MD5key_host.3941"), [false; 3]);
        assert_eq!(allowed("/etc/ntpsec/ntp.keys"), [false, true, false]);
        assert_eq!(allowed("/etc/ntpsec/keys"), [false; 3]);
        assert_eq!(allowed("/etc/chrony.keys"), [false, false, true]);
        assert_eq!(allowed("/etc/chrony/x/y"), [false, false, true]);
    }
}
