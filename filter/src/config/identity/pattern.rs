//! A host or path with one placeholder. No regular expressions: what is fixed is compared, and what stands in the
//! placeholder is one label of the host or one segment of the path.

use protocol::attribution::Dimension;

/// A text with a gap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    before: Box<str>,
    after: Box<str>,
}

impl Pattern {
    /// `{customer}.api.example.com`: the whole host, without its port.
    pub(super) fn of_host(text: &str, dimension: Dimension) -> Result<Self, String> {
        let pattern = Self::parse(&text.to_lowercase(), dimension)?;
        match pattern.before.is_empty() && pattern.after.is_empty() {
            true => Err(format!("is `{text}`, which every host without dots matches")),
            false => Ok(pattern),
        }
    }

    /// `/t/{workspace}/`: where the path begins.
    pub(super) fn of_path(text: &str, dimension: Dimension) -> Result<Self, String> {
        let pattern = Self::parse(text, dimension)?;
        if !pattern.before.starts_with('/') || !pattern.before.ends_with('/') {
            return Err(format!("is `{text}`, where the placeholder is no segment behind a `/`"));
        }
        match pattern.after.is_empty() || pattern.after.starts_with('/') {
            true => Ok(pattern),
            false => Err(format!("is `{text}`, where the placeholder is not a whole segment")),
        }
    }

    fn parse(text: &str, dimension: Dimension) -> Result<Self, String> {
        let placeholder = format!("{{{dimension}}}");
        let parts: Vec<&str> = text.split(&placeholder).collect();
        match parts.as_slice() {
            [before, after] if !before.contains(['{', '}']) && !after.contains(['{', '}']) => {
                Ok(Self { before: (*before).into(), after: (*after).into() })
            }
            _ => Err(format!("is `{text}`, which does not have exactly one placeholder, `{placeholder}`")),
        }
    }

    /// What stands in the gap of a host, which is lower-case and without its port.
    pub(crate) fn in_host<'a>(&self, host: &'a str) -> Option<&'a str> {
        let value = host.strip_prefix(&*self.before)?.strip_suffix(&*self.after)?;
        (!value.contains('.')).then_some(value)
    }

    /// What stands in the gap of a path.
    pub(crate) fn in_path<'a>(&self, path: &'a str) -> Option<&'a str> {
        let rest = path.strip_prefix(&*self.before)?;
        let (value, after) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        // A path that nobody made plain: what it means is not what stands there.
        let is_plain = value != "." && value != "..";
        (is_plain && after.starts_with(&*self.after)).then_some(value)
    }
}
