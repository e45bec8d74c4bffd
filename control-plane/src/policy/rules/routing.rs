//! What routes must fulfil: names used once, and a model of one route.

use crate::policy::{
    fault::{Faults, Place},
    tree::{Located, below},
};
use std::collections::BTreeMap;

pub(super) fn check(root: &Located, faults: &mut Faults) {
    let (mut names, mut models) = (BTreeMap::new(), BTreeMap::new());
    for (index, route) in root.field("routes").map(Located::items).unwrap_or_default().iter().enumerate() {
        let path = format!("routes[{index}]");
        for key in ["models", "targets"] {
            if let Some(list) = route.field(key).filter(|list| list.items().is_empty()) {
                faults.add(list.place, &below(&path, key), "is empty".to_owned(), None);
            }
        }
        if let Some(name) = route.field("name") {
            once(name, &below(&path, "name"), "the name of another route", &mut names, faults);
        }
        for (number, model) in
            route.field("models").map(Located::items).unwrap_or_default().iter().enumerate()
        {
            let path = format!("{path}.models[{number}]");
            once(model, &path, "served by another route", &mut models, faults);
            let inside = |text: &str| text.find('*').is_some_and(|at| at.saturating_add(1) < text.len());
            if model.scalar().is_some_and(|text| inside(&text)) {
                let hint = Some("a `*` stands at the end of a beginning".to_owned());
                faults.add(model.place, &path, "has a `*` in its middle".to_owned(), hint);
            }
        }
        let mut clusters = BTreeMap::new();
        for (number, target) in
            route.field("targets").map(Located::items).unwrap_or_default().iter().enumerate()
        {
            let path = format!("{path}.targets[{number}]");
            if let Some(cluster) = target.field("cluster") {
                once(
                    cluster,
                    &below(&path, "cluster"),
                    "the cluster of another target",
                    &mut clusters,
                    faults,
                );
            }
            goes_into_a_head(target, &path, faults);
        }
    }
}

/// What is put into a request's head must not break it.
fn goes_into_a_head(target: &Located, path: &str, faults: &mut Faults) {
    for (key, begins, hint) in
        [("host", "", "a host such as api.example.com"), ("base_path", "/", "a path such as /openai/v1")]
    {
        let Some(value) = target.field(key) else { continue };
        let Some(text) = value.scalar() else { continue };
        let is_visible = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
        if !is_visible || !text.starts_with(begins) || (key == "host" && text.contains('/')) {
            let message = format!("`{}` is no {}", text.escape_debug(), key.replace('_', " "));
            faults.add(value.place, &below(path, key), message, Some(hint.to_owned()));
        }
    }
}

fn once(value: &Located, path: &str, what: &str, seen: &mut BTreeMap<String, Place>, faults: &mut Faults) {
    let Some(text) = value.scalar() else { return };
    if let Some(twin) = seen.insert(text.to_string(), value.place) {
        let message = format!("`{text}` is {what}, at {}", faults.name(twin));
        faults.add(value.place, path, message, None);
    }
}
