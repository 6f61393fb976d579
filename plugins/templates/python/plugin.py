"""What this plugin is for, in one sentence."""

from dataclasses import dataclass
from typing import Annotated

from runbook_plugin import Plugin, context, http, want


@dataclass
class Config:
    """Settings of the environment."""

    url: Annotated[str, "Address of the service"]


plugin = Plugin(
    config=Config,
    wants=[
        want.http("POST https://*/greetings", "send greetings to the service"),
        want.attach("token", "the service's token"),
    ],
)


@dataclass
class Greeting:
    """What `with:` holds."""

    whom: Annotated[str, "Whom to greet"]


@dataclass
class Greeted:
    """What later steps can use."""

    id: Annotated[str, "Id that the service gave it"]


# The service knows the key, and takes a second request with it for the first.
@plugin.step("greet", idempotency="keyed")
def greet(input: Greeting) -> Greeted:
    """Say hello to somebody."""
    config = context.config(Config)
    reply = http.post(
        f"{config.url}/greetings",
        headers={"idempotency-key": context.idempotency_key()},
        bearer="token",
        json={"text": f"hello {input.whom}"},
    ).success()
    return Greeted(id=reply.json()["id"])


# Beside it: @greet.undo, @greet.reconcile, @greet.plan.
