//! What the head of an answer tells of metering: region, tier and model where the body does not, an error's type, and
//! Bedrock's counts.

use super::{ResponseFacts, named};
use crate::head::Headers;
use protocol::meters::Meter;

/// Bedrock counts in headers what its bodies may leave out.
const COUNTS: [(&[u8], Meter); 4] = [
    (b"x-amzn-bedrock-input-token-count", Meter::Input),
    (b"x-amzn-bedrock-output-token-count", Meter::Output),
    (b"x-amzn-bedrock-cache-read-input-token-count", Meter::CacheRead),
    (b"x-amzn-bedrock-cache-write-input-token-count", Meter::CacheWrite5m),
];

/// Reads a head.
pub(super) fn read(headers: &Headers<'_>, status: u16, facts: &mut ResponseFacts) {
    for (name, value) in headers.iter() {
        let text = || std::str::from_utf8(value).ok().and_then(named);
        match name {
            b"x-ms-region" | b"x-groq-region" => facts.region = text(),
            b"azureai-processed-tier" | b"x-gemini-service-tier" => facts.service_tier = text(),
            b"x-ms-served-model" => facts.model_of_head = text(),
            b"x-amzn-errortype" if status >= 400 => {
                // `ValidationException:http://internal.amazon.com/coral/…`
                let kind = text().and_then(|text| text.split(':').next().and_then(named));
                facts.error_type = kind;
            }
            _ => {
                let counted = COUNTS.iter().find(|(counted, _)| *counted == name);
                let count = || std::str::from_utf8(value).ok()?.parse().ok();
                if let Some(((_, meter), count)) = counted.and_then(|found| Some((found, count()?))) {
                    facts.units_of_head.insert(*meter, count);
                }
            }
        }
    }
}
