"""A host for unit tests:

    fake.reset(config={"url": "http://chat"}, http=[(200, {}, {"ok": True})])
    post(Message("hi"))
    assert fake.sent == ["POST http://chat {\\"text\\": \\"hi\\"}"]

An answer may also be an exception: `Refused("Interrupted", "reset")`.
"""

from __future__ import annotations

import json

sent: list[str] = []
_script: dict = {}


def reset(config=None, resume=None, http=(), aws=(), secrets=None, dry_run=False):
    """Starts over with these answers."""
    from .errors import forget_changes

    forget_changes()
    sent.clear()
    _script.clear()
    _script.update(
        config=config or {}, resume=None if resume is None else json.dumps(resume),
        http=list(http), aws=list(aws), secrets=secrets or {}, dry_run=dry_run, state={},
    )  # fmt: skip


class context:
    run_id = staticmethod(lambda: "r1")
    step_id = staticmethod(lambda: "step")
    attempt = staticmethod(lambda: 1)
    idempotency_key = staticmethod(lambda: "r1/step")
    environment = staticmethod(lambda: "test")
    dry_run = staticmethod(lambda: _script.get("dry_run", False))
    config = staticmethod(lambda: json.dumps(_script.get("config", {})))
    resume_state = staticmethod(lambda: _script.get("resume"))
    remaining_ms = staticmethod(lambda: 60_000)
    cancelled = staticmethod(lambda: False)


class progress:
    report = staticmethod(lambda message, percent: None)
    heartbeat = staticmethod(lambda: None)


def _next(kind):
    answers = _script.get(kind)
    if not answers:
        raise AssertionError(f"the test has no answer to {sent[-1]}")
    answer = answers.pop(0)
    if isinstance(answer, Exception):
        raise answer
    return answer


def http_send(method, url, headers, body, timeout_ms, auth):
    sent.append(f"{method} {url} {body.decode()}".rstrip())
    status, reply_headers, reply = _next("http")
    return status, list(reply_headers.items()), json.dumps(reply).encode()


def aws_call(service, action, region, identity, kind, fields):
    sent.append(f"{service}:{action} {fields.get('params') or fields.get('body') or ''}".rstrip())
    return "fake", _next("aws").encode()


def checkpoint_save(text):
    sent.append(f"checkpoint {text}")
    _script["resume"] = text


def secret_get(name):
    return _script["secrets"][name]


def state_call(name, key, *args):
    from .bridge import Refused

    store = _script["state"]
    if name == "get":
        return store.get(key)
    if name == "replace" and store.get(key) != args[0]:
        raise Refused("Conflict")
    if name == "delete":
        store.pop(key, None)
    else:
        store[key] = args[-1]
    return None


def log_write(level, message, fields):
    pass
