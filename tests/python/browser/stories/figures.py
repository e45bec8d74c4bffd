"""The figures of the known ledger on its pages, and the charts that show them."""

from decimal import Decimal

import ledger
import tables
from playwright.sync_api import expect


def customers_cost_and_margin(browser):
    ledger.book(browser.base)
    with browser.page() as page:
        page.goto("/")
        total = tables.row(tables.table(page, "Customers"), "Total")
        assert total == {"Customer": "Total", "Cost": "$10.12 + 1 unpriced", "Calls": "11", "Refused": "1"}, total
        # Five days of acme's calls, and today those of three customers and of nobody.
        assert _bars(page, "Calls").count() == 5 + 4
        page.get_by_role("link", name="acme", exact=True).first.click()
        expect(page.get_by_role("heading", level=1)).to_have_text("acme")
        period = tables.table(page, "Cost and margin")
        # Five times 0.021, 0.003165 and 0.006 of 49 dollars.
        assert tables.exact(period, "This billing period") == ["0.114165 USD"]
        line = tables.row(period, "This billing period")
        got = [line[column] for column in ["Revenue", "Cost so far", "Margin", "of revenue", "Calls", "Refused"]]
        assert got == ["$49.00", "$0.1142", "$48.89", "99.8 %", "7", "0"], got
        _chart_of_days(page)
        page.goto("/console/customers/globex")
        line = tables.row(tables.table(page, "Cost and margin"), "This billing period")
        got = [line[column] for column in ["Revenue", "Margin", "of revenue"]]
        assert got == ["$9.00", "−$1.00", "-11.1 % below the expected 70 %"], got


def _chart_of_days(page):
    """A bar a day, as high as the day was dear; and the same as a table."""
    bars = _bars(page, "Cost")
    heights = [int(bar.get_attribute("height")) for bar in bars.all()]
    # The scale ends at 0.03 dollars.
    assert heights == [700] * (ledger.DAYS - 1) + [305], heights
    page.get_by_text("The chart as a table").click()
    days = tables.rows(tables.table(page, "The chart as a table"))
    costs = [day["Cost"] for day in days]
    assert costs == ["$0.0210"] * (ledger.DAYS - 1) + ["$0.009165"], costs


def _bars(page, title):
    return page.get_by_role("figure", name=title).locator("svg.canvas rect")


def split_of_a_task(browser):
    ledger.book(browser.base)
    with browser.page() as page:
        page.goto("/console/tasks?customer=acme")
        page.get_by_role("link", name=ledger.CONTRACT).click()
        expect(page.locator(".total")).to_have_text("$0.009165")
        expect(page.get_by_text("The application said: “the contract was signed”")).to_be_visible()
        parts = {line["For"]: line["Cost"] for line in tables.rows(tables.table(page, "Parts of the cost"))}
        spent = {part: cost for part, cost in parts.items() if cost != "$0.00"}
        assert spent == {"useful": "$0.006665", "retries": "$0.002500", "Total": "$0.009165"}, parts
        # 727 and 272 of a thousand.
        widths = [int(bar.get_attribute("width")) for bar in page.locator("svg.split rect:not(.rail)").all()]
        assert len(widths) == 2 and abs(widths[0] - 727) <= 1 and abs(widths[1] - 273) <= 1, widths
        calls = tables.table(page, "Calls on a time line")
        assert [line["Cost"] for line in tables.rows(calls)] == ["$0.003165", "$0.006000"]
        # One attempt answered; of two, the first was lost. What is pale is the waiting.
        lanes = [lane.locator("rect:not(.t-wait)").count() for lane in calls.locator("svg.lanes").all()]
        assert lanes == [1, 2], lanes


def arithmetic_of_a_call(browser):
    ledger.book(browser.base)
    with browser.page() as page:
        page.goto(f"/console/calls/{ledger.CACHED.id}")
        expect(page.locator(".total")).to_have_text("$0.003165")
        *lines, total = tables.rows(tables.table(page, "Price arithmetic"))
        got = [(line["Meter"], line["Units"], line["Rate, USD"], line["Cost, USD"]) for line in lines]
        assert got == [
            ("input", "134", "×2.50", "=0.000335"),
            ("cache read", "2,176", "×1.25", "=0.00272"),
            ("output", "11", "×10.00", "=0.00011"),
        ], got
        for meter, units, rate, cost in got:
            product = Decimal(units.replace(",", "")) * Decimal(rate[1:]) / 10**6
            assert product == Decimal(cost[1:]), f"{meter}: {units} {rate} is {product}"
        assert "=0.003165" in total.values(), total
        page.get_by_role("link", name="its task").click()
        expect(page.get_by_role("heading", level=1)).to_have_text(ledger.CONTRACT)
