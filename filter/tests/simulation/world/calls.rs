//! Calls: they arrive, are held, wait for an allowance or are refused, and end.

use super::{Event, World};
use crate::{
    envoy::{Ask, Note, Open, Waiting},
    ledger::Head,
    plan::{CUSTOMERS, MS},
    truth::Broken,
};
use filter::{
    admission::{self, Admitted, Answer, Needs, Recourse},
    request::RequestFacts,
};
use protocol::{
    UnixNanos,
    allowance::{Counter, HoldAnswer},
    attribution::{Attributed, Attribution, Dimension, Source},
    cap::{Amount, Unit},
    event::{CallHead, CapAnswer},
    ids::CallId,
    meters::{Meter, Units},
};

/// As `filter/src/exchange.rs` has it.
const ASK_TIMES_MAX: u32 = 16;

impl World {
    pub(super) fn arrives(&mut self, node: usize) -> Result<(), Broken> {
        if self.quiet {
            return Ok(());
        }
        self.later(MS, self.plan.gap_max, Event::Arrives(node));
        if !self.nodes[node].up {
            return Ok(());
        }
        self.next += 1;
        self.done.calls += 1;
        let id = self.next;
        let worker =
            usize::try_from(self.chance.between(1, self.plan.workers.try_into().unwrap())).unwrap() - 1;
        let customer = usize::from(self.chance.in_thousand(400));
        let need = self.chance.between(1, self.plan.need_max);
        let cost = match self.chance.between(0, 9) {
            0 => 0,
            1..=4 => need,
            _ => self.chance.between(0, need),
        };
        let dear = self.chance.in_thousand(self.plan.dear);
        let cost = if dear { need + self.chance.between(1, 2 * need) } else { cost };
        let amount = |tokens: u64| Amount::try_from(tokens).unwrap();
        let head = Head {
            boot: self.nodes[node].boot,
            started_at: self.local(node),
            customer,
            need: amount(need),
            held: Vec::new(),
            cost: amount(cost),
        };
        let needs = needs(&self.nodes[node].snapshot, id, &head);
        self.heads.insert(id, head);
        let late = self.plan.late_body && self.chance.in_thousand(100);
        let recourse = if late { Recourse::CannotWait } else { Recourse::Ask };
        self.decide((node, worker), Waiting { id, needs, times: 0 }, recourse)
    }

    /// `Call::decide` and `Exchange::decide`.
    pub(super) fn decide(
        &mut self,
        (node, worker): (usize, usize),
        mut waiting: Waiting,
        recourse: Recourse,
    ) -> Result<(), Broken> {
        let now = self.local(node);
        let asks = recourse == Recourse::Ask;
        let recourse = match recourse {
            Recourse::Ask if !self.nodes[node].workers[worker].may_ask(now) => Recourse::Unreachable,
            Recourse::Asked if waiting.times < ASK_TIMES_MAX => Recourse::Ask,
            recourse => recourse,
        };
        debug_assert!(asks || recourse != Recourse::Ask || waiting.times > 0);
        let envoy = &self.nodes[node];
        if let Some(planted) = self.planted {
            for count in &self.plan.counts {
                let counter = envoy.counter(count, now);
                if counter.window_end != 0 {
                    envoy.change(count, now, |counter| planted.before_hold(counter));
                }
            }
        }
        let before: Vec<Counter> = self.plan.counts.iter().map(|count| envoy.counter(count, now)).collect();
        let unreachable = envoy.snapshot.when_unreachable;
        match waiting.needs.admit(&envoy.shared, false, self.plan.fast, recourse, unreachable, now) {
            Answer::GiveWay(_) => panic!("no cap of the plan has a cheaper model"),
            Answer::Refused(_) => {
                self.done.refused += 1;
                self.look(node, now)
            }
            Answer::Ask(reports) => {
                self.look(node, now)?;
                waiting.times += 1;
                self.ask(node, worker, Ask::Call(waiting), Some(reports));
                Ok(())
            }
            Answer::Admitted(admitted) => {
                self.admitted((node, worker), waiting.id, admitted, recourse, &before)
            }
        }
    }

    fn admitted(
        &mut self,
        (node, worker): (usize, usize),
        call: u64,
        admitted: Admitted,
        recourse: Recourse,
        before: &[Counter],
    ) -> Result<(), Broken> {
        let now = self.local(node);
        let boot = self.nodes[node].boot;
        self.truth.holds.insert(call, Vec::new());
        for decision in &admitted.decisions {
            let find =
                |count: &crate::plan::Count| count.cap == decision.cap && count.subject == decision.subject;
            let index = self.plan.counts.iter().position(find).unwrap();
            let count = &self.plan.counts[index];
            let envoy = &mut self.nodes[node];
            let initial = match self.plan.fast {
                true => self.plan.caps.iter().find(|cap| cap.id == count.cap).unwrap().initial,
                false => 0,
            };
            let forced = match decision.decision {
                CapAnswer::AllowedUnreachable => true,
                _ if recourse == Recourse::CannotWait => {
                    before[index].clone().hold(decision.held, now, initial) != HoldAnswer::Held
                }
                _ => false,
            };
            let after = envoy.counter(count, now);
            envoy.workers[worker].uses(index, decision.held, now);
            let head = self.heads.get_mut(&call).unwrap();
            head.held.push((index, decision.held));
            let (window, _) = count.window_of(head.started_at);
            self.truth.held(
                call,
                boot,
                (index, count),
                decision.held,
                forced,
                (&before[index], &after),
                (window, initial),
                (self.now, now),
            )?;
        }
        let cost = self.heads[&call].cost;
        self.nodes[node].open.insert(call, Open { worker, held: admitted.held, cost });
        self.later(10 * MS, self.plan.call_max, Event::Ends { node, boot, call });
        self.tells(node, worker, Note::Started(call));
        self.look(node, now)
    }

    pub(super) fn ends(&mut self, node: usize, boot: u32, call: u64) -> Result<(), Broken> {
        let now = self.local(node);
        let envoy = &mut self.nodes[node];
        let Some(Open { worker, held, cost }) = envoy.open.remove(&call) else { return Ok(()) };
        let units = Units::from([(Meter::Output, u64::try_from(cost).unwrap())]);
        admission::settle(&envoy.shared, &held, &units, None, now);
        for hold in self.truth.holds.remove(&call).unwrap() {
            let count = &self.plan.counts[hold.count];
            let cost = if count.unit == Unit::Calls { 1 } else { cost };
            if let Some(planted) = self.planted {
                envoy.change(count, now, |counter| planted.after_settle(counter, hold.amount, cost));
            }
            let after = envoy.counter(count, now);
            self.truth.settled(boot, &hold, cost, &after, self.now)?;
            envoy.workers[worker].uses(hold.count, hold.amount, now);
        }
        self.tells(node, worker, Note::Finished(call));
        Ok(())
    }

    fn tells(&mut self, node: usize, worker: usize, note: Note) {
        self.nodes[node].workers[worker].outbox.push(note);
        self.wake(node, worker);
    }

    /// Looks at all counters of a node: nothing but what is known has happened to them.
    pub(super) fn look(&mut self, node: usize, now: UnixNanos) -> Result<(), Broken> {
        for (index, count) in self.plan.counts.iter().enumerate() {
            let counter = self.nodes[node].counter(count, now);
            self.truth.look(self.nodes[node].boot, index, &counter)?;
        }
        Ok(())
    }
}

fn needs(snapshot: &protocol::snapshot::Snapshot, id: u64, head: &Head) -> Needs {
    let mut bytes = [0; 16];
    bytes[8..].copy_from_slice(&id.to_be_bytes());
    let mut attribution = Attribution::default();
    let customer = Attributed { value: CUSTOMERS[head.customer].parse().unwrap(), from: Source::Header };
    attribution.set(Dimension::Customer, customer);
    let head_of_call = CallHead {
        id: CallId::from_bytes(bytes),
        request_id: None,
        attribution,
        provider: "openai".into(),
        account: None,
        dialect: "openai-chat".into(),
        operation: "chat".into(),
        route: None,
        original_route: None,
        request_model: None,
        downgraded_to: None,
        routed_to: None,
        request_tier: None,
        stream: false,
        output_tokens_max: None,
        input_tokens_estimate: 0,
        request_text_bytes: None,
        region: None,
        started_at: head.started_at,
        hold: None,
        hold_input: None,
        caps: Vec::new(),
        loop_guard: None,
    };
    let output_tokens_max = u64::try_from(head.need).ok();
    let facts = RequestFacts { output_tokens_max, whole: true, ..RequestFacts::default() };
    Needs::of(snapshot, &head_of_call, &facts)
}
