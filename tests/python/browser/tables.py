"""Tables as somebody reads them: rows by what they begin with, cells by their headings."""


def table(page, name):
    """The table in the box of that name."""
    return page.get_by_role("group", name=name, exact=True).locator("table")


# The cells of each line; one that spans columns stands in the first of them.
_CELLS = """table => [...table.querySelectorAll('thead tr, tbody tr, tfoot tr')].map(
  line => [...line.cells].flatMap(cell => [cell.innerText, ...Array(cell.colSpan - 1).fill('')]))"""


def rows(found):
    """Its rows, each by its headings; the total, where there is one, is the last."""
    headings, *lines = found.evaluate(_CELLS)
    headings = [" ".join(heading.split()) for heading in headings]
    return [dict(zip(headings, [" ".join(cell.split()) for cell in line])) for line in lines]


def row(found, begins):
    """The one row that begins so."""
    lines = [line for line in rows(found) if next(iter(line.values())).startswith(begins)]
    assert len(lines) == 1, f"{len(lines)} rows begin with {begins!r}: {rows(found)}"
    return lines[0]


def exact(found, begins):
    """The exact amounts of a row: what its cells say when they are pointed at."""
    line = found.locator("tr").filter(has=found.page.locator("th:first-child", has_text=begins))
    return [cell.get_attribute("title") for cell in line.locator("td[title]").all()]
