//! Where the filter looks for who a call is for: sources per dimension, in order. What a source may say is checked
//! here, so that none has to be doubted while a call waits.

mod api_keys;
mod body;
mod pattern;
mod source;

use super::fields::Fields;
use crate::want::Want;
pub use api_keys::ApiKeys;
pub use pattern::Pattern;
use protocol::attribution::Dimension;
pub use source::IdentitySource;
use std::{collections::BTreeMap, fmt};

/// As long as what HMAC-SHA-256 makes: a shorter key would be the weakest part.
const KEY_BYTES_MIN: usize = 32;

/// Who a call is for, as far as the configuration says where to look.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// What is known of each dimension.
    pub dimensions: BTreeMap<Dimension, Naming>,
    /// The key of digests.
    pub digest_key: Option<Secret>,
    /// What has to be found in bodies.
    pub body_wants: &'static [Want],
}

/// How one dimension gets its value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Naming {
    /// Where to look, in order.
    pub sources: Vec<IdentitySource>,
    /// A call without it is refused.
    pub required: bool,
    /// A keyed digest takes the value's place.
    pub digest: bool,
}

/// Bytes that no debug output shows.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Box<[u8]>);

impl Secret {
    /// Hides a text.
    pub(super) fn new(text: String) -> Self {
        Self(text.into_bytes().into())
    }

    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl Identity {
    /// Each source that is configured.
    pub fn sources(&self) -> impl Iterator<Item = &IdentitySource> {
        self.dimensions.values().flat_map(|naming| &naming.sources)
    }

    pub(super) fn read(mut fields: Fields<'_>) -> Self {
        let digest_key = digest_key(&mut fields);
        let dimensions = Dimension::ALL.map(|dimension| {
            let naming = naming(&mut fields, dimension);
            if naming.digest && digest_key.is_none() {
                let what = format!("is missing, and {dimension} is to be digested with it");
                fields.fault_unless_told("digest_key", what);
            }
            (dimension, naming)
        });
        let mut identity = Self { dimensions: dimensions.into(), digest_key, body_wants: &[] };
        identity.body_wants = match body::wants(&identity) {
            Ok(wants) => wants,
            Err(what) => {
                fields.fault_here(what);
                &[]
            }
        };
        identity
    }
}

fn digest_key(fields: &mut Fields<'_>) -> Option<Secret> {
    let key = fields.optional("digest_key")?;
    if key.len() < KEY_BYTES_MIN {
        fields.fault("digest_key", format!("has {} bytes, less than {KEY_BYTES_MIN}", key.len()));
    }
    Some(Secret(key.into_bytes().into()))
}

/// A list of sources, or an object that says more.
fn naming(identity: &mut Fields<'_>, dimension: Dimension) -> Naming {
    let key = dimension.as_str();
    if identity.is_list(key) {
        return Naming { sources: sources(identity, key, dimension), ..Naming::default() };
    }
    if !identity.has(key) {
        return Naming { sources: default_sources(dimension), ..Naming::default() };
    }
    let mut fields = identity.object(key);
    Naming {
        sources: match fields.has("from") {
            true => sources(&mut fields, "from", dimension),
            false => default_sources(dimension),
        },
        required: fields.flag("required", false),
        digest: fields.flag("digest", false),
    }
}

fn default_sources(dimension: Dimension) -> Vec<IdentitySource> {
    vec![IdentitySource::Header(format!("x-bursar-{dimension}"))]
}

fn sources(fields: &mut Fields<'_>, key: &'static str, dimension: Dimension) -> Vec<IdentitySource> {
    fields.list(key, |source| source::read(source, dimension)).into_iter().flatten().collect()
}
