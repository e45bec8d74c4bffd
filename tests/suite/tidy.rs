//! The rules of the repository as tests: what a reviewer would otherwise have to look for.

use harness::places;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    process::Command,
};

/// What git would commit, with its text; generated and fetched things are not in it.
fn files() -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut places = vec![places::root()];
    while let Some(place) = places.pop() {
        for entry in fs::read_dir(&place).unwrap().flatten() {
            let (path, name) = (entry.path(), entry.file_name().into_string().unwrap());
            if path.is_dir() {
                if !["target", "dist", ".tools", ".git"].contains(&name.as_str()) {
                    places.push(path);
                }
            } else if let Ok(text) = fs::read_to_string(&path) {
                found.push((relative(&path), text));
            }
        }
    }
    found.sort();
    found
}

fn relative(path: &Path) -> String {
    path.strip_prefix(places::root()).unwrap().display().to_string()
}

fn sources() -> impl Iterator<Item = (String, String)> {
    files().into_iter().filter(|(path, _)| path.ends_with(".rs"))
}

fn none(what: &str, found: Vec<String>) {
    assert!(found.is_empty(), "{what}:\n  {}", found.join("\n  "));
}

#[test]
fn only_the_edge_of_the_filter_names_proxy_wasm() {
    let names = |(path, text): &(String, String)| {
        let edge = path.starts_with("filter/src/envoy") || path.starts_with("tests/noop/");
        let rule = path == "tests/suite/tidy.rs";
        let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
        !edge && !rule && code.into_iter().any(|line| line.contains("proxy_wasm"))
    };
    none("proxy_wasm outside filter/src/envoy", sources().filter(names).map(|(path, _)| path).collect());
}

#[test]
fn no_file_is_longer_than_one_reads_at_once() {
    let long = sources().filter(|(_, text)| text.lines().count() > 400);
    none("longer than 400 lines", long.map(|(path, _)| path).collect());
}

#[test]
fn every_file_says_what_lives_in_it() {
    let silent = sources().filter(|(_, text)| !text.starts_with("//! ") && !text.starts_with("//!\n"));
    // Tests say it in their names.
    let silent = silent.filter(|(path, _)| !path.ends_with("tests.rs"));
    none("without a line on what lives here", silent.map(|(path, _)| path).collect());
}

#[test]
fn no_module_is_called_mod_and_no_room_is_a_drawer() {
    let drawers = ["mod.rs", "utils.rs", "common.rs", "helpers.rs", "manager.rs"];
    let named =
        sources().filter(|(path, _)| drawers.iter().any(|drawer| path.ends_with(&format!("/{drawer}"))));
    none("names that say nothing", named.map(|(path, _)| path).collect());
}

#[test]
fn nothing_is_left_to_be_mended_without_a_word() {
    // Written in halves, so that this file does not find itself.
    let marks = [["FIX", "ME"], ["TO", "DO:"], ["XX", "X"]].map(|halves| halves.concat());
    let left = sources().flat_map(|(path, text)| {
        let marked: Vec<String> = text
            .lines()
            .enumerate()
            .filter(|(_, line)| marks.iter().any(|mark| line.contains(mark.as_str())))
            .map(|(number, line)| format!("{path}:{}: {}", number + 1, line.trim()))
            .collect();
        marked
    });
    none("left to be mended", left.collect());
}

#[test]
fn every_path_that_the_documents_name_exists() {
    let mut missing = Vec::new();
    for (document, text) in files().into_iter().filter(|(path, _)| path.ends_with(".md")) {
        let place = places::root().join(&document).parent().unwrap().to_owned();
        for path in named_paths(&text) {
            let rooms = ["", "filter/src", "control-plane/src"].map(|room| places::root().join(room));
            if !rooms.iter().chain([&place]).any(|room| room.join(&path).exists()) {
                missing.push(format!("{document} names {path}"));
            }
        }
    }
    none("documents name what is not there", missing);
}

/// Links to files, and words in backticks that are paths of this repository.
fn named_paths(text: &str) -> BTreeSet<String> {
    let rooms = ["protocol/", "filter/", "control-plane/", "envoy/", "tests/", "docs/", ".ci/"];
    let quoted =
        text.split('`').skip(1).step_by(2).filter(|word| rooms.iter().any(|room| word.starts_with(room)));
    let quoted = quoted.filter(|word| !word.contains(['*', '{', '<', ' ', '…', '\n']));
    let linked = text.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(link, _)| link);
    let linked = linked.filter(|link| !link.contains("://") && !link.starts_with('#'));
    let clean = |path: &str| path.split('#').next().unwrap_or_default().trim_end_matches('/').to_owned();
    quoted.chain(linked).map(clean).filter(|path| !path.is_empty()).collect()
}

#[test]
fn dependencies_point_one_way() {
    let allowed = BTreeMap::from([
        ("protocol", vec![]),
        ("filter", vec!["protocol"]),
        ("control-plane", vec!["protocol"]),
        ("noop", vec![]),
        ("tests", vec!["protocol", "filter", "control-plane"]),
    ]);
    let metadata = metadata();
    let packages = metadata["packages"].as_array().unwrap();
    for package in packages.iter().filter(|package| package["source"].is_null()) {
        let name = package["name"].as_str().unwrap();
        let own = package["dependencies"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|dependency| !dependency["path"].is_null());
        let own: Vec<&str> = own.map(|dependency| dependency["name"].as_str().unwrap()).collect();
        let allowed = allowed.get(name).unwrap_or_else(|| panic!("{name} has no place in the order"));
        assert!(own.iter().all(|dependency| allowed.contains(dependency)), "{name} depends on {own:?}");
    }
}

#[test]
fn every_dependency_is_from_the_registry_and_free_to_use() {
    let free = [
        "Apache-2.0",
        "MIT",
        "BSD-2-Clause",
        "BSD-3-Clause",
        "ISC",
        "Zlib",
        "Unicode-3.0",
        "CDLA-Permissive-2.0",
        "0BSD",
        "MIT-0",
        "Unlicense",
        "BSL-1.0",
        "CC0-1.0",
        "Apache-2.0 WITH LLVM-exception",
    ];
    let metadata = metadata();
    let packages = metadata["packages"].as_array().unwrap();
    let foreign = packages.iter().filter(|package| !package["source"].is_null());
    let mut faults = Vec::new();
    for package in foreign {
        let (name, licence) =
            (package["name"].as_str().unwrap(), package["license"].as_str().unwrap_or("none"));
        // `A OR B AND C`, and the old form with a slash: one alternative with only free terms is enough.
        let alternatives = licence.replace('/', " OR ").replace(['(', ')'], "");
        let is_free = |terms: &str| terms.split(" AND ").all(|term| free.contains(&term.trim()));
        if !alternatives.split(" OR ").any(is_free) {
            faults.push(format!("{name} is under {licence}"));
        }
        if !package["source"].as_str().unwrap().starts_with("registry+") {
            faults.push(format!("{name} is from {}", package["source"]));
        }
    }
    none("dependencies", faults);
}

/// As Cargo resolves them for this machine; other systems' crates are not fetched for a check.
fn metadata() -> serde_json::Value {
    let rustc = Command::new("rustc").arg("-vV").output().unwrap();
    let told = String::from_utf8(rustc.stdout).unwrap();
    let host = told.lines().find_map(|line| line.strip_prefix("host: ")).unwrap();
    let mut command = Command::new(env!("CARGO"));
    command.args(["metadata", "--format-version", "1", "--locked", "--offline", "--filter-platform", host]);
    command.current_dir(places::root());
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}
