"""axe-core's judgement of a page. It is put into the page by the test, from the package that brings it."""

import json

from axe_playwright_python.base import AXE_SCRIPT

TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
_OPTIONS = {
    "runOnly": {"type": "tag", "values": TAGS},
    "resultTypes": ["violations"],
    # No rule of these tags needs stylesheets fetched once more, and the pages have no frames.
    "preload": False,
    "iframes": False,
}
_RUN = f"axe.run({json.dumps(_OPTIONS)}).then(found => [found.violations, found.passes.length])"
_SHOWN = 4


def put_into(page):
    """Into each document that the page opens from now on."""
    page.add_init_script(AXE_SCRIPT)


def judge(page, what):
    """What axe finds wrong with the page as it is now, a line each."""
    violations, passed = page.evaluate(_RUN)
    assert passed > 10, f"axe looked at nothing of {page.url}"
    return [f"{what}: {line}" for violation in violations for line in _lines(violation)]


def _lines(violation):
    nodes = violation["nodes"]
    yield f"{violation['id']} ({violation['impact']}): {violation['help']}, in {len(nodes)} places"
    for node in nodes[:_SHOWN]:
        found = [check["message"] for check in node["any"] + node["all"] + node["none"]]
        yield f"    {' '.join(map(str, node['target']))}: {'; '.join(found)}\n      {node['html'][:160]}"
