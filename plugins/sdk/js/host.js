/** What the host offers besides requests. */

import { StepError, ask } from "./errors.js";
import { decode, encode } from "./text.js";

/** The contract's functions: the engine's in a component, a fake in tests. */
export let host = {};

/** Puts a host in place; the build does it, and unit tests do. */
export function install(functions) {
  host = functions;
}

/** Facts about the current call. */
export const context = {
  runId: () => host.context.runId(),
  stepId: () => host.context.stepId(),
  /** 1 for the first try. */
  attempt: () => host.context.attempt(),
  /** The same for every attempt of the same step of the same run. */
  idempotencyKey: () => host.context.idempotencyKey(),
  environment: () => host.context.environment(),
  /** The host refuses what could change something. */
  dryRun: () => host.context.dryRun(),
  /** Time left before the engine gives up on this call. */
  remainingMs: () => Number(host.context.remainingMs()),
  /** An operator asked the run to stop: return soon. */
  cancelled: () => host.context.cancelled(),
  /** The settings of this plugin in this environment. */
  config: () => JSON.parse(host.context.config()),
  /** The state of the pause that ended, or what `checkpoint` stored last. */
  resume: () => {
    const text = host.context.resumeState();
    return text === null || text === undefined ? null : JSON.parse(text);
  },
};

const write = (level) => (message, fields = {}) =>
  host.log.write(
    level,
    message,
    Object.entries(fields).map(([key, value]) => [key, String(value)]),
  );

/** Lines for people, kept with the run. */
export const log = {
  debug: write("debug"),
  info: write("info"),
  warn: write("warn"),
  error: write("error"),
};

/** Shown live. */
export function progress(message, percent = null) {
  host.progress.report(message, percent);
}

/**
 * Returns after the note is on disk. Right before an effect it tells
 * `reconcile` and the next attempt what was about to happen.
 */
export function checkpoint(value) {
  // Nothing has happened yet for which the note was meant.
  const refuse = (reason) => StepError.retryable("checkpoint", reason);
  ask(() => host.checkpoint.save(JSON.stringify(value)), refuse);
}

/** Named secrets. Prefer to let the host attach them to requests. */
export const secrets = {
  get: (name) =>
    ask(
      () => host.secrets.get(name),
      (reason) => StepError.permanent("secret-denied", reason),
    ),
};

const bytes = (value) => encode(JSON.stringify(value));

function explain(problem, value) {
  switch (problem) {
    case "denied":
      return StepError.permanent("state-denied", value);
    case "too-large":
      return StepError.permanent(
        "state-too-large",
        `a value in the plugin's state may have ${value} bytes`,
      );
    case "conflict":
      return StepError.retryable("state-conflict", "the value changed");
    default:
      return StepError.retryable("state-unavailable", value ?? problem);
  }
}

/** Small values that survive the run, as JSON. */
export const state = {
  get: (key) => {
    const data = ask(() => host.state.get(key), explain);
    return data === null || data === undefined ? null : JSON.parse(decode(data));
  },
  put: (key, value) => ask(() => host.state.put(key, bytes(value)), explain),
  /** Sets the key if it still holds `expected`; null means absent. */
  replace: (key, expected, value) => {
    const old = expected === null ? null : bytes(expected);
    try {
      ask(() => host.state.replace(key, old, bytes(value)), explain);
      return true;
    } catch (error) {
      if (error.code === "state-conflict") return false;
      throw error;
    }
  },
  delete: (key) => ask(() => host.state.delete(key), explain),
};
