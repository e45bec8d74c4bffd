//! A page of a list in the form that was asked for: JSON, or comma-separated values for a spreadsheet. Where another page
//! follows, a `Link` header leads to it.

use super::{Problem, params::Params};
use crate::reports::spreadsheet_safe;
use axum::{
    Json,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use protocol::money::PicoUsd;
use serde::Serialize;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

/// Answers with a page, which has `items`, and the cursor of the `next` one.
pub(super) fn answer(
    params: &Params,
    page: &impl Serialize,
    next: Option<&str>,
) -> Result<Response, Problem> {
    let mut answer = match params.text("format") {
        None | Some("json") => Json(page).into_response(),
        Some("csv") => {
            let mut page = serde_json::to_value(page).map_err(Problem::internal)?;
            let items = page.get_mut("items").map(Value::take);
            let Some(Value::Array(items)) = items else {
                return Err(Problem::internal("a list without items"));
            };
            let media = [(header::CONTENT_TYPE, "text/csv; charset=utf-8")];
            (media, csv(&items).map_err(Problem::internal)?).into_response()
        }
        Some(_) => return Err(Problem::bad_request("parameter `format` is neither json nor csv")),
    };
    if let Some(next) = next {
        let link = format!("<{}>; rel=\"next\"", params.with("cursor", next));
        let link = HeaderValue::try_from(link).map_err(Problem::internal)?;
        answer.headers_mut().insert(header::LINK, link);
    }
    Ok(answer)
}

/// A row an item, a column a value: `id` first, the others by name, what lies within with a dot. Columns are those that
/// some item has; lists within are JSON.
fn csv(items: &[Value]) -> Result<String, csv::Error> {
    let rows: Vec<BTreeMap<String, String>> = items.iter().map(row).collect();
    let mut columns: BTreeSet<(bool, &str)> =
        rows.iter().flat_map(BTreeMap::keys).map(|name| (name != "id", name.as_str())).collect();
    // What is null in one item and has parts in another is its parts.
    let parents: Vec<&str> = columns.iter().filter_map(|(_, name)| Some(name.rsplit_once('.')?.0)).collect();
    columns.retain(|(_, name)| !parents.contains(name));
    let mut writer = csv::Writer::from_writer(Vec::new());
    if !columns.is_empty() {
        writer.write_record(columns.iter().map(|(_, name)| name))?;
    }
    for row in &rows {
        writer.write_record(columns.iter().map(|(_, name)| row.get(*name).map_or("", String::as_str)))?;
    }
    let bytes = writer.into_inner().map_err(|error| csv::Error::from(error.into_error()))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn row(item: &Value) -> BTreeMap<String, String> {
    let mut row = BTreeMap::new();
    if let Value::Object(fields) = item {
        flatten("", fields, &mut row);
    }
    row
}

fn flatten(prefix: &str, fields: &Map<String, Value>, row: &mut BTreeMap<String, String>) {
    for (name, value) in fields {
        let name = format!("{prefix}{name}");
        match value {
            Value::Object(inner) => flatten(&format!("{name}."), inner, row),
            value => drop(row.insert(name, text(value))),
        }
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        // An amount may be negative and is no formula.
        Value::String(text) if text.parse::<PicoUsd>().is_ok() => text.clone(),
        Value::String(text) => spreadsheet_safe(text),
        value => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn rows_are_flat_exact_and_no_formulas() {
        let items = [
            json!({"name": "=HYPERLINK(1)", "id": 1, "cost_usd": "-0.5", "cap": null, "lines": [{"a": 1}]}),
            json!({"name": "a,\"b\"", "id": 2, "cost_usd": null, "cap": {"name": "day", "limit": 3}, "lines": []}),
        ];
        assert_eq!(
            csv(&items).unwrap(),
            "id,cap.limit,cap.name,cost_usd,lines,name\n\
             1,,,-0.5,\"[{\"\"a\"\":1}]\",'=HYPERLINK(1)\n\
             2,3,day,,[],\"a,\"\"b\"\"\"\n"
        );
        assert_eq!(csv(&[]).unwrap(), "");
    }
}
