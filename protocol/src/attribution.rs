//! Who a call is for, and where each answer came from.

use crate::ids::Name;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The five questions of attribution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Dimension {
    /// Who pays.
    Customer,
    /// Inside what.
    Workspace,
    /// Who acted.
    User,
    /// For which part of the product.
    Feature,
    /// The unit of work that a customer would recognise.
    Task,
}

impl Dimension {
    /// All of them, in the order of the questions.
    pub const ALL: [Self; 5] = [Self::Customer, Self::Workspace, Self::User, Self::Feature, Self::Task];

    /// The word used in YAML, JSON and headers.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Customer => "customer",
            Self::Workspace => "workspace",
            Self::User => "user",
            Self::Feature => "feature",
            Self::Task => "task",
        }
    }
}

impl fmt::Display for Dimension {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Where a value came from, from the most to the least trustworthy kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// A claim of a token that `jwt_authn` verified.
    Jwt,
    /// Dynamic metadata that an earlier filter set.
    Metadata,
    /// Filter state that an earlier filter set.
    FilterState,
    /// A header that the policy trusts.
    Header,
    /// A pattern over host or path.
    Pattern,
    /// The digest of the API key.
    ApiKey,
    /// A member of W3C baggage, which whoever called may have written.
    Baggage,
    /// The trace of W3C trace context, likewise.
    Traceparent,
    /// A field of the request's body, which the client writes.
    Body,
}

/// One value and its source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attributed {
    /// The value.
    pub value: Name,
    /// Where it came from.
    pub from: Source,
}

/// The answers found; what was not found is absent, which is not a default customer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attribution {
    /// Who pays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer: Option<Attributed>,
    /// Inside what.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workspace: Option<Attributed>,
    /// Who acted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<Attributed>,
    /// For which part of the product.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub feature: Option<Attributed>,
    /// For which unit of work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<Attributed>,
}

impl Attribution {
    /// The value of one dimension.
    pub fn name(&self, dimension: Dimension) -> Option<&Name> {
        self.slot(dimension).as_ref().map(|attributed| &attributed.value)
    }

    /// The value and source of one dimension.
    pub fn slot(&self, dimension: Dimension) -> &Option<Attributed> {
        match dimension {
            Dimension::Customer => &self.customer,
            Dimension::Workspace => &self.workspace,
            Dimension::User => &self.user,
            Dimension::Feature => &self.feature,
            Dimension::Task => &self.task,
        }
    }

    /// Sets one dimension.
    pub fn set(&mut self, dimension: Dimension, attributed: Attributed) {
        let slot = match dimension {
            Dimension::Customer => &mut self.customer,
            Dimension::Workspace => &mut self.workspace,
            Dimension::User => &mut self.user,
            Dimension::Feature => &mut self.feature,
            Dimension::Task => &mut self.task,
        };
        *slot = Some(attributed);
    }
}
