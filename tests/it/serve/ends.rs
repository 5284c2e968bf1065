//! How the server ends, and what keeps it from beginning.

use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader, ErrorKind};
use std::net::UdpSocket;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Instant;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::server::{KEYS, PATIENCE, Server, request, signed};
use crate::command_line::assert_seen;
use crate::common::{ntpcap, run};

/// A user without rights, the same on every system.
const NOBODY: u32 = 65_534;

#[test]
fn a_signal_ends_it_with_its_counts() {
    for (signal, code) in [(Signal::SIGTERM, 0), (Signal::SIGHUP, 0), (Signal::SIGINT, 130)] {
        let server = Server::start(&["--keys", KEYS]);
        server.client().ask(&request(7));
        server.client().ask(&signed(request(7), 2));
        let end = server.stop(signal);
        assert_eq!((end.code, end.said.as_str()), (Some(code), ""), "{signal}");
        assert_eq!((&end.summary["requests"], &end.summary["unsent"]), (&2.into(), &0.into()));
        assert_eq!(end.summary["answers"].to_string(), r#"{"authenticated-reply":1,"plain-reply":1}"#);
    }
}

#[test]
fn it_stops_by_itself_after_the_time_that_it_is_given() {
    let end = Server::start(&["--duration", "1ms"]).wait();
    assert_eq!((end.code, &end.summary["requests"]), (Some(0), &0.into()));
}

#[test]
fn in_text_it_says_where_it_listens_and_what_came() {
    let output = run("serve --listen 127.0.0.1:0 --duration 1ms");
    let text = String::from_utf8(output.stdout).unwrap();
    let (first, rest) = text.split_once('\n').unwrap();
    assert!(first.strip_prefix("listening on 127.0.0.1:").unwrap().parse::<u16>().is_ok());
    assert_eq!(rest, "requests    0\n");
    let output = run("serve --listen 127.0.0.1:0 --duration 1ms --quiet");
    assert_eq!((output.stdout, output.stderr), (Vec::new(), Vec::new()));
}

#[test]
fn a_port_that_is_taken_is_not_shared() {
    let server = Server::start(&[]);
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    for address in [server.addresses[0], socket.local_addr().unwrap()] {
        let output = run(&format!("serve --listen {address} --duration 1s"));
        let said = String::from_utf8(output.stderr).unwrap().replace(&address.port().to_string(), "PORT");
        assert_eq!(output.status.code(), Some(2));
        assert_eq!(
            said,
            "error: cannot listen on 127.0.0.1:PORT: another program listens there already\n\n\
             hint: ss -ulpn sport = :PORT names it; --listen takes another port\n"
        );
    }
}

#[test]
fn what_keeps_it_from_serving_is_said_clearly() {
    for (name, arguments) in [
        ("serve-unknown-habit", "--like sntp"),
        ("serve-no-such-address", "--listen 192.0.2.1:0"),
        ("serve-address-without-port", "--listen 127.0.0.1"),
        ("serve-listen-twice", "--listen 127.0.0.1:11123 --listen 127.0.0.1:11123"),
        ("serve-listen-overlap", "--listen 127.0.0.1:11123 --listen [::]:11123 --listen 0.0.0.0:11123"),
        ("serve-listen-group", "--listen 224.0.1.1:123"),
        ("serve-no-such-keys", "--keys no-such.keys --listen 127.0.0.1:0"),
        ("serve-keys-of-one-server", "--keys 10.0.0.5=captures/shared-ntp.org.keys --listen 127.0.0.1:0"),
        ("serve-no-such-user", "--user no-such-user --listen 127.0.0.1:0"),
        ("serve-capture-beside-text", "--pcap - --listen 127.0.0.1:0"),
        ("serve-capture-exists", "--pcap README.md --listen 127.0.0.1:0"),
        ("serve-log-over-keys", "--keys captures/shared-ntp.org.keys --log captures/shared-ntp.org.keys"),
        ("serve-odd-offset", "--offset 5 --listen 127.0.0.1:0"),
        ("serve-odd-rate", "--rate-limit often --listen 127.0.0.1:0"),
        ("serve-odd-network", "--deny 10.0.0.0/33 --listen 127.0.0.1:0"),
    ] {
        let output = run(&format!("serve {arguments} --duration 1s"));
        assert_eq!(output.status.code(), Some(2), "{name}");
        assert_seen(name, &output, None);
    }
}

/// What the program says under another user, from a place where that user may run it.
fn as_nobody(folder: &Path, arguments: &str) -> Output {
    let program = folder.join("ntpcap");
    if !program.exists() {
        fs::copy(env!("CARGO_BIN_EXE_ntpcap"), &program).unwrap();
        fs::set_permissions(folder, Permissions::from_mode(0o755)).unwrap();
    }
    let mut command = Command::new(program);
    command.args(arguments.split(' ')).current_dir(folder).env_remove("NTPCAP_KEYS").uid(NOBODY).gid(NOBODY);
    let begin = Instant::now();
    loop {
        match command.output() {
            // A program that another test starts meanwhile has the copy open for a moment, as it was being written.
            Err(error) if error.kind() == ErrorKind::ExecutableFileBusy && begin.elapsed() < PATIENCE => {}
            output => return output.unwrap(),
        }
    }
}

#[test]
fn a_port_for_root_needs_root() {
    let first_free = fs::read_to_string("/proc/sys/net/ipv4/ip_unprivileged_port_start").unwrap();
    let is_root = nix::unistd::geteuid().is_root();
    if !is_root || first_free.trim().parse::<u32>().unwrap() <= 123 {
        eprintln!("skipped: not root, or every port is free here");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let output = as_nobody(folder.path(), "serve --listen 127.0.0.1:123 --duration 1s");
    assert_seen("serve-port-for-root", &output, None);
    let keys = folder.path().join("ntp.keys");
    fs::write(&keys, "1 MD5 secret\n").unwrap();
    fs::set_permissions(&keys, Permissions::from_mode(0o600)).unwrap();
    let output = as_nobody(folder.path(), "serve --keys ntp.keys --listen 127.0.0.1:0 --duration 1s");
    assert_seen("serve-unreadable-keys", &output, None);
}

#[test]
fn rights_are_given_up_for_good() {
    if !nix::unistd::geteuid().is_root() {
        eprintln!("skipped: not root");
        return;
    }
    let server = Server::start(&["--user", "nobody", "--log", "/dev/null", "--pcap", "/dev/null"]);
    server.client().ask(&request(7));
    let threads: Vec<_> = fs::read_dir(format!("/proc/{}/task", server.id())).unwrap().collect();
    // That of the beginning, those that answer, and one for each record.
    assert!(threads.len() >= 4, "{threads:?}");
    for thread in threads {
        let status = fs::read_to_string(thread.unwrap().path().join("status")).unwrap();
        let values = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
            line.split_whitespace().map(str::to_owned).collect::<Vec<_>>()
        };
        let four = [NOBODY.to_string(), NOBODY.to_string(), NOBODY.to_string(), NOBODY.to_string()];
        assert_eq!((values("Uid:"), values("Gid:")), (four.to_vec(), four.to_vec()));
        assert!(values("Groups:").is_empty());
        for capabilities in ["CapEff:", "CapPrm:", "CapInh:", "CapAmb:"] {
            assert_eq!(values(capabilities), ["0000000000000000"], "{capabilities}");
        }
        // Landlock wants it, so a thread without it is not bound by Landlock either.
        assert_eq!(values("NoNewPrivs:"), ["1"]);
    }
    let refused =
        ntpcap().args(["serve", "--listen", "127.0.0.1:0", "--user", "root", "--duration", "1ms"]).output();
    assert_eq!(refused.unwrap().status.code(), Some(0));
}

#[test]
fn nothing_is_written_over_a_file_that_was_read_or_over_the_other_record() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (keys, conf, scenario, both) = (path("ntp.keys"), path("ntp.conf"), path("a.toml"), path("both"));
    fs::write(&keys, "1 MD5 secret\n").unwrap();
    fs::write(&conf, "keys ntp.keys\ntrustedkey 1\n").unwrap();
    fs::write(&scenario, "[[phase]]\nfrom = \"0s\"\nfaults = [\"drop\"]\n").unwrap();
    std::os::unix::fs::symlink(&both, path("link")).unwrap();
    let cases: [(&str, &[&str]); 6] = [
        (&keys, &["--log", &keys]),
        (&keys, &["--conf", &conf, "--pcap", &keys, "--force"]),
        (&conf, &["--conf", &conf, "--log", &conf]),
        (&scenario, &["--scenario", &scenario, "--pcap", &scenario, "--force"]),
        (&both, &["--log", &both, "--pcap", &both, "--force"]),
        (&both, &["--log", &both, "--pcap", &path("link"), "--force"]),
    ];
    for (file, arguments) in cases {
        let content = fs::read(file).unwrap_or_default();
        let serve = ["serve", "--listen", "127.0.0.1:0", "--duration", "1s"];
        let output = ntpcap().args(serve).args(arguments).env("NTPCAP_KEYS", &keys).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {said}");
        assert!(
            said.contains("is read, so it cannot be written")
                || said.contains("both the log and the capture")
        );
        assert_eq!(fs::read(file).unwrap_or_default(), content, "{arguments:?}");
    }
}

#[test]
fn under_nohup_a_hangup_is_ignored() {
    let program = env!("CARGO_BIN_EXE_ntpcap");
    let mut server = Command::new("nohup");
    server.args([program, "serve", "--json", "--listen", "127.0.0.1:0"]).stdin(Stdio::null());
    let mut server = server.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut output = BufReader::new(server.stdout.take().unwrap());
    let mut line = String::new();
    output.read_line(&mut line).unwrap();
    let id = Pid::from_raw(server.id().try_into().unwrap());
    kill(id, Signal::SIGHUP).unwrap();
    kill(id, Signal::SIGINT).unwrap();
    // SIGHUP and SIGINT together would end it without a summary, and SIGHUP alone with code 0.
    assert_eq!(server.wait().unwrap().code(), Some(130));
    line.clear();
    output.read_line(&mut line).unwrap();
    assert!(line.contains("summary"), "{line}");
}

#[test]
fn what_has_no_effect_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let other = folder.path().join("other.keys");
    fs::write(&other, "2 SHA1 othersecret\n").unwrap();
    let other = other.to_str().unwrap();
    let twice = format!("warning: key 2: is in {KEYS} and in {other}; either is accepted\n");
    let cases: [(&[&str], &str); 7] = [
        (
            &["--keys", KEYS, "--trusted", "77"],
            "warning: --trusted: there is none of these keys, so no key is trusted\n",
        ),
        (&["--keys", KEYS, "--trusted", "2"], ""),
        (
            &["--keys", KEYS, "--trusted", "2", "--like", "chrony"],
            "warning: --trusted has no effect: chrony trusts every key\n",
        ),
        (&["--keys", KEYS, "--like", "busybox"], "warning: keys have no effect: busybox verifies no MAC\n"),
        (
            &["--like", "openntpd", "--require-authentication"],
            "warning: --require-authentication: openntpd looks at no MAC, so nothing is answered\n",
        ),
        (&["--keys", KEYS, "--keys", other], &twice),
        (&["--keys", KEYS, "--keys", other, "--quiet"], ""),
    ];
    for (arguments, expected) in cases {
        let serve = ["serve", "--listen", "127.0.0.1:0", "--duration", "1ms"];
        let output = ntpcap().args(serve).args(arguments).output().unwrap();
        assert_eq!(
            (output.status.code(), String::from_utf8(output.stderr).unwrap().as_str()),
            (Some(0), expected)
        );
    }
}
