"""A plugin and its step types."""

from __future__ import annotations

import json
import typing
from dataclasses import dataclass
from typing import Any, Callable

from .errors import StepError, forget_changes
from .schema import dump, parse, schema


@dataclass
class Wait:
    """Come back after `after_ms`; `context.resume()` then returns `state`."""

    after_ms: int
    state: Any
    note: str


@dataclass
class Happened:
    """The interrupted attempt had its effect; these outputs were lost."""

    output: Any


@dataclass
class DidNotHappen:
    """It had no effect: the step may run again."""


@dataclass
class InProgress:
    """It goes on in the remote system: the step runs again with this state."""

    state: Any


@dataclass
class Unknown:
    """Cannot tell; the reason is for the operator."""

    reason: str


@dataclass
class Effect:
    """One thing that the step would do, for the person who reviews a plan."""

    summary: str
    before: Any = None
    after: Any = None

    def document(self) -> dict:
        return {key: value for key, value in vars(self).items() if value is not None}


class want:
    """What a plugin needs from its host, with the reason that a reviewer reads."""

    @staticmethod
    def http(pattern: str, why: str) -> dict:
        return {"http": pattern, "why": why}

    @staticmethod
    def attach(secret: str, why: str) -> dict:
        """A secret that the host attaches to requests."""
        return {"secret": secret, "use": "attach", "why": why}

    @staticmethod
    def read(secret: str, why: str) -> dict:
        """A secret whose value the plugin reads."""
        return {"secret": secret, "use": "read", "why": why}

    @staticmethod
    def aws(action: str, why: str) -> dict:
        return {"aws": action, "why": why}

    @staticmethod
    def state(why: str) -> dict:
        return {"state": True, "why": why}

    @staticmethod
    def optional(wanted: dict) -> dict:
        """Something that the plugin does its work without; it need not be granted."""
        return {**wanted, "optional": True}


class Step:
    """A step type: the function, and what was registered beside it."""

    def __init__(self, name: str, function: Callable, extra: dict):
        hints = typing.get_type_hints(function, include_extras=True)
        returns = hints.pop("return", Any)
        self.name, self.function, self.extra = name, function, extra
        self.input = next(iter(hints.values()), dict)
        self.output = _without_wait(returns)
        self.handlers: dict[str, Callable] = {}

    def __call__(self, *args: Any) -> Any:
        return self.function(*args)

    def undo(self, function: Callable) -> Callable:
        """`undo(input, output)` takes a finished step back."""
        self.handlers["undo"] = function
        return function

    def reconcile(self, function: Callable) -> Callable:
        """`reconcile(input)` says what an interrupted attempt did."""
        self.handlers["reconcile"] = function
        return function

    def plan(self, function: Callable) -> Callable:
        """`plan(input)` returns the list of effects that the step would have."""
        self.handlers["plan"] = function
        return function

    def describe(self) -> dict:
        document = {
            "name": self.name,
            "summary": (self.function.__doc__ or "").strip().split("\n")[0].rstrip("."),
            "input": schema(self.input),
            "output": schema(self.output),
        }
        document.update({key: value for key, value in self.extra.items() if value})
        document.update({key: True for key in ("undo", "plan") if key in self.handlers})
        return document


def _without_wait(hint: Any) -> Any:
    """`Flag | Wait` gives outputs of the type `Flag`."""
    rest = tuple(arg for arg in typing.get_args(hint) if arg is not Wait)
    return rest[0] if Wait in typing.get_args(hint) and len(rest) == 1 else hint


class Plugin:
    """The step types of one component. Name, version and summary are filled in
    by the build from `pyproject.toml`."""

    def __init__(self, wants: list[dict] = (), config: Any = None):
        self.about = {"name": "unnamed", "version": "0.0.0", "summary": ""}
        self.wants, self.config = list(wants), config
        self.steps: dict[str, Step] = {}

    def step(self, name: str, *, idempotency: str, typical_ms: int | None = None,
             irreversible: str | None = None, examples: list[dict] = ()):  # fmt: skip
        """Makes a step type of a function from a dataclass to a dataclass.
        `idempotency`: pure, idempotent, keyed, reconcilable (needs `reconcile`)
        or once. `irreversible` says why it can never be taken back."""
        extra = {
            "idempotency": idempotency,
            "typical_ms": typical_ms,
            "irreversible": irreversible,
            "examples": [{"with": example} for example in examples],
        }

        def register(function: Callable) -> Step:
            self.steps[name] = Step(name, function, extra)
            return self.steps[name]

        return register

    def abilities(self) -> list[str]:
        """The optional exports that this plugin needs."""
        names = {"reconcile": "recovery", "undo": "compensation", "plan": "preview"}
        return [
            ability
            for handler, ability in names.items()
            if any(handler in step.handlers for step in self.steps.values())
        ]

    def describe(self) -> dict:
        nothing = {"type": "object", "properties": {}, "additionalProperties": False}
        return {
            "descriptor": "runbook.plugin/1",
            **self.about,
            "config": nothing if self.config is None else schema(self.config),
            "wants": self.wants,
            "steps": [step.describe() for step in self.steps.values()],
        }

    def call(self, handler: str, name: str, inputs: str, outputs: str | None = None) -> Any:
        """One call from the engine."""
        forget_changes()
        step = self.steps.get(name)
        if step is None:
            known = ", ".join(self.steps)
            raise StepError.permanent(
                "unknown-step", f"there is no step type `{name}`; this plugin has {known}"
            )
        arguments = [_parse("input", step.input, inputs)]
        if outputs is not None:
            arguments.append(_parse("output", step.output, outputs))
        if handler == "run":
            return step.function(*arguments)
        function = step.handlers.get(handler)
        if function is None:
            return _absent(handler, step)
        return function(*arguments)


def _parse(what: str, hint: Any, text: str) -> Any:
    try:
        return parse(hint, json.loads(text))
    except ValueError as error:
        raise StepError.permanent(f"bad-{what}", f"{what}: {error}") from None


def _absent(handler: str, step: Step) -> Any:
    if handler == "plan":
        return []
    if handler == "reconcile":
        return Unknown(f"step `{step.name}` cannot find out what happened")
    reason = step.extra["irreversible"] or "its plugin does not know how"
    raise StepError.permanent("no-undo", f"`{step.name}` cannot be undone: {reason}")


def dumps(value: Any) -> str:
    """JSON of outputs, states and effects."""
    return json.dumps(dump(value))
