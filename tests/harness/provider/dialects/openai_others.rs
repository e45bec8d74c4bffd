//! The APIs of OpenAI beside chat and responses: completions, embeddings, moderations, images, audio.

use super::{Answer, Api, Asked, CREATED, EVENTS, Script, openai};
use crate::provider::framing::{data, named};
use hyper::body::Bytes;
use serde_json::{Value, json};

const fn api(answer: fn(&Asked, &Script) -> Answer) -> Api {
    Api { answer, error: openai::error, error_in_stream: openai::error_in_stream }
}

pub(super) const COMPLETIONS: Api = api(completions);
pub(super) const EMBEDDINGS: Api = api(embeddings);
pub(super) const MODERATIONS: Api = api(moderations);
pub(super) const IMAGES: Api = api(images);
pub(super) const TRANSCRIPTION: Api = api(transcription);
pub(super) const SPEECH: Api = api(speech);

fn with_usage(mut body: Value, usage: Option<Value>) -> Value {
    if let Some(usage) = usage {
        body["usage"] = usage;
    }
    body
}

fn completions(asked: &Asked, script: &Script) -> Answer {
    let usage = asked.usage(
        script,
        json!({
            "prompt_tokens": asked.prompt_tokens, "completion_tokens": asked.tokens,
            "total_tokens": asked.prompt_tokens + asked.tokens,
        }),
    );
    let body = |choices: Value| {
        let id = "cmpl-simulated";
        json!({"id": id, "object": "text_completion", "created": CREATED, "model": asked.model, "choices": choices})
    };
    let choice = |text: &str, finish: Value| json!([{"text": text, "index": 0, "logprobs": null, "finish_reason": finish}]);
    let finish = json!(script.finish_reason("stop"));
    if !asked.stream {
        return Answer::json(&with_usage(body(choice(&asked.text(script), finish)), usage));
    }
    let asked_for = asked.body.pointer("/stream_options/include_usage") == Some(&Value::Bool(true));
    let null = || asked_for.then_some(Value::Null);
    let mut events: Vec<Bytes> = asked
        .deltas(script)
        .map(|token| data(&with_usage(body(choice(token, Value::Null)), null())))
        .collect();
    events.push(data(&with_usage(body(choice("", finish)), null())));
    if let (true, Some(usage)) = (asked_for, usage) {
        events.push(data(&with_usage(body(json!([])), Some(usage))));
    }
    events.push(Bytes::from_static(b"data: [DONE]\n\n"));
    Answer::stream(EVENTS, events)
}

fn embeddings(asked: &Asked, script: &Script) -> Answer {
    let texts = asked.body["input"].as_array().map_or(1, Vec::len);
    // Twice the same four numbers, as floats or in base64, as the official client asks for them.
    let vector = match asked.body["encoding_format"].as_str() {
        Some("base64") => json!("AAAAPwAAgL4AAAA+AAAAvg=="),
        _ => json!([0.5, -0.25, 0.125, -0.125]),
    };
    let each = |index| json!({"object": "embedding", "index": index, "embedding": vector});
    let data: Vec<Value> = (0..texts).map(each).collect();
    let told = json!({"prompt_tokens": asked.prompt_tokens, "total_tokens": asked.prompt_tokens});
    let body = json!({"object": "list", "data": data, "model": asked.model});
    Answer::json(&with_usage(body, asked.usage(script, told)))
}

fn moderations(asked: &Asked, _script: &Script) -> Answer {
    let result =
        json!({"flagged": false, "categories": {"hate": false}, "category_scores": {"hate": 0.0001}});
    Answer::json(&json!({"id": "modr-simulated", "model": asked.model, "results": [result]}))
}

fn images(asked: &Asked, script: &Script) -> Answer {
    let image = json!({"b64_json": "iVBORw0KGgo="});
    let data: Vec<Value> = (0..asked.answers).map(|_| image.clone()).collect();
    let out = asked.tokens * asked.answers;
    let usage = asked.usage(
        script,
        json!({
            "input_tokens": asked.prompt_tokens,
            "input_tokens_details": {"image_tokens": 0, "text_tokens": asked.prompt_tokens},
            "output_tokens": out, "output_tokens_details": {"image_tokens": out, "text_tokens": 0},
            "total_tokens": asked.prompt_tokens + out,
        }),
    );
    if asked.stream {
        let last = json!({"type": "image_generation.completed", "b64_json": image["b64_json"], "created_at": CREATED});
        let part = json!({"type": "image_generation.partial_image", "b64_json": "iVBORw0=", "partial_image_index": 0});
        return Answer::stream(EVENTS, vec![named(&part), named(&with_usage(last, usage))]);
    }
    // Older models are billed by the image, and count no tokens.
    let counted = if asked.model.starts_with("dall-e") { None } else { usage };
    Answer::json(&with_usage(json!({"created": CREATED, "data": data}), counted))
}

fn transcription(asked: &Asked, script: &Script) -> Answer {
    let text = asked.text(script);
    let told = match asked.model.starts_with("whisper") {
        true => json!({"type": "duration", "seconds": asked.tokens}),
        false => json!({
            "type": "tokens", "total_tokens": 40 + asked.tokens, "input_tokens": 40,
            "input_token_details": {"text_tokens": 0, "audio_tokens": 40}, "output_tokens": asked.tokens,
        }),
    };
    let usage = asked.usage(script, told);
    if !asked.stream {
        return Answer::json(&with_usage(json!({"text": text}), usage));
    }
    let crlf = |event: &Value| Bytes::from(format!("data: {event}\r\n\r\n"));
    let delta = |token| crlf(&json!({"type": "transcript.text.delta", "delta": token}));
    let mut events: Vec<Bytes> = asked.deltas(script).map(delta).collect();
    events.push(crlf(&with_usage(json!({"type": "transcript.text.done", "text": text}), usage)));
    events.push(Bytes::from_static(b"data: [DONE]\r\n\r\n"));
    Answer::stream(EVENTS, events)
}

fn speech(asked: &Asked, script: &Script) -> Answer {
    if asked.body["stream_format"] != "sse" {
        return Answer::whole("audio/mpeg", b"\xff\xf3\x84\xc4 not quite a sound".as_slice());
    }
    let told = json!({"input_tokens": asked.prompt_tokens, "output_tokens": asked.tokens,
        "total_tokens": asked.prompt_tokens + asked.tokens});
    let done = with_usage(json!({"type": "speech.audio.done"}), asked.usage(script, told));
    let part = data(&json!({"type": "speech.audio.delta", "audio": "//OExA=="}));
    Answer::stream(EVENTS, vec![part, data(&done)])
}
