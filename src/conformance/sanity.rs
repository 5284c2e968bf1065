//! What a server answers before the first case: requests without a MAC, and one under each key.
//!
//! What is not sure after one request is asked again, at most so often; what is not sure then is not known, which is
//! another thing than that the server does not do it.

use crate::auth::KeyId;

use super::context::{Context, Facts};
use super::exchange::Exchange;
use super::reading::Told;
use crate::analysis::behaviour::Answer;

/// How often each is asked before it counts as not known.
const MOST_TIMES: u32 = 3;

/// What became of one of the requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Known {
    /// A reply as it is due: plain, or with a right MAC under the key.
    Served,
    /// Silence while others are answered, or a reply of another kind.
    Otherwise,
    /// A reply that is not due, which other cases are about.
    Odd,
    /// Our own octets.
    Echoed,
    /// A kiss.
    Limited,
    /// Nothing, and nothing to the controls.
    Lost,
}

/// One thing to be known.
#[derive(Clone, Copy, Debug)]
struct Subject {
    /// The key; none for requests without a MAC.
    key: Option<KeyId>,
    known: Option<Known>,
    times: u32,
    is_silent: bool,
}

/// What is known so far.
#[derive(Clone, Debug)]
pub(super) struct Sanity {
    subjects: Vec<Subject>,
    /// Which of them is asked about.
    asking: usize,
    /// True when anything came that is a reply of a server.
    is_there: bool,
}

impl Sanity {
    /// Nothing is known yet of requests without a MAC, nor of those under these keys.
    pub(super) fn new(keys: impl Iterator<Item = KeyId>) -> Sanity {
        let subject = |key| Subject { key, known: None, times: 0, is_silent: false };
        let subjects = [None].into_iter().chain(keys.map(Some)).map(subject).collect();
        Sanity { subjects, asking: 0, is_there: false }
    }

    /// What to ask next: under which key, or none. `None` when all is known, or no more can be.
    pub(super) fn next(&mut self) -> Option<Option<KeyId>> {
        let is_open = |subject: &Subject| match subject.known {
            None => true,
            Some(Known::Limited | Known::Lost) => self.is_there && subject.times < MOST_TIMES,
            Some(Known::Served | Known::Otherwise | Known::Odd | Known::Echoed) => false,
        };
        let open = self.subjects.iter().enumerate().filter(|(_, subject)| is_open(subject));
        let (number, subject) = open.min_by_key(|(_, subject)| subject.times)?;
        self.asking = number;
        Some(subject.key)
    }

    /// Takes note of what came of the last request that was asked for.
    pub(super) fn take(&mut self, exchange: &Exchange, context: &Context) {
        let Some(subject) = self.subjects.get_mut(self.asking) else { return };
        subject.times += 1;
        let told = context.told(exchange);
        subject.is_silent = matches!(told, Told::Silence);
        let known = match told {
            Told::Lost => Known::Lost,
            Told::Silence => Known::Otherwise,
            Told::Reply(reading) if reading.is_echo() => Known::Echoed,
            Told::Reply(reading) if reading.answer == Answer::Kiss => Known::Limited,
            Told::Reply(reading) if reading.undue().is_some() => Known::Odd,
            Told::Reply(reading) => match subject.key {
                None => Known::Served,
                Some(key_id) if reading.is_signed() && reading.key_id == Some(key_id) => Known::Served,
                Some(_) => Known::Otherwise,
            },
        };
        self.is_there |= known != Known::Lost;
        subject.known = Some(known);
    }

    /// What the server turned out to do.
    pub(super) fn facts(&self) -> Facts {
        let is_open = |subject: &&Subject| {
            matches!(subject.known, Some(Known::Limited | Known::Lost | Known::Odd | Known::Echoed))
        };
        let plain = self.subjects.iter().find(|subject| subject.key.is_none());
        let keys = |wanted: &dyn Fn(&&Subject) -> bool| -> Vec<KeyId> {
            self.subjects.iter().filter(wanted).filter_map(|subject| subject.key).collect()
        };
        Facts {
            answers_plainly: plain.is_some_and(|plain| plain.known == Some(Known::Served)),
            refuses_plain: plain.is_some_and(|plain| plain.is_silent),
            is_plain_open: plain.as_ref().is_some_and(is_open),
            honoured: keys(&|subject| subject.known == Some(Known::Served)),
            open: keys(&is_open),
        }
    }

    /// Why nothing more can be asked: nothing comes, or nothing but our own octets.
    pub(super) fn is_hopeless(&self) -> Option<&'static str> {
        let has = |wanted: &[Known]| {
            self.subjects.iter().any(|subject| subject.known.is_some_and(|known| wanted.contains(&known)))
        };
        match () {
            () if !self.is_there => Some("the server answers nothing"),
            () if has(&[Known::Echoed]) && !has(&[Known::Served, Known::Limited]) => {
                Some("what is sent comes back as it is, which is no reply")
            }
            () => None,
        }
    }

    /// True when kisses came and nothing else: what is not answered then is not told by the server's rules.
    pub(super) fn is_limited(&self) -> bool {
        let is = |wanted: Known| move |subject: &Subject| subject.known == Some(wanted);
        self.subjects.iter().any(is(Known::Limited))
            && self.subjects.iter().all(|subject| {
                matches!(subject.known, None | Some(Known::Limited | Known::Lost)) || subject.is_silent
            })
    }
}
