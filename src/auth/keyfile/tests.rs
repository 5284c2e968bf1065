use super::*;

/// The identifier, algorithm and secret in hex of every entry, and whether it loses to a duplicate.
fn keys(text: impl AsRef<[u8]>, dialect: Dialect) -> Vec<(u32, &'static str, String)> {
    let describe = |entry: &Entry| match entry.ready() {
        Some(key) => (key.id().0, key.algorithm().name(), hex(key.secret().as_octets())),
        None => (entry.id().0, "unsupported", String::new()),
    };
    let file = read(text.as_ref(), dialect);
    file.entries.iter().filter(|entry| !entry.superseded).map(describe).collect()
}

fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

#[test]
fn ntpsec_takes_what_an_earlier_line_left_behind_a_short_aes_secret() {
    let text = "3 SHA1 0102030405060708090a0b0c0d0e0f1011121314\n20 AES128CMAC shortkey\n";
    let expected = (20, "aes128-cmac", "73686f72746b65790000393061306230".to_owned());
    assert_eq!(keys(text, Dialect::Ntpsec)[1], expected);
}
