//! The whole path: provider, control plane and Envoy with the filter, ready for calls.

use crate::{
    client::Client,
    control_plane::ControlPlane,
    envoy::{Envoy, Setup},
    provider::Provider,
};
use serde_json::{Value, json};

/// All three.
#[derive(Debug)]
pub struct Rig {
    /// The simulated provider.
    pub provider: Provider,
    /// The control plane.
    pub bursar: ControlPlane,
    /// Envoy with the filter.
    pub envoy: Envoy,
    /// An application.
    pub app: Client,
}

impl Rig {
    /// With this policy, and otherwise as the files say.
    pub async fn start(policy: &str) -> Self {
        Self::with(policy, |_| {}).await
    }

    /// With this policy and a changed setup.
    pub async fn with(policy: &str, change: impl FnOnce(&mut Setup)) -> Self {
        let provider = Provider::start().await;
        let bursar = ControlPlane::start(policy, &prices()).await;
        let mut setup = Setup::new(provider.address());
        setup.control_plane = Some(bursar.address());
        change(&mut setup);
        let mut envoy = Envoy::start(setup).await;
        has_snapshot(&mut envoy).await;
        Self { app: envoy.client(), provider, bursar, envoy }
    }
}

/// Waits until the filter has its first snapshot.
pub async fn has_snapshot(envoy: &mut Envoy) {
    let admin = Client::new(envoy.admin_address());
    let page = crate::call::Call::get("/stats/prometheus");
    let told = async || admin.send(&page).await.text().contains("bursar_snapshot_age_ms").then_some(());
    envoy.process.until("the filter has a snapshot", told).await;
}

/// A catalogue in LiteLLM's form, of our own numbers: one ordinary model, one with cache and reasoning rates, one
/// with audio, and a cheap one.
pub fn prices() -> Value {
    let chat = |input: &str, output: &str| {
        json!({
            "litellm_provider": "openai", "mode": "chat", "max_input_tokens": 128_000, "max_output_tokens": 4096,
            "input_cost_per_token": number(input), "output_cost_per_token": number(output),
        })
    };
    let mut large = chat("2.5e-06", "1e-05");
    large["cache_read_input_token_cost"] = number("1.25e-06");
    let mut audio = chat("2.5e-06", "1e-05");
    audio["input_cost_per_audio_token"] = number("4e-05");
    audio["output_cost_per_audio_token"] = number("8e-05");
    let mut thinking = chat("1.1e-06", "4.4e-06");
    thinking["cache_read_input_token_cost"] = number("5.5e-07");
    json!({
        "sample_spec": {"litellm_provider": "one of the providers", "mode": "one of chat, embedding"},
        "gpt-4o": large,
        "gpt-4o-mini": chat("1.5e-07", "6e-07"),
        "gpt-4o-audio-preview": audio,
        "o4-mini": thinking,
    })
}

fn number(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or(Value::Null)
}
