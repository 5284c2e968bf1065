use super::*;

fn guess(text: &str) -> (Dialect, Reason, bool) {
    let detection = detect(text.as_bytes());
    (detection.dialect, detection.why, detection.certain)
}

#[test]
fn generators_are_told_by_their_headers() {
    let ntp_org = "# ntpkey_MD5key_vm.4004570709\n# date\n\n 1 MD5 abc  # MD5 key\n";
    assert_eq!(guess(ntp_org), (Dialect::NtpOrg, Reason::Header(1), true));
    let ntpsec = "# ntpkey_AES_vm.1795581943\n# date\n 1 AES $fuRs>%<F{4xfQ&G\n";
    assert_eq!(guess(ntpsec), (Dialect::Ntpsec, Reason::Header(1), true));
    let chrony = "7 SHA1 HEX:5D0B3C1E9F4A7B2C8D6E0F1A2B3C4D5E6F708192\n";
    assert_eq!(guess(chrony), (Dialect::Chrony, Reason::Prefix(1), true));
}

#[test]
fn what_only_one_program_reads_decides() {
    assert_eq!(guess("1 MD5 abc\n70000 MD5 abc\n"), (Dialect::Chrony, Reason::LargeKeyId(2), true));
    assert_eq!(guess("1 secret\n"), (Dialect::Chrony, Reason::TwoWords(1), true));
    assert_eq!(guess("1 HEX:00\n"), (Dialect::Chrony, Reason::Prefix(1), true));
    assert_eq!(guess("1 MD5 abc\n; comment\n"), (Dialect::Chrony, Reason::CommentCharacter(2), true));
    assert_eq!(guess("1 AES128 abcdefghijklmnop\n"), (Dialect::Chrony, Reason::TypeName(1), true));
    assert_eq!(guess("1 MD5 a-very-long-pass-phrase\n"), (Dialect::Chrony, Reason::LongText(1), true));
    assert_eq!(guess("1 AES-128 abcdefghijklmnop\n"), (Dialect::Ntpsec, Reason::TypeName(1), true));
    assert_eq!(guess("1 SHA-1 abc\n"), (Dialect::Ntpsec, Reason::TypeName(1), true));
    assert_eq!(guess("1 CMAC abcdefghijklmnop\n"), (Dialect::NtpOrg, Reason::TypeName(1), true));
    assert_eq!(guess("1 MD5 abc 192.0.2.0/24\n"), (Dialect::NtpOrg, Reason::AddressList(1), true));
}

#[test]
fn a_plain_file_is_read_alike_by_all() {
    assert_eq!(guess("1 MD5 abc\n2 SHA1 def\n"), (Dialect::NtpOrg, Reason::ReadAlike, true));
    assert_eq!(guess(""), (Dialect::NtpOrg, Reason::ReadAlike, true));
    let detection = detect(b"1 MD5 abc\n");
    assert_eq!(detection.why.to_string(), "the other programs read the same keys from it");
}

#[test]
fn what_chrony_cannot_read_is_for_ntp_org_or_ntpsec() {
    let article = "11 SHA1 a6602840c563c0bfe70d01aa262e305161027a9a  # SHA1 key\n";
    assert_eq!(guess(article), (Dialect::NtpOrg, Reason::NotChrony(1), true));
    assert_eq!(guess("1 md5 abc\n"), (Dialect::NtpOrg, Reason::NotChrony(1), true));
    assert_eq!(guess("1 AES128CMAC sixteencharskey!\n"), (Dialect::NtpOrg, Reason::NotChrony(1), true));
}

#[test]
fn bare_hex_is_uncertain() {
    let hex = "1 SHA1 0102030405060708090a0b0c0d0e0f1011121314\n";
    assert_eq!(guess(hex), (Dialect::NtpOrg, Reason::ChronyDiffers, false));
    let odd = "1 MD5 abc # c\n2 MD5 0123456789abcdef01234\n";
    assert_eq!(guess(odd), (Dialect::NtpOrg, Reason::AllDiffer, false));
}

#[test]
fn signs_for_two_programs_leave_a_doubt() {
    let mixed = "1 MD5 HEX:00 # comment\n2 MD5 HEX:11\n3 MD5 HEX:22\n";
    assert_eq!(guess(mixed), (Dialect::Chrony, Reason::Prefix(1), false));
    let mixed = "1 SHA-1 abc\n2 SHA-256 abc\n3 CMAC abcdefghijklmnop\n";
    assert_eq!(guess(mixed), (Dialect::Ntpsec, Reason::TypeName(1), false));
}
