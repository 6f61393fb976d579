"""AWS requests that the host signs and sends."""

from __future__ import annotations

import json as _json
from typing import Any

from . import bridge
from .errors import StepError, note_change

_READS = ("Get", "List", "Describe", "Head")


class Response:
    """An answer: XML of a Query service, JSON of a JSON service."""

    def __init__(self, request_id: str, body: bytes):
        self.request_id, self.body = request_id, body

    def text(self) -> str:
        return self.body.decode("utf-8", "replace")

    def json(self) -> Any:
        return _json.loads(self.body)


def query(service: str, api_version: str, action: str, params=None, region=None,
          identity=None) -> Response:  # fmt: skip
    """A Query service (RDS, STS, SNS, IAM, EC2, ELB, ...)."""
    pairs = [(key, str(value)) for key, value in (params or {}).items()]
    fields = {"api_version": api_version, "params": pairs}
    return _call(service, action, region, identity, "Query", fields)


def json(service: str, target_prefix: str, json_version: str, action: str, body=None,
         region=None, identity=None) -> Response:  # fmt: skip
    """A JSON service (ECS, SSM, DynamoDB, ...); the target is PREFIX.ACTION."""
    fields = {
        "target_prefix": target_prefix,
        "json_version": json_version,
        "body": _json.dumps(body or {}),
    }
    return _call(service, action, region, identity, "Json", fields)


def _call(service, action, region, identity, kind, fields):
    label, mutating = f"{service}:{action}", not action.startswith(_READS)
    if mutating and bridge.context.dry_run():
        raise StepError.dry_run(label)
    try:
        request_id, body = bridge.aws_call(service, action, region, identity, kind, fields)
    except bridge.Refused as refused:
        raise _explain(refused, label, mutating) from None
    if mutating:
        note_change()
    return Response(request_id, body)


def _explain(refused, label, mutating):
    value = refused.value
    if refused.case == "Denied":
        return StepError.permanent("aws-denied", f"{label}: {value}")
    if refused.case == "Unreachable":
        return StepError.retryable("aws-unreachable", f"{label}: {value}")
    if mutating:
        note_change()
    if refused.case == "Interrupted":
        message = f"{label}: no complete answer: {value}"
        return StepError.unanswered(mutating, "aws-interrupted", message)
    code = f"aws-{value.code}"
    message = f"{label}: {value.message} ({value.code}, request {value.request_id})"
    if refused.case == "Throttled":
        return StepError.retryable(code, message)
    if value.status >= 500:
        return StepError.unanswered(mutating, code, message)
    return StepError.permanent(code, message)
