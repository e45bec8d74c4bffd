"""Every page: it opens, nothing goes wrong in it, it fits its window, and axe has nothing to say against it.

On a desk and on a phone, in light and in dark: a story each, so that they are played beside each other.
"""

import axe
import ledger
import sight
from chrome import DARK, DESKTOP, LIGHT, PHONE
from pages import PAGES, open_page


def pages_on_a_desk_in_light(browser):
    _look(browser, DESKTOP, LIGHT, "desktop-light")


def pages_on_a_desk_in_dark(browser):
    _look(browser, DESKTOP, DARK, "desktop-dark")


def pages_on_a_phone_in_light(browser):
    _look(browser, PHONE, LIGHT, "phone-light")


def pages_on_a_phone_in_dark(browser):
    _look(browser, PHONE, DARK, "phone-dark")


def pages_of_a_fresh_ledger(browser):
    with browser.page() as page:
        for entry in PAGES:
            if entry.empty is None:
                continue
            open_page(page, entry)
            said = page.locator("main").inner_text()
            assert entry.empty in said, f"{entry.path} does not say {entry.empty!r} but:\n{said}"
            browser.picture(page, f"{entry.name}.empty")


def _look(browser, width, scheme, view):
    ledger.book(browser.base)
    faults = []
    with browser.page(width, scheme) as page:
        for entry in PAGES:
            open_page(page, entry)
            sight.fits(page)
            if width == DESKTOP and not entry.is_wide:
                sight.shows_all(page)
            browser.picture(page, f"{entry.name}.{view}")
            faults += axe.judge(page, entry.name)
    assert not faults, f"axe found {len(faults)} things:\n" + "\n".join(faults)
