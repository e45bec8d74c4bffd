//! OpenAI's legacy completions, and vLLM's and Together's.
//! <https://platform.openai.com/docs/api-reference/completions> (read November 2026)

use super::{
    errors,
    format::{ErrorShape, Format},
    openai_chat,
};
use crate::{
    json_scan::Scanner,
    request::RequestFacts,
    response::ResponseFacts,
    want::{TextKind, large, latest, text, value},
};

pub(super) const FORMAT: Format = Format {
    name: "openai-completions",
    operation: "text_completion",
    error: ErrorShape::OpenAi,
    takes_usage_option: true,
    tells_its_end: false,
    request: &[
        value("model"),
        value("stream"),
        value("stream_options"),
        value("max_tokens"),
        value("n"),
        value("best_of"),
    ],
    read_request,
    answer: &[
        value("model"),
        latest("usage", 16 * 1024),
        large("error", 64 * 1024),
        value("choices[].finish_reason"),
        text("choices[].text", TextKind::Content),
        // Together's events.
        text("choices[].delta.content", TextKind::Content),
    ],
    read_answer,
    count: openai_chat::FORMAT.count,
};

fn read_request(request: &Scanner, facts: &mut RequestFacts) {
    facts.take_names(request, "model", "service_tier");
    facts.stream = request.is_true("stream");
    facts.answers = request.count("best_of").max(request.count("n"));
    let each = request.count("max_tokens");
    facts.output_tokens_max = each.map(|each| each.saturating_mul(facts.answers.unwrap_or(1).max(1)));
}

fn read_answer(document: &Scanner, facts: &mut ResponseFacts) {
    facts.take_model(document, "model");
    facts.take_finish_reasons(document, "choices[].finish_reason");
    errors::read_within(document, "error", facts);
    facts.keep(document, "usage");
}
