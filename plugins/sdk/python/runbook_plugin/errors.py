"""The one error of a step, and what the engine may do after it."""

from __future__ import annotations

from typing import Any


class StepError(Exception):
    """Why a step failed. `kind` is `retryable`, `permanent` or `ambiguous`."""

    def __init__(self, kind, code, message, after_ms=None, details=None):
        super().__init__(message)
        self.kind: str = kind
        self.code: str = code
        self.message: str = str(message)
        self.after_ms: int | None = after_ms
        self.details: Any = details

    @classmethod
    def retryable(cls, code, message, after_ms=None, details=None):
        """Nothing happened, or repeating is harmless."""
        return cls("retryable", code, message, after_ms, details)

    @classmethod
    def permanent(cls, code, message, details=None):
        """Repeating cannot help."""
        return cls("permanent", code, message, None, details)

    @classmethod
    def ambiguous(cls, code, message, details=None):
        """The effect may or may not have happened."""
        return cls("ambiguous", code, message, None, details)

    @classmethod
    def unanswered(cls, mutating, code, message):
        """A call to the outside failed: harmless when it only read."""
        return cls("ambiguous" if mutating else "retryable", code, message)

    @classmethod
    def dry_run(cls, request):
        """What a call that may change something gets in a preview."""
        return cls.permanent("dry-run", f"{request} is not sent in a dry run")

    def __str__(self):
        return f"{self.message} ({self.code})"


class _Calls:
    """Whether a request that may change something has left in this call."""

    may_have_changed = False


def note_change():
    _Calls.may_have_changed = True


def forget_changes():
    _Calls.may_have_changed = False


def classify(error: BaseException) -> StepError:
    """The catch-all. An exception that nobody classified says nothing about
    what has already happened: permanent only while nothing can have."""
    if isinstance(error, StepError):
        return error
    kind = "ambiguous" if _Calls.may_have_changed else "permanent"
    last = error.__traceback__
    while last is not None and last.tb_next is not None:
        last = last.tb_next
    where = f"{last.tb_frame.f_code.co_filename}:{last.tb_lineno}" if last else "?"
    return StepError(kind, "failed", f"{type(error).__name__}: {error}", details={"where": where})
