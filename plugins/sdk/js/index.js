/**
 * Write step plugins for runbook.
 *
 *     import { done, object, plugin, string } from "../sdk/js/index.js";
 *
 *     export default plugin({
 *       wants: [],
 *       steps: {
 *         greet: {
 *           summary: "Says hello",
 *           idempotency: "pure",
 *           input: object({ whom: string("Whom to greet") }),
 *           output: object({ text: string("The greeting") }),
 *           run: (input) => ({ text: `hello ${input.whom}` }),
 *         },
 *       },
 *     });
 *
 * Name, version and summary of the plugin are those of its `package.json`. A
 * step may also have `reconcile(input)`, `undo(input, output)`, `plan(input)`,
 * `typicalMs`, `irreversible` and `examples`. Whatever is thrown becomes a
 * `StepError`; what `http` and `aws` throw is already classified.
 */

export { aws } from "./aws.js";
export { StepError } from "./errors.js";
export { checkpoint, context, log, progress, secrets, state } from "./host.js";
export { http } from "./http.js";
export { plugin, verdict, wait, want } from "./plugin.js";
export { any, array, boolean, integer, number, object, oneOf, optional, string } from "./schema.js";
