/** Feature flags behind a JSON API: set one, ramp one up, put it back. */

import {
  StepError,
  array,
  boolean,
  checkpoint,
  context,
  http,
  integer,
  log,
  object,
  optional,
  plugin,
  progress,
  string,
  wait,
  want,
} from "../sdk/js/index.js";

const SECRET = "flag_token";

const config = object({
  base_url: string("Address of the flag service"),
  path: optional(string("Where a flag is; {flag} is its key"), "/flags/{flag}"),
  enabled_field: optional(string("Field that switches it on"), "enabled"),
  percent_field: optional(string("Field that says for how many in a hundred"), "percent"),
  token: optional(boolean(`Send the secret ${SECRET} as bearer token`), true),
});

const percent = (description) => integer(description, { minimum: 0, maximum: 100 });

const setting = object({
  enabled: boolean("Whether it is on"),
  percent: percent("For how many in a hundred"),
});

const output = object({
  flag: string("Its key"),
  before: setting,
  after: setting,
  changed: boolean("Whether anything had to be done"),
});

/** The flag service, as the settings describe it. */
class Service {
  constructor() {
    this.config = context.config();
  }

  field(name) {
    return this.config[`${name}_field`] ?? name;
  }

  request(method, flag, json) {
    const path = this.config.path ?? "/flags/{flag}";
    const url =
      this.config.base_url.replace(/\/$/, "") + path.replace("{flag}", encodeURIComponent(flag));
    const bearer = this.config.token === false ? undefined : SECRET;
    return http.request(method, url, { json, bearer }).success();
  }

  read(flag) {
    const found = this.request("GET", flag).json();
    const percent = found[this.field("percent")];
    return { enabled: found[this.field("enabled")] === true, percent: percent ?? 100 };
  }

  write(flag, { enabled, percent }) {
    this.request("PATCH", flag, {
      [this.field("enabled")]: enabled,
      [this.field("percent")]: percent,
    });
  }
}

const same = (one, other) => one.enabled === other.enabled && one.percent === other.percent;
const shown = ({ enabled, percent }) => (enabled ? `on for ${percent}%` : "off");

/** What the input asks for, on top of what is there. */
function target(input, before) {
  return { enabled: input.enabled ?? before.enabled, percent: input.percent ?? before.percent };
}

/** Puts back what was there, unless somebody has changed it since. */
function undo(input, { flag, before, after }) {
  const service = new Service();
  const now = service.read(flag);
  if (same(now, before)) return { restored: before, changed: false };
  if (!same(now, after)) {
    throw StepError.permanent(
      "changed-since",
      `${flag} is ${shown(now)}, not ${shown(after)} as this run left it: ` +
        `somebody changed it; it was ${shown(before)} before`,
    );
  }
  service.write(flag, before);
  return { restored: before, changed: true };
}

const set = {
  summary: "Switch a flag on or off, or change for how many it is on",
  idempotency: "idempotent",
  typicalMs: 500,
  input: object({
    flag: string("Its key", { minLength: 1 }),
    enabled: optional(boolean("On or off; as it is if left out")),
    percent: optional(percent("For how many in a hundred; as it is if left out")),
  }),
  output,
  examples: [{ flag: "new-checkout", enabled: false }],

  run({ flag, ...input }) {
    const service = new Service();
    const now = service.read(flag);
    // What an attempt that was lost found there is what undo has to restore.
    const before = context.resume()?.before ?? now;
    const after = target(input, before);
    if (same(now, after)) return { flag, before, after, changed: !same(before, after) };
    checkpoint({ before });
    service.write(flag, after);
    log.info(`${flag}: ${shown(before)} -> ${shown(after)}`);
    return { flag, before, after, changed: true };
  },

  undo,

  plan({ flag, ...input }) {
    const before = new Service().read(flag);
    const after = target(input, before);
    if (same(before, after)) return [];
    return [{ summary: `${flag}: ${shown(before)} -> ${shown(after)}`, before, after }];
  },
};

const ramp = {
  summary: "Raise a flag in stages, with a pause after each",
  idempotency: "idempotent",
  typicalMs: 600_000,
  input: object({
    flag: string("Its key", { minLength: 1 }),
    stages: optional(array(percent("For how many in a hundred"), "In this order", { minItems: 1 }), [
      10, 50, 100,
    ]),
    pause_s: optional(integer("Seconds between two stages", { minimum: 1 }), 300),
  }),
  output,
  examples: [{ flag: "new-checkout", stages: [5, 25, 100], pause_s: 600 }],

  run({ flag, stages = [10, 50, 100], pause_s = 300 }) {
    const service = new Service();
    const now = service.read(flag);
    const { before, next, set } = context.resume() ?? { before: now, next: 0, set: null };
    // A person who turned it down in the meantime has seen something.
    if (set !== null && !same(now, set) && (!now.enabled || now.percent < set.percent)) {
      throw StepError.permanent(
        "ramp-stopped",
        `somebody turned ${flag} down to ${shown(now)} while it was ramped`,
      );
    }
    if (context.cancelled()) {
      throw StepError.permanent("cancelled", `stopped with ${flag} ${shown(now)}`);
    }
    const stage = { enabled: true, percent: stages[next] };
    progress(`${flag} ${shown(stage)}`, Math.floor((next * 100) / stages.length));
    if (!same(now, stage)) {
      checkpoint({ before, next, set });
      service.write(flag, stage);
    }
    if (next + 1 === stages.length) {
      return { flag, before, after: stage, changed: !same(before, stage) };
    }
    const note = `${flag} is ${shown(stage)}; ${stages[next + 1]}% is next`;
    return wait(pause_s * 1000, { before, next: next + 1, set: stage }, note);
  },

  undo,

  plan({ flag, stages = [10, 50, 100], pause_s = 300 }) {
    const before = new Service().read(flag);
    const after = { enabled: true, percent: stages[stages.length - 1] };
    const summary = `${flag}: ${shown(before)} -> ${stages.join("% -> ")}%, ${pause_s} s apart`;
    return [{ summary, before, after }];
  },
};

export default plugin({
  config,
  wants: [
    want.optional(want.http("GET https://*:*/*", "read a flag from the service that `base_url` names")),
    want.optional(want.http("PATCH https://*:*/*", "change it there")),
    want.optional(want.http("GET http://*:*/*", "the same inside the private network")),
    want.optional(want.http("PATCH http://*:*/*", "the same inside the private network")),
    want.optional(want.attach(SECRET, "bearer token of the flag service")),
  ],
  steps: { set, ramp },
});
