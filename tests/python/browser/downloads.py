"""Tables that are saved as files."""

import csv


def saved(page, name, role="link"):
    """The rows of the file that a link or button of that name gives, and what the file is called."""
    with page.expect_download() as download:
        page.get_by_role(role, name=name, exact=True).click()
    with open(download.value.path(), newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file)), download.value.suggested_filename
