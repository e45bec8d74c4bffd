use super::*;
use crate::attribution::{Attributed, Source};

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn subject_of(subject: &[(Facet, SubjectMatch)], call: &[(Dimension, &str)]) -> Option<String> {
    let mut attribution = Attribution::default();
    for (dimension, value) in call {
        attribution.set(*dimension, Attributed { value: name(value), from: Source::Header });
    }
    let cap = CapSpec {
        subject: subject.iter().cloned().collect(),
        ..CapSpec::plain("c", Unit::Usd, 1, Window::Day)
    };
    let (plan, model) = (Some("pro"), Some("gpt-4o"));
    let call = Facets { attribution: &attribution, plan, provider: "openai", model, route: None };
    cap.subject_of(&call).map(Into::into)
}

#[test]
fn a_cap_is_about_the_calls_its_subject_names() {
    use Dimension::{Customer, Workspace};
    let acme = [(Facet::Customer, SubjectMatch::Is(name("acme")))];
    assert_eq!(subject_of(&acme, &[(Customer, "acme")]), Some("customer=acme".to_owned()));
    assert_eq!(subject_of(&acme, &[(Customer, "globex")]), None);
    assert_eq!(subject_of(&acme, &[]), None);
    assert_eq!(subject_of(&[], &[]), Some(String::new()));
    let each = [(Facet::Customer, SubjectMatch::Is(name("acme"))), (Facet::Workspace, SubjectMatch::Each)];
    let call = [(Customer, "acme"), (Workspace, "w1")];
    assert_eq!(subject_of(&each, &call), Some("customer=acme workspace=w1".to_owned()));
    let absent = [(Facet::Customer, SubjectMatch::Absent)];
    assert_eq!(subject_of(&absent, &[]), Some("customer=".to_owned()));
    assert_eq!(subject_of(&absent, &[(Customer, "acme")]), None);
}
#[test]
fn a_cap_may_be_about_where_a_call_goes() {
    let mini = [(Facet::Plan, SubjectMatch::Is(name("pro"))), (Facet::Model, SubjectMatch::Each)];
    assert_eq!(subject_of(&mini, &[]), Some("plan=pro model=gpt-4o".to_owned()));
    assert_eq!(subject_of(&[(Facet::Provider, SubjectMatch::Is(name("azure")))], &[]), None);
    assert_eq!(subject_of(&[(Facet::Route, SubjectMatch::Each)], &[]), None);
}

#[test]
fn a_cap_in_tokens_counts_its_meters_and_without_any_all_but_what_a_cache_gave() {
    let units = Units::from([
        (Meter::Input, 1),
        (Meter::CacheRead, 10),
        (Meter::CacheWrite5m, 100),
        (Meter::Output, 1_000),
        (Meter::WebSearch, 10_000),
    ]);
    assert_eq!(counted(&BTreeSet::new(), &units), 1_101);
    assert_eq!(counted(&[Meter::Output, Meter::Reasoning].into(), &units), 1_000);
    assert_eq!(counted(&[Meter::Input, Meter::CacheRead].into(), &units), 11);
}

#[test]
fn an_increase_holds_for_its_subject_and_its_time_and_never_lowers() {
    let increase = |subject: Option<&str>, limit| Increase {
        subject: subject.map(Into::into),
        limit,
        from: 10,
        until: 20,
    };
    let cap = CapSpec {
        increases: vec![increase(Some("workspace=w1"), 500), increase(None, 200), increase(None, 50)],
        ..CapSpec::plain("c", Unit::Usd, 100, Window::Day)
    };
    assert_eq!((cap.limit_at("workspace=w1", 10), cap.limit_at("workspace=w2", 19)), (500, 200));
    assert_eq!((cap.limit_at("workspace=w1", 9), cap.limit_at("workspace=w1", 20)), (100, 100));
}
