"""What the host offers besides requests."""

from __future__ import annotations

import json
from typing import Any

from . import bridge
from .errors import StepError
from .schema import dump, parse


class context:
    """Facts about the current call."""

    @staticmethod
    def run_id() -> str:
        return bridge.context.run_id()

    @staticmethod
    def step_id() -> str:
        return bridge.context.step_id()

    @staticmethod
    def attempt() -> int:
        """1 for the first try."""
        return bridge.context.attempt()

    @staticmethod
    def idempotency_key() -> str:
        """The same for every attempt of the same step of the same run."""
        return bridge.context.idempotency_key()

    @staticmethod
    def environment() -> str:
        return bridge.context.environment()

    @staticmethod
    def dry_run() -> bool:
        """The host refuses what could change something."""
        return bridge.context.dry_run()

    @staticmethod
    def remaining_ms() -> int:
        """Time left before the engine gives up on this call."""
        return bridge.context.remaining_ms()

    @staticmethod
    def cancelled() -> bool:
        """An operator asked the run to stop: return soon."""
        return bridge.context.cancelled()

    @staticmethod
    def config(hint: Any = Any) -> Any:
        """The settings of this plugin in this environment."""
        try:
            return parse(hint, json.loads(bridge.context.config()))
        except ValueError as error:
            raise StepError.permanent("bad-config", f"config: {error}") from None

    @staticmethod
    def resume() -> Any:
        """The state of the pause that ended, or what `checkpoint` stored last."""
        text = bridge.context.resume_state()
        return None if text is None else json.loads(text)


class log:
    """Lines for people, kept with the run."""

    @staticmethod
    def debug(message: str, **fields: Any) -> None:
        _write("DEBUG", message, fields)

    @staticmethod
    def info(message: str, **fields: Any) -> None:
        _write("INFO", message, fields)

    @staticmethod
    def warn(message: str, **fields: Any) -> None:
        _write("WARN", message, fields)

    @staticmethod
    def error(message: str, **fields: Any) -> None:
        _write("ERROR", message, fields)


def _write(level, message, fields):
    bridge.log_write(level, message, [(key, str(value)) for key, value in fields.items()])


def progress(message: str, percent: int | None = None) -> None:
    """Shown live."""
    bridge.progress.report(message, percent)


def checkpoint(value: Any) -> None:
    """Returns after the note is on disk. Right before an effect it tells
    `reconcile` and the next attempt what was about to happen."""
    try:
        bridge.checkpoint_save(json.dumps(dump(value)))
    except bridge.Refused as refused:
        # Nothing has happened yet for which the note was meant.
        raise StepError.retryable("checkpoint", refused.value) from None


class secrets:
    """Named secrets. Prefer to let the host attach them to requests."""

    @staticmethod
    def get(name: str) -> str:
        try:
            return bridge.secret_get(name)
        except bridge.Refused as refused:
            raise StepError.permanent("secret-denied", refused.value) from None


class state:
    """Small values that survive the run, as JSON."""

    @staticmethod
    def get(key: str) -> Any:
        data = _state("get", key)
        return None if data is None else json.loads(data)

    @staticmethod
    def put(key: str, value: Any) -> None:
        _state("put", key, _bytes(value))

    @staticmethod
    def replace(key: str, expected: Any, value: Any) -> bool:
        """Sets the key if it still holds `expected`; None means absent."""
        old = None if expected is None else _bytes(expected)
        try:
            _state("replace", key, old, _bytes(value))
        except StepError as error:
            if error.code == "state-conflict":
                return False
            raise
        return True

    @staticmethod
    def delete(key: str) -> None:
        _state("delete", key)


def _bytes(value):
    return json.dumps(dump(value), sort_keys=True).encode()


def _state(name, *args):
    try:
        return bridge.state_call(name, *args)
    except bridge.Refused as refused:
        if refused.case == "Denied":
            raise StepError.permanent("state-denied", refused.value) from None
        if refused.case == "TooLarge":
            message = f"a value in the plugin's state may have {refused.value} bytes"
            raise StepError.permanent("state-too-large", message) from None
        if refused.case == "Conflict":
            raise StepError.retryable("state-conflict", "the value changed") from None
        raise StepError.retryable("state-unavailable", refused.value) from None
