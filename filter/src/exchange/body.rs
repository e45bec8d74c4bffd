//! The request's body in the life of a call: read while it is held, rewritten when it is whole, followed as it passes.

use super::{Exchange, Phase};
use crate::request::{self, LatePiece};

impl Exchange {
    /// The whole request is held, and may still go on as another one.
    pub fn holds_request(&mut self) {
        self.alterable = matches!(&self.phase, Phase::Reading(reader) if reader.names_its_model());
    }

    /// The request as it has to go to the provider, where it is to ask for another model than the client did.
    pub fn with_model(&self, body: &[u8]) -> Option<Vec<u8>> {
        request::with_model(self.dialect, body, self.head.downgraded_to.as_deref()?)
    }

    /// The model that the client is told to have got instead.
    pub fn downgraded_to(&self) -> Option<&str> {
        self.head.downgraded_to.as_deref()
    }

    /// Whether the request is still being read.
    pub fn is_reading(&self) -> bool {
        matches!(self.phase, Phase::Reading(_))
    }

    /// Takes the next piece of the request body while it is held.
    pub fn read_request(&mut self, piece: &[u8]) {
        if let Phase::Reading(reader) = &mut self.phase {
            reader.read(piece);
        }
    }

    /// The whole request body as it has to go to the provider, if that is not how it came.
    pub fn rewritten(&mut self, body: &[u8]) -> Option<Vec<u8>> {
        let Phase::Reading(reader) = &self.phase else { return None };
        let rewritten = reader.with_usage_asked(body)?;
        self.usage_injected = true;
        Some(rewritten)
    }

    /// The content-length of the request once so many bytes of its body have become so many others.
    pub fn request_length_after(&self, bytes: usize, rewritten: usize) -> Option<u64> {
        let Phase::Reading(reader) = &self.phase else { return None };
        let behind = reader.content_length()?.checked_sub(u64::try_from(bytes).ok()?)?;
        behind.checked_add(u64::try_from(rewritten).ok()?)
    }

    /// Lets the rest of a request body pass that is too long to be held. Gives the content-length it then has, where
    /// that is another one.
    pub fn let_request_pass(&mut self) -> Option<u64> {
        let Phase::Reading(reader) = &mut self.phase else { return None };
        reader.let_pass()
    }

    /// The request keeps the content-length that it has.
    pub fn keep_request_length(&mut self) {
        if let Phase::Reading(reader) = &mut self.phase {
            reader.keep_length();
        }
    }

    /// Takes the next piece of a request body that passes. Gives what goes on where that is not the piece.
    pub fn read_passing(&mut self, piece: &[u8], end: bool) -> Option<Vec<u8>> {
        let LatePiece { bytes, asks } = self.late.as_mut()?.read_passing(piece, end)?;
        self.usage_injected |= asks;
        Some(bytes)
    }

    /// Whether the call was decided on while its request is still coming, and the rest may tell more.
    pub fn reads_on(&self) -> bool {
        self.late.is_some()
    }

    /// Whether the head says that the request body is longer than that.
    pub fn request_is_longer_than(&self, bytes: usize) -> bool {
        matches!(&self.phase, Phase::Reading(reader) if reader.is_longer_than(bytes))
    }

    /// Whether the request was read to its end, whatever may still come behind it.
    pub fn request_is_whole(&self) -> bool {
        matches!(&self.phase, Phase::Reading(reader) if reader.is_whole())
    }

    /// Whether the body may have to be rewritten.
    pub fn may_be_rewritten(&self) -> bool {
        matches!(&self.phase, Phase::Reading(reader) if reader.may_ask_for_usage())
    }

    /// Whether the whole body, which was read, has to be.
    pub fn has_to_be_rewritten(&self) -> bool {
        matches!(&self.phase, Phase::Reading(reader) if reader.has_to_ask_for_usage())
    }
}
