"""The contract's functions with plain types: from the engine inside a
component, from `fake` in unit tests that run without one."""

from __future__ import annotations


class Refused(Exception):
    """The host said no. `case` is the name of the variant."""

    def __init__(self, case, value=None):
        super().__init__(f"{case}: {value}")
        self.case, self.value = case, value


try:
    from componentize_py_types import Err
    from wit_world import imports as _host  # noqa: F401
    from wit_world.imports import aws as _aws
    from wit_world.imports import checkpoint as _checkpoint
    from wit_world.imports import context
    from wit_world.imports import http as _http
    from wit_world.imports import log as _log
    from wit_world.imports import progress
    from wit_world.imports import secrets as _secrets
    from wit_world.imports import state as _state
except ImportError:
    from .fake import (  # noqa: F401
        aws_call, checkpoint_save, context, http_send, log_write, progress, secret_get,
        state_call,
    )  # fmt: skip
else:

    def _ask(function, *args):
        try:
            return function(*args)
        except Err as error:
            value = error.value
            if isinstance(value, str):
                raise Refused("denied", value) from None
            case = type(value).__name__.partition("_")[2]
            raise Refused(case, getattr(value, "value", None)) from None

    def http_send(method, url, headers, body, timeout_ms, auth):
        attach = None
        if auth is not None:
            kind, value = auth
            attach = getattr(_http, f"Auth_{kind}")(value)
        request = _http.Request(method, url, headers, body, timeout_ms, attach)
        reply = _ask(_http.send, request)
        return reply.status, reply.headers, reply.body

    def aws_call(service, action, region, identity, kind, fields):
        data = getattr(_aws, f"{kind}Input")(**fields)
        variant = getattr(_aws, f"Input_{kind}")(data)
        reply = _ask(_aws.call, _aws.Request(service, action, region, identity, variant))
        return reply.request_id, reply.body

    def checkpoint_save(text):
        _ask(_checkpoint.save, text)

    def secret_get(name):
        return _ask(_secrets.get, name)

    def state_call(name, *args):
        return _ask(getattr(_state, name), *args)

    def log_write(level, message, fields):
        _log.write(getattr(_log.Level, level), message, fields)
