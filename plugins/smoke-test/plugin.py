"""HTTP journeys: several requests, checks, and values carried along."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from runbook_plugin import Effect, Plugin, StepError, context, http, log, progress, want

SECRET = "smoke_token"
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")


@dataclass
class Config:
    base_url: Annotated[str, "What URLs that begin with / are put behind"] = ""


plugin = Plugin(
    config=Config,
    wants=[
        want.optional(
            want.http(f"{method} {scheme}://*:*/*", f"{method} requests of a journey")
        )
        for scheme in ("https", "http")
        for method in METHODS
    ]
    + [want.optional(want.attach(SECRET, "bearer token of requests that ask for it"))],
)


@dataclass
class Expect:
    """What an answer has to be like."""

    status: Annotated[int | list[int], "Status, or those that are good"] = 200
    json: Annotated[dict[str, Any], "Values by JSON pointer"] = field(default_factory=dict)
    headers: Annotated[dict[str, str], "Values by name"] = field(default_factory=dict)
    contains: Annotated[list[str], "Texts that the body has"] = field(default_factory=list)
    lacks: Annotated[list[str], "Texts that the body has not"] = field(default_factory=list)


@dataclass
class Request:
    """One request of a journey. `${name}` stands for a value saved earlier."""

    request: Annotated[str, "Method and URL: GET /health", {"pattern": r"^[A-Z]+ \S+$"}]
    name: Annotated[str, "What it is called in messages"] = ""
    headers: Annotated[dict[str, str], "Headers to send"] = field(default_factory=dict)
    json: Annotated[Any, "JSON body to send"] = None
    token: Annotated[bool, f"Attach the secret {SECRET} as bearer token"] = False
    expect: Annotated[Expect, "What the answer has to be like"] = field(default_factory=Expect)
    save: Annotated[
        dict[str, str], "Names for values of the answer: a JSON pointer, or header:NAME"
    ] = field(default_factory=dict)


@dataclass
class Journey:
    """Requests in order; the first whose answer is wrong ends it."""

    requests: Annotated[list[Request], {"minItems": 1, "maxItems": 50}]
    base_url: Annotated[str, "What URLs that begin with / are put behind"] = ""
    returns: Annotated[list[str], "Saved values that later steps may see"] = field(
        default_factory=list
    )
    on_mismatch: Annotated[
        Literal["fail", "report"], "Fail the step, or only say so in its outputs"
    ] = "fail"


@dataclass
class Probe:
    """Addresses that are only read, all of them."""

    urls: Annotated[list[str], {"minItems": 1, "maxItems": 50}]
    base_url: Annotated[str, "What URLs that begin with / are put behind"] = ""
    expect: Annotated[Expect, "What every answer has to be like"] = field(default_factory=Expect)
    on_mismatch: Annotated[
        Literal["fail", "report"], "Fail the step, or only say so in its outputs"
    ] = "fail"


@dataclass
class Report:
    """What was found."""

    passed: bool
    requests: Annotated[int, "Requests that were sent"]
    checks: Annotated[int, "Things that were compared"]
    failures: Annotated[list[str], "One sentence for each thing that was wrong"]
    values: Annotated[dict[str, Any], "The saved values that `returns` names"]


@plugin.step(
    "check",
    idempotency="pure",
    typical_ms=1000,
    examples=[{"urls": ["/health", "/ready"], "expect": {"json": {"/status": "ok"}}}],
)
def check(probe: Probe) -> Report:
    """Read addresses and compare what they answer."""
    walk = Walk(probe.base_url)
    for url in probe.urls:
        walk.go(Request(request=f"GET {url}", expect=probe.expect))
    return walk.report(probe.on_mismatch, [])


@plugin.step(
    "journey",
    # The author of the journey sees to it; the page of the plugin says so.
    idempotency="idempotent",
    typical_ms=3000,
    examples=[
        {
            "requests": [
                {"request": "POST /carts", "json": {}, "expect": {"status": 201}, "save": {"id": "/id"}},
                {"request": "GET /carts/${id}", "expect": {"json": {"/items": []}}},
            ]
        }
    ],
)
def journey(journey: Journey) -> Report:
    """Walk through an application and compare what it answers."""
    walk = Walk(journey.base_url)
    for number, request in enumerate(journey.requests):
        progress(request.name or request.request, number * 100 // len(journey.requests))
        if context.cancelled():
            raise StepError.permanent("cancelled", "the run was asked to stop")
        walk.go(request)
        if walk.failures:
            break
    return walk.report(journey.on_mismatch, journey.returns)


@journey.plan
def plan_journey(journey: Journey) -> list[Effect]:
    return [Effect(f"send {request.request}") for request in journey.requests]


class Walk:
    """The state of one journey."""

    def __init__(self, base_url: str):
        self.base_url = base_url or context.config(Config).base_url
        self.values: dict[str, Any] = {}
        self.requests = self.checks = 0
        self.failures: list[str] = []

    def go(self, request: Request) -> None:
        """Sends one request and compares its answer."""
        method, _, url = self.fill(request.request).partition(" ")
        if url.startswith("/"):
            if not self.base_url:
                raise StepError.permanent("no-base-url", f"{url}: there is no `base_url`")
            url = self.base_url.rstrip("/") + url
        reply = http.request(
            method,
            url,
            json=self.fill(request.json),
            headers=self.fill(request.headers),
            bearer=SECRET if request.token else None,
        )
        self.requests += 1
        label = request.name or f"{method} {url.split('?')[0]}"
        self.compare(label, reply, request.expect)
        if self.failures:
            return
        for name, where in request.save.items():
            found, value = _look(reply, where)
            if not found:
                self.failures.append(f"{label}: nothing at {where} to save as {name}")
            self.values[name] = value

    def compare(self, label: str, reply: http.Response, expect: Expect) -> None:
        wanted = expect.status if isinstance(expect.status, list) else [expect.status]
        self.check(reply.status in wanted, f"{label}: status {reply.status}, expected {wanted}")
        for pointer, value in expect.json.items():
            value = self.fill(value)
            found, actual = _look(reply, pointer)
            shown = repr(actual)[:200] if found else "nothing"
            self.check(
                found and actual == value, f"{label}: {pointer} is {shown}, expected {value!r}"
            )
        for name, value in expect.headers.items():
            actual = reply.header(name)
            self.check(
                actual == self.fill(value), f"{label}: {name} is {actual!r}, expected {value!r}"
            )
        text = reply.text() if expect.contains or expect.lacks else ""
        for part in expect.contains:
            self.check(self.fill(part) in text, f"{label}: the body lacks {part!r}")
        for part in expect.lacks:
            self.check(self.fill(part) not in text, f"{label}: the body contains {part!r}")

    def check(self, good: bool, sentence: str) -> None:
        self.checks += 1
        if not good:
            self.failures.append(sentence)
            log.warn(sentence)

    def fill(self, value: Any) -> Any:
        """Puts saved values where `${name}` stands; alone, it keeps its type."""
        if isinstance(value, dict):
            return {key: self.fill(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.fill(item) for item in value]
        if not isinstance(value, str):
            return value
        alone = re.fullmatch(r"\$\{(\w+)\}", value)
        if alone:
            return self.saved(alone[1])
        return re.sub(r"\$\{(\w+)\}", lambda match: str(self.saved(match[1])), value)

    def saved(self, name: str) -> Any:
        if name not in self.values:
            known = ", ".join(self.values) or "none"
            raise StepError.permanent("unknown-value", f"${{{name}}} was not saved; saved: {known}")
        return self.values[name]

    def report(self, on_mismatch: str, returns: list[str]) -> Report:
        if self.failures and on_mismatch == "fail":
            more = f" (and {len(self.failures) - 1} more)" if len(self.failures) > 1 else ""
            # What was wrong may be right in a moment: the retry policy decides.
            raise StepError.retryable(
                "mismatch", self.failures[0] + more, details={"failures": self.failures}
            )
        values = {name: self.saved(name) for name in returns if not self.failures}
        return Report(not self.failures, self.requests, self.checks, self.failures, values)


def _look(reply: http.Response, where: str) -> tuple[bool, Any]:
    """What an answer has at a JSON pointer or in a header."""
    if where.startswith("header:"):
        value = reply.header(where[7:])
        return value is not None, value
    try:
        value = http_json(reply)
        for part in where.split("/")[1:]:
            part = part.replace("~1", "/").replace("~0", "~")
            value = value[int(part)] if isinstance(value, list) else value[part]
    except (KeyError, IndexError, TypeError, ValueError):
        return False, None
    return True, value


def http_json(reply: http.Response) -> Any:
    """The JSON of an answer; that it is none is a finding, not a crash."""
    try:
        return reply.json()
    except StepError as error:
        raise ValueError(error.message) from None
