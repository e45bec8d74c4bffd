//! Who a call is for, as far as its body says; and what has to be said.

use super::Exchange;
use crate::{admission::Refused, attribution::Unasked, request::RequestReader};
use protocol::event::{CallHead, Refusal};
use std::rc::Rc;

/// Adds what the body names, as far as it was read.
pub(super) fn complete(head: &mut Rc<CallHead>, unasked: Option<&Unasked>, reader: &RequestReader) {
    if let Some(unasked) = unasked {
        unasked.complete(&mut Rc::make_mut(head).attribution, |path| reader.found(path));
    }
}

impl Exchange {
    /// A refusal, where the configuration asks for a dimension that the call does not name. No cap is asked before.
    pub(super) fn unnamed(&self) -> Option<Refused> {
        let missing = self.unasked.as_ref()?.missing(&self.head.attribution)?;
        Some(Refused { missing: Some(missing), ..Refused::because(Refusal::Unattributed) })
    }
}
