"""axe-core's judgement of a page. The driver puts it into the page from outside, where the page's policy of content does not
reach, so that the page is judged as people get it."""

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


def judge(page, what):
    """What axe finds wrong with the page as it is now, a line each."""
    page.evaluate(AXE_SCRIPT)
    violations, passed = page.evaluate(_RUN)
    assert passed > 10, f"axe looked at nothing of {page.url}"
    return [f"{what}: {line}" for violation in violations for line in _lines(violation)]


def _lines(violation):
    nodes = violation["nodes"]
    yield f"{violation['id']} ({violation['impact']}): {violation['help']}, in {len(nodes)} places"
    for node in nodes[:_SHOWN]:
        found = [check["message"] for check in node["any"] + node["all"] + node["none"]]
        yield f"    {' '.join(map(str, node['target']))}: {'; '.join(found)}\n      {node['html'][:160]}"
