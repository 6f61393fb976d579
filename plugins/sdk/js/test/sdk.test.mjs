// node --test sdk/js/test
import assert from "node:assert/strict";
import { test } from "node:test";

import { StepError, aws, http, object, optional, plugin, state, string, wait } from "../index.js";
import { install } from "../host.js";
import { classify, forgetChanges } from "../errors.js";
import { decode, encode } from "../text.js";

/** A host that answers from a list; what it was asked is in the result. */
function fake(answers, dryRun = false) {
  const sent = [];
  const answer = (label) => {
    sent.push(label);
    const next = answers.shift();
    if (next.tag) throw next;
    return next;
  };
  const store = new Map();
  forgetChanges();
  install({
    context: { dryRun: () => dryRun, resumeState: () => null, config: () => "{}" },
    http: { send: (request) => answer(`${request.method} ${request.url}`) },
    aws: { call: (request) => answer(`${request.service}:${request.action}`) },
    state: {
      get: (key) => store.get(key) ?? null,
      put: (key, value) => void store.set(key, value),
      replace: (key, old, value) => {
        if ((store.get(key)?.join() ?? null) !== (old?.join() ?? null)) throw { tag: "conflict" };
        store.set(key, value);
      },
    },
  });
  return sent;
}

const reply = (status, headers = []) => ({ status, headers, body: encode("{}") });
const cut = { tag: "interrupted", val: "reset" };

function failure(call) {
  try {
    call();
  } catch (error) {
    return error;
  }
  throw new Error("nothing failed");
}

test("a lost answer is ambiguous only if something may have changed", () => {
  fake([cut, cut, cut]);
  assert.equal(failure(() => http.get("http://x")).kind, "retryable");
  assert.equal(failure(() => http.post("http://x", { reads: true })).kind, "retryable");
  assert.equal(failure(() => http.post("http://x")).kind, "ambiguous");
});

test("a status says what may be done", () => {
  for (const [status, reading, changing] of [
    [429, "retryable", "retryable"],
    [500, "retryable", "ambiguous"],
    [404, "permanent", "permanent"],
  ]) {
    fake([reply(status), reply(status, [["Retry-After", "7"]])]);
    assert.equal(failure(() => http.get("http://x").success()).kind, reading);
    const error = failure(() => http.put("http://x").success());
    assert.deepEqual([error.kind, error.afterMs], [changing, 7000]);
  }
});

test("an unclassified error is permanent until something may have changed", () => {
  fake([reply(200)]);
  assert.equal(classify(new TypeError("x")).kind, "permanent");
  http.post("http://x");
  assert.equal(classify(new TypeError("x")).kind, "ambiguous");
});

test("a dry run changes nothing", () => {
  const sent = fake([{ requestId: "1", body: encode("") }], true);
  aws.query("rds", "2014-10-31", "DescribeDBInstances");
  assert.equal(failure(() => http.delete("http://x")).code, "dry-run");
  assert.equal(failure(() => aws.query("rds", "1", "DeleteDBInstance")).code, "dry-run");
  assert.deepEqual(sent, ["rds:DescribeDBInstances"]);
});

test("text survives bytes", () => {
  assert.equal(decode(encode("größe 🚀")), "größe 🚀");
  assert.equal(decode(new Uint8Array([0xff])), "\u00ff");
});

test("state is replaced only if it is as expected", () => {
  fake([]);
  assert.equal(state.replace("k", null, 1), true);
  assert.equal(state.replace("k", 2, 3), false);
  assert.equal(state.get("k"), 1);
});

test("a plugin describes itself, runs, and exports what it has", () => {
  fake([]);
  const made = plugin({
    steps: {
      go: {
        summary: "Go",
        idempotency: "pure",
        input: object({ name: string("Its name"), note: optional(string("More"), "") }),
        output: object({}),
        irreversible: "it went",
        run: ({ name }) => (name === "wait" ? wait(5, {}, "soon") : { name }),
      },
    },
  });
  assert.deepEqual(made.describe().steps[0].input.required, ["name"]);
  assert.deepEqual(made.abilities(), []);
  const { steps, compensation } = made.exports();
  assert.deepEqual(steps.run("go", '{"name":"x"}'), { tag: "done", val: '{"name":"x"}' });
  assert.equal(steps.run("go", '{"name":"wait"}').val.afterMs, 5);
  assert.equal(failure(() => steps.run("no", "{}")).code, "unknown-step");
  assert.match(failure(() => compensation.undo("go", "{}", "{}")).message, /it went/);
  assert.ok(StepError.permanent("x", "y") instanceof Error);
});
