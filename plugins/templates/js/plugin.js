/** What this plugin is for, in one sentence. */

import { context, http, object, plugin, string, want } from "./sdk/index.js";

const greet = {
  summary: "Say hello to somebody",
  // The service knows the key, and takes a second request with it for the first.
  idempotency: "keyed",
  input: object({ whom: string("Whom to greet") }),
  output: object({ id: string("Id that the service gave it") }),

  run({ whom }) {
    const { url } = context.config();
    const reply = http
      .post(`${url}/greetings`, {
        headers: { "idempotency-key": context.idempotencyKey() },
        bearer: "token",
        json: { text: `hello ${whom}` },
      })
      .success();
    return { id: reply.json().id };
  },

  // Beside it: undo(input, output), reconcile(input), plan(input).
};

export default plugin({
  config: object({ url: string("Address of the service") }),
  wants: [
    want.http("POST https://*/greetings", "send greetings to the service"),
    want.attach("token", "the service's token"),
  ],
  steps: { greet },
});
