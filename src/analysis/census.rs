//! Who is protected how: server, and key or scheme, with counts, clients and times.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;

use crate::auth::{Algorithm, KeyId};
use crate::capture::CaptureTime;
use crate::ntp::header::Mode;

use super::analyzer::Judged;
use super::finding::Place;
use super::verdict::{Status, Verdict};

/// Uses that are told apart at most; messages of others are counted together.
pub const MOST_USES: usize = 65_536;

/// Clients that are listed at most, over all uses.
pub const MOST_CLIENTS: usize = 262_144;

/// What a message is protected with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Protection {
    /// A MAC with a key of a key file, or with one that no key file has.
    Mac {
        /// Its key ID.
        key_id: KeyId,
        /// Algorithm of the key; `None` when no key file has it.
        algorithm: Option<Algorithm>,
    },
    /// Microsoft's authenticator.
    MsSntp,
    /// Autokey (RFC 5906).
    Autokey,
    /// NTS (RFC 8915).
    Nts,
    /// Nothing.
    None,
}

impl Protection {
    /// How the message of that verdict is protected; `None` when that cannot be told, and for a refusal.
    pub fn of(verdict: &Verdict<'_, '_>) -> Option<Protection> {
        match verdict.status {
            Status::Valid | Status::Invalid | Status::UnknownKey | Status::UntrustedKey => {
                let key_id = verdict.key_id()?;
                Some(Protection::Mac { key_id, algorithm: verdict.algorithm() })
            }
            Status::MsSntp => Some(Protection::MsSntp),
            Status::Autokey => Some(Protection::Autokey),
            Status::Nts => Some(Protection::Nts),
            Status::None => Some(Protection::None),
            Status::CryptoNak | Status::Unverifiable | Status::Malformed => None,
        }
    }

    /// The word used in every output.
    pub fn name(self) -> &'static str {
        match self {
            Protection::Mac { .. } => "mac",
            Protection::MsSntp => "ms-sntp",
            Protection::Autokey => "autokey",
            Protection::Nts => "nts",
            Protection::None => "none",
        }
    }
}

/// What a use is counted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Use {
    /// The server of the exchange, whoever sent the message.
    pub server: IpAddr,
    /// What the messages are protected with.
    pub protection: Protection,
}

/// How often, between whom and when.
#[derive(Clone, Debug)]
pub struct Usage {
    /// Messages.
    pub messages: u64,
    /// Of these, by status.
    pub statuses: BTreeMap<Status, u64>,
    /// Hosts on the other side. A broadcast has none.
    pub clients: BTreeSet<IpAddr>,
    /// Whether `clients` has all of them.
    pub lists_all_clients: bool,
    /// First message.
    pub first: Seen,
    /// Last message.
    pub last: Seen,
}

/// Where and when a message was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Its frame.
    pub place: Place,
    /// Its capture time, if it has one.
    pub time: Option<CaptureTime>,
}

/// All uses of a run.
#[derive(Debug, Default)]
pub struct Census {
    uses: HashMap<Use, Usage>,
    clients: usize,
    /// Messages of uses beyond [`MOST_USES`].
    pub others: u64,
}

impl Census {
    /// Counts a message. One that is refused, cut or malformed says nothing of a use.
    pub fn count(&mut self, judged: &Judged<'_, '_>) {
        let Some(protection) = Protection::of(&judged.verdict) else { return };
        let (server, client) = judged.server_and_client();
        let name = Use { server, protection };
        if self.uses.len() >= MOST_USES && !self.uses.contains_key(&name) {
            self.others += 1;
            return;
        }
        let seen = Seen { place: judged.place(), time: judged.time };
        let usage = self.uses.entry(name).or_insert_with(|| Usage::starting(seen));
        usage.messages += 1;
        usage.last = seen;
        *usage.statuses.entry(judged.verdict.status).or_default() += 1;
        let is_broadcast = judged.message.is_some_and(|message| message.mode() == Mode::Broadcast);
        if is_broadcast || usage.clients.contains(&client) {
            return;
        }
        if self.clients >= MOST_CLIENTS {
            usage.lists_all_clients = false;
        } else {
            self.clients += 1;
            usage.clients.insert(client);
        }
    }

    /// The uses, by server, then keys before what has none.
    pub fn sorted(&self) -> Vec<(&Use, &Usage)> {
        let mut uses: Vec<_> = self.uses.iter().collect();
        uses.sort_unstable_by_key(|(name, _)| **name);
        uses
    }

    /// True when a message carries a MAC of a symmetric key.
    pub fn has_macs(&self) -> bool {
        self.others > 0 || self.uses.keys().any(|name| matches!(name.protection, Protection::Mac { .. }))
    }
}

impl Usage {
    fn starting(seen: Seen) -> Usage {
        Usage {
            messages: 0,
            statuses: BTreeMap::new(),
            clients: BTreeSet::new(),
            lists_all_clients: true,
            first: seen,
            last: seen,
        }
    }
}
