//! Dialects: the wire formats of provider APIs. This file is the one list of them; what each looks like is in a file
//! of its own, and which one a request speaks is found in `detect`.

mod anthropic;
mod bedrock_converse;
mod bedrock_invoke;
mod cohere;
mod cohere_documents;
mod cost;
mod detect;
mod disjoint;
pub(crate) mod errors;
mod format;
mod gemini;
mod gemini_embeddings;
mod gemini_interactions;
mod mistral_ocr;
mod ollama;
mod openai_chat;
mod openai_completions;
mod openai_embeddings;
mod openai_images;
mod openai_moderations;
mod openai_responses;
mod openai_speech;
mod openai_transcriptions;
mod tree;
mod unknown;

pub use detect::{Detected, detect, tells_usage_unasked};
pub(crate) use format::{ErrorShape, Format};

/// A wire format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// OpenAI chat completions and what is compatible with them.
    OpenaiChat,
    /// OpenAI's Responses.
    OpenaiResponses,
    /// OpenAI's legacy completions.
    OpenaiCompletions,
    /// OpenAI's embeddings.
    OpenaiEmbeddings,
    /// OpenAI's transcriptions and translations.
    OpenaiTranscriptions,
    /// OpenAI's speech.
    OpenaiSpeech,
    /// OpenAI's images.
    OpenaiImages,
    /// OpenAI's moderations.
    OpenaiModerations,
    /// Anthropic's messages.
    AnthropicMessages,
    /// Gemini's generateContent.
    Gemini,
    /// Gemini's embeddings.
    GeminiEmbeddings,
    /// Gemini's interactions.
    GeminiInteractions,
    /// Bedrock's Converse.
    BedrockConverse,
    /// Bedrock's InvokeModel.
    BedrockInvoke,
    /// Cohere's chat.
    CohereChat,
    /// Cohere's embed.
    CohereEmbed,
    /// Cohere's rerank.
    CohereRerank,
    /// Mistral's reading of documents.
    MistralOcr,
    /// Ollama's chat and generate.
    Ollama,
    /// Ollama's embed.
    OllamaEmbed,
    /// None of these, on a route that is metered.
    Unknown,
}

impl Dialect {
    /// All of them.
    pub const ALL: [Self; 21] = [
        Self::OpenaiChat,
        Self::OpenaiResponses,
        Self::OpenaiCompletions,
        Self::OpenaiEmbeddings,
        Self::OpenaiTranscriptions,
        Self::OpenaiSpeech,
        Self::OpenaiImages,
        Self::OpenaiModerations,
        Self::AnthropicMessages,
        Self::Gemini,
        Self::GeminiEmbeddings,
        Self::GeminiInteractions,
        Self::BedrockConverse,
        Self::BedrockInvoke,
        Self::CohereChat,
        Self::CohereEmbed,
        Self::CohereRerank,
        Self::MistralOcr,
        Self::Ollama,
        Self::OllamaEmbed,
        Self::Unknown,
    ];

    /// What there is to say of it.
    pub(crate) fn format(self) -> &'static Format {
        match self {
            Self::OpenaiChat => &openai_chat::FORMAT,
            Self::OpenaiResponses => &openai_responses::FORMAT,
            Self::OpenaiCompletions => &openai_completions::FORMAT,
            Self::OpenaiEmbeddings => &openai_embeddings::FORMAT,
            Self::OpenaiTranscriptions => &openai_transcriptions::FORMAT,
            Self::OpenaiSpeech => &openai_speech::FORMAT,
            Self::OpenaiImages => &openai_images::FORMAT,
            Self::OpenaiModerations => &openai_moderations::FORMAT,
            Self::AnthropicMessages => &anthropic::FORMAT,
            Self::Gemini => &gemini::FORMAT,
            Self::GeminiEmbeddings => &gemini_embeddings::FORMAT,
            Self::GeminiInteractions => &gemini_interactions::FORMAT,
            Self::BedrockConverse => &bedrock_converse::FORMAT,
            Self::BedrockInvoke => &bedrock_invoke::FORMAT,
            Self::CohereChat => &cohere::FORMAT,
            Self::CohereEmbed => &cohere_documents::EMBED,
            Self::CohereRerank => &cohere_documents::RERANK,
            Self::MistralOcr => &mistral_ocr::FORMAT,
            Self::Ollama => &ollama::FORMAT,
            Self::OllamaEmbed => &ollama::EMBED,
            Self::Unknown => &unknown::FORMAT,
        }
    }

    /// Its name in configuration, events and metrics.
    pub fn as_str(self) -> &'static str {
        self.format().name
    }

    /// OpenTelemetry's `gen_ai.operation.name`.
    pub fn operation(self) -> &'static str {
        self.format().operation
    }

    /// Whether the events of a stream wrap the documents of the model in base64.
    pub(crate) fn wraps_documents(self) -> bool {
        self == Self::BedrockInvoke
    }
}
