"""Chromium, started once, and pages that are watched while they are open."""

import os
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import sync_playwright

DESKTOP, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
LIGHT, DARK = "light", "dark"
PATIENCE_MS = 15_000


class Browser:
    """A browser that looks at one console."""

    def __init__(self, chromium, base, pictures):
        self.chromium, self.base, self.pictures = chromium, base, Path(pictures)
        self.pictures.mkdir(parents=True, exist_ok=True)
        self.last = None

    @contextmanager
    def page(self, width=DESKTOP, scheme=LIGHT):
        """A page of a context of its own; at its end, nothing may have gone wrong in it."""
        context = self.chromium.new_context(base_url=self.base, viewport=width, color_scheme=scheme)
        context.set_default_timeout(PATIENCE_MS)
        page = self.last = context.new_page()
        faults = watch(page, self.base)
        yield page
        assert not faults, "the browser complains:\n  " + "\n  ".join(faults)
        context.close()

    def picture(self, page, name):
        """The whole page, in target/screenshots. The caret is left alone: to hide it takes a style that the policy forbids."""
        page.screenshot(path=self.pictures / f"{name}.png", full_page=True, caret="initial")


def watch(page, base):
    """What the browser complains about; the list grows while the page is used."""
    faults, host = [], urlsplit(base).netloc

    def complains(message):
        # An address that answers 404 is told as an error of the console; whether it should is the story's to say.
        if message.type in ("error", "warning") and "Failed to load resource" not in message.text:
            faults.append(f"{message.type}: {message.text}")

    def asks(request):
        if urlsplit(request.url).netloc != host:
            faults.append(f"asks another host: {request.url}")

    def answers(response):
        if response.status >= 400 and response.request.resource_type != "document":
            faults.append(f"{response.status} for {response.url}")

    def never_came(request):
        # A file that is saved ends the way of a page that would have been shown.
        if request.resource_type != "document":
            faults.append(f"never came: {request.url} {request.failure}")

    page.on("console", complains)
    page.on("pageerror", lambda error: faults.append(f"script: {error}"))
    page.on("request", asks)
    page.on("requestfailed", never_came)
    page.on("response", answers)
    return faults


@contextmanager
def started(base):
    """The browser of `$CHROMIUM`, looking at this console."""
    # Root cannot have Chromium's sandbox.
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=os.environ["CHROMIUM"], args=arguments)
        try:
            yield Browser(chromium, base, os.environ["SCREENSHOTS"])
        finally:
            chromium.close()
