"""Keys: the first one closes the console, and who has one is let in."""

import axe
import downloads
import sight
from chrome import DARK, DESKTOP, LIGHT, PHONE
from playwright.sync_api import expect


def a_key_closes_the_console(browser):
    with browser.page() as page:
        page.goto("/console/access")
        page.get_by_label("Whose").fill("anna")
        page.get_by_label("Role").select_option("admin")
        page.get_by_role("button", name="Make it").click()
        key = page.locator("code.secret").inner_text()
        browser.picture(page, "access-made.desktop-light")
        assert len(key) > 20, key
    with browser.page() as page:
        page.goto("/console/tasks")
        expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
        _sign_in(page, "not the key")
        expect(page.get_by_role("alert")).to_contain_text("That key does not open the console")
        _sign_in(page, key)
        # To the page that was asked for.
        expect(page.get_by_role("heading", level=1)).to_have_text("Tasks")
        page.goto("/console/access")
        expect(page.get_by_text("Signed in as anna, role admin.")).to_be_visible()
        [row], name = downloads.saved(page, "CSV of the keys")
        assert (name, row["name"], row["role"]) == ("keys.csv", "anna", "admin"), row
        page.get_by_role("button", name="Sign out").click()
        page.goto("/")
        expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
    faults = []
    for width, scheme in [(DESKTOP, LIGHT), (PHONE, DARK)]:
        with browser.page(width, scheme) as page:
            page.goto("/console/access")
            faults += _judge(browser, page, f"sign-in-asked.{scheme}")
            _sign_in(page, "not the key")
            expect(page.get_by_role("alert")).to_be_visible()
            faults += _judge(browser, page, f"sign-in-wrong.{scheme}")
            _sign_in(page, key)
            expect(page.get_by_role("heading", level=1)).to_have_text("Access")
            faults += _judge(browser, page, f"access-keys.{scheme}")
    assert not faults, "axe found:\n" + "\n".join(faults)


def _sign_in(page, key):
    page.get_by_label("Key").fill(key)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_load_state()


def _judge(browser, page, what):
    sight.fits(page)
    browser.picture(page, what)
    return axe.judge(page, what)
