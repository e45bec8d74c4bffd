//! The whole path: provider, control plane and Envoy with the filter, ready for calls.

use crate::{
    client::Client,
    control_plane::ControlPlane,
    envoy::{Envoy, Setup},
    provider::Provider,
};

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
        let bursar = ControlPlane::start(policy).await;
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
