use super::*;
use crate::alerts::{Kind, Subject, standing::Figures};

fn key(name: &str, threshold: u32, period: u64) -> Key {
    let subject = Subject::of([("customer", name)]);
    Key { kind: Kind::MarginReached, subject, threshold, period_start: period }
}

fn standing(key: &Key) -> Standing {
    let figures = Figures::Prices { age_days: 1 };
    Standing { key: key.clone(), period_end: key.period_start + 100, customer: None, figures }
}

/// A store: what is on record, and what was told.
#[derive(Clone, Debug, Default)]
struct Book {
    recorded: BTreeMap<Key, Recorded>,
    fired: Vec<Key>,
}

impl Book {
    fn step(&mut self, keys: &[Key], before: &Before) -> Changes {
        let changes = step(&self.recorded, keys.iter().map(standing).collect(), before);
        for (fired, these) in [(true, &changes.fire), (false, &changes.seed)] {
            for (id, one) in these {
                let next = i64::try_from(self.recorded.len()).unwrap() + 1;
                let record = Recorded { id: id.unwrap_or(next), fired, ended: false };
                self.recorded.insert(one.key.clone(), record);
                if fired {
                    self.fired.push(one.key.clone());
                }
            }
        }
        for record in self.recorded.values_mut() {
            if changes.again.contains(&record.id) {
                record.ended = false;
            }
            if changes.end.contains(&record.id) {
                record.ended = true;
            }
        }
        changes
    }
}

fn fired(changes: &Changes) -> Vec<u32> {
    changes.fire.iter().map(|(_, one)| one.key.threshold).collect()
}

#[test]
fn what_is_crossed_together_fires_together_and_only_once() {
    let (fifty, eighty) = (key("acme", 50, 0), key("acme", 80, 0));
    let mut book = Book::default();
    let both = [fifty.clone(), eighty.clone()];
    assert_eq!(fired(&book.step(&both, &Before::SameRules)), [50, 80]);
    assert!(book.step(&both, &Before::SameRules).is_empty());
    // It falls by a correction and rises again: that was said.
    assert_eq!(book.step(&[fifty], &Before::SameRules).end.len(), 1);
    assert_eq!(book.step(&both, &Before::SameRules).again.len(), 1);
    assert_eq!(book.fired.len(), 2);
}

#[test]
fn the_next_period_is_armed_again() {
    let mut book = Book::default();
    book.step(&[key("acme", 50, 0)], &Before::SameRules);
    let changes = book.step(&[key("acme", 50, 100)], &Before::SameRules);
    assert_eq!((fired(&changes), changes.end.len()), (vec![50], 1));
}

#[test]
fn the_first_evaluation_of_a_store_notes_what_stands_and_tells_nobody() {
    let mut book = Book::default();
    let changes = book.step(&[key("acme", 50, 0)], &Before::Nothing);
    assert_eq!((changes.fire.len(), changes.seed.len()), (0, 1));
    let both = [key("acme", 50, 0), key("acme", 80, 0)];
    assert_eq!(fired(&book.step(&both, &Before::SameRules)), [80]);
}

#[test]
fn a_new_rule_seeds_what_it_finds_and_what_was_crossed_by_spending_still_fires() {
    let mut book = Book::default();
    book.step(&[], &Before::Nothing);
    // Between two evaluations, 50 was crossed under the old rules, and the new ones have a 40.
    let stood = Before::OtherRules(BTreeSet::from([key("acme", 50, 0)]));
    let changes = book.step(&[key("acme", 40, 0), key("acme", 50, 0)], &stood);
    assert_eq!(fired(&changes), [50]);
    assert_eq!(changes.seed.len(), 1);
}

#[test]
fn what_was_seeded_and_fell_may_fire_once() {
    let fifty = [key("acme", 50, 0)];
    let mut book = Book::default();
    book.step(&fifty, &Before::Nothing);
    book.step(&[], &Before::SameRules);
    let changes = book.step(&fifty, &Before::SameRules);
    assert_eq!(fired(&changes), [50]);
    assert!(changes.fire[0].0.is_some(), "the record is taken up again");
    book.step(&[], &Before::SameRules);
    assert!(fired(&book.step(&fifty, &Before::SameRules)).is_empty());
}

#[test]
fn two_figures_of_one_key_are_one_alert() {
    let twice = [key("acme", 4, 0), key("acme", 4, 0)];
    assert_eq!(Book::default().step(&twice, &Before::SameRules).fire.len(), 1);
}

#[test]
fn what_is_above_the_bound_fires_with_the_next_step_and_no_subject_is_torn_apart() {
    let keys: Vec<Key> =
        ["a", "b", "c"].iter().flat_map(|name| [key(name, 50, 0), key(name, 80, 0)]).collect();
    let all = || step(&BTreeMap::new(), keys.iter().map(standing).collect(), &Before::SameRules);
    for (bound, kept) in [(1, 2), (2, 2), (3, 4), (5, 6), (6, 6), (100, 6)] {
        let mut changes = all();
        changes.put_off(bound);
        assert_eq!(changes.fire.len(), kept, "{bound}");
    }
}

/// A generator that needs no crate: the same numbers in every run.
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }
}

/// Random customers spend, periods turn, policies change, the process is killed before or after any commit. What has
/// fired is compared with what plain arithmetic over the whole history says should have.
#[test]
fn no_crossing_is_missed_none_is_told_twice_and_a_restart_changes_nothing() {
    for seed in 0..300 {
        let mut chance = Chance(seed);
        let mut book = Book::default();
        let mut spent = [0_u64; 3];
        let mut thresholds = vec![50, 80];
        let mut period = 0;
        let mut known: Option<Vec<u32>> = None;
        let mut expected: Vec<Key> = Vec::new();
        // Keys that are on record, as the arithmetic sees it: fired ones stay, seeded ones go when they fall.
        let mut told: BTreeSet<Key> = BTreeSet::new();
        let mut noted: BTreeSet<Key> = BTreeSet::new();
        for _ in 0..60 {
            match chance.below(12) {
                0 => {
                    period += 100;
                    spent = [0; 3];
                }
                1 => {
                    let all: [&[u32]; 4] = [&[50, 80], &[40, 80], &[80], &[20, 50, 95]];
                    thresholds = all[usize::try_from(chance.below(4)).unwrap()].to_vec();
                }
                2 => spent[usize::try_from(chance.below(3)).unwrap()] /= 2, // a correction
                _ => spent[usize::try_from(chance.below(3)).unwrap()] += chance.below(30),
            }
            let stands = |thresholds: &[u32]| -> Vec<Key> {
                let pairs = spent.iter().enumerate().flat_map(|(who, spent)| {
                    let passed = thresholds.iter().filter(|percent| *spent >= u64::from(**percent));
                    passed.map(move |percent| (who, *percent)).collect::<Vec<_>>()
                });
                pairs.map(|(who, percent)| key(&format!("c{who}"), percent, period)).collect()
            };
            let now = stands(&thresholds);
            let before = match &known {
                None => Before::Nothing,
                Some(known) if *known == thresholds => Before::SameRules,
                Some(known) => Before::OtherRules(stands(known).into_iter().collect()),
            };
            let news = |key: &Key| match &before {
                Before::SameRules => true,
                Before::OtherRules(stood) => stood.contains(key),
                Before::Nothing => false,
            };
            noted.retain(|key| now.contains(key));
            for key in &now {
                if told.contains(key) || noted.contains(key) {
                    continue;
                }
                if news(key) {
                    told.insert(key.clone());
                    expected.push(key.clone());
                } else {
                    noted.insert(key.clone());
                }
            }
            if chance.below(4) == 0 {
                // Killed before the commit: nothing of it is there, and the process comes back and looks again.
                drop(book.clone().step(&now, &before));
            }
            book.step(&now, &before);
            if chance.below(4) == 0 {
                // Killed after the commit: it looks again, by the same rules.
                assert!(book.step(&now, &Before::SameRules).is_empty(), "seed {seed}");
            }
            known = Some(thresholds.clone());
        }
        let (mut fired, mut should) = (book.fired.clone(), expected);
        fired.sort();
        should.sort();
        assert_eq!(fired, should, "seed {seed}");
        fired.dedup();
        assert_eq!(fired.len(), book.fired.len(), "seed {seed}: told twice");
    }
}
