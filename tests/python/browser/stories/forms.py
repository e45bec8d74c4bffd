"""What is decided, calculated and compared by forms."""

import json

import downloads
import ledger
import tables
from playwright.sync_api import expect


def a_waiting_price_is_approved(browser):
    ledger.book(browser.base)
    with browser.page() as page:
        page.goto("/console/prices")
        page.get_by_role("link", name="Proposals 2").click()
        box = page.get_by_label("input of gpt-4o at openai", exact=True)
        waits = page.locator("tr").filter(has=box).inner_text()
        assert "2.50" in waits and "10.00" in waits and "× 4" in waits, waits
        box.check()
        page.get_by_role("button", name="Approve selected").click()
        expect(page.get_by_role("status")).to_contain_text("Approved: 1 row")
        page.get_by_role("link", name="gpt-4o").first.click()
        history = tables.rows(tables.table(page, "Every price it ever had"))
        state = [(line["Rate, USD"], line["Status"]) for line in history if line.get("Meter") == "input"]
        assert state == [("10.00", "in force")], history
        # The rows after the first of a meter have no first cell of their own.
        assert any("2.50" in line.values() and "ended" in line.values() for line in history), history


def a_margin_is_calculated(browser):
    with browser.page() as page:
        page.goto("/console/calculator")
        page.get_by_role("combobox", name="Plan", exact=True).select_option("pro")
        page.get_by_role("textbox", name="Model", exact=True).fill("openai/gpt-4o")
        page.get_by_label("Calls per customer and period").fill("p50=100,p99=3000")
        page.get_by_label("Input tokens per call").fill("1000")
        page.get_by_label("Output tokens").fill("100")
        page.get_by_label("Compare with").fill("openai/gpt-4o-mini")
        page.get_by_role("button", name="Calculate").click()
        margins = tables.rows(tables.table(page, "Margin per customer and period"))
        got = [[line[key] for key in ["customer", "cost, USD", "margin, USD", "margin", "as expected"]] for line in margins]
        # A call costs 0.0035 with the one, 0.00021 with the other.
        assert got == [
            ["p50", "0.3500", "48.6500", "99.3 %", "yes"],
            ["p99", "10.5000", "38.5000", "78.6 %", "no"],
            ["p50", "0.0210", "48.9790", "100.0 %", "yes"],
            ["p99", "0.6300", "48.3700", "98.7 %", "yes"],
        ], got
        files, name = downloads.saved(page, "CSV of Margin per customer and period")
        assert name == "calculation-margins.csv" and [row["cost_usd"] for row in files] == ["0.35", "10.5", "0.021", "0.63"], files
        # What was asked is in the address, and can be sent on.
        address = page.url
        page.goto("/")
        page.goto(address)
        expect(page.get_by_label("Calls per customer and period")).to_have_value("p50=100,p99=3000")
        page.get_by_label("Calls per customer and period").fill("p50=many")
        page.get_by_role("button", name="Calculate").click()
        expect(page.get_by_role("alert")).to_contain_text("calls.p50")


def an_export_is_reconciled(browser):
    ledger.book(browser.base)
    day = (ledger.NOW - ledger.DAY) // ledger.DAY * 86_400
    with browser.page() as page:
        page.goto("/console/reconciliation")
        for tokens, verdict in [
            (100_000, ["0.0210", "0.0210", "0.0000", "yes"]),
            (300_000, ["0.0510", "0.0210", "0.0300", "no"]),
        ]:
            result = {"model": "gpt-4o-mini", "input_tokens": tokens, "output_tokens": 10_000, "num_model_requests": 1}
            export = {"data": [{"start_time": day, "end_time": day + 86_400, "results": [result]}]}
            page.get_by_label("Usage, JSON or CSV").fill(json.dumps(export))
            page.get_by_role("button", name="Compare").click()
            expect(page.get_by_role("heading", level=1)).to_have_text("Reconciliation with openai")
            [total] = tables.rows(tables.table(page, "Theirs and ours"))
            got = [total[key] for key in ["theirs, USD", "ours, USD", "difference, USD", "within it"]]
            assert got == verdict, total
            [file], _ = downloads.saved(page, "CSV of Theirs and ours", role="button")
            assert list(file.values())[0] in total.values() and len(file) == len(total), (file, total)
        page.get_by_label("Usage, JSON or CSV").fill('{"<b>": 1}')
        page.get_by_role("button", name="Compare").click()
        expect(page.get_by_role("alert")).to_contain_text("is no export of openai")


def a_policy_is_put_in_force(browser):
    """A draft with a fault says where it is; a good one shows what it changes, and holds once it is put in force."""
    ledger.book(browser.base)
    with browser.page() as page:
        page.goto("/console/policy")
        text = page.get_by_role("textbox", name="The policy in force")
        in_force = text.input_value()
        assert 'limit_usd: "10"' in in_force, in_force
        text.fill(in_force.replace('limit_usd: "10"', "limit_usd: much"))
        page.get_by_role("button", name="Check").click()
        expect(page.get_by_role("heading", name="1 fault")).to_be_visible()
        draft = page.get_by_role("textbox", name="The draft")
        expect(draft).to_have_value(in_force.replace('limit_usd: "10"', "limit_usd: much"))
        draft.fill(in_force.replace('limit_usd: "10"', 'limit_usd: "12.50"'))
        page.get_by_role("button", name="Check").click()
        changes = tables.rows(tables.table(page, "Changes"))
        assert [list(line.values()) for line in changes] == [
            ["caps[globex-period].limit_usd", "changed", "10", "12.5"]
        ], changes
        files, name = downloads.saved(page, "CSV of Changes", role="button")
        assert name == "draft-changes.csv" and files[0]["after"] == "12.5", files
        with browser.page() as other:
            other.goto("/console/policy")
            theirs = other.get_by_role("textbox", name="The policy in force")
            theirs.fill(in_force.replace('limit_usd: "10"', 'limit_usd: "11"'))
            other.get_by_role("button", name="Check").click()
            page.get_by_role("button", name="Put in force").click()
            expect(page.get_by_role("status")).to_contain_text("Version 2 is in force from now on.")
            assert 'limit_usd: "12.5"' in text.input_value(), text.input_value()
            # Whoever compared with the version before comes too late, and keeps what was written.
            other.get_by_role("button", name="Put in force").click()
            expect(other.get_by_role("alert")).to_contain_text("Nothing was changed: version 2 is in force by now.")
            expect(other.get_by_role("textbox", name="The draft")).to_have_value(
                in_force.replace('limit_usd: "10"', 'limit_usd: "11"')
            )
