//! Making keys for a data directory that nobody serves: how an admin who lost his gets a new one.

use super::*;

#[test]
fn whoever_has_the_data_directory_needs_no_key_to_make_one() {
    let desk = Desk::new();
    let first = desk.done("keys create ann --role admin --data-dir @data");
    assert!(first.starts_with("bursar_") && first.lines().count() == 1, "{first}");
    desk.done("keys create envoys --role ingest --data-dir @data");
    let list = desk.done("keys list --data-dir @data --format csv");
    assert_eq!(
        list,
        "name,role,made_at\nann,admin,2026-11-24T10:00:00.000000000Z\nenvoys,ingest,2026-11-24T10:00:00.000000000Z\n"
    );
    for (line, why) in [
        ("keys create ann --role read", "there is a key `ann` already"),
        ("keys create bob --role owner", "is no role"),
        ("keys revoke nobody", "there is no key `nobody`"),
        ("keys revoke ann", "the last key of role admin"),
    ] {
        let (code, said) = desk.bursar(&format!("{line} --data-dir @data"));
        assert!(code == 2 && said.contains(why), "{line}: {said}");
    }
    assert_eq!(desk.done("keys revoke envoys --data-dir @data"), "revoked: envoys\n");
    let last = desk.done("keys revoke ann --data-dir @data");
    assert!(last.starts_with("revoked: ann\n") && last.contains("warning: no key is left"), "{last}");
}
