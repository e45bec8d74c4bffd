"""Plays one story in a real browser: `python tests/python/browser STORY BASE [FACTS]`.

`$CHROMIUM` is the browser, `$SCREENSHOTS` where its pictures go. A story that does not end as it should says why, shows
what the browser saw last, and exits with 1. What a story needs to be told (an id that only the caller knows) is JSON in FACTS.
"""

import json
import sys
import traceback

import chrome
import stories

name, base, facts = sys.argv[1], sys.argv[2], json.loads(sys.argv[3] if len(sys.argv) > 3 else "{}")
if name not in stories.ALL:
    sys.exit(f"no story {name}; there are {', '.join(sorted(stories.ALL))}")
with chrome.started(base) as browser:
    failed = browser.pictures / f"failed-{name}.png"
    failed.unlink(missing_ok=True)
    try:
        stories.ALL[name](browser, **facts)
    except Exception:
        traceback.print_exc()
        if browser.last and not browser.last.is_closed():
            print(f"\nThe browser is at {browser.last.url}; see {failed}", file=sys.stderr)
            browser.picture(browser.last, failed.stem)
        sys.exit(1)
