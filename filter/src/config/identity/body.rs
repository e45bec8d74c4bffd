//! Fields of bodies as the scanner wants them: for as long as the VM lives. Each path and each list of them is kept
//! once, however often the filter is configured.

use super::{Identity, IdentitySource};
use crate::want::{self, Want};
use protocol::ids::NAME_BYTES_MAX;
use std::{cell::RefCell, collections::BTreeMap};

/// Each character may be written as an escape of six bytes.
const VALUE_BYTES_MAX: usize = NAME_BYTES_MAX.saturating_mul(6);

thread_local! {
    static PATHS: RefCell<BTreeMap<String, Want>> = const { RefCell::new(BTreeMap::new()) };
    static LISTS: RefCell<BTreeMap<Vec<&'static str>, &'static [Want]>> = const { RefCell::new(BTreeMap::new()) };
}

/// A field, of which the last one counts, as it does for those who parse the whole.
pub(super) fn want(path: &str) -> Want {
    let keep = || want::last(Box::leak(Box::from(path)), VALUE_BYTES_MAX);
    PATHS.with_borrow_mut(|paths| *paths.entry(path.to_owned()).or_insert_with(keep))
}

/// All fields of a configuration.
pub(super) fn wants(identity: &Identity) -> Result<&'static [Want], String> {
    let mut wants: Vec<Want> = Vec::new();
    for source in identity.sources() {
        if let IdentitySource::Body(want) = source
            && !wants.contains(want)
        {
            wants.push(*want);
        }
    }
    let is_inside =
        |inner: &str, outer: &str| inner.strip_prefix(outer).is_some_and(|rest| rest.starts_with('.'));
    for (inner, outer) in
        wants.iter().flat_map(|inner| wants.iter().map(move |outer| (inner.path, outer.path)))
    {
        if is_inside(inner, outer) {
            return Err(format!("asks for the body's field `{outer}`, and for `{inner}` inside it"));
        }
    }
    let paths = wants.iter().map(|want| want.path).collect();
    let keep = || &*Box::leak(wants.into_boxed_slice());
    Ok(LISTS.with_borrow_mut(|lists| *lists.entry(paths).or_insert_with(keep)))
}
