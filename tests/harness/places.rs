//! Where the built things and the fetched tools are. `build.sh` says so in the environment; without it, where it
//! puts them. The only reader of the environment in the tests.

use std::path::{Path, PathBuf};

/// The repository.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ is inside the repository").to_owned()
}

/// Envoy: `$ENVOY`, else the one that `build.sh` fetched.
pub fn envoy() -> PathBuf {
    existing("Envoy", "ENVOY", ".tools/envoy")
}

/// The filter: `$BURSAR_WASM`, else where `build.sh wasm` puts it.
pub fn wasm() -> PathBuf {
    existing("the filter", "BURSAR_WASM", "target/wasm32-unknown-unknown/wasm/filter.wasm")
}

/// Another module where one is given, else the filter.
pub fn wasm_or(other: &Option<PathBuf>) -> PathBuf {
    other.clone().unwrap_or_else(wasm)
}

/// The module that does nothing, for the benchmarks: `$BURSAR_NOOP_WASM`, else where `build.sh bench` puts it.
pub fn noop_wasm() -> PathBuf {
    existing("the no-op module", "BURSAR_NOOP_WASM", "target/wasm32-unknown-unknown/wasm/noop.wasm")
}

/// The control plane: `$BURSAR_BIN`, else the debug build.
pub fn bursar() -> PathBuf {
    existing("the control plane", "BURSAR_BIN", "target/debug/bursar")
}

/// A Python that has the official clients: `$BURSAR_PYTHON`, else the one of `build.sh`'s venv.
pub fn python() -> PathBuf {
    existing("Python with the official clients", "BURSAR_PYTHON", ".tools/venv/bin/python")
}

/// A Chromium: `$CHROMIUM`, else the first that is on the path, as `build.sh` looks for it. Nothing else needs one, so that
/// tests can do without.
pub fn chromium() -> Option<PathBuf> {
    if let Some(path) = std::env::var_os("CHROMIUM").filter(|path| !path.is_empty()) {
        return Some(path.into());
    }
    let path = std::env::var_os("PATH")?;
    let names = ["chromium", "chromium-browser", "google-chrome"];
    let places = || std::env::split_paths(&path);
    names.iter().flat_map(|name| places().map(move |place| place.join(name))).find(|file| file.is_file())
}

fn existing(what: &str, variable: &str, default: &str) -> PathBuf {
    let path = std::env::var_os(variable).map_or_else(|| root().join(default), PathBuf::from);
    assert!(path.exists(), "{what} is not at {} (${variable}): run ./build.sh test", path.display());
    path
}
