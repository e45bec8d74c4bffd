//! Where the scalars of a document are: what may be another one in the next document that is like it.

use crate::want::TextKind;

/// A document with more scalars is not one of many that are alike.
pub(super) const SPANS_MAX: usize = 32;

/// A string or number in the document, without its quotes, that may be another one in the next document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Where it begins,
    pub start: usize,
    /// and where it ends.
    pub end: usize,
    /// What it is.
    pub role: Role,
    /// Whether it is a string.
    pub is_string: bool,
}

/// What a scalar is to the reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Text that goes past.
    Text(TextKind),
    /// A part of a value of which only the last one counts.
    Latest,
    /// Nothing that anybody wants.
    Unwanted,
}
