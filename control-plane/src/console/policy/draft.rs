//! A draft of a policy: checked, compared, tried on the calls that were, and put in force. Only [`apply`] changes
//! anything.

use super::{DraftForm, diff};
use crate::{
    access::Role,
    api::Who,
    app::App,
    console::{
        download,
        extract::Query,
        page::{Page, failed, not_found, problem},
        report::{SectionView, sections},
        routes::answer,
    },
    policy::{Fault, Policy},
    policy_diff,
    replay::{ReplayError, replay},
    reports::{Filter, Range, Report},
    store::policies,
};
use askama::Template;
use axum::{
    Extension, Form,
    extract::{FromRequest, Request, State},
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use serde::Deserialize;
use std::time::Duration;

/// So long may a draft be. A browser sends it twice and shows it twice; what is longer is a matter of files.
pub(super) const TEXT_BYTES_MAX: usize = 2 * 1024 * 1024;
/// So long may a form with it be: some bytes take three, and the end of a line six.
pub(in crate::console) const FORM_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Over so many days a draft is replayed, unless somebody says otherwise,
pub(super) const DAYS_AT_FIRST: u64 = 7;
/// which may be to one of these.
pub(super) const DAYS: [u64; 3] = [1, 7, 30];
const DAY_NS: u64 = 86_400_000_000_000;
/// Nobody waits longer for a page.
const REPLAY_MAX: Duration = Duration::from_secs(60);
/// So much of a faulty line is repeated.
const EXCERPT_CHARS: usize = 120;
/// The form, as its template calls it.
const FORM: &str = "draft";

#[derive(Template)]
#[template(path = "policy_draft.html")]
struct DraftTemplate {
    section: &'static str,
    /// The version it is, or was, compared with.
    version: i64,
    /// Another one came into force meanwhile.
    overtaken_by: Option<i64>,
    faults: Vec<FaultRow>,
    checked: Option<Checked>,
    form: DraftForm,
}

struct FaultRow {
    fault: Fault,
    /// The line it is in.
    excerpt: String,
}

struct Checked {
    differs: bool,
    /// Whether who asks may put it in force.
    may_apply: bool,
    diff: Vec<SectionView>,
    replay: Vec<SectionView>,
    /// Why there is no replay.
    not_replayed: String,
}

/// What the two forms send.
#[derive(Deserialize)]
pub(in crate::console) struct Sent {
    #[serde(default)]
    text: String,
    #[serde(default)]
    days: String,
    #[serde(default)]
    version: String,
    /// A table of what it changes or would have refused, as a file.
    csv: Option<String>,
}

impl<S: Send + Sync> FromRequest<S> for Sent {
    type Rejection = Page;

    async fn from_request(request: Request, state: &S) -> Result<Self, Page> {
        let Form(mut sent) = Form::<Self>::from_request(request, state).await.map_err(|rejection| {
            match rejection.status() {
                StatusCode::PAYLOAD_TOO_LARGE => too_long(),
                status => problem(status, "That cannot be read", &rejection.body_text()),
            }
        })?;
        // As browsers end lines.
        sent.text = sent.text.replace("\r\n", "\n");
        if sent.text.len() > TEXT_BYTES_MAX { Err(too_long()) } else { Ok(sent) }
    }
}

fn too_long() -> Page {
    let hint = "A draft has at most 2 MB here. What is longer lies in files: bursar policy check, diff, replay and apply.";
    problem(StatusCode::PAYLOAD_TOO_LARGE, "That is too long for a page", hint)
}

impl Sent {
    fn form(self) -> DraftForm {
        let days = self.days.parse().ok().filter(|days| DAYS.contains(days));
        let days = days.unwrap_or(DAYS_AT_FIRST);
        DraftForm { text: self.text, is_too_long: false, days, choices: DAYS }
    }
}

/// A draft, as far as it has come.
struct Draft {
    form: DraftForm,
    version: i64,
}

impl Draft {
    fn page(self, status: StatusCode, change: impl FnOnce(&mut DraftTemplate)) -> Page {
        let mut template = DraftTemplate {
            section: "policy",
            version: self.version,
            overtaken_by: None,
            faults: Vec::new(),
            checked: None,
            form: self.form,
        };
        change(&mut template);
        Page::of(status, &template)
    }

    fn faulty(self, faults: Vec<Fault>) -> Page {
        let text = &self.form.text;
        let excerpt = |fault: &Fault| {
            let line = usize::try_from(fault.line.saturating_sub(1)).unwrap_or(usize::MAX);
            text.lines().nth(line).unwrap_or_default().chars().take(EXCERPT_CHARS).collect()
        };
        let rows = faults.into_iter().map(|fault| FaultRow { excerpt: excerpt(&fault), fault }).collect();
        self.page(StatusCode::UNPROCESSABLE_ENTITY, |template| template.faults = rows)
    }

    fn overtaken(self, in_force: i64) -> Page {
        self.page(StatusCode::CONFLICT, |template| template.overtaken_by = Some(in_force))
    }
}

#[derive(Deserialize)]
pub(in crate::console) struct DraftQuery {
    version: Option<i64>,
}

/// A draft that says what the policy in force does, or an older one.
pub(in crate::console) async fn open(State(app): State<App>, Query(query): Query<DraftQuery>) -> Page {
    let rules = app.rules();
    let version = query.version.unwrap_or(rules.stored.version);
    let stored = app.store.read(move |store| policies::of_version(store, version)).await;
    answer(stored.map(|stored| {
        let Some(stored) = stored else {
            return not_found(
                "There is no such version of the policy",
                "The page of the policy lists those there are.",
            );
        };
        match DraftForm::of(&stored.policy) {
            Ok(form) => Draft { form, version: rules.stored.version }.page(StatusCode::OK, |_| ()),
            Err(page) => page,
        }
    }))
}

/// What is wrong with a draft; or what it changes, and what it would have refused.
pub(in crate::console) async fn check(
    State(app): State<App>,
    Extension(who): Extension<Who>,
    mut sent: Sent,
) -> Response {
    let (rules, table) = (app.rules(), sent.csv.take());
    let draft = Draft { form: sent.form(), version: rules.stored.version };
    let policy = match app.read_policy(&draft.form.text, "draft").await {
        Ok(Ok(policy)) => policy,
        Ok(Err(faults)) => return draft.faulty(faults).into_response(),
        Err(error) => return answer(Err(error)).into_response(),
    };
    if let Some(table) = &table
        && let Some(report) = policy_diff::report(rules.policy(), &policy).only(table)
    {
        return download::file(vec![report], table, "draft");
    }
    let (differs, diff) = (policy != *rules.policy(), diff(rules.policy(), &policy));
    let (replay, not_replayed) = match (replayed(&app, policy, draft.form.days).await, table) {
        (Ok(replay), Some(table)) => return download::file(vec![replay], &table, "draft"),
        (Ok(replay), None) => (tables(&replay), String::new()),
        (Err(NotReplayed::Because(why)), _) => (Vec::new(), why),
        (Err(NotReplayed::Failed), _) => return failed().into_response(),
    };
    let may_apply = who.may(Role::Admin);
    let checked = Checked { differs, may_apply, diff: tables(&diff), replay, not_replayed };
    draft.page(StatusCode::OK, |template| template.checked = Some(checked)).into_response()
}

fn tables(report: &Report) -> Vec<SectionView> {
    download::sent_by(sections(report, &Filter::default()), FORM)
}

enum NotReplayed {
    Because(String),
    Failed,
}

async fn replayed(app: &App, policy: Policy, days: u64) -> Result<Report, NotReplayed> {
    let now = app.clock.now();
    let range = Range { from: now.saturating_sub(days.saturating_mul(DAY_NS)), to: now };
    match tokio::time::timeout(REPLAY_MAX, replay(&app.store, policy, range)).await {
        Ok(Ok(report)) => Ok(report),
        Ok(Err(error @ ReplayError::TooMuch)) => Err(NotReplayed::Because(format!("{error}."))),
        Ok(Err(ReplayError::Store(error))) => {
            tracing::error!(%error, "the console cannot replay a policy");
            Err(NotReplayed::Failed)
        }
        Err(_) => {
            let seconds = REPLAY_MAX.as_secs();
            let why = format!("it takes longer than {seconds} seconds; bursar policy replay has the time.");
            Err(NotReplayed::Because(why))
        }
    }
}

/// Puts a draft in force in the place of the version that it was compared with.
pub(in crate::console) async fn apply(State(app): State<App>, sent: Sent) -> Response {
    let Ok(version) = sent.version.parse::<i64>() else {
        let hint = "The form does not say which version it is to replace. Nothing was changed.";
        return problem(StatusCode::BAD_REQUEST, "That was not done", hint).into_response();
    };
    let (draft, rules) = (Draft { form: sent.form(), version }, app.rules());
    if rules.stored.version != version {
        return draft.overtaken(rules.stored.version).into_response();
    }
    let policy = match app.read_policy(&draft.form.text, "draft").await {
        Ok(Ok(policy)) => policy,
        Ok(Err(faults)) => return draft.faulty(faults).into_response(),
        Err(error) => return answer(Err(error)).into_response(),
    };
    match app.put_policy_over(policy, version).await {
        Ok(None) => draft.overtaken(app.rules().stored.version).into_response(),
        Ok(Some(stored)) if stored.version == version => {
            Redirect::to("/console/policy?done=unchanged").into_response()
        }
        Ok(Some(stored)) => {
            tracing::info!(version = stored.version, "a policy was put in force in the console");
            // A page that is loaded again must not apply again.
            Redirect::to(&format!("/console/policy?done={}", stored.version)).into_response()
        }
        Err(error) => answer(Err(error)).into_response(),
    }
}
