//! `bursar serve`: opens the store, takes policy and prices in, listens, closes what was orphaned, learns from what
//! ended, and drains when it is told to stop.

use crate::{
    alerts, api,
    app::App,
    catalogue::{self, Manner, refresh::Schedule},
    cli::Failure,
    clock::Clock,
    config::Serve,
    policy::{CatalogueFormat, LoadError},
    prices,
    store::StoreError,
    watch::{Pace, Watch},
};
use std::{
    fs,
    future::{self, IntoFuture as _},
    io::{self, Write as _},
    net::SocketAddr,
    path::Path,
    time::Duration,
};
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
    sync::watch,
};
use tracing_subscriber::EnvFilter;

/// Between two looks for orphaned calls.
const SWEEP: Duration = Duration::from_secs(30);
/// Between two looks at what calls tell of their models' text. Each look may make a new snapshot, which every filter
/// then fetches.
const LEARN: Duration = Duration::from_secs(60);
/// Between two looks for catalogues whose time has come. Their periods are hours.
const REFRESH: Duration = Duration::from_secs(60);
/// How long requests that are under way may take to their end once the process is told to stop.
const DRAIN_MAX: Duration = Duration::from_secs(10);
const MINUTE_NS: u64 = 60_000_000_000;

/// Runs until it is told to stop.
pub fn run(config: Serve) -> Result<(), Failure> {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt().json().with_writer(io::stderr).with_env_filter(filter).init();
    let runtime = tokio::runtime::Runtime::new().map_err(|error| Failure::Unreachable(error.to_string()))?;
    runtime.block_on(serve(config))
}

async fn serve(config: Serve) -> Result<(), Failure> {
    // Before anything is written: a broken policy must not leave half a start behind.
    let on_disk = config.policy.as_deref().map(Watch::open).transpose().map_err(policy_failure)?;
    let mut app = App::open(&config.data_dir, Clock::system()).map_err(store_failure)?;
    app.watched = config.policy.clone();
    app.orphan_after_ns = config.orphan_after_minutes.saturating_mul(MINUTE_NS);
    app.access.filters_need_key = config.filters_need_key;
    app.access.hosts = config.allowed_hosts.iter().cloned().collect();
    let mut watch = None;
    if let Some((file, policy)) = on_disk {
        let policy = file.unmasked(policy, &app).await.map_err(policy_failure)?;
        let stored = app.put_policy(policy).await.map_err(store_failure)?;
        tracing::info!(version = stored.version, "policy in force");
        watch = Some(file);
    }
    if let Some(file) = &config.prices {
        import(&app, file).await?;
    }
    let listener = TcpListener::bind(config.listen)
        .await
        .map_err(|error| Failure::Unreachable(format!("{}: {error}", config.listen)))?;
    let address = listener.local_addr().map_err(|error| Failure::Unreachable(error.to_string()))?;
    if app.access.is_open() && !address.ip().is_loopback() {
        tracing::warn!(%address, "there is no key: whoever reaches this address may read and change everything; \
            `bursar keys create NAME --role admin` makes the first");
    }
    let sweeper = tokio::spawn(sweep(app.clone()));
    let learner = tokio::spawn(learn(app.clone()));
    let every = Duration::from_secs(config.alerts_every_s);
    let alerter = tokio::spawn(alerts::evaluate_every(app.clone(), every));
    let deliverer = tokio::spawn(alerts::deliver(app.clone()));
    let refresher = tokio::spawn(refresh(app.clone()));
    let watcher = watch.map(|watch| tokio::spawn(watch.keep(app.clone(), Pace::default())));
    say_ready(address);
    let (stop, stopping) = watch::channel(false);
    let mut until = stopping.clone();
    let drained = axum::serve(listener, api::router(app.clone()))
        .with_graceful_shutdown(async move { drop(until.wait_for(|stop| *stop).await) });
    let mut served = tokio::spawn(drained.into_future());
    let ended = tokio::select! {
        ended = &mut served => Some(ended),
        () = stopped() => None,
    };
    tracing::info!("draining");
    stop.send_replace(true);
    let ended = match ended {
        Some(ended) => Ok(ended),
        None => tokio::time::timeout(DRAIN_MAX, served).await,
    };
    sweeper.abort();
    learner.abort();
    alerter.abort();
    deliverer.abort();
    refresher.abort();
    if let Some(watcher) = watcher {
        watcher.abort();
    }
    app.store.close().await;
    match ended {
        Ok(Ok(Ok(()))) => Ok(()),
        Ok(Ok(Err(error))) => Err(Failure::Unreachable(error.to_string())),
        Ok(Err(error)) => Err(Failure::Unreachable(error.to_string())),
        Err(_) => {
            tracing::warn!("somebody was still connected; what had been acknowledged is on the disk");
            Ok(())
        }
    }
}

async fn import(app: &App, file: &Path) -> Result<(), Failure> {
    let text = fs::read_to_string(file)
        .map_err(|error| Failure::Usage(format!("{}: cannot be read: {error}", file.display())))?;
    let format = prices::detect(&text);
    let name = file.file_name().map(|name| name.to_string_lossy().into_owned());
    let manner = Manner {
        format,
        source: name.filter(|_| format.is_some_and(CatalogueFormat::is_own)),
        location: file.display().to_string(),
        ..Manner::default()
    };
    match catalogue::import_once(app, text, manner).await {
        Ok(Some(done)) => {
            tracing::info!(import = done.id, summary = %catalogue::counts(&done.summary), "prices imported");
            Ok(())
        }
        Ok(None) => {
            tracing::info!(file = %file.display(), "the catalogue has been imported before");
            Ok(())
        }
        Err(catalogue::ImportError::Store(error)) => Err(store_failure(error)),
        Err(error @ catalogue::ImportError::Faulty(_)) => Err(Failure::Usage(error.to_string())),
        Err(error @ catalogue::ImportError::Unreadable(_)) => {
            Err(Failure::Usage(format!("{}: {error}", file.display())))
        }
    }
}

/// Reads catalogues again when their time comes.
async fn refresh(app: App) {
    let mut schedule = Schedule::default();
    let mut ticks = tokio::time::interval(REFRESH);
    loop {
        ticks.tick().await;
        schedule.run(&app).await;
    }
}

fn policy_failure(error: LoadError) -> Failure {
    Failure::Usage(error.to_string())
}

/// Whose fault it is that the store does not open: the arguments', or the disk's.
pub fn store_failure(error: StoreError) -> Failure {
    Failure::Unreachable(error.to_string())
}

/// The line that whoever started the process waits for.
fn say_ready(address: SocketAddr) {
    let mut out = io::stdout();
    let said = writeln!(out, "listening on http://{address}").and_then(|()| out.flush());
    if let Err(error) = said {
        tracing::warn!(%error, "nobody reads standard output");
    }
}

async fn sweep(app: App) {
    let mut ticks = tokio::time::interval(SWEEP);
    loop {
        ticks.tick().await;
        match app.close_orphans().await {
            Ok(0) => {}
            Ok(calls) => tracing::warn!(calls, "closed as orphaned"),
            Err(error) => tracing::error!(%error, "orphaned calls were not closed"),
        }
    }
}

async fn learn(app: App) {
    let mut ticks = tokio::time::interval(LEARN);
    loop {
        ticks.tick().await;
        if let Err(error) = app.learn_ratios().await {
            tracing::error!(%error, "bytes per token were not learned; filters keep what they have");
        }
    }
}

/// SIGTERM or Ctrl-C.
async fn stopped() {
    let listen = |kind| async move {
        match signal(kind) {
            Ok(mut signal) => drop(signal.recv().await),
            Err(error) => {
                tracing::error!(%error, "this signal will not be heard");
                future::pending::<()>().await;
            }
        }
    };
    tokio::select! {
        () = listen(SignalKind::terminate()) => {}
        () = listen(SignalKind::interrupt()) => {}
    }
}
