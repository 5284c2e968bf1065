//! What single replies mean: kisses, several replies to one request, and what is no MAC.

use std::time::Duration;

use ntpcap::analysis::behaviour::Answer;
use ntpcap::analysis::survey::{Certainty, Outcome, Settings, Stimulus, TargetVerdict, Told};
use ntpcap::auth::{KeyId, Keyring};
use ntpcap::probe::Sending;
use ntpcap::probe::in_process::{Arrival, What, run};
use ntpcap::report::probe::TargetRecord;
use ntpcap::server::{System, Treatment};

use super::{NOW, Server, settings, survey, target, their_keys};

const HEADER: usize = 48;

/// A run in which `change` makes the replies of what the server made.
fn ask_changed(
    keys: &Keyring,
    habit: &str,
    asked: &[u32],
    change: impl Fn(&Sending, Vec<u8>) -> Vec<Vec<u8>>,
) -> Outcome {
    let mut survey = survey(settings(asked, false));
    let mut server = Server::new(habit, keys, &[]);
    run(&mut survey, NOW, |request, now| {
        let replies = server.respond(request, now);
        let changed = replies.into_iter().flat_map(|sent| change(request, sent.octets));
        let at = |octets| Arrival {
            after: Duration::from_millis(2),
            port: 0,
            what: What::Datagram(target(), octets),
        };
        changed.map(at).collect()
    });
    survey.outcome()
}

fn row(outcome: &Outcome, stimulus: Stimulus) -> &ntpcap::analysis::survey::Row {
    outcome.rows.iter().find(|row| row.stimulus == stimulus).unwrap()
}

fn text(outcome: &Outcome) -> String {
    let mut text = Vec::new();
    TargetRecord::new(outcome, None).write_text(&mut text).unwrap();
    String::from_utf8(text).unwrap()
}

/// RFC 5905 figure 13. `INIT` and `STEP` are states of the server's clock.
#[test]
fn every_kiss_code_is_told_and_says_what_to_check() {
    let keys = their_keys();
    for code in
        ["ACST", "AUTH", "AUTO", "BCST", "CRYP", "DENY", "DROP", "RSTR", "MCST", "NKEY", "RATE", "RMOT"]
    {
        for signed in ["yes", "no"] {
            let fault = format!("kod:code={code},signed={signed}");
            for asked in [vec![], vec![2]] {
                let outcome = Server::new("ntpcap", &keys, &[&fault]).ask(settings(&asked, false));
                let told = text(&outcome);
                assert_eq!(outcome.verdict.to_string(), format!("kiss {code}"), "{told}");
                assert!(
                    told.contains("check on the server: ") && told.contains("check on the client: "),
                    "{told}"
                );
                assert!(!told.contains("--tries") && !told.contains("optional"), "{told}");
                let goes_on = !["RATE", "DENY", "RSTR"].contains(&code);
                assert_eq!(outcome.stopped.is_none(), goes_on, "{told}");
                if let (true, [key]) = (goes_on, outcome.keys.as_slice()) {
                    assert_eq!(key.verdict.to_string(), format!("kiss {code}"), "{told}");
                    assert_eq!(key.kiss_signed, Some(signed == "yes"), "{told}");
                    let first = told.lines().next().unwrap();
                    assert_eq!(first.ends_with(" (signed)"), signed == "yes", "{first}");
                }
            }
        }
    }
    for code in ["INIT", "STEP"] {
        let fault = format!("kod:code={code},signed=yes");
        let outcome = Server::new("ntpcap", &keys, &[&fault]).ask(settings(&[2], false));
        assert_eq!(outcome.verdict.to_string(), "unsynchronised");
        assert!(text(&outcome).contains(code), "{}", text(&outcome));
    }
}

/// ntp.org's `limited kod` answers anybody so when he is too fast; it is no habit of its own.
#[test]
fn a_kiss_is_no_policy_and_excludes_no_program() {
    let keys = their_keys();
    for seed in 0..20 {
        let mut server = Server::new("ntp.org", &keys, &[]);
        server.treatment = |asked| if asked > 5 { Treatment::Kiss(*b"RATE") } else { Treatment::Serve };
        let outcome = server.ask(Settings { seed, ..settings(&[2], false) });
        let told = text(&outcome);
        assert_eq!(outcome.verdict.to_string(), "kiss RATE");
        assert!(!told.contains("none that is known"), "{told}");
        let candidates = &outcome.guess.candidates;
        assert!(candidates.is_empty() || candidates.contains(&"ntp.org"), "{told}");
        assert!(!told.contains("octets kiss") && !told.contains(": kiss\n"), "{told}");
    }
}

/// Whoever sees a request can forge a refusal, and nobody a right MAC.
#[test]
fn of_several_replies_the_best_proof_counts_and_the_others_are_told() {
    let keys = their_keys();
    let forged = |octets: &[u8], behind: &[u8]| [&octets[..HEADER], behind].concat();
    let mut kiss = [0; HEADER];
    for first in [true, false] {
        for behind in [&[0_u8; 4][..], &[][..], &[0; 24][..]] {
            let outcome = ask_changed(&keys, "ntpcap", &[2], |request, octets| {
                if request.octets.len() == HEADER {
                    return vec![octets];
                }
                let false_one = forged(&octets, behind);
                if first { vec![false_one, octets] } else { vec![octets, false_one] }
            });
            assert_eq!(outcome.verdict.to_string(), "authenticated", "{outcome:#?}");
            let also = &row(&outcome, Stimulus::Valid(KeyId(2))).also;
            assert_eq!(also.len(), 1, "{outcome:#?}");
            assert!(
                text(&outcome).contains(&format!("also answered: {}", also[0].name())),
                "{}",
                text(&outcome)
            );
        }
    }
    kiss[0] = 0xe4;
    kiss[12..16].copy_from_slice(b"DENY");
    let outcome = ask_changed(&keys, "ntpcap", &[2], |request, octets| {
        let mut kiss = kiss;
        kiss[24..32].copy_from_slice(&octets[24..32]);
        if request.octets.len() == 72 && octets.len() == 72 {
            vec![kiss.to_vec(), octets]
        } else {
            vec![octets]
        }
    });
    assert_eq!((outcome.verdict.to_string().as_str(), outcome.stopped.clone()), ("authenticated", None));
    assert_eq!(row(&outcome, Stimulus::Valid(KeyId(2))).also, [Answer::Kiss]);
}

#[test]
fn what_is_no_mac_is_not_called_a_wrong_one() {
    let keys = their_keys();
    for behind in [&[0, 0, 0, 2][..], &[7; 13], &[9; 200], &[1; 6]] {
        let outcome = ask_changed(&keys, "openntpd", &[2], |request, mut octets| {
            octets.extend(if request.octets.len() > HEADER { behind } else { &[] });
            vec![octets]
        });
        let verdict = outcome.keys[0].verdict.name();
        assert_eq!(verdict, "reply-odd-trailer", "{} octets: {outcome:#?}", behind.len());
    }
}

/// Its mode says that it is no server before its origin says that it answers nobody.
#[test]
fn what_is_no_reply_at_all_is_told_by_its_mode() {
    let keys = their_keys();
    let echo = ask_changed(&keys, "ntpcap", &[2], |request, _| vec![request.octets.clone()]);
    assert_eq!(echo.verdict.to_string(), "reply-wrong-mode");
    let control =
        ask_changed(&keys, "ntpcap", &[2], |_, _| vec![vec![0x16, 0x82, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0]]);
    assert_eq!(control.verdict.to_string(), "reply-wrong-mode");
}

/// The MAC is judged, and that the server has no time is said beside it.
#[test]
fn a_server_without_time_is_told_whatever_becomes_of_the_mac() {
    let keys = their_keys();
    for (habit, asked, verdict) in
        [("openntpd", 2, "auth-stripped"), ("ntp.org", 11, "crypto-nak"), ("ntpcap", 2, "unsynchronised")]
    {
        let mut server = Server::new(habit, &keys, &[]);
        server.policy.system = System::unsynchronised();
        let outcome = server.ask(settings(&[asked], false));
        assert_eq!(outcome.verdict.to_string(), verdict);
        assert!(outcome.clock.unwrap().is_unsynchronised());
        assert!(text(&outcome).contains("it has no time"), "{}", text(&outcome));
    }
    let outcome = Server::new("openntpd", &keys, &[]).ask(settings(&[2], false));
    assert!(!text(&outcome).contains("it has no time"), "{}", text(&outcome));
}

/// Whoever asks for no key wants to know what to do, too.
#[test]
fn without_a_key_the_target_has_what_to_check() {
    let mut survey = survey(settings(&[], false));
    run(&mut survey, NOW, |_, _| Vec::new());
    let outcome = survey.outcome();
    assert!(matches!(outcome.verdict, TargetVerdict::Key(_)) && outcome.checks.is_some());
    assert!(text(&outcome).contains("\n  check on the client: "), "{}", text(&outcome));
}

#[test]
fn text_names_what_decided_and_fits_a_terminal() {
    let keys = their_keys();
    for habit in ["ntpsec", "ntp.org", "openntpd", "ntpd-rs", "chrony"] {
        let outcome = Server::new(habit, &keys, &[]).ask(settings(&[2, 11], true));
        let told = text(&outcome);
        assert_ne!(outcome.guess.certainty, Certainty::None, "{told}");
        assert!(told.contains(&format!("by: {}", outcome.guess.evidence[0])), "{told}");
        let too_long: Vec<&str> = told.lines().filter(|line| line.chars().count() > 80).collect();
        assert!(too_long.is_empty(), "{too_long:#?}");
        assert!(outcome.rows.iter().all(|row| row.told != Told::Unknown), "{told}");
    }
}
