//! What is no request, and what comes when: garbage, odd lengths, several clients at once.

mod delivery;
mod garbage;
mod trailers;

use crate::conformance::case::Case;

pub(super) static CASES: [&[Case]; 3] = [trailers::CASES, garbage::CASES, delivery::CASES];
