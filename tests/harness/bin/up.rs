//! `./build.sh up`: the whole of Bursar on this machine with a little traffic through it, until Ctrl-C. Starts what
//! it needs as its own children and stops nothing else.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program that talks to a person")]

use harness::{
    control_plane::ControlPlane,
    envoy::{Envoy, Setup, Upstream},
    places,
    ports::Port,
    provider::Provider,
    rig,
    tour::Tour,
};
use std::{process::ExitCode, sync::Mutex, time::Duration};
use tokio::{signal::unix, time::Instant};

const USAGE: &str = "usage: ./build.sh up [--once] [--provider URL] [--model MODEL]";

struct Wish {
    once: bool,
    provider: Option<String>,
    model: Option<String>,
}

fn wish() -> Result<Wish, String> {
    let mut wish = Wish { once: false, provider: None, model: None };
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--once" => wish.once = true,
            "--provider" => wish.provider = Some(arguments.next().ok_or("--provider needs a URL")?),
            "--model" => wish.model = Some(arguments.next().ok_or("--model needs a name")?),
            other => return Err(format!("{other} is not known")),
        }
    }
    Ok(wish)
}

#[tokio::main]
async fn main() -> ExitCode {
    let wished = wish().and_then(|wish| {
        let upstream = wish.provider.as_deref().map(Upstream::parse).transpose()?;
        Ok((wish, upstream))
    });
    let (wish, upstream) = match wished {
        Ok(wished) => wished,
        Err(fault) => {
            eprintln!("up: {fault}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    // What goes wrong is said once and plainly.
    static FAULT: Mutex<Option<String>> = Mutex::new(None);
    std::panic::set_hook(Box::new(|info| {
        let text = info.payload_as_str().unwrap_or("something went wrong").to_owned();
        *FAULT.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(text);
    }));
    let local = tokio::task::LocalSet::new(); // dropped at the end, and with it every child process
    let work = local.spawn_local(run(wish, upstream));
    let ended = local.run_until(async {
        tokio::select! { biased; () = interrupted() => None, ended = work => Some(ended) }
    });
    match ended.await {
        None => {
            println!("stopping");
            ExitCode::SUCCESS
        }
        Some(Ok(())) => ExitCode::SUCCESS,
        Some(Err(_)) => {
            let fault = FAULT.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
            eprintln!("up: {}", fault.unwrap_or_default());
            ExitCode::from(3)
        }
    }
}

async fn interrupted() {
    let (Ok(mut interrupt), Ok(mut terminate)) =
        (unix::signal(unix::SignalKind::interrupt()), unix::signal(unix::SignalKind::terminate()))
    else {
        return std::future::pending().await;
    };
    tokio::select! { _ = interrupt.recv() => {}, _ = terminate.recv() => {} }
}

async fn run(wish: Wish, upstream: Option<Upstream>) {
    let begun = Instant::now();
    let say = |text: &str| println!("[{:5.1} s] {text}", begun.elapsed().as_secs_f32());
    let simulated = upstream.is_none();
    let upstream = match upstream {
        Some(upstream) => upstream,
        None => Provider::start().await.address().into(),
    };
    say(&format!("provider: {upstream}{}", if simulated { " (simulated)" } else { "" }));

    let policy = places::root().join("tests/tour/policy.yaml");
    let mut bursar = ControlPlane::prepared(&policy_text(&policy), Port::preferably(7700));
    bursar.resume().await;
    say(&format!("control plane: http://{} on SQLite in {}", bursar.address(), bursar.data().display()));

    let setup = Setup {
        control_plane: Some(bursar.address()),
        port: Some(10_000),
        node: "up".to_owned(),
        ..Setup::new(upstream)
    };
    let mut envoy = Envoy::start(setup).await;
    rig::has_snapshot(&mut envoy).await;
    say(&format!(
        "Envoy with the filter: http://{}, admin http://{}",
        envoy.address(),
        envoy.admin_address()
    ));

    println!("\nA little traffic:");
    let default = if simulated { "gpt-4o" } else { "gpt-4o-mini" };
    let tour = Tour {
        app: envoy.client(),
        model: wish.model.unwrap_or_else(|| default.to_owned()),
        key: std::env::var_os("OPENAI_API_KEY").and_then(|key| key.into_string().ok()),
        simulated,
    };
    let sent = tour.send(|line| println!("  {line}")).await;
    for (customer, calls) in sent {
        bursar.calls(customer, calls).await;
    }
    let report = harness::call::Call::get("/v1/reports/weekly?format=md");
    println!("\n{}", bursar.client().send(&report).await.text());
    println!("Console:  http://{}/", bursar.address());
    println!("Try:      {}\n", curl(&envoy, &tour.model, simulated));
    if wish.once {
        return;
    }
    println!("Ctrl-C stops it all.");
    let patience = Duration::from_secs(1);
    loop {
        tokio::time::sleep(patience).await;
        assert!(envoy.process.is_running(), "Envoy has ended:\n{}", envoy.process.log());
        assert!(bursar.is_running(), "the control plane has ended:\n{}", bursar.log());
    }
}

fn policy_text(path: &std::path::Path) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

fn curl(envoy: &Envoy, model: &str, simulated: bool) -> String {
    let key = if simulated { "" } else { " -H \"authorization: Bearer $OPENAI_API_KEY\"" };
    format!(
        "curl -i http://{}/v1/chat/completions -H 'content-type: application/json'{key} \
         -H 'x-bursar-customer: acme' -H 'x-bursar-task: my-first' \
         -d '{{\"model\": \"{model}\", \"messages\": [{{\"role\": \"user\", \"content\": \"Hello\"}}]}}'",
        envoy.address()
    )
}
