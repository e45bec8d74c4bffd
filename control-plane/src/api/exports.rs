//! `GET /v1/exports/focus`: charges as FOCUS 1.2 rows. They are read and sent piece by piece; what is held of them does
//! not grow with their number.

use super::{Problem, params::Params};
use crate::{
    app::App,
    focus::{self, Days, ExportError, Format, LeftOut, Selection},
    store::{Store, StoreError},
};
use axum::{
    body::{Body, Bytes, HttpBody},
    extract::State,
    http::{HeaderMap, HeaderName, HeaderValue, header},
    response::{IntoResponse, Response},
};
use http_body::Frame;
use std::{
    io::{self, Write},
    mem,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};
use tokio::{
    runtime::Handle,
    sync::{mpsc, oneshot},
    task::spawn_blocking,
    time::timeout,
};

/// The header that says how many calls are not in an export, because nobody knows their cost.
pub const UNPRICED_CALLS: &str = "x-bursar-unpriced-calls";
/// The header that says what is not in an export of what is known to have been spent, in USD.
pub const COST_WITHOUT_METER: &str = "x-bursar-cost-without-meter";
/// The version of FOCUS.
const FOCUS_VERSION: &str = "x-bursar-focus-version";

/// Sent at a time.
const PIECE_BYTES: usize = 64 * 1024;
/// Read ahead of the client.
const PIECES_AHEAD: usize = 4;
/// A client that takes no piece for so long is gone. Meanwhile the export's view of the store keeps what is written since
/// from being tidied away.
const PATIENCE: Duration = Duration::from_secs(30);

/// Charges as FOCUS 1.2 rows: one per day, customer, provider, model, meter and tier (and region and price, where there are
/// several).
///
/// A correction of an earlier month is in the export of the day on which it was made. Calls whose cost is not known are in
/// none; the header `x-bursar-unpriced-calls` says how many there are.
#[utoipa::path(
    get, path = "/v1/exports/focus", tag = "exports",
    params(
        ("from" = Option<String>, Query, description = "The first day, UTC; default: the first of the last day's month"),
        ("to" = Option<String>, Query, description = "The day after the last one; default: tomorrow"),
        ("format" = Option<String>, Query, description = "csv (default) or parquet"),
        ("customer" = Option<String>, Query, description = "Only that customer's; empty: unattributed"),
        ("provider" = Option<String>, Query, description = "Only that provider's"),
        ("billing_account" = Option<String>, Query,
         description = "What BillingAccountId says; default: the provider's name"),
    ),
    responses(
        (status = 200, description = "The charges",
         content((String = "text/csv"), (Vec<u8> = "application/vnd.apache.parquet")),
         headers(
            ("x-bursar-unpriced-calls" = u64, description = "Calls of those days whose cost is not known, and so not here"),
            ("x-bursar-cost-without-meter" = String,
             description = "USD known to be spent on those days for which there is no row, such as an orphaned call's \
                            hold; absent where customer and provider are both given"),
            ("x-bursar-focus-version" = String, description = "1.2"),
            ("content-disposition" = String, description = "A name for the file"),
         )),
        (status = 400, description = "A parameter is wrong", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn focus(State(app): State<App>, params: Params) -> Result<Response, Problem> {
    params.only(&["from", "to", "format", "customer", "provider", "billing_account"])?;
    let format = params.parsed::<Format>("format")?.unwrap_or_default();
    let days =
        Days::parse(params.text("from"), params.text("to"), app.clock.now()).map_err(Problem::bad_request)?;
    let text = |name: &str| params.text(name).map(str::to_owned);
    let billing_account = text("billing_account");
    if billing_account.as_deref().is_some_and(|account| account.trim().is_empty()) {
        return Err(Problem::bad_request("parameter `billing_account` is empty"));
    }
    let selection =
        Selection { days, customer: text("customer"), provider: text("provider"), billing_account };
    let (left_out, pieces) = start(app.store, selection, format).await?;
    Ok((headers(days, format, left_out), Body::new(pieces)).into_response())
}

fn headers(days: Days, format: Format, left_out: LeftOut) -> HeaderMap {
    let name = focus::file_name(days, format);
    let said = [
        (header::CONTENT_TYPE, Some(format.content_type().to_owned())),
        (header::CONTENT_DISPOSITION, Some(format!("attachment; filename=\"{name}\""))),
        (HeaderName::from_static(FOCUS_VERSION), Some(focus::VERSION.to_owned())),
        (HeaderName::from_static(UNPRICED_CALLS), Some(left_out.unpriced_calls.to_string())),
        (HeaderName::from_static(COST_WITHOUT_METER), left_out.without_meter.map(|cost| cost.to_string())),
    ];
    let said = said.into_iter().filter_map(|(name, value)| Some((name, value?)));
    said.filter_map(|(name, value)| Some((name, HeaderValue::from_str(&value).ok()?))).collect()
}

type Piece = Result<Bytes, io::Error>;

/// Begins to read. What is left out is known before the first piece, of the same view of the store.
async fn start(store: Store, selection: Selection, format: Format) -> Result<(LeftOut, Pieces), Problem> {
    let (said, left_out) = oneshot::channel();
    let (pieces, mut receiver) = mpsc::channel(PIECES_AHEAD);
    let runtime = Handle::current();
    // A connection of its own: exports are long, and would take those of short questions.
    drop(spawn_blocking(move || {
        let mut sender = Sender { runtime, pieces, piece: Vec::new() };
        if let Err(error) = send(&store, &selection, format, said, &mut sender) {
            tracing::warn!(%error, "an export broke off");
            sender.break_off();
        }
    }));
    let left_out = left_out.await.map_err(|_| StoreError::Closed)??;
    // What fails at once can still be said by a status.
    let first = receiver.recv().await.transpose().map_err(Problem::internal)?;
    Ok((left_out, Pieces { first, rest: receiver }))
}

fn send(
    store: &Store,
    selection: &Selection,
    format: Format,
    said: oneshot::Sender<Result<LeftOut, StoreError>>,
    sender: &mut Sender,
) -> Result<(), ExportError> {
    let connection = match store.reader() {
        Ok(connection) => connection,
        Err(error) => {
            drop(said.send(Err(error)));
            return Ok(());
        }
    };
    let view = match connection.unchecked_transaction() {
        Ok(view) => view,
        Err(error) => {
            drop(said.send(Err(error.into())));
            return Ok(());
        }
    };
    let left_out = LeftOut::count(&view, selection);
    let failed = left_out.is_err();
    // Who no longer listens has gone away; so has the receiver of the pieces.
    if said.send(left_out).is_err() || failed {
        return Ok(());
    }
    focus::export(&view, selection, format, sender)?;
    Ok(sender.send_piece()?)
}

/// Sends what is written to it, in pieces, from a thread that may wait.
struct Sender {
    runtime: Handle,
    pieces: mpsc::Sender<Piece>,
    piece: Vec<u8>,
}

impl Sender {
    fn send(&self, piece: Piece) -> io::Result<()> {
        match self.runtime.block_on(timeout(PATIENCE, self.pieces.send(piece))) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(io::Error::new(io::ErrorKind::BrokenPipe, "the client has gone")),
            Err(_) => Err(io::Error::new(io::ErrorKind::TimedOut, "the client takes no more")),
        }
    }

    fn send_piece(&mut self) -> io::Result<()> {
        match mem::take(&mut self.piece) {
            piece if piece.is_empty() => Ok(()),
            piece => self.send(Ok(piece.into())),
        }
    }

    /// Lets the client see that this is not all: the connection ends before the body does.
    fn break_off(&mut self) {
        self.piece.clear();
        self.send(Err(io::Error::other("the export broke off"))).unwrap_or_default();
    }
}

impl Write for Sender {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.piece.extend_from_slice(bytes);
        if self.piece.len() >= PIECE_BYTES {
            self.send_piece()?;
        }
        Ok(bytes.len())
    }

    /// Nothing: a writer that is dropped on the way flushes, and would make the beginning of what failed look sent.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The body: pieces as they come.
struct Pieces {
    first: Option<Bytes>,
    rest: mpsc::Receiver<Piece>,
}

impl HttpBody for Pieces {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if let Some(first) = self.first.take() {
            return Poll::Ready(Some(Ok(Frame::data(first))));
        }
        self.rest.poll_recv(context).map(|piece| Some(piece?.map(Frame::data)))
    }
}
