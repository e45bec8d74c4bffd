//! The simulated provider as a program: `simulator 127.0.0.1:8000`. What it was sent is at `GET /_sim/requests`.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program that tells where it listens")]

use harness::provider::Provider;
use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    let Some(address) = std::env::args().nth(1).and_then(|text| text.parse().ok()) else {
        eprintln!("usage: simulator ADDRESS:PORT");
        return ExitCode::from(2);
    };
    match Provider::listen(address).await {
        Ok(provider) => {
            println!("listening on http://{}", provider.address());
            std::future::pending().await
        }
        Err(error) => {
            eprintln!("{address}: {error}");
            ExitCode::from(3)
        }
    }
}
