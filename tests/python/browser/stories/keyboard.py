"""The console without a mouse."""

import ledger
from pages import PAGES, open_page
from playwright.sync_api import expect

# What somebody must be able to get at, in the order of the page. Several radio buttons of one name are one stop.
_STOPS = """() => {
  const all = 'a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex="0"]';
  window.stops = [...document.querySelectorAll(all)].filter(e => e.checkVisibility() && !e.disabled);
  return window.stops.map(e => e.outerHTML.slice(0, 100));
}"""

# Which of them has the focus, and whether it can be seen that it has.
_FOCUSED = """() => {
  const it = document.activeElement, style = getComputedStyle(it), box = it.getBoundingClientRect();
  const ring = style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2;
  const seen = box.width > 0 && box.bottom > 0 && box.right > 0 && box.top < innerHeight && box.left < innerWidth;
  return [window.stops.indexOf(it), ring && seen];
}"""

# A field of a date is several stops.
_PARTS = 8


def everything_can_be_reached(browser):
    """By Tab, with a focus that can be seen."""
    ledger.book(browser.base)
    with browser.page() as page:
        for entry in PAGES:
            if entry.name not in _WALKED:
                continue
            open_page(page, entry)
            stops = page.evaluate(_STOPS)
            reached, unseen = set(), []
            for _ in range(len(stops) * 2 + _PARTS):
                page.keyboard.press("Tab")
                place, seen = page.evaluate(_FOCUSED)
                if place == 0 and len(reached) > 1:
                    break
                reached.add(place)
                if place >= 0 and not seen:
                    unseen.append(stops[place])
            missed = [stop for place, stop in enumerate(stops) if place not in reached]
            assert not missed, f"{entry.path}: Tab does not reach\n  " + "\n  ".join(missed)
            assert not unseen, f"{entry.path}: the focus cannot be seen at\n  " + "\n  ".join(unseen)


# One of each kind of page.
_WALKED = [
    *("overview", "customer", "tasks", "task", "calls", "call", "report-customers", "calculator", "reconciliation"),
    *("prices", "proposals", "alerts", "policy", "policy-draft", "access", "sign-in"),
]


def skip_and_search(browser):
    """Past the navigation by the first link, and to a customer by the search."""
    ledger.book(browser.base)
    with browser.page() as page:
        page.goto("/")
        page.keyboard.press("Tab")
        skip = page.locator(":focus")
        expect(skip).to_have_text("Skip to content")
        expect(skip).to_be_in_viewport()
        page.keyboard.press("Enter")
        page.keyboard.press("Tab")
        inside = page.evaluate("document.querySelector('main').contains(document.activeElement)")
        assert inside, "after the skip, Tab is not in the content"
        page.goto("/")
        stops = len(page.evaluate(_STOPS))
        for _ in range(stops):
            page.keyboard.press("Tab")
            if page.evaluate("document.activeElement.type === 'search'"):
                break
        page.keyboard.type("acme")
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", level=1)).to_have_text("acme")
