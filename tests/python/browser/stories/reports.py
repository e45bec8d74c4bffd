"""Reports as pages and as files: what is downloaded says what the page says."""

import csv
from decimal import Decimal

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
        with page.expect_download() as download:
            page.get_by_role("link", name="CSV", exact=True).click()
        with open(download.value.path(), newline="", encoding="utf-8") as file:
            *rows, total = csv.DictReader(file)
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
