//! Inputs that once broke a property of `filter/fuzz`, each replayed. A new finding is mended, and its file is put into
//! `filter/fuzz/regressions/` under the name of its target.

#[path = "../fuzz/src/lib.rs"]
#[expect(unreachable_pub, reason = "the fuzz targets are another crate")]
mod properties;

use std::{fs, path::PathBuf};

#[test]
fn what_was_found_once_holds() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fuzz/regressions");
    let mut replayed = 0;
    for target in fs::read_dir(&root).unwrap().map(Result::unwrap) {
        let name = target.file_name().into_string().unwrap();
        for input in fs::read_dir(target.path()).unwrap().map(Result::unwrap) {
            let data = fs::read(input.path()).unwrap();
            let holds = std::panic::catch_unwind(|| properties::check(&name, &data)).is_ok();
            assert!(holds, "{}", input.path().display());
            replayed += 1;
        }
    }
    assert!(replayed > 0, "nothing in {}", root.display());
}
