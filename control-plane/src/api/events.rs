//! `POST /v1/events`: usage events from filters.

use super::{
    Problem,
    body::{self, Body},
};
use crate::{
    app::{App, to_the_end},
    clock::Stopwatch,
    ledger::{self, Entry, prepare, receive::Received},
    store::{StoreError, Write},
};
use axum::{extract::State, http::HeaderMap, response::Response};
use protocol::{
    codec::{BatchReply, ItemReply},
    event::ItemResult,
};

/// Takes a batch. Answers when all that was accepted is on the disk.
#[utoipa::path(
    post, path = "/v1/events", tag = "filters",
    request_body(content(
        (Object = "application/vnd.msgpack"),
        (Object = "application/json")
    ), description = "A batch: {version, node, boot, events}; docs/EVENTS.md has the events"),
    responses(
        (status = 200, description = "One result per event, in order: accepted, duplicate, conflict or invalid",
         body = Object),
        (status = 400, description = "Not a batch", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "Too large", body = Problem, content_type = "application/problem+json"),
        (status = 415, description = "Neither MessagePack nor JSON", body = Problem,
         content_type = "application/problem+json"),
    )
)]
pub(super) async fn ingest(
    State(app): State<App>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let watch = Stopwatch::start();
    let encoding = body::encoding(&headers)?;
    let Received { node, boot, items } =
        ledger::receive::receive(&body.0, encoding).map_err(Problem::bad_request)?;
    let (now, rules) = (app.clock.now(), app.rules());
    app.alerts.heard(&node, now);
    // Every item has a place in the answer; the ones that can be booked leave theirs open.
    let mut results: Vec<Option<ItemReply>> = Vec::with_capacity(items.len());
    let mut entries: Vec<Entry> = Vec::with_capacity(items.len());
    for item in items {
        match item.and_then(|event| prepare(event, &rules, now)) {
            Ok(entry) => {
                entries.push(entry);
                results.push(None);
            }
            Err(detail) => {
                results.push(Some(ItemReply { result: ItemResult::Invalid, detail: Some(detail) }))
            }
        }
    }
    let writing = app.clone();
    let booked = to_the_end(async move {
        let book = move |write: &mut Write<'_>| {
            let booked = ledger::book(write, &node, &boot, &entries, now)?;
            Ok((entries, booked))
        };
        let (entries, booked) = writing.store.write(book).await?;
        for (entry, (result, _)) in entries.iter().zip(&booked.results) {
            if let (Entry::Call(booking), ItemResult::Accepted) = (entry, result) {
                writing.metrics.booked(booking);
            }
        }
        Ok::<_, StoreError>(booked)
    })
    .await?;
    let mut booked = booked.results.into_iter();
    for place in results.iter_mut().filter(|place| place.is_none()) {
        *place = booked.next().map(|(result, detail)| ItemReply { result, detail });
    }
    let reply = BatchReply { results: results.into_iter().flatten().collect() };
    for item in &reply.results {
        app.metrics.event(item.result);
    }
    app.metrics.batch(watch.elapsed());
    body::answer(body::answer_encoding(&headers, encoding), &reply)
}
