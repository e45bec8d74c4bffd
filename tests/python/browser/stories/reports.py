"""Reports as pages and as files: what is downloaded says what the page says."""

from decimal import Decimal

import downloads
import ledger
import tables


def csv_of_a_report(browser):
    ledger.book(browser.base)
    with browser.page() as page:
        page.goto("/console/reports")
        page.get_by_role("link", name="customers", exact=True).click()
        page.wait_for_url("**/console/reports/customers")
        shown = tables.table(page, "Cost by customer")
        lines = {next(iter(line.values())): line for line in tables.rows(shown)}
        (*rows, total), name = downloads.saved(page, "CSV")
        assert name == "customers.csv", name
        assert len(rows) == 4 and len(lines) == 5, (rows, lines)
        for column in ["calls", "refused", "input_tokens", "output_tokens", "calls_unpriced"]:
            heading = column.replace("_", " ")
            assert sum(int(row[column]) for row in rows) == int(total[column]), column
            assert int(total[column]) == int(lines["total"][heading].replace(",", "")), column
        # 10 + 0.114165 + 0.00075 + 0.0007.
        costs = sum(Decimal(row["cost_usd"]) for row in rows)
        assert costs == Decimal(total["cost_usd"]) == Decimal("10.115615"), (costs, total)
        assert tables.exact(shown, "total") == ["10.115615 USD"]
        for row in rows:
            name = row["customer"]
            assert tables.exact(shown, name) == [f"{row['cost_usd']} USD"], name
            assert row["calls"] == lines[name]["calls"], name


# Of a page, the link to a table of it, what its file is called, and how many rows it has.
_FILES = [
    ("/", "CSV of the customers", "bursar-customers.csv", 4),
    ("/console/tasks/" + ledger.CONTRACT, "CSV of its calls", "calls.csv", 2),
    ("/console/tasks/" + ledger.CONTRACT, "CSV of this task and the parts of its cost", "tasks.csv", 1),
    ("/console/calls/" + ledger.CACHED.id, "CSV of these lines", "call-lines.csv", 3),
    ("/console/calls/" + ledger.RETRIED.id, "CSV of these attempts", "call-attempts.csv", 2),
    ("/console/calls/" + ledger.STOPPED.id, "CSV of these caps", "call-caps.csv", 1),
    ("/console/customers/acme", "CSV of cost and margin", "customer-acme-margin.csv", 2),
    ("/console/customers/acme", "CSV of its caps", "caps.csv", 1),
    ("/console/customers/acme", "CSV of its tasks", "tasks.csv", 2),
    ("/console/customers/acme", "CSV of its calls", "calls.csv", ledger.DAYS + 1),
    ("/console/prices/openai/gpt-4o", "CSV of these prices", "prices.csv", None),
    ("/console/prices/proposals", "CSV of import 2", "prices-waiting.csv", 2),
    ("/console/policy", "CSV of the versions", "policy-versions.csv", 1),
    ("/console/policy/versions/1", "CSV of Changes", "policy-1-changes.csv", None),
    ("/console/reports/weekly", "CSV of Summary", "summary.csv", None),
]


def csv_of_other_tables(browser):
    """Each kind of file is saved under a name that says what it is."""
    ledger.book(browser.base)
    with browser.page() as page:
        for path, link, name, count in _FILES:
            page.goto(path)
            rows, saved_as = downloads.saved(page, link)
            assert saved_as == name, f"{path}: {link} is saved as {saved_as}"
            assert rows and count in (None, len(rows)), f"{path}: {link} has {rows}"
        page.goto("/console/calls/" + ledger.CACHED.id)
        rows, _ = downloads.saved(page, "CSV of these lines")
        assert sum(Decimal(row["cost_usd"]) for row in rows) == Decimal("0.003165"), rows


def time_of_a_report(browser):
    """A report of a time in which nothing was says so, and its files are of the same time."""
    ledger.book(browser.base)
    with browser.page() as page:
        page.goto("/console/reports/customers")
        page.get_by_label("From").fill("2026-01-01")
        page.get_by_label("until before").fill("2026-01-08")
        page.get_by_role("button", name="Show").click()
        page.wait_for_url("**from=2026-01-01&to=2026-01-08**")
        assert "No calls in this time." in page.locator("main").inner_text()
        link = page.get_by_role("link", name="JSON", exact=True).get_attribute("href")
        report = ledger.ask(browser.base, link)
        assert (report["from"][:10], report["to"][:10]) == ("2026-01-01", "2026-01-08"), report
