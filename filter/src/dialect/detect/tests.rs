use super::*;

fn find(config: &str, method: &str, host: &str, path: &str, cluster: Option<&str>) -> Option<Detected> {
    let config = Config::parse(config.as_bytes()).unwrap();
    let pairs: &[(&[u8], &[u8])] =
        &[(b":method", method.as_bytes()), (b":authority", host.as_bytes()), (b":path", path.as_bytes())];
    detect(&config, &Headers::new(pairs), cluster)
}

#[test]
fn host_and_path_tell_provider_and_dialect() {
    for (host, path, expected) in [
        ("api.openai.com", "/v1/chat/completions", "openai openai-chat"),
        (
            "acme.openai.azure.com",
            "//openai/deployments/x/chat/completions?api-version=1",
            "azure openai-chat",
        ),
        ("acme.services.ai.azure.com", "/models/chat/completions", "azure_ai openai-chat"),
        ("openrouter.ai:443", "/api/v1/chat/completions", "openrouter openai-chat"),
        ("openrouter.ai", "/api/v1/messages", "openrouter anthropic-messages"),
        ("127.0.0.1:10000", "/v1/chat/completions", "openai openai-chat"),
        ("api.openai.com", "/v1/responses", "openai openai-responses"),
        ("api.openai.com", "/v1/completions", "openai openai-completions"),
        ("api.mistral.ai", "/v1/fim/completions", "mistral openai-chat"),
        ("api.openai.com", "/v1/audio/speech", "openai openai-speech"),
        ("api.anthropic.com", "/v1/messages?beta=true", "anthropic anthropic-messages"),
        ("127.0.0.1:1", "/v1/messages", "anthropic anthropic-messages"),
        (
            "generativelanguage.googleapis.com",
            "/v1beta/models/gemini-2.5-flash:generateContent",
            "gemini gemini",
        ),
        (
            "us-central1-aiplatform.googleapis.com",
            "/v1/projects/p/locations/us-central1/publishers/anthropic/models/claude@1:streamRawPredict",
            "vertex_ai anthropic-messages",
        ),
        ("bedrock-runtime.us-east-1.amazonaws.com", "/model/a/converse-stream", "bedrock bedrock-converse"),
        ("bedrock-mantle.us-east-1.api.aws", "/openai/v1/responses", "bedrock_mantle openai-responses"),
        ("api.cohere.com", "/v1/chat", "cohere cohere-chat"),
        ("localhost:11434", "/api/chat", "ollama ollama"),
        // Known providers, and formats that nobody here knows: counted, not silent.
        ("api.openai.com", "/v1/something/new", "openai unknown"),
        ("api.anthropic.com", "/v1/complete_v3", "anthropic unknown"),
    ] {
        let found = find("", "POST", host, path, None);
        let found = found.map(|found| format!("{} {}", found.provider, found.dialect.as_str()));
        assert_eq!(found.as_deref(), Some(expected), "{host} {path}");
    }
}

#[test]
fn an_answer_from_the_background_is_fetched_by_its_id() {
    let retrieves =
        |method, path| find("", method, "api.openai.com", path, None).map(|found| found.retrieves);
    assert_eq!(retrieves("GET", "/v1/responses/resp_1?stream=true"), Some(true));
    assert_eq!(retrieves("POST", "/v1/responses"), Some(false));
    assert_eq!(retrieves("GET", "/v1/responses"), None);
    assert_eq!(retrieves("GET", "/v1/responses/resp_1/input_items"), None);
    assert_eq!(retrieves("DELETE", "/v1/responses/resp_1"), None);
}

#[test]
fn what_runs_no_model_is_no_call() {
    for (method, host, path) in [
        ("GET", "api.openai.com", "/v1/chat/completions"),
        ("POST", "api.openai.com", "/v1/files"),
        ("POST", "api.anthropic.com", "/v1/messages/count_tokens"),
        ("POST", "generativelanguage.googleapis.com", "/v1beta/models/gemini-2.5-flash:countTokens"),
        ("POST", "shop.example.com", "/orders/7/invoke"),
        ("POST", "shop.example.com", "/orders"),
    ] {
        assert_eq!(find("", method, host, path, None), None, "{method} {host} {path}");
    }
}

#[test]
fn the_path_tells_model_region_and_streaming() {
    let told = |host, path| {
        let found = find("", "POST", host, path, None).unwrap();
        format!(
            "{} {} {}",
            found.model.as_deref().unwrap_or("-"),
            found.region.as_deref().unwrap_or("-"),
            found.streams
        )
    };
    assert_eq!(
        told(
            "bedrock-runtime.eu-west-1.amazonaws.com",
            "/model/us.anthropic.claude-3-7-sonnet-20250219-v1%3A0/converse-stream"
        ),
        "us.anthropic.claude-3-7-sonnet-20250219-v1:0 eu-west-1 true"
    );
    assert_eq!(
        told(
            "aiplatform.googleapis.com",
            "/v1/projects/p/locations/global/publishers/google/models/gemini-2.5-pro:streamGenerateContent?alt=sse"
        ),
        "gemini-2.5-pro global true"
    );
    assert_eq!(told("a.openai.azure.com", "/openai/deployments/my%2Ddep/embeddings"), "my-dep - false");
    assert_eq!(told("api.openai.com", "/v1/responses"), "- - false");
    assert_eq!(told("a.services.ai.azure.com", "/models/chat/completions"), "- - false");
}

#[test]
fn the_configuration_overrides_detection() {
    let config = r#"{"providers": [
        {"cluster": "groq", "provider": "groq"},
        {"host": "*.internal", "path": "/llm", "provider": "vllm", "dialect": "openai-chat"},
        {"host": "*.internal", "provider": "vllm"}
    ]}"#;
    let found = |host, path, cluster| {
        find(config, "POST", host, path, cluster)
            .map(|found| format!("{} {}", found.provider, found.dialect.as_str()))
    };
    let path = "/v1/chat/completions";
    assert_eq!(found("api.openai.com", path, Some("groq")).as_deref(), Some("groq openai-chat"));
    assert_eq!(found("gpu.internal", "/llm/generate", None).as_deref(), Some("vllm openai-chat"));
    assert_eq!(found("gpu.internal", "/other", None).as_deref(), Some("vllm unknown"));
}
