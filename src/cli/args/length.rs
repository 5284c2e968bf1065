//! Lengths of time as users write them: `5ms`, `-1h`, `1m30s`.

use std::time::Duration;

use jiff::SignedDuration;

/// A length of time, negative ones too.
///
/// # Errors
/// What was expected.
pub(super) fn signed(text: &str) -> Result<SignedDuration, String> {
    text.parse().map_err(|_| match is_far_too_large(text) {
        true => "expected a shorter time".to_owned(),
        false => "expected a number and a unit: h, m, s, ms, us or ns, such as 1m30s".to_owned(),
    })
}

/// True for one number and a unit that would do if the number were smaller.
fn is_far_too_large(text: &str) -> bool {
    let unit = text.trim_start_matches(|letter: char| letter.is_ascii_digit());
    unit.len() < text.len() && format!("1{unit}").parse::<SignedDuration>().is_ok()
}

/// A length of time that is not negative.
///
/// # Errors
/// What was expected.
pub(super) fn length(text: &str) -> Result<Duration, String> {
    let length = signed(text)?;
    Duration::try_from(length).map_err(|_| "expected a length of time that is not negative".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_that_is_too_long_is_told_from_one_that_is_none() {
        for (text, said) in [
            ("99999999999999999999s", "a shorter time"),
            ("9999999999999999999h", "a shorter time"),
            ("5", "a number and a unit"),
            ("s", "a number and a unit"),
            ("-1s", "not negative"),
        ] {
            assert!(length(text).unwrap_err().contains(said), "{text}");
        }
        assert_eq!(length("1m30s"), Ok(Duration::from_secs(90)));
    }
}
