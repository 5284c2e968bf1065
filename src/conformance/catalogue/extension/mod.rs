//! Extension fields of requests. What replies may do with them differs more than anything else: ntp.org takes a field
//! without a MAC for a wrong MAC, NTPsec answers none.

mod malformed;
mod skipped;

use crate::conformance::Context;
use crate::conformance::case::Case;

pub(super) static CASES: [&[Case]; 2] = [skipped::CASES, malformed::CASES];

/// A field type for experiments: nobody knows it.
const UNKNOWN: u16 = 0xf0f0;

fn lacks_plain_replies(context: &Context) -> Option<&'static str> {
    (!context.facts.answers_plainly).then_some("requests without a MAC are not answered")
}
