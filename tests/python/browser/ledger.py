"""A known ledger: calls as filters tell them, so that every figure on the pages can be worked out by hand.

Prices are those of `tests/catalogue.json`, in USD per million tokens: gpt-4o 2.50 in, 1.25 from the cache, 10 out;
gpt-4o-mini 0.15, 0.075, 0.60. The policy is in `tests/suite/browser.rs`.
"""

import json
import time
import urllib.request
from pathlib import Path

SECOND = 10**9
HOUR = 3_600 * SECOND
DAY = 24 * HOUR
# What is told to be minutes old was never yesterday.
NOW = time.time_ns()
if NOW % DAY < 10 * 60 * SECOND:
    NOW = NOW // DAY * DAY - 60 * SECOND

# A name that would be markup if it were not escaped, and that needs escaping in addresses.
ODD = 'Ångström & <b>Söhne</b>/"EU" 100%'
CONTRACT, CHAT, SEARCH = "contract-17", "chat-4", "find/2 ä"
UNPRICED = "house/model:latest"

# On so many days acme made calls, the last of which is today.
DAYS = 6


def _id(number, started):
    """A UUIDv7 of that instant."""
    text = f"{started // 10**6:012x}7000{0x8000 + number:04x}{number:012x}"
    return "-".join([text[:8], text[8:12], text[12:16], text[16:20], text[20:]])


class Call:
    """A call that began so long ago, as its two events."""

    made = []

    def __init__(self, ago, model, units, customer=None, **more):
        self.started = NOW - ago
        self.id = _id(len(Call.made) + 1, self.started)
        Call.made.append(self)
        who = {"customer": customer} | {key: more.pop(key) for key in ("workspace", "feature", "task") if key in more}
        self.head = {
            "id": self.id,
            "request_id": f"request-{len(Call.made)}",
            "provider": "openai",
            "dialect": "openai-chat",
            "operation": "chat",
            "route": "chat",
            "request_model": model,
            "started_at": self.started,
            "attribution": {key: {"value": value, "from": "header"} for key, value in who.items() if value},
        } | more.pop("head", {})
        took = more.pop("took", 2 * SECOND)
        self.end = {
            "finished_at": self.started + took,
            "first_token_at": self.started + took // 4,
            "ending": "complete",
            "outcome": "ok",
            "status": 200,
            "attempts": 1,
            "cluster": "openai",
            "upstream": "10.0.0.7:443",
            "finish_reasons": ["stop"],
            "usage": {"units": units, "complete": True},
        } | more.pop("end", {})
        self.is_open = more.pop("is_open", False)
        assert not more, more

    def event(self):
        if self.is_open:
            return {"kind": "started", "head": self.head}
        return {"kind": "finished", "head": self.head, "end": self.end}


ACME = {"customer": "acme", "workspace": "acme-main", "feature": "summaries"}

# 134 at 2.50, 2,176 at 1.25 and 11 at 10: 0.000335 + 0.00272 + 0.00011 = 0.003165.
CACHED = Call(5 * 60 * SECOND, "gpt-4o", {"input": 134, "cache_read": 2_176, "output": 11}, task=CONTRACT, **ACME)
# 1,000 at 2.50 and 100 at 10: 0.0025 + 0.001; and 0.0025 for the prompt of the attempt before, which was never answered.
_BEGAN = NOW - 4 * 60 * SECOND
RETRIED = Call(
    4 * 60 * SECOND,
    "gpt-4o",
    {"input": 1_000, "output": 100},
    task=CONTRACT,
    end={
        "attempts": 2,
        "tried": [
            {"number": 1, "fate": "lost", "cluster": "openai", "started_at": _BEGAN, "ended_at": _BEGAN + SECOND // 2,
             "usage": {"units": {"input": 1_000}, "estimated": ["input"], "complete": False}},
            {"number": 2, "fate": "answered", "decides": True, "reason": "per_try_timeout", "cluster": "openai",
             "started_at": _BEGAN + SECOND // 2, "answered_at": _BEGAN + SECOND, "ended_at": _BEGAN + 2 * SECOND,
             "status": 200},
        ],
    },
    **ACME,
)  # fmt: skip
# Yesterday and before: 100,000 at 0.15 and 10,000 at 0.60, 0.021 each.
for _day in range(1, DAYS):
    Call(
        _day * DAY, "gpt-4o-mini", {"input": 100_000, "output": 10_000},
        customer="acme", workspace="acme-main", feature="chat", task=CHAT,
    )  # fmt: skip
# More than the plan of nine dollars brings: 4,000,000 at 2.50.
DEAR = Call(3 * 60 * SECOND, "gpt-4o", {"input": 4_000_000}, customer="globex", workspace="globex-main", feature="search", task=SEARCH)
NOBODY = Call(2 * 60 * SECOND, "gpt-4o-mini", {"input": 1_000, "output": 1_000})
NEVER_PRICED = Call(150 * SECOND, UNPRICED, {"input": 500, "output": 50}, customer=ODD, feature="<i>odd</i>")
CUT = Call(
    140 * SECOND, "gpt-4o", {"input": 200, "output": 20}, customer=ODD,
    end={"ending": "client_abort", "outcome": "client_aborted", "response_flags": "DC",
         "usage": {"units": {"input": 200, "output": 20}, "estimated": ["input", "output"], "complete": False}},
)  # fmt: skip
STOPPED = Call(
    130 * SECOND, "gpt-4o", {}, customer="globex", feature="search",
    head={"hold": "0.0525", "hold_input": "0.0025",
          "caps": [{"cap": "globex-period/usd", "subject": "customer=globex", "held": 0, "decision": "refused"}]},
    end={"ending": "local_reply", "outcome": "refused_by_cap", "status": 429, "refused": "cap", "attempts": 0,
         "finish_reasons": [], "first_token_at": None, "cluster": None, "upstream": None},
)  # fmt: skip
OPEN = Call(20 * SECOND, "gpt-4o", {}, customer="globex", feature="search", head={"hold": "0.0525", "hold_input": "0.0025"}, is_open=True)

# The catalogue of the tests with one rate moved by a factor of four, which waits for somebody's approval.
MOVED = json.loads((Path(__file__).parents[2] / "catalogue.json").read_text())
MOVED["gpt-4o"]["input_cost_per_token"] = 1e-05


def ask(base, path, body=None, method=None):
    """JSON there and back."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(base + path, data, {"content-type": "application/json"}, method=method)
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def book(base):
    """Books all of it, and an outcome, and a price that waits."""
    batch = {"version": 1, "node": "n", "boot": "b", "events": [call.event() for call in Call.made]}
    results = ask(base, "/v1/events", batch)["results"]
    assert all(item["result"] == "accepted" for item in results), results
    outcome = {"outcome": "succeeded", "reason": "the contract was signed", "revision": 1}
    ask(base, f"/v1/tasks/{CONTRACT}/outcome", outcome, "PUT")
    ask(base, "/v1/prices/imports", MOVED)
