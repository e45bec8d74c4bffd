"""How somebody finds what they were told the name of."""

from urllib.parse import quote

import ledger
import sight
from chrome import PHONE
from playwright.sync_api import expect


def why_a_call_was_refused(browser, request, call, cap):
    """A call that went through Envoy, by the id of its request, on a phone."""
    with browser.page(PHONE) as page:
        page.goto("/console/alerts")
        field = page.get_by_role("searchbox")
        field.fill(request)
        field.press("Enter")
        expect(page.get_by_role("heading", level=1)).to_have_text(call)
        why = page.get_by_role("region", name="Why it was refused")
        expect(why).to_contain_text(f"The cap {cap} on customer acme had no room for one more call.")
        expect(why).to_contain_text("1 of 1 calls")
        expect(page.get_by_text("No provider was paid for this call.")).to_be_visible()
        sight.fits(page)


def names_lead_to_their_pages(browser):
    ledger.book(browser.base)
    with browser.page() as page:
        for name, heading, path in [
            (ledger.CACHED.id, ledger.CACHED.id, f"/console/calls/{ledger.CACHED.id}"),
            ("request-1", ledger.CACHED.id, f"/console/calls/{ledger.CACHED.id}"),
            ("request-2", ledger.RETRIED.id, f"/console/calls/{ledger.RETRIED.id}"),
            (ledger.SEARCH, ledger.SEARCH, f"/console/tasks/{quote(ledger.SEARCH, safe='')}"),
            (ledger.ODD, ledger.ODD, f"/console/customers/{quote(ledger.ODD, safe='')}"),
            ("nobody", "Find", "/console/find?q=nobody"),
        ]:
            # From a page that has none of these headings: what stood there before must not pass for an answer.
            page.goto("/console/alerts")
            expect(page.get_by_role("heading", level=1)).to_have_text("Alerts")
            page.get_by_role("searchbox").fill(name)
            page.get_by_role("button", name="Find").click()
            expect(page.get_by_role("heading", level=1)).to_have_text(heading)
            assert page.url == browser.base + path, f"{name!r} leads to {page.url}"
