"""python3 -m unittest tests.test_sdk (in sdk/python)"""

import json
import unittest
from dataclasses import dataclass, field
from typing import Annotated, Literal

from runbook_plugin import Plugin, StepError, Wait, aws, context, fake, http, state
from runbook_plugin.bridge import Refused
from runbook_plugin.errors import classify
from runbook_plugin.schema import parse, schema


@dataclass
class Inner:
    size: int = 3


@dataclass
class Input:
    """What it is about."""

    name: Annotated[str, "Its name", {"minLength": 1}]
    how: Literal["fast", "slow"] = "fast"
    inner: Inner = field(default_factory=Inner)
    tags: list[str] = field(default_factory=list)
    note: str | None = None


def failure(function, *args, **more):
    try:
        function(*args, **more)
    except StepError as error:
        return error
    raise AssertionError("nothing failed")


class Schemas(unittest.TestCase):
    def test_hints_become_a_schema(self):
        made = schema(Input)
        self.assertEqual(made["required"], ["name"])
        self.assertEqual(made["description"], "What it is about.")
        self.assertEqual(
            made["properties"]["name"],
            {"type": "string", "description": "Its name", "minLength": 1},
        )
        self.assertEqual(made["properties"]["how"], {"enum": ["fast", "slow"], "default": "fast"})

    def test_json_becomes_a_dataclass(self):
        made = parse(Input, {"name": "x", "inner": {"size": 5.0}, "tags": ["a"]})
        self.assertEqual(made, Input("x", "fast", Inner(5), ["a"]))

    def test_a_misfit_says_where(self):
        for value, where in [
            ({"name": 5}, "/name"),
            ({"name": "x", "inner": {"size": "y"}}, "/inner/size"),
            ({"name": "x", "tags": [1]}, "/tags/0"),
            ({"name": "x", "more": 1}, "/more"),
            ({}, "/name"),
        ]:
            with self.assertRaisesRegex(ValueError, where):
                parse(Input, value)


class Failures(unittest.TestCase):
    def test_a_lost_answer_is_ambiguous_only_if_something_may_have_changed(self):
        cut = Refused("Interrupted", "reset")
        fake.reset(http=[cut, cut])
        self.assertEqual(failure(http.get, "http://x").kind, "retryable")
        self.assertEqual(failure(http.post, "http://x").kind, "ambiguous")

    def test_a_status_says_what_may_be_done(self):
        for status, reading, changing in [
            (429, "retryable", "retryable"),
            (500, "retryable", "ambiguous"),
            (404, "permanent", "permanent"),
        ]:
            fake.reset(http=[(status, {"Retry-After": "7"}, {})] * 2)
            self.assertEqual(http.get("http://x").failure().kind, reading)
            error = http.put("http://x").failure()
            self.assertEqual((error.kind, error.after_ms), (changing, 7000))

    def test_an_unclassified_error_is_permanent_until_something_may_have_changed(self):
        fake.reset(http=[(200, {}, {})])
        self.assertEqual(classify(ValueError("x")).kind, "permanent")
        http.post("http://x")
        self.assertEqual(classify(ValueError("x")).kind, "ambiguous")

    def test_a_dry_run_changes_nothing(self):
        fake.reset(dry_run=True, aws=["<ok/>"])
        aws.query("rds", "2014-10-31", "DescribeDBInstances")
        self.assertEqual(failure(http.delete, "http://x").code, "dry-run")
        self.assertEqual(failure(aws.query, "rds", "2014-10-31", "DeleteDBInstance").code, "dry-run")
        self.assertEqual(fake.sent, ["rds:DescribeDBInstances"])


class Steps(unittest.TestCase):
    def setUp(self):
        self.plugin = Plugin(wants=[])

        @self.plugin.step("go", idempotency="idempotent", irreversible="it went")
        def go(input: Input) -> Inner | Wait:
            """Go."""
            return Wait(5, {"n": 1}, "soon") if context.resume() is None else Inner()

        self.go = go

    def test_a_step_describes_itself_and_runs(self):
        fake.reset()
        step = self.plugin.describe()["steps"][0]
        self.assertEqual((step["summary"], step["output"]), ("Go", schema(Inner)))
        self.assertEqual(self.plugin.call("run", "go", '{"name":"x"}').after_ms, 5)
        error = failure(self.plugin.call, "run", "go", '{"name":5}')
        self.assertEqual((error.kind, error.code), ("permanent", "bad-input"))
        self.assertEqual(failure(self.plugin.call, "run", "no", "{}").code, "unknown-step")

    def test_abilities_are_those_that_are_there(self):
        self.assertEqual(self.plugin.abilities(), [])
        error = failure(self.plugin.call, "undo", "go", '{"name":"x"}', json.dumps({"size": 1}))
        self.assertIn("it went", error.message)
        self.go.undo(lambda input, output: None)
        self.assertEqual(self.plugin.abilities(), ["compensation"])

    def test_state_is_replaced_only_if_it_is_as_expected(self):
        fake.reset()
        self.assertTrue(state.replace("k", None, 1))
        self.assertFalse(state.replace("k", 2, 3))
        self.assertEqual(state.get("k"), 1)


if __name__ == "__main__":
    unittest.main()
