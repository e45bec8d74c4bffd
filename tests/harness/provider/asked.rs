//! A request as far as the answer to it depends on it, whatever API it is for.

use super::script::Script;
use serde_json::Value;

/// What was asked for.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    /// The path without its query.
    pub(super) path: String,
    /// The query.
    pub(super) query: String,
    /// The body's JSON; null where the body is a form.
    pub(super) body: Value,
    /// The model that answers.
    pub(super) model: String,
    /// Whether `stream` says so.
    pub(super) stream: bool,
    /// How many answers.
    pub(super) answers: u64,
    /// What the prompt counts.
    pub(super) prompt_tokens: u64,
    /// What each answer counts.
    pub(super) tokens: u64,
}

/// Where APIs have their output limit.
const LIMITS: [&str; 8] = [
    "/max_completion_tokens",
    "/max_tokens",
    "/max_output_tokens",
    "/generationConfig/maxOutputTokens",
    "/inferenceConfig/maxTokens",
    "/options/num_predict",
    "/max_gen_len",
    "/textGenerationConfig/maxTokenCount",
];
/// Where APIs have their prompt.
const PROMPTS: [&str; 12] = [
    "messages",
    "input",
    "contents",
    "content",
    "prompt",
    "message",
    "inputText",
    "texts",
    "query",
    "requests",
    "instances",
    "documents",
];

impl Asked {
    /// Reads a request, or says what the provider would complain about.
    pub(super) fn read(path: &str, form: bool, body: &[u8], script: &Script) -> Result<Self, String> {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let (form, body) = match form {
            true => (String::from_utf8_lossy(body), Value::Null),
            false => {
                ("".into(), serde_json::from_slice(body).map_err(|error| format!("not valid JSON: {error}"))?)
            }
        };
        let named = body["model"].as_str().map(str::to_owned);
        let Some(model) = of_path(path).or(named).or_else(|| of_form(&form, "model")) else {
            return Err("you must provide a model parameter".to_owned());
        };
        let limit = LIMITS.iter().find_map(|limit| body.pointer(limit)?.as_u64()).unwrap_or(16);
        let bytes: usize = PROMPTS.iter().filter_map(|key| Some(body.get(key)?.to_string().len())).sum();
        let count = |key: &str| body[key].as_u64();
        Ok(Self {
            path: path.to_owned(),
            query: query.to_owned(),
            model: script.served_model.clone().unwrap_or(model),
            stream: body["stream"] == true || of_form(&form, "stream").is_some_and(|told| told == "true"),
            answers: count("n").unwrap_or(1),
            prompt_tokens: script.prompt_tokens.unwrap_or(u64::try_from(bytes / 4).unwrap_or(0)),
            tokens: script.tokens.unwrap_or(limit.min(16)),
            body,
        })
    }

    /// The text of one answer.
    pub(super) fn text(&self, script: &Script) -> String {
        self.deltas(script).collect()
    }

    /// The text of one answer, in tokens.
    pub(super) fn deltas<'a>(&self, script: &'a Script) -> impl Iterator<Item = &'a str> + use<'a> {
        std::iter::repeat_n(script.token.as_str(), usize::try_from(self.tokens).unwrap_or(0))
    }

    /// The usage as the script wants it: this one, the one it names, or none.
    pub(super) fn usage(&self, script: &Script, told: Value) -> Option<Value> {
        (!script.no_usage).then(|| script.usage.clone().unwrap_or(told))
    }
}

/// `/v1beta/models/{model}:call`, `/model/{model}/call`, `/openai/deployments/{model}/call`.
fn of_path(path: &str) -> Option<String> {
    let after = |mark: &str| path.split_once(mark).map(|(_, rest)| rest);
    let model = match after("/models/") {
        Some(rest) => rest.rsplit_once(':')?.0,
        None => after("/model/").or_else(|| after("/deployments/"))?.split('/').next()?,
    };
    Some(model.replace("%3A", ":").replace("%2F", "/"))
}

/// A part of a form.
fn of_form(form: &str, name: &str) -> Option<String> {
    let (_, rest) = form.split_once(&format!("name=\"{name}\"\r\n\r\n"))?;
    Some(rest.split("\r\n").next()?.to_owned())
}
