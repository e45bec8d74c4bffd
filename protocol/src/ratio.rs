//! Bytes of text per token: how tokens are estimated where no provider counted them. Learned by the control plane
//! from complete calls, handed to the filters in the snapshot. Whatever comes of it is marked estimated.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// English prose in OpenAI's vocabularies has 4 to 4.5 bytes per token; JSON, code and other languages fewer.
const BYTES_PER_KILOTOKEN: u32 = 4_000;

/// What was learned of one model. A rate that was not learned is 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TextRatio {
    /// Bytes of a request per 1,000 prompt tokens.
    #[serde(default)]
    pub request_bytes_per_kilotoken: u32,
    /// Bytes of delivered text per 1,000 generated tokens, hidden reasoning included.
    #[serde(default)]
    pub text_bytes_per_kilotoken: u32,
}

/// What was learned of all models.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TextRatios {
    /// provider → model → ratio. The model `""` stands for all of the provider's others.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub models: BTreeMap<Box<str>, BTreeMap<Box<str>, TextRatio>>,
}

impl TextRatios {
    /// Prompt tokens of so many bytes of a request, rounded up.
    pub fn prompt_tokens(&self, provider: &str, models: &[Option<&str>], bytes: u64) -> u64 {
        tokens(bytes, self.find(provider, models, |ratio| ratio.request_bytes_per_kilotoken))
    }

    /// Generated tokens of so many bytes of delivered text, rounded up.
    pub fn generated_tokens(&self, provider: &str, models: &[Option<&str>], bytes: u64) -> u64 {
        tokens(bytes, self.find(provider, models, |ratio| ratio.text_bytes_per_kilotoken))
    }

    /// So many bytes of delivered text are at most so many generated tokens.
    pub fn generated_bytes(&self, provider: &str, models: &[Option<&str>], tokens: u64) -> u64 {
        let rate = self.find(provider, models, |ratio| ratio.text_bytes_per_kilotoken).max(1);
        tokens.saturating_mul(u64::from(rate)).checked_div(1_000).unwrap_or(0)
    }

    /// The rate of the first of the models that has one, else the provider's, else what most text has.
    fn find(&self, provider: &str, models: &[Option<&str>], rate: impl Fn(&TextRatio) -> u32) -> u32 {
        let of_provider = self.models.get(provider);
        let of_model = |model: &str| of_provider?.get(model).map(&rate).filter(|rate| *rate > 0);
        models
            .iter()
            .flatten()
            .find_map(|model| of_model(model))
            .or_else(|| of_model(""))
            .unwrap_or(BYTES_PER_KILOTOKEN)
    }
}

fn tokens(bytes: u64, bytes_per_kilotoken: u32) -> u64 {
    bytes.saturating_mul(1_000).div_ceil(u64::from(bytes_per_kilotoken.max(1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_model_then_the_provider_then_most_text() {
        let ratio = |request, text| TextRatio {
            request_bytes_per_kilotoken: request,
            text_bytes_per_kilotoken: text,
        };
        let of_openai = [("gpt-4o".into(), ratio(5_000, 4_500)), ("".into(), ratio(0, 3_000))];
        let ratios = TextRatios { models: [("openai".into(), of_openai.into())].into() };
        assert_eq!(ratios.generated_tokens("openai", &[Some("gpt-4o-2024"), Some("gpt-4o")], 9_000), 2_000);
        assert_eq!(ratios.generated_tokens("openai", &[None, Some("o1")], 9_000), 3_000);
        assert_eq!(ratios.prompt_tokens("openai", &[Some("o1")], 9_001), 2_251);
        assert_eq!(ratios.generated_tokens("mistral", &[], 1), 1);
        assert_eq!(ratios.generated_tokens("mistral", &[], 0), 0);
        for tokens in [0, 1, 7, 2_000] {
            let bytes = ratios.generated_bytes("openai", &[Some("gpt-4o")], tokens);
            assert_eq!(ratios.generated_tokens("openai", &[Some("gpt-4o")], bytes), tokens);
            assert_eq!(ratios.generated_tokens("openai", &[Some("gpt-4o")], bytes + 1), tokens + 1);
        }
    }
}
