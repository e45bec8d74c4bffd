"""axe-core's judgement of a page. It is put into the page by the test, from the package that brings it."""

import json

from axe_playwright_python.base import AXE_SCRIPT

TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
_OPTIONS = {"runOnly": {"type": "tag", "values": TAGS}, "resultTypes": ["violations"]}
_SHOWN = 4


def put_into(page):
    page.evaluate(AXE_SCRIPT)


def judge(page, what):
    """What axe finds wrong with the page as it is now, a line each."""
    result = page.evaluate(f"axe.run({json.dumps(_OPTIONS)})")
    assert len(result["passes"]) > 10, f"axe looked at nothing of {page.url}"
    return [f"{what}: {line}" for violation in result["violations"] for line in _lines(violation)]


def _lines(violation):
    nodes = violation["nodes"]
    yield f"{violation['id']} ({violation['impact']}): {violation['help']}, in {len(nodes)} places"
    for node in nodes[:_SHOWN]:
        found = [check["message"] for check in node["any"] + node["all"] + node["none"]]
        yield f"    {' '.join(map(str, node['target']))}: {'; '.join(found)}\n      {node['html'][:160]}"
