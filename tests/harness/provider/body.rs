//! A response body that follows a plan: pieces, waits, a break, a hang. It knows whether it was taken whole.

use super::received::Slot;
use hyper::body::{Body, Bytes, Frame};
use std::{
    collections::VecDeque,
    io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};
use tokio::time::{Sleep, sleep};

/// One step of the plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Sends these bytes.
    Send(Bytes),
    /// Lets what was sent leave as a write of its own.
    Flush,
    /// Waits.
    Wait(Duration),
    /// Breaks the connection.
    Reset,
    /// Sends nothing any more, and does not end.
    Hang,
}

/// The body.
#[derive(Debug)]
pub(super) struct Planned {
    steps: VecDeque<Step>,
    waiting: Option<Pin<Box<Sleep>>>,
    slot: Slot,
}

impl Planned {
    pub(super) fn new(steps: impl IntoIterator<Item = Step>, slot: Slot) -> Self {
        Self { steps: steps.into_iter().collect(), waiting: None, slot }
    }
}

impl Body for Planned {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let this = self.get_mut();
        loop {
            if let Some(waiting) = &mut this.waiting {
                std::task::ready!(waiting.as_mut().poll(cx));
                this.waiting = None;
            }
            match this.steps.pop_front() {
                Some(Step::Send(bytes)) => return Poll::Ready(Some(Ok(Frame::data(bytes)))),
                Some(Step::Flush) => {
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                Some(Step::Wait(time)) => this.waiting = Some(Box::pin(sleep(time))),
                Some(Step::Reset) => {
                    return Poll::Ready(Some(Err(io::Error::other("the script breaks the connection here"))));
                }
                Some(Step::Hang) => {
                    this.steps.push_front(Step::Hang);
                    return Poll::Pending; // until the other side has enough and the body is dropped
                }
                None => {
                    this.slot.complete();
                    return Poll::Ready(None);
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        if self.steps.is_empty() && self.waiting.is_none() {
            self.slot.complete();
            return true;
        }
        false
    }
}
