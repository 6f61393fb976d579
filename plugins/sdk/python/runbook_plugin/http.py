"""Requests to granted hosts, with errors that say what the engine may do."""

from __future__ import annotations

import json as _json
from typing import Any

from . import bridge
from .errors import StepError, note_change

_READS = ("GET", "HEAD", "OPTIONS")


class Response:
    """An answer; any status is one."""

    def __init__(self, label: str, reads: bool, status: int, headers, body: bytes):
        self.status, self.headers, self.body = status, headers, body
        self._label, self._reads = label, reads

    def header(self, name: str) -> str | None:
        """The first header of this name."""
        for key, value in self.headers:
            if key.lower() == name.lower():
                return value
        return None

    def text(self) -> str:
        return self.body.decode("utf-8", "replace")

    def json(self) -> Any:
        try:
            return _json.loads(self.body)
        except ValueError as error:
            # After a change the answer is all that tells what happened.
            kind = "permanent" if self._reads else "ambiguous"
            raise StepError(kind, "http-not-json", f"{self._label}: {error}") from None

    def success(self) -> Response:
        """Itself if the status is 2xx, else raises what the status means."""
        if 200 <= self.status < 300:
            return self
        raise self.failure()

    def failure(self) -> StepError:
        """429 and 503 say "later", other 5xx leave a change in doubt, the rest
        will not get better."""
        code = f"http-{self.status}"
        message = f"{self._label} answered {self.status}"
        excerpt = self.text().strip()[:200]
        if excerpt:
            message += f": {excerpt}"
        if self.status in (408, 425, 429, 503):
            error = StepError.retryable(code, message)
        elif self.status >= 500:
            error = StepError.unanswered(not self._reads, code, message)
        else:
            error = StepError.permanent(code, message)
        # A date would need a clock; only the number of seconds is understood.
        seconds = (self.header("retry-after") or "").strip()
        if seconds.isdigit():
            error.after_ms = int(seconds) * 1000
        return error


def request(method: str, url: str, *, json: Any = None, body: bytes = b"", headers=None,
            bearer: str | None = None, basic: tuple[str, str] | None = None,
            secret_header: tuple[str, str] | None = None, timeout_ms: int | None = None,
            reads: bool | None = None) -> Response:  # fmt: skip
    """Sends a request. `bearer`, `basic` and `secret_header` (header, secret)
    name secrets that the host attaches. `reads=True` states that this request
    changes nothing although its method could."""
    method = method.upper()
    reads = method in _READS if reads is None else reads
    label = f"{method} {url.split('?')[0].split('#')[0]}"
    pairs = list((headers or {}).items())
    if json is not None:
        body = _json.dumps(json).encode()
        pairs.append(("content-type", "application/json"))
    auth = None
    for kind, value in (("Bearer", bearer), ("Basic", basic), ("Header", secret_header)):
        if value is not None:
            auth = (kind, value)
    if not reads and bridge.context.dry_run():
        raise StepError.dry_run(label)
    try:
        status, reply_headers, reply = bridge.http_send(
            method, url, pairs, body, timeout_ms, auth
        )
    except bridge.Refused as refused:
        raise _explain(refused, label, not reads) from None
    if not reads:
        note_change()
    return Response(label, reads, status, reply_headers, reply)


def _explain(refused: bridge.Refused, label: str, mutating: bool) -> StepError:
    reason = refused.value
    if refused.case == "Denied":
        return StepError.permanent("http-denied", f"{label}: {reason}")
    if refused.case == "Unreachable":
        return StepError.retryable("http-unreachable", f"{label}: {reason}")
    if refused.case == "Invalid":
        return StepError.permanent("http-invalid", f"{label}: {reason}")
    if mutating:
        note_change()
    if refused.case == "TooLarge":
        # Whether it was the request's or the answer's body is not known.
        kind = "ambiguous" if mutating else "permanent"
        message = f"{label}: the body is larger than {reason} bytes"
        return StepError(kind, "http-too-large", message)
    message = f"{label}: no complete answer: {reason}"
    return StepError.unanswered(mutating, "http-interrupted", message)


def get(url: str, **more: Any) -> Response:
    return request("GET", url, **more)


def post(url: str, **more: Any) -> Response:
    return request("POST", url, **more)


def put(url: str, **more: Any) -> Response:
    return request("PUT", url, **more)


def patch(url: str, **more: Any) -> Response:
    return request("PATCH", url, **more)


def delete(url: str, **more: Any) -> Response:
    return request("DELETE", url, **more)
