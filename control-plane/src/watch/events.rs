//! Word from the system that something near a path has changed. What has changed is for others to find out: an editor
//! renames, Kubernetes swaps a link two directories away, and both look different on every system.

use notify_debouncer_full::{
    DebounceEventResult, Debouncer, NoCache, new_debouncer_opt,
    notify::{Config, RecommendedWatcher, RecursiveMode},
};
use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use tokio::sync::Notify;

/// An editor that saves and Kubernetes that swaps do several things in a row.
const QUIET: Duration = Duration::from_millis(200);

type Watcher = Debouncer<RecommendedWatcher, NoCache>;

/// The directories that are watched for a path.
pub(super) struct Events {
    changed: Arc<Notify>,
    /// None where the system has no way to watch.
    watcher: Option<Watcher>,
    watched: BTreeSet<PathBuf>,
}

impl Events {
    /// Watches a path.
    pub(super) fn of(path: &Path) -> Self {
        let changed = Arc::new(Notify::new());
        let told = changed.clone();
        let tell = move |result: DebounceEventResult| match result {
            // That somebody reads a file is an event too: we do, every time.
            Ok(events) if events.iter().all(|event| event.kind.is_access()) => {}
            // After an error, such as a queue that ran over, anything may have changed.
            Ok(_) | Err(_) => told.notify_one(),
        };
        let watcher = new_debouncer_opt(QUIET, None, tell, NoCache, Config::default());
        if let Err(error) = &watcher {
            tracing::warn!(%error, "no word of changed files; they are read every few seconds");
        }
        let mut this = Self { changed, watcher: watcher.ok(), watched: BTreeSet::new() };
        this.follow(path);
        this
    }

    /// Watches where the path leads now.
    pub(super) fn follow(&mut self, path: &Path) {
        let Some(watcher) = &mut self.watcher else { return };
        let wanted = directories(path);
        for gone in self.watched.difference(&wanted) {
            // What is not there any more is not watched any more either.
            watcher.unwatch(gone).unwrap_or_default();
        }
        let mut watched = BTreeSet::new();
        for directory in wanted {
            let is_watched = self.watched.contains(&directory);
            if is_watched || watcher.watch(&directory, RecursiveMode::NonRecursive).is_ok() {
                watched.insert(directory);
            }
        }
        self.watched = watched;
    }

    /// Waits until something has changed.
    pub(super) async fn next(&mut self) {
        self.changed.notified().await;
    }
}

/// Where a change of the path, or of what a link at it leads to, is seen.
fn directories(path: &Path) -> BTreeSet<PathBuf> {
    let parent = |path: &Path| match path.parent() {
        Some(parent) if parent.as_os_str().is_empty() => Some(PathBuf::from(".")),
        Some(parent) => Some(parent.to_owned()),
        None => None,
    };
    let target = path.canonicalize().ok();
    let places = [Some(path), target.as_deref()].into_iter().flatten();
    places.flat_map(|place| [parent(place), place.is_dir().then(|| place.to_owned())]).flatten().collect()
}
