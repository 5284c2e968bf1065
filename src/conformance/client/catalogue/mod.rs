//! Every case of a client.

mod delivery;
mod header;
mod mac;
mod wire;

use super::case::ClientCase;

/// The cases, in the order in which they are run.
pub fn all() -> impl Iterator<Item = &'static ClientCase> {
    [mac::CASES, header::CASES, delivery::CASES, wire::CASES].into_iter().flatten()
}

/// The case of that name.
pub fn find(slug: &str) -> Option<&'static ClientCase> {
    all().find(|case| case.slug == slug)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::case::Test;
    use super::*;

    #[test]
    fn names_are_unique_and_every_case_says_why() {
        let slugs: BTreeSet<&str> = all().map(|case| case.slug).collect();
        assert_eq!(slugs.len(), all().count());
        for case in all() {
            assert!(
                !case.summary.is_empty() && !case.why.is_empty() && !case.source.is_empty(),
                "{}",
                case.slug
            );
            assert!(["client", "wire"].contains(&case.group()), "{}", case.slug);
        }
    }

    #[test]
    fn a_fault_is_shown_by_one_that_is_served() {
        for case in all() {
            let Test::Fault(test) = &case.test else { continue };
            assert!(!test.shown_by.is_empty(), "{}", case.slug);
            for name in test.shown_by {
                assert!(test.faults.iter().any(|fault| fault.starts_with(name)), "{}: {name}", case.slug);
            }
        }
    }
}
