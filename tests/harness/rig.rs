//! The whole path: provider, control plane and Envoy with the filter, ready for calls.

use crate::{
    call::Call,
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

/// Provider and Envoy with the filter, and no control plane: what the filter does by itself.
pub async fn filter_alone(change: impl FnOnce(&mut Setup)) -> (Provider, Envoy) {
    let provider = Provider::start().await;
    let mut setup = Setup::new(provider.address());
    change(&mut setup);
    (provider, Envoy::start(setup).await)
}

/// Waits until every VM of the filter (one a worker, one of the main thread) was answered when it asked for the
/// snapshot.
pub async fn has_snapshot(envoy: &mut Envoy) {
    let admin = Client::new(envoy.admin_address());
    let page = Call::get("/stats?filter=^cluster.bursar.upstream_rq_completed$");
    let vms = u64::from(envoy.concurrency()) + 1;
    let answered = async || {
        let text = admin.send(&page).await.text();
        let count: u64 = text.split_whitespace().last()?.parse().ok()?;
        (count >= vms).then_some(())
    };
    envoy.process.until("the filter has its snapshot", answered).await;
}
