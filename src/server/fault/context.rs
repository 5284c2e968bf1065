//! What the faults of a reply draw on.

use crate::ntp::header::{HEADER_LENGTH, Header};
use crate::server::Policy;

use super::delivery::Memory;
use super::keys::Signers;
use super::sending::Request;

/// What the faults of a reply draw on: the server, the request, and what went before.
#[derive(Clone, Copy)]
pub(super) struct Context<'c, 'k> {
    pub(super) policy: &'c Policy,
    pub(super) signers: &'c Signers<'k>,
    pub(super) memory: &'c Memory,
    pub(super) request: &'c Request<'c>,
}

impl Context<'_, '_> {
    /// The header of the request; octets that are absent read as zeros. `None` cannot be.
    pub(super) fn asked(&self) -> Option<Header> {
        let octets = self.request.question.octets.iter().copied().chain(std::iter::repeat(0));
        Header::parse(&octets.take(HEADER_LENGTH).collect::<Vec<u8>>())
    }
}
