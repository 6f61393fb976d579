"""The classes that a component exports. Only the build imports this."""

from __future__ import annotations

import sys
import traceback

from componentize_py_types import Err
from wit_world.imports import types

from .errors import StepError, classify
from .plugin import DidNotHappen, Happened, InProgress, Plugin, Unknown, Wait, dumps


def exports(plugin: Plugin) -> dict:
    """The classes by the names under which the contract wants them."""

    def call(handler, *args):
        try:
            return plugin.call(handler, *args)
        except Exception as error:
            if not isinstance(error, StepError):
                traceback.print_exc(file=sys.stderr)
            raise Err(_wire(classify(error))) from None

    def outcome(result):
        if isinstance(result, Wait):
            pause = types.Pause(result.after_ms, dumps(result.state), result.note)
            return types.Outcome_Wait(pause)
        return types.Outcome_Done(dumps({} if result is None else result))

    class Steps:
        def describe(self):
            return dumps(plugin.describe())

        def run(self, step, inputs):
            return outcome(call("run", step, inputs))

    class Recovery:
        def reconcile(self, step, inputs):
            return _verdict(call("reconcile", step, inputs))

    class Compensation:
        def undo(self, step, inputs, outputs):
            return outcome(call("undo", step, inputs, outputs))

    class Preview:
        def plan(self, step, inputs):
            return dumps([effect.document() for effect in call("plan", step, inputs)])

    return {cls.__name__: cls for cls in (Steps, Recovery, Compensation, Preview)}


def _verdict(answer):
    if isinstance(answer, Happened):
        return types.Verdict_Happened(dumps(answer.output))
    if isinstance(answer, DidNotHappen):
        return types.Verdict_DidNotHappen()
    if isinstance(answer, InProgress):
        return types.Verdict_InProgress(dumps(answer.state))
    if isinstance(answer, Unknown):
        return types.Verdict_Unknown(answer.reason)
    return types.Verdict_Unknown(f"the plugin answered {answer!r}, which is no verdict")


def _wire(error: StepError):
    kind = types.ErrorKind[error.kind.upper()]
    details = None if error.details is None else dumps(error.details)
    return types.StepError(kind, error.code, error.message, error.after_ms, details)
