//! Finds provider and dialect of a request from its host, path and cluster, and what else host and path tell: the
//! model, the region, whether the answer streams.

use super::Dialect;
use crate::{
    config::{Config, ProviderRule},
    head::Headers,
    response::named,
    signature::Signature,
};
use memchr::memmem;
use std::borrow::Cow;

/// What the head of a request tells of the API it is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Detected {
    /// The provider's name, as prices use it.
    pub provider: Box<str>,
    /// The wire format.
    pub dialect: Dialect,
    /// Whether a stream that does not ask for usage is made to.
    pub asks_for_usage: bool,
    /// The model, where the path names it.
    pub model: Option<Box<str>>,
    /// Our account there, where a rule of the configuration names it.
    pub account: Option<Box<str>>,
    /// The region, where host or path name it.
    pub region: Option<Box<str>>,
    /// Whether the path says that the answer streams.
    pub streams: bool,
    /// Whether an answer is asked for that was made in the background, and not a new one.
    pub retrieves: bool,
    /// Whether a signature or digest in the head would not be true of another body.
    pub signed: bool,
}

/// Hosts that tell the provider. The names are those of the price catalogues.
const HOSTS: &[(&str, &str)] = &[
    ("api.openai.com", "openai"),
    ("*.api.openai.com", "openai"),
    ("*.openai.azure.com", "azure"),
    ("*.cognitiveservices.azure.com", "azure"),
    ("*.services.ai.azure.com", "azure_ai"),
    ("*.models.ai.azure.com", "azure_ai"),
    ("api.anthropic.com", "anthropic"),
    ("generativelanguage.googleapis.com", "gemini"),
    ("aiplatform.googleapis.com", "vertex_ai"),
    ("*-aiplatform.googleapis.com", "vertex_ai"),
    ("bedrock-runtime.*", "bedrock"),
    ("bedrock-runtime-fips.*", "bedrock"),
    ("bedrock-mantle.*", "bedrock_mantle"),
    ("api.cohere.com", "cohere"),
    ("api.cohere.ai", "cohere"),
    ("api.deepseek.com", "deepseek"),
    ("api.mistral.ai", "mistral"),
    ("codestral.mistral.ai", "codestral"),
    ("api.groq.com", "groq"),
    ("api.together.xyz", "together_ai"),
    ("api.together.ai", "together_ai"),
    ("openrouter.ai", "openrouter"),
    ("api.x.ai", "xai"),
    ("*.api.x.ai", "xai"),
    ("api.perplexity.ai", "perplexity"),
    ("api.fireworks.ai", "fireworks_ai"),
    ("api.cerebras.ai", "cerebras"),
    ("api.sambanova.ai", "sambanova"),
    ("api.deepinfra.com", "deepinfra"),
    ("api.hyperbolic.xyz", "hyperbolic"),
    ("api.novita.ai", "novita"),
    ("api.moonshot.ai", "moonshot"),
    ("api.moonshot.cn", "moonshot"),
    ("dashscope.aliyuncs.com", "dashscope"),
    ("dashscope-intl.aliyuncs.com", "dashscope"),
    ("api.z.ai", "zai"),
    ("api.minimax.io", "minimax"),
    ("api.voyageai.com", "voyage"),
    ("api.jina.ai", "jina_ai"),
    ("api.ai21.com", "ai21"),
    ("integrate.api.nvidia.com", "nvidia_nim"),
    ("router.huggingface.co", "huggingface"),
    ("api.writer.com", "writer"),
    ("*.cloud.databricks.com", "databricks"),
    ("*.azuredatabricks.net", "databricks"),
    ("api.cloudflare.com", "cloudflare"),
    ("ollama.com", "ollama"),
];

/// Providers that end every stream with its usage, and that may refuse the option to ask for it: Mistral has answered
/// 422 to it, and told usage unasked in 114 of 114 recorded streams.
const TELLS_USAGE_UNASKED: &[&str] = &["mistral", "codestral"];

/// Whether a provider tells the usage of streams by itself, and may refuse to be asked.
pub fn tells_usage_unasked(provider: &str) -> bool {
    TELLS_USAGE_UNASKED.contains(&provider)
}

/// Ends of paths that tell the dialect, the first that fits.
const PATHS: &[(&str, Dialect)] = &[
    ("/chat/completions", Dialect::OpenaiChat),
    ("/fim/completions", Dialect::OpenaiChat),
    ("/agents/completions", Dialect::OpenaiChat),
    ("/completions", Dialect::OpenaiCompletions),
    ("/responses", Dialect::OpenaiResponses),
    ("/responses/compact", Dialect::OpenaiResponses),
    ("/embeddings", Dialect::OpenaiEmbeddings),
    ("/audio/transcriptions", Dialect::OpenaiTranscriptions),
    ("/audio/translations", Dialect::OpenaiTranscriptions),
    ("/audio/speech", Dialect::OpenaiSpeech),
    ("/images/generations", Dialect::OpenaiImages),
    ("/images/edits", Dialect::OpenaiImages),
    ("/images/variations", Dialect::OpenaiImages),
    ("/moderations", Dialect::OpenaiModerations),
    ("/v1/messages", Dialect::AnthropicMessages),
    (":generateContent", Dialect::Gemini),
    (":streamGenerateContent", Dialect::Gemini),
    (":embedContent", Dialect::GeminiEmbeddings),
    (":batchEmbedContents", Dialect::GeminiEmbeddings),
    (":predict", Dialect::GeminiEmbeddings),
    ("/interactions", Dialect::GeminiInteractions),
    ("/converse", Dialect::BedrockConverse),
    ("/converse-stream", Dialect::BedrockConverse),
    ("/invoke", Dialect::BedrockInvoke),
    ("/invoke-with-response-stream", Dialect::BedrockInvoke),
    ("/v2/chat", Dialect::CohereChat),
    ("/v2/embed", Dialect::CohereEmbed),
    ("/v1/embed", Dialect::CohereEmbed),
    ("/v2/rerank", Dialect::CohereRerank),
    ("/v1/rerank", Dialect::CohereRerank),
    ("/v1/ocr", Dialect::MistralOcr),
    ("/api/chat", Dialect::Ollama),
    ("/api/generate", Dialect::Ollama),
    ("/api/embed", Dialect::OllamaEmbed),
];

/// Requests to providers that run no model, or that are free: these pass, and nobody misses their usage.
const NO_MODEL_RUNS: &[&str] = &[
    "/files",
    "/uploads",
    "/parts",
    "/cancel",
    "/batches",
    "/vector_stores",
    "/file_batches",
    "/jobs",
    "/input_tokens",
    "/count_tokens",
    "/count-tokens",
    ":countTokens",
    ":computeTokens",
    "/cachedContents",
    "/tokenize",
    "/detokenize",
    "/containers",
    "/evals",
    "/conversations",
    "/items",
    "/client_secrets",
    "/sessions",
    "/api/show",
    "/api/pull",
    "/api/push",
    "/api/create",
    "/api/copy",
    ":batchGenerateContent",
    "/threads",
    "/assistants",
    "/api/v1/generation",
    "/apply-guardrail",
];

/// Finds provider and dialect of a request, or `None` where it is for no LLM API that Bursar meters.
pub fn detect(config: &Config, headers: &Headers<'_>, cluster: Option<&str>) -> Option<Detected> {
    let retrieves = headers.value(":method") == Some(b"GET") && is_response(headers.path());
    if contains(headers.path(), "/count-tokens:") {
        return None;
    }
    if headers.value(":method") != Some(b"POST") && !retrieves {
        return None;
    }
    let host = headers.text(":authority").unwrap_or_default();
    let host = host.rsplit_once(':').map_or(host, |(host, _port)| host);
    let path = headers.path();
    let rule = config.providers.iter().find(|rule| rule.holds(host, path, cluster));
    let known = HOSTS.iter().find(|(pattern, _)| host_matches(pattern, host)).map(|(_, provider)| *provider);
    let named_provider = rule.map(|rule| rule.provider.as_str()).or(known);
    let no_model_runs = || {
        NO_MODEL_RUNS.iter().any(|end| path.ends_with(end))
            || ["/uploads/", "/vector_stores/"].iter().any(|part| contains(path, part))
    };
    let dialect = match rule.and_then(|rule| rule.dialect).or_else(|| of_path(path, named_provider)) {
        // Elsewhere a response is anything.
        _ if retrieves && named_provider.is_none() && !contains(path, "/v1/responses/") => return None,
        _ if retrieves => Dialect::OpenaiResponses,
        Some(dialect) => dialect,
        None if named_provider.is_some() && !no_model_runs() => Dialect::Unknown,
        None => return None,
    };
    let provider = named_provider.unwrap_or_else(|| provider_of(dialect, path));
    let asks_for_usage =
        rule.and_then(|rule| rule.inject_usage).unwrap_or(!TELLS_USAGE_UNASKED.contains(&provider));
    let signed =
        Signature::of(headers).is_some() || DIGESTS.iter().any(|digest| headers.value(digest).is_some());
    Some(Detected {
        provider: provider.into(),
        account: rule.and_then(|rule| rule.account.as_deref()).map(Into::into),
        dialect,
        // What is signed is never altered.
        asks_for_usage: asks_for_usage
            && dialect.format().takes_usage_option
            && !signed
            && !path.ends_with(":streamRawPredict")
            && takes_usage_option(headers),
        model: model_of(path),
        region: region_of(host, path),
        streams: [":streamGenerateContent", ":streamRawPredict", "/converse-stream", "-with-response-stream"]
            .iter()
            .any(|end| path.ends_with(end)),
        retrieves,
        signed,
    })
}

/// Headers that would no longer be true of a body that was altered.
const DIGESTS: &[&str] = &["digest", "content-digest", "content-md5", "signature"];

/// Azure refuses the option in the versions of its API from before it had it.
fn takes_usage_option(headers: &Headers<'_>) -> bool {
    let query = headers.text(":path").and_then(|path| path.split_once('?'));
    let version =
        query.and_then(|(_, query)| query.split('&').find_map(|pair| pair.strip_prefix("api-version=")));
    // A version is a date, and `preview` behind it.
    version.is_none_or(|version| version >= "2024-09-01" || !version.starts_with("20"))
}

/// `…/responses/{id}`
fn is_response(path: &str) -> bool {
    path.rsplit_once('/').is_some_and(|(before, id)| !id.is_empty() && before.ends_with("/responses"))
}

fn of_path(path: &str, provider: Option<&str>) -> Option<Dialect> {
    let raw_predict = path.ends_with(":rawPredict") || path.ends_with(":streamRawPredict");
    match provider {
        // Vertex hands these through to whoever made the model.
        _ if raw_predict && contains(path, "/publishers/anthropic/") => Some(Dialect::AnthropicMessages),
        _ if raw_predict => Some(Dialect::OpenaiChat),
        // The names that others use for something else.
        Some("cohere") if path.ends_with("/v1/chat") => Some(Dialect::CohereChat),
        Some("writer") if path.ends_with("/v1/chat") => Some(Dialect::OpenaiChat),
        Some("databricks") if path.ends_with("/invocations") => Some(Dialect::OpenaiChat),
        // What else Vertex predicts is no text.
        _ if path.ends_with(":predict")
            && !["embedding", "gecko"].iter().any(|name| contains(path, name)) =>
        {
            None
        }
        _ if contains(path, "/model/") => {
            PATHS.iter().find(|(end, _)| path.ends_with(end)).map(|(_, found)| *found)
        }
        _ => PATHS
            .iter()
            .find(|(end, _)| path.ends_with(end))
            .map(|(_, found)| *found)
            // Elsewhere the word means anything.
            .filter(|found| !matches!(found, Dialect::BedrockConverse | Dialect::BedrockInvoke)),
    }
}

/// Who is assumed to answer on a host that nobody knows: whoever made the API, as OpenTelemetry's GenAI conventions do.
fn provider_of(dialect: Dialect, path: &str) -> &'static str {
    match dialect {
        _ if contains(path, "/publishers/") => "vertex_ai",
        Dialect::AnthropicMessages => "anthropic",
        Dialect::Gemini | Dialect::GeminiEmbeddings | Dialect::GeminiInteractions => "gemini",
        Dialect::BedrockConverse | Dialect::BedrockInvoke => "bedrock",
        Dialect::CohereChat | Dialect::CohereEmbed | Dialect::CohereRerank => "cohere",
        Dialect::MistralOcr => "mistral",
        Dialect::Ollama | Dialect::OllamaEmbed => "ollama",
        Dialect::OpenaiChat
        | Dialect::OpenaiResponses
        | Dialect::OpenaiCompletions
        | Dialect::OpenaiEmbeddings
        | Dialect::OpenaiTranscriptions
        | Dialect::OpenaiSpeech
        | Dialect::OpenaiImages
        | Dialect::OpenaiModerations
        | Dialect::Unknown => "openai",
    }
}

/// `str::contains` prepares a search first, which takes longer than to search a path.
fn contains(path: &str, part: &str) -> bool {
    memmem::find(path.as_bytes(), part.as_bytes()).is_some()
}

/// The part of a path behind `before`, up to the next of `ends`.
fn part<'a>(path: &'a str, before: &str, ends: &[char]) -> Option<&'a str> {
    let at = memmem::find(path.as_bytes(), before.as_bytes())?;
    path.get(at.checked_add(before.len())?..)?.split(ends).next().filter(|part| !part.is_empty())
}

fn model_of(path: &str) -> Option<Box<str>> {
    let found = part(path, "/deployments/", &['/'])
        .or_else(|| part(path, "/model/", &['/']))
        .or_else(|| part(path, "/models/", &[':', '/']).filter(|_| path.contains(':')))
        .or_else(|| part(path, "/serving-endpoints/", &['/']))?;
    named(&percent_decoded(found))
}

fn region_of(host: &str, path: &str) -> Option<Box<str>> {
    let of_vertex = || part(path, "/locations/", &['/']);
    let of_aws = || {
        let (service, rest) = host.split_once('.')?;
        service.starts_with("bedrock-").then(|| rest.split('.').next())?
    };
    let of_openai = || host.strip_suffix(".api.openai.com");
    of_vertex().or_else(of_aws).or_else(of_openai).and_then(named)
}

/// `%3A` and its like. What is no escape stays as it is.
fn percent_decoded(text: &str) -> Cow<'_, str> {
    if !text.contains('%') {
        return text.into();
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let escaped = || {
            let (digits, behind) = after.split_at_checked(2)?;
            Some((u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?, behind))
        };
        let (byte, behind) =
            if *first == b'%' { escaped().unwrap_or((*first, after)) } else { (*first, after) };
        bytes.push(byte);
        rest = behind;
    }
    String::from_utf8_lossy(&bytes).into_owned().into()
}

impl ProviderRule {
    fn holds(&self, host: &str, path: &str, cluster: Option<&str>) -> bool {
        self.host.as_deref().is_none_or(|pattern| host_matches(pattern, host))
            && self.path.as_deref().is_none_or(|prefix| path.starts_with(prefix))
            && self.cluster.as_deref().is_none_or(|wanted| cluster == Some(wanted))
    }
}

/// `*` at the beginning or at the end stands for anything that is not empty.
fn host_matches(pattern: &str, host: &str) -> bool {
    let (pattern, host) = (pattern.as_bytes(), host.as_bytes());
    match (pattern.split_first(), pattern.split_last()) {
        (Some((b'*', suffix)), _) => {
            let end = host.len().checked_sub(suffix.len()).filter(|before| *before > 0);
            end.and_then(|end| host.get(end..)).is_some_and(|end| end.eq_ignore_ascii_case(suffix))
        }
        (_, Some((b'*', prefix))) => {
            let beginning = host.get(..prefix.len()).filter(|_| host.len() > prefix.len());
            beginning.is_some_and(|beginning| beginning.eq_ignore_ascii_case(prefix))
        }
        _ => host.eq_ignore_ascii_case(pattern),
    }
}

#[cfg(test)]
mod tests;
