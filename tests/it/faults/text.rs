//! What is said of faults that cannot be had, and the page that lists those that can.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use ntpcap::server::fault::{Fault, Group, Scenario, check_together, list};

use super::lab::{KEYS, keyring};
use crate::common::root;

#[test]
fn errors_say_what_there_is() {
    let mut text = String::new();
    for spec in [
        "other-algoritm",
        "",
        "late:delay",
        "late:delay=200",
        "late:delay=1s,delay=2s",
        "late:octets=3",
        "drop:every=0",
        "drop:count=0",
        "drop:after=-1",
        "drop:from=5s,to=1s",
        "drop:from=5s,to=5s",
        "drop:to=0",
        "other-key-id:key-id=11,key=11",
        "wrong-key:key-id=11,key=11",
        "add-mac:key=11",
        "drop:client=host",
        "drop:key=eleven",
        "other-algorithm:algorithm=sha-1",
        "kod:code=LONGER",
        "kod:signed=maybe",
        "wrong-mode:mode=8",
        "wrong-version:version=8",
        "pad-mac:octets=65001",
        "field-unknown:type=0x10000",
        "multicast:destination=224.0.1.1",
        "multicast:interval=1ms",
        "unsolicited:source=elsewhere",
        "wrong-time:offset=69y",
        "wrong-time:offset=2147483648s",
        "header-field:field=origin",
        "header-field:value=256",
        "header-field:field=leap,value=4",
        "header-field:field=poll,value=128",
        "header-field:field=root-delay,value=-1",
        "header-field:field=reference-id,value=LETTERS",
        "header-field:field=receive-time,value=1s",
        "header-field:field=transmit-time,value=TOOSHORT!",
        "answer-anything:reason=none",
        "answer-anything:form=kiss",
        "drop:request-version=8",
        "drop:request-field=none",
        "drop:request-octets=200-60",
        "drop:request-port=65536",
        "drop:request-repeats=twice",
    ] {
        let error = Fault::parse(spec).unwrap_err();
        writeln!(text, "{spec}\n    {error}").unwrap();
    }
    insta::with_settings!({ snapshot_path => "../../snapshots", prepend_module_to_snapshot => false }, {
        insta::assert_snapshot!("fault-errors", text);
    });
}

#[test]
fn missing_keys_are_told_with_those_that_there_are() {
    let (keys, one, none) = (keyring(KEYS), keyring("1 MD5 first\n"), keyring(""));
    let check = |spec: &str, keys| Fault::parse(spec).unwrap().check(keys).map_err(|error| error.to_string());
    let error = |text: &str| Err(text.to_owned());
    assert_eq!(check("wrong-key:key-id=13", &keys), error("wrong-key: no key 13; there are keys 1, 2, 3"));
    assert_eq!(check("late:key=13", &keys), error("late: no key 13; there are keys 1, 2, 3"));
    assert_eq!(check("flip-bit", &none), error("flip-bit: needs a key; there are no keys"));
    assert_eq!(check("multicast:signed=yes", &none), error("multicast: needs a key; there are no keys"));
    for spec in ["sign-unverified", "answer-anything:form=signed"] {
        let name = spec.split(':').next().unwrap();
        assert_eq!(check(spec, &none), error(&format!("{name}: needs a key; there are no keys")));
    }
    assert_eq!(check("other-key-id", &one), error("other-key-id: needs a second key; there are keys 1"));
    let same = "other-algorithm: needs a key of another algorithm; there are keys 1";
    assert_eq!(check("other-algorithm:algorithm=md5", &one), error(same));
    let length = "other-algorithm: key 1: aes128-cmac takes a secret of 16 octets, not 5";
    assert_eq!(check("other-algorithm:algorithm=aes128-cmac", &one), error(length));
    for spec in ["nak", "multicast", "drop", "refuse-plainly", "answer-anything", "header-field"] {
        assert_eq!(check(spec, &none), Ok(()));
    }
}

#[test]
fn hints_are_true() {
    let (cipher, one, none) =
        (keyring("1 SHA1 0102030405060708090a0b0c0d0e0f1011121314\n"), keyring("1 MD5 first\n"), keyring(""));
    let hint = |spec: &str, keys| Fault::parse(spec).unwrap().check(keys).unwrap_err().hint();
    let length = "name a digest that takes a secret of any length, such as algorithm=sha256, or add a key with a \
                  secret of 16 octets";
    for (spec, keys, expected) in [
        ("other-algorithm:algorithm=aes128-cmac", &cipher, length),
        ("other-key-id", &one, "add such a key to the key file"),
        ("wrong-key:key-id=2", &one, "name one of them, or add that key to the key file"),
        ("wrong-key:key-id=2", &none, "give the key file with --keys FILE"),
        ("flip-bit", &none, "give the key file with --keys FILE"),
    ] {
        assert_eq!(hint(spec, keys).as_deref(), Some(expected), "{spec}");
    }
    // What the hint of a length says helps.
    let longer = keyring("1 SHA1 0102030405060708090a0b0c0d0e0f1011121314\n2 MD5 sixteen.octets..\n");
    for (spec, keys) in
        [("other-algorithm:algorithm=sha256", &cipher), ("other-algorithm:algorithm=aes128-cmac", &longer)]
    {
        assert!(Fault::parse(spec).unwrap().check(keys).is_ok(), "{spec}");
    }
    assert!(Fault::parse("dorp").unwrap_err().hint().is_none());
}

#[test]
fn faults_that_leave_another_no_reply_are_told() {
    let check = |specs: &[&str]| {
        let faults: Vec<Fault> = specs.iter().map(|spec| Fault::parse(spec).unwrap()).collect();
        check_together(&faults).map_err(|error| error.to_string())
    };
    for (specs, fault, by) in [
        (["flip-bit:count=1", "nak"], "flip-bit", "nak"),
        (["strip-mac", "wrong-key:key=2"], "wrong-key", "strip-mac"),
        (["strip-mac:key=2", "pad-mac:key=2,every=3"], "pad-mac", "strip-mac"),
        (["drop:client=10.0.0.2", "late:client=10.0.0.2"], "late", "drop"),
        (["drop:to=9s", "late:from=3s,to=9s"], "late", "drop"),
        (["wrong-time", "kod"], "wrong-time", "kod"),
        (["kod:signed=no", "key-id-zero"], "key-id-zero", "kod"),
        (["stratum-16", "unsynchronised"], "stratum-16", "unsynchronised"),
        (["kod", "frozen-clock"], "frozen-clock", "kod"),
        (["flip-bit", "cut-reply:octets=48"], "flip-bit", "cut-reply"),
        (["other-source", "reorder"], "reorder", "other-source"),
        (["drop:request-port=1-9", "late:request-port=1-9"], "late", "drop"),
    ] {
        let expected = format!("{fault}: never applies, since {by} keeps it out of the same replies");
        assert_eq!(check(&specs), Err(expected), "{specs:?}");
    }
    for specs in [
        ["nak:count=1", "flip-bit"],
        ["nak:every=2", "flip-bit"],
        ["nak:after=1", "flip-bit"],
        ["nak:key=1", "flip-bit"],
        ["nak:client=10.0.0.2", "flip-bit"],
        ["drop:to=9s", "late:from=3s"],
        ["drop:from=3s", "late"],
        ["drop", "unsolicited"],
        ["drop", "answer-anything"],
        ["drop", "hang"],
        ["drop:request-octets=48", "late"],
        ["flip-bit", "cut-reply:octets=56"],
        ["kod", "header-field"],
        ["strip-mac", "nak"],
        ["kod", "flip-bit"],
        ["other-algorithm", "wrong-key"],
    ] {
        assert_eq!(check(&specs), Ok(()), "{specs:?}");
    }
}

#[test]
fn errors_of_scenarios_name_line_and_column() {
    let mut text = String::new();
    for scenario in [
        "[[phase]]\nfrom = 3\n",
        "[[phase]]\nfrom = \"3\"\n",
        "[[phase]]\nfrom = \"9s\"\nto = \"3s\"\n",
        "[[phase]]\nclient = \"host\"\n",
        "[[phase]]\nfaults = [\n  \"drop\",\n  \"dorp\",\n]\n",
        "[[phase]]\nclient = \"10.0.0.2\"\nfaults = [\"drop:client=10.0.0.3\"]\n",
        "[[phase]]\nfaults = [\"drop:from=3s\"]\n",
        "[[phase]]\nuntil = \"3s\"\n",
        "[[phases]]\n",
        "[[phase]\n",
    ] {
        let error = Scenario::parse(scenario).unwrap_err();
        writeln!(text, "{scenario}    {error}").unwrap();
    }
    let keys = keyring(KEYS);
    let missing = Scenario::parse("[[phase]]\nfaults = [\"late\", \"wrong-key:key-id=13\"]\n").unwrap();
    writeln!(text, "{}", missing.check(&keys).unwrap_err()).unwrap();
    let hidden =
        "[[phase]]\nfaults = [\"nak:count=1\", \"flip-bit\"]\n[[phase]]\nfaults = [\"flip-bit\", \"nak\"]\n";
    writeln!(text, "{}", Scenario::parse(hidden).unwrap().check(&keys).unwrap_err()).unwrap();
    insta::with_settings!({ snapshot_path => "../../snapshots", prepend_module_to_snapshot => false }, {
        insta::assert_snapshot!("scenario-errors", text);
    });
}

#[test]
fn each_kind_has_one_row_and_each_name_is_one() {
    let names: BTreeSet<&str> = list().iter().map(|row| row.name).collect();
    assert_eq!(names.len(), list().len());
    assert!(list().is_sorted_by_key(|row| row.kind), "the table is in the order in which faults apply");
    for row in list() {
        assert_eq!(row.kind.row().name, row.name);
        assert_eq!(Fault::parse(row.name).unwrap().name(), row.name);
    }
}

#[test]
fn the_page_of_faults_has_the_table() {
    let path = root().join("docs/faults.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let (begin, end) = ("<!-- table -->\n", "<!-- end of table -->\n");
    let (before, rest) = page.split_once(begin).unwrap();
    let (_, after) = rest.split_once(end).unwrap();
    let expected = format!("{before}{begin}{}{end}{after}", table());
    if page != expected && std::env::var_os("UPDATE_PAGES").is_some() {
        std::fs::write(&path, &expected).unwrap();
        return;
    }
    assert!(page == expected, "docs/faults.md differs from the code: run this test with UPDATE_PAGES=1");
}

fn table() -> String {
    let mut text = String::new();
    let groups = [Group::Decision, Group::Header, Group::Field, Group::Mac, Group::Delivery, Group::Unasked];
    for group in groups {
        let title = match group {
            Group::Decision => "In the decision, signed rightly where there is a MAC",
            Group::Header => "In the header, signed rightly",
            Group::Field => "In the extension fields, signed rightly",
            Group::Mac => "In the MAC",
            Group::Delivery => "In the delivery",
            Group::Unasked => "What nobody asked for",
        };
        let head = "| fault | the server | a correct client must | parameters |\n|---|---|---|---|";
        writeln!(text, "\n### {title}\n\n{head}").unwrap();
        for row in list().iter().filter(|row| row.group == group) {
            let parameters: Vec<String> =
                row.parameters.iter().map(|parameter| format!("`{}`", parameter.name())).collect();
            let mark = if row.longer { " +" } else { "" };
            let (name, does, must) = (row.name, row.does, row.client_must);
            writeln!(text, "| `{name}`{mark} | {does} | {must} | {} |", parameters.join(", ")).unwrap();
        }
    }
    text.push('\n');
    text
}
