//! Lengths of time as users write them: `5ms`, `-1h`, `1m30s`.

use std::time::Duration;

use jiff::SignedDuration;

/// A length of time, negative ones too.
///
/// # Errors
/// What was expected.
pub(super) fn signed(text: &str) -> Result<SignedDuration, String> {
    text.parse().map_err(|_| "expected a number and a unit: h, m, s, ms, us or ns, such as 1m30s".to_owned())
}

/// A length of time that is not negative.
///
/// # Errors
/// What was expected.
pub(super) fn length(text: &str) -> Result<Duration, String> {
    let length = signed(text)?;
    Duration::try_from(length).map_err(|_| "expected a length of time that is not negative".to_owned())
}
