"""Every page of the console, a line each: where it is, what its heading says, and what it says where there is nothing."""

from dataclasses import dataclass
from urllib.parse import quote

import ledger


@dataclass
class Page:
    name: str
    path: str
    heading: str
    # What stands there on a fresh ledger; without it, the page is not there then.
    empty: str | None = None
    status: int = 200
    # Whether it has a table with more columns than a desk has room for.
    is_wide: bool = False


def _customer(name):
    return f"/console/customers/{quote(name, safe='')}"


def _task(name):
    return f"/console/tasks/{quote(name, safe='')}"


def _call(call):
    return f"/console/calls/{call.id}"


_CALCULATION = (
    "/console/calculator?plan=pro&model=openai%2Fgpt-4o&calls=p50%3D100%2Cp90%3D5000"
    "&input_tokens=1000&output_tokens=100&compare=openai%2Fgpt-4o-mini"
)
# Of each report, its heading and what stands there where nothing happened.
_REPORTS = {
    "weekly": ("Weekly report", "No calls in this week nor the one before."),
    "customers": ("Cost by customer", "No calls in this time."),
    "features": ("Cost by feature", "No calls in this time."),
    "routes": ("Cost by route", "No calls in this time."),
    "workspaces": ("Cost by workspace", "No calls in this time."),
    "models": ("Cost by model", "No calls in this time."),
    # A customer without a call pays all the same.
    "plans": ("Gross margin by plan", "starter"),
    "channels": ("Gross margin by channel", "newsletter"),
    "tasks": ("Tasks", "No task in this time."),
    "waste": ("Waste", "No calls in this time."),
    "drift": ("Drift of prices", "No provider said what a call costs in this time."),
    "unpriced": ("Unpriced traffic", "Every call in this time has a price."),
}

PAGES = [
    Page("overview", "/", "Overview", empty="No calls yet."),
    Page("customer", _customer("acme"), "acme", empty="No calls have ended in this time."),
    Page("customer-odd", _customer(ledger.ODD), ledger.ODD),
    Page("tasks", "/console/tasks", "Tasks", empty="No tasks yet."),
    Page("tasks-filtered", "/console/tasks?customer=nobody", "Tasks", empty="No task is like that."),
    Page("task", _task(ledger.CONTRACT), ledger.CONTRACT),
    Page("task-odd", _task(ledger.SEARCH), ledger.SEARCH),
    Page("calls", "/console/calls", "Calls", empty="No calls yet."),
    Page("calls-filtered", "/console/calls?customer=nobody", "Calls", empty="No call is like that."),
    Page("call", _call(ledger.CACHED), ledger.CACHED.id),
    Page("call-retried", _call(ledger.RETRIED), ledger.RETRIED.id),
    Page("call-unpriced", _call(ledger.NEVER_PRICED), ledger.NEVER_PRICED.id),
    Page("call-cut", _call(ledger.CUT), ledger.CUT.id),
    Page("call-refused", _call(ledger.STOPPED), ledger.STOPPED.id),
    Page("call-open", _call(ledger.OPEN), ledger.OPEN.id),
    Page("reports", "/console/reports", "Reports", empty="What it answers"),
    *(
        # Tables of tasks and of waste have thirteen columns and more.
        Page(f"report-{kind}", f"/console/reports/{kind}", heading, empty, is_wide=kind in ("weekly", "tasks", "waste"))
        for kind, (heading, empty) in _REPORTS.items()
    ),
    Page("calculator", "/console/calculator", "Margin calculator", empty="What a plan leaves at some usage"),
    Page("calculation", _CALCULATION, "Margin calculator", empty="What a plan leaves at some usage"),
    Page("reconciliation", "/console/reconciliation", "Reconciliation", empty="A provider's exports"),
    Page("prices", "/console/prices", "Prices", empty="gpt-4o"),
    Page("prices-filtered", "/console/prices?model=nobody", "Prices", empty="No price is in force for that."),
    Page("proposals", "/console/prices/proposals", "Prices that wait for approval", empty="Nothing waits."),
    Page("price-history", "/console/prices/openai/gpt-4o", "gpt-4o", empty="Every price it ever had"),
    Page("price-unknown", "/console/prices/openai/nobody", "nobody", empty="No row has this name.", status=404),
    Page("alerts", "/console/alerts", "Alerts", empty="Nothing was raised."),
    Page("policy", "/console/policy", "Policy", empty="Version 1, in force since"),
    Page("policy-draft", "/console/policy/draft", "Draft of a policy", empty="Compared with version 1"),
    Page("policy-version", "/console/policy/versions/1", "Version 1 of the policy", empty="the empty policy before it"),
    Page("access", "/console/access", "Access", empty="Nobody has to sign in"),
    Page("sign-in", "/console/sign-in", "Sign in", empty="Nobody has to."),
    Page("find", "/console/find", "Find", empty="Write the id of a call"),
    Page("found-nothing", "/console/find?q=nobody", "Find", empty="Nothing has the name", status=404),
    Page("missing", "/console/calls/nonsense", "There is no such call", empty="Back to the overview", status=404),
]


def open_page(browser_page, entry):
    """Opens it, and finds that it is the page that was asked for."""
    answer = browser_page.goto(entry.path)
    assert answer.status == entry.status, f"{entry.path} answers {answer.status}"
    heading = browser_page.locator("h1")
    assert heading.count() == 1, f"{entry.path} has {heading.count()} headings of the first order"
    assert heading.inner_text() == entry.heading, f"{entry.path} is headed {heading.inner_text()!r}"
