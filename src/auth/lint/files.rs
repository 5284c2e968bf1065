//! What is to be said of a key file as a whole.

use super::{Flaw, Place};
use crate::auth::keyfile::{Consequence, KeyFile, Severity};

pub(super) fn tell(readings: &[KeyFile], flaws: &mut Vec<Flaw>) {
    for reading in readings {
        let refused = matches!(reading.consequence, Consequence::FileRefused { .. });
        if reading.entries.is_empty() && !refused {
            let what = reading.consequence.to_string();
            let flaw = Flaw::new(Place::KeyFile, Severity::Warning, "no-key", what).of(reading.dialect);
            flaws.push(flaw.wire(super::effect::unknown_key(reading.dialect, "any key ID")));
        }
    }
}
