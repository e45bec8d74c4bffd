//! A list in the form that was asked for: JSON, or comma-separated values for a spreadsheet. Where another page follows,
//! a `Link` header leads to it.

use super::{Problem, attached, params::Params};
use crate::sheet::Sheet;
use axum::{
    Json,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use serde_json::Value;
use std::borrow::Cow;

/// A list as a table. Its columns are those of every page, so that pages can be put one below the other.
pub(super) struct Table {
    /// Of the file.
    pub(super) name: &'static str,
    /// Fields in the order in which they are documented; what lies within with a dot. What is a list or has no certain
    /// parts is JSON.
    pub(super) columns: &'static [&'static str],
}

impl Table {
    fn csv(&self, items: &[Value]) -> Response {
        let mut sheet = Sheet::new(self.columns.iter().copied());
        for item in items {
            sheet.row(self.columns.iter().map(|column| text(value(item, column))));
        }
        attached(self.name, sheet.text())
    }
}

fn value<'a>(item: &'a Value, column: &str) -> &'a Value {
    column.split('.').try_fold(item, |within, field| within.get(field)).unwrap_or(&Value::Null)
}

fn text(value: &Value) -> Cow<'_, str> {
    match value {
        Value::Null => "".into(),
        Value::String(text) => text.into(),
        value => value.to_string().into(),
    }
}

/// Whether comma-separated values are asked for.
fn is_csv(params: &Params) -> Result<bool, Problem> {
    match params.text("format") {
        None | Some("json") => Ok(false),
        Some("csv") => Ok(true),
        Some(_) => Err(Problem::bad_request("parameter `format` is neither json nor csv")),
    }
}

/// Answers with a page, which has `items`, and the cursor of the `next` one.
pub(super) fn answer(
    params: &Params,
    table: &Table,
    page: &impl Serialize,
    next: Option<&str>,
) -> Result<Response, Problem> {
    let mut answer = match is_csv(params)? {
        false => Json(page).into_response(),
        true => {
            let page = serde_json::to_value(page).map_err(Problem::internal)?;
            match page.get("items") {
                Some(Value::Array(items)) => table.csv(items),
                _ => return Err(Problem::internal("a list without items")),
            }
        }
    };
    if let Some(next) = next {
        let link = format!("<{}>; rel=\"next\"", params.with("cursor", next));
        let link = HeaderValue::try_from(link).map_err(Problem::internal)?;
        answer.headers_mut().insert(header::LINK, link);
    }
    Ok(answer)
}

/// Answers with one item of a list, which is a row of its table.
pub(super) fn one(params: &Params, table: &Table, item: &impl Serialize) -> Result<Response, Problem> {
    Ok(match is_csv(params)? {
        false => Json(item).into_response(),
        true => table.csv(&[serde_json::to_value(item).map_err(Problem::internal)?]),
    })
}

/// A list that is whole.
#[derive(Debug, Serialize)]
struct Whole<'a, T> {
    items: &'a [T],
    /// Always null.
    next: Option<&'a str>,
}

/// Answers with a list that has one page.
pub(super) fn whole<T: Serialize>(params: &Params, table: &Table, items: &[T]) -> Result<Response, Problem> {
    answer(params, table, &Whole { items, next: None }, None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[tokio::test]
    async fn rows_have_the_columns_of_the_table_whatever_they_have() {
        let table = Table { name: "things", columns: &["name", "id", "cap.limit", "cost_usd", "lines"] };
        let items = [
            json!({"name": "=HYPERLINK(1)", "id": 1, "cost_usd": "-0.5", "cap": null, "lines": [{"a": 1}]}),
            json!({"name": "a,\"b\"", "id": 2, "cost_usd": null, "cap": {"limit": 3}}),
        ];
        let answer = table.csv(&items).into_body();
        let bytes = axum::body::to_bytes(answer, 1_000).await.unwrap();
        assert_eq!(
            String::from_utf8_lossy(&bytes),
            "name,id,cap.limit,cost_usd,lines\n\
             '=HYPERLINK(1),1,,-0.5,\"[{\"\"a\"\":1}]\"\n\
             \"a,\"\"b\"\"\",2,3,,\n"
        );
    }
}
