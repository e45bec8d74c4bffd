//! What a call used: what the provider said; nothing, where it is known that nothing was used; and an estimate from
//! what went over the wire for what it did not say.

use super::Cut;
use crate::{request::RequestFacts, response::ResponseFacts};
use protocol::{
    event::{CallHead, Ending},
    meters::{Meter, Side, Usage},
    ratio::TextRatios,
};

pub(super) fn of(
    head: &CallHead,
    asked: &RequestFacts,
    facts: &mut ResponseFacts,
    ratios: &TextRatios,
    cut: &Cut,
) -> Usage {
    let nothing = Usage { complete: true, ..Usage::default() };
    let Some(mut usage) = facts.usage.take() else {
        return match cut.ending {
            Ending::LocalReply => nothing,
            _ if cut.never_sent => nothing,
            // Providers do not bill errors that they answer with: 0 of 54 recorded ones had usage.
            Ending::Complete | Ending::UpstreamReset | Ending::ClientAbort if cut.status >= 400 => nothing,
            _ if asked.free => nothing,
            _ if facts.free => nothing,
            _ => match asked.usage() {
                Some(usage) => usage,
                // Somebody's answer in an encoding or format that cannot be read: nothing is known.
                None if cut.ending == Ending::Complete && (!cut.readable || facts.text.bytes == 0) => {
                    Usage::default()
                }
                None => {
                    let mut usage = Usage::default();
                    estimate(&mut usage, head, facts, ratios);
                    usage
                }
            },
        };
    };
    // An error inside an answer ends it, and its usage may come no more.
    let ended = cut.ending == Ending::Complete && facts.error_type.is_none() && !facts.lacks_its_end;
    usage.complete = ended || facts.terminal;
    // Gemini and Ollama leave the prompt out where they did not count it.
    if !usage.complete || (has(&usage, Side::Generated) && !has(&usage, Side::Prompt)) {
        estimate(&mut usage, head, facts, ratios);
    }
    usage
}

fn has(usage: &Usage, side: Side) -> bool {
    usage.units.keys().any(|meter| meter.side() == side)
}

/// Adds an estimate of each side that was not reported. A side that was, is left as it is, also where it says zero.
fn estimate(usage: &mut Usage, head: &CallHead, facts: &ResponseFacts, ratios: &TextRatios) {
    let (has_prompt, has_generated) = (has(usage, Side::Prompt), has(usage, Side::Generated));
    let mut add = |meter, tokens| {
        usage.units.insert(meter, tokens);
        usage.estimated.insert(meter);
    };
    if !has_prompt {
        add(Meter::Input, head.input_tokens_estimate);
    }
    if !has_generated {
        let models = [facts.model.as_deref(), head.model()];
        add(Meter::Output, ratios.generated_tokens(&head.provider, &models, facts.text.bytes));
    }
}
