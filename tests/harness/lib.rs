//! The harness: starts and stops the real Envoy, the real control plane and a simulated provider on ports of their
//! own, drives them and reads what they say. No test and no expectation lives here, and no mock of our own code.
//!
//! `process`, `ports`, `wait` and `places` know machines; `envoy`, `control_plane` and `provider` know one program
//! each; `receiver` is whom alerts are sent to; `rig` puts the three together; `call` and `client` are the application
//! in front of them, `official` the same in Python; `browser` is somebody who looks at the console; `tour` the traffic
//! of `./build.sh up`.
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a harness that cannot go on says so and ends the test"
)]

pub mod browser;
pub mod call;
pub mod client;
pub mod control_plane;
pub mod envoy;
pub mod official;
pub mod places;
pub mod ports;
pub mod process;
pub mod provider;
pub mod receiver;
pub mod recording;
pub mod rig;
pub mod tour;
pub mod wait;
