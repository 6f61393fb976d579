/** A plugin and its step types. */

import { StepError, classify, forgetChanges } from "./errors.js";
import { object } from "./schema.js";

class Wait {
  constructor(afterMs, state, note) {
    this.afterMs = afterMs;
    this.state = state;
    this.note = note;
  }
}

/** Come back after `afterMs`; `context.resume()` then returns `state`. */
export const wait = (afterMs, state, note) => new Wait(afterMs, state, note);

/** What `reconcile` may find out about an interrupted attempt. */
export const verdict = {
  /** It had its effect; these outputs were lost. */
  happened: (output) => ({ tag: "happened", val: JSON.stringify(output) }),
  /** It had none: the step may run again. */
  didNotHappen: () => ({ tag: "did-not-happen" }),
  /** It goes on in the remote system: `run` is called with this state. */
  inProgress: (state) => ({ tag: "in-progress", val: JSON.stringify(state) }),
  /** Cannot tell; the reason is for the operator. */
  unknown: (reason) => ({ tag: "unknown", val: reason }),
};

/** What a plugin needs from its host, with the reason that a reviewer reads. */
export const want = {
  http: (pattern, why) => ({ http: pattern, why }),
  /** A secret that the host attaches to requests. */
  attach: (secret, why) => ({ secret, use: "attach", why }),
  /** A secret whose value the plugin reads. */
  read: (secret, why) => ({ secret, use: "read", why }),
  aws: (action, why) => ({ aws: action, why }),
  state: (why) => ({ state: true, why }),
  /** Something that the plugin does its work without; it need not be granted. */
  optional: (wanted) => ({ ...wanted, optional: true }),
};

const ABILITIES = { reconcile: "recovery", undo: "compensation", plan: "preview" };

/** Makes a plugin of `{ wants, config, steps }`. */
export function plugin({ wants = [], config = object({}), steps }) {
  const made = { about: { name: "unnamed", version: "0.0.0", summary: "" }, wants, config, steps };
  made.abilities = () =>
    Object.entries(ABILITIES)
      .filter(([handler]) => Object.values(steps).some((step) => handler in step))
      .map(([, ability]) => ability);
  made.describe = () => describe(made);
  made.exports = () => exported(made);
  return made;
}

function describe({ about, wants, config, steps }) {
  return {
    descriptor: "runbook.plugin/1",
    ...about,
    config,
    wants,
    steps: Object.entries(steps).map(([name, step]) => ({
      name,
      summary: step.summary,
      input: step.input,
      output: step.output,
      idempotency: step.idempotency,
      typical_ms: step.typicalMs,
      undo: step.undo ? true : undefined,
      plan: step.plan ? true : undefined,
      irreversible: step.irreversible,
      examples: step.examples?.map((example) => ({ with: example })),
    })),
  };
}

/** One call from the engine; whatever is thrown leaves as a step-error. */
function guarded(steps, name, body) {
  forgetChanges();
  try {
    if (!Object.hasOwn(steps, name)) {
      const known = Object.keys(steps).join(", ");
      throw StepError.permanent(
        "unknown-step",
        `there is no step type \`${name}\`; this plugin has ${known}`,
      );
    }
    return body(steps[name]);
  } catch (error) {
    const { kind, code, message, afterMs = null, details } = classify(error);
    throw {
      kind,
      code,
      message,
      retryAfterMs: afterMs,
      details: details === undefined ? null : JSON.stringify(details),
    };
  }
}

function outcome(result) {
  if (result instanceof Wait) {
    const { afterMs, note } = result;
    return { tag: "wait", val: { afterMs, state: JSON.stringify(result.state), note } };
  }
  return { tag: "done", val: JSON.stringify(result ?? {}) };
}

function exported(made) {
  const { steps } = made;
  return {
    steps: {
      describe: () => JSON.stringify(describe(made)),
      run: (name, inputs) => guarded(steps, name, (step) => outcome(step.run(JSON.parse(inputs)))),
    },
    recovery: {
      reconcile: (name, inputs) =>
        guarded(steps, name, (step) =>
          step.reconcile
            ? step.reconcile(JSON.parse(inputs))
            : verdict.unknown(`step \`${name}\` cannot find out what happened`),
        ),
    },
    compensation: {
      undo: (name, inputs, outputs) =>
        guarded(steps, name, (step) => {
          if (step.undo) return outcome(step.undo(JSON.parse(inputs), JSON.parse(outputs)));
          const reason = step.irreversible ?? "its plugin does not know how";
          throw StepError.permanent("no-undo", `\`${name}\` cannot be undone: ${reason}`);
        }),
    },
    preview: {
      plan: (name, inputs) =>
        guarded(steps, name, (step) => JSON.stringify(step.plan?.(JSON.parse(inputs)) ?? [])),
    },
  };
}
