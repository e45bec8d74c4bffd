//! `./build.sh up`: the first thing a newcomer runs.

use std::process::Stdio;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::Command,
};

#[tokio::test]
async fn up_once_shows_the_whole_path_and_ends() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_up"));
    let output = command.arg("--once").stdin(Stdio::null()).kill_on_drop(true).output().await.unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    for part in [
        "acme",
        "globex",
        "initech",
        "429 refused: cap",
        "hung up",
        "failed upstream",
        "Weekly report",
        "Console:",
        "curl ",
    ] {
        assert!(said.contains(part), "no {part:?} in\n{said}");
    }
}

#[tokio::test]
async fn up_puts_a_provider_of_ones_own_behind_it() {
    let provider = harness::provider::Provider::start().await;
    let mut command = Command::new(env!("CARGO_BIN_EXE_up"));
    command.args(["--once", "--provider", &format!("http://{}/v1", provider.address())]);
    let output = command.stdin(Stdio::null()).kill_on_drop(true).output().await.unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    let seen = provider.received();
    assert!(!seen.is_empty() && seen.iter().all(|one| one.path == "/v1/chat/completions"), "{said}");
}

#[tokio::test]
async fn up_shows_a_provider_that_cannot_be_reached_as_that() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_up"));
    command.args(["--once", "--provider", "http://127.0.0.1:9"]);
    let output = command.stdin(Stdio::null()).kill_on_drop(true).output().await.unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.contains("503 failed upstream") && said.contains("Weekly report"), "{said}");
}

#[tokio::test]
async fn up_says_what_is_wrong_with_its_arguments() {
    for arguments in [&["--never"][..], &["--provider"], &["--provider", "api.example.com"]] {
        let output = Command::new(env!("CARGO_BIN_EXE_up")).args(arguments).output().await.unwrap();
        assert_eq!(output.status.code(), Some(2));
        assert!(String::from_utf8_lossy(&output.stderr).contains("usage:"));
    }
}

#[tokio::test]
async fn up_stops_what_it_started_and_nothing_else() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_up"));
    let mut up = command.stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
    let mut lines = BufReader::new(up.stdout.take().unwrap()).lines();
    let mut addresses = Vec::new();
    loop {
        let line = lines.next_line().await.unwrap().expect("it runs until it is told to stop");
        let address = line.split("http://").nth(1).filter(|_| line.contains(" s] "));
        addresses.extend(address.map(|rest| rest.split([',', ' ']).next().unwrap().to_owned()));
        if line.contains("Ctrl-C stops it all") {
            break;
        }
    }
    assert_eq!(addresses.len(), 3, "provider, control plane, Envoy: {addresses:?}");
    let id = up.id().unwrap().to_string();
    Command::new("sh").args(["-c", "kill -INT \"$0\"", &id]).status().await.unwrap();
    assert!(up.wait().await.unwrap().success());
    for address in addresses {
        let refused = tokio::net::TcpStream::connect(&address).await;
        assert!(refused.is_err(), "somebody still listens at {address}");
    }
}
