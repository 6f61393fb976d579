"""Write step plugins for runbook.

    from dataclasses import dataclass
    from runbook_plugin import Plugin

    plugin = Plugin(wants=[])

    @dataclass
    class Greeting:
        whom: str

    @dataclass
    class Greeted:
        text: str

    @plugin.step("greet", idempotency="pure")
    def greet(input: Greeting) -> Greeted:
        "Says hello."
        return Greeted(f"hello {input.whom}")

Name, version and summary of the plugin are those of its `pyproject.toml`. The
type hints become the schemas. Every exception becomes a `StepError`; those of
`http` and `aws` arrive already classified.
"""

from . import aws, http
from .errors import StepError
from .host import checkpoint, context, log, progress, secrets, state
from .plugin import (
    DidNotHappen,
    Effect,
    Happened,
    InProgress,
    Plugin,
    Unknown,
    Wait,
    want,
)

__all__ = [
    "DidNotHappen", "Effect", "Happened", "InProgress", "Plugin", "StepError", "Unknown",
    "Wait", "aws", "checkpoint", "context", "http", "log", "progress", "secrets", "state", "want",
]  # fmt: skip
