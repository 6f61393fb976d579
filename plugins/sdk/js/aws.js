/** AWS requests that the host signs and sends. */

import { StepError, ask, noteChange } from "./errors.js";
import { host } from "./host.js";
import { decode } from "./text.js";

const READS = /^(Get|List|Describe|Head)/;

function call(service, action, { region = null, identity = null }, input) {
  const label = `${service}:${action}`;
  const mutating = !READS.test(action);
  if (mutating && host.context.dryRun()) throw StepError.dryRun(label);
  const answer = ask(
    () => host.aws.call({ service, action, region, identity, input }),
    (problem, value) => explain(problem, value, label, mutating),
  );
  if (mutating) noteChange();
  const text = () => decode(answer.body);
  return { requestId: answer.requestId, text, json: () => JSON.parse(text()) };
}

function explain(problem, value, label, mutating) {
  if (problem === "denied") return StepError.permanent("aws-denied", `${label}: ${value}`);
  if (problem === "unreachable") {
    return StepError.retryable("aws-unreachable", `${label}: ${value}`);
  }
  if (mutating) noteChange();
  if (problem === "interrupted") {
    const message = `${label}: no complete answer: ${value}`;
    return StepError.unanswered(mutating, "aws-interrupted", message);
  }
  const code = `aws-${value.code}`;
  const message = `${label}: ${value.message} (${value.code}, request ${value.requestId})`;
  if (problem === "throttled") return StepError.retryable(code, message);
  if (value.status >= 500) return StepError.unanswered(mutating, code, message);
  return StepError.permanent(code, message);
}

export const aws = {
  /** A Query service (RDS, STS, SNS, IAM, EC2, ELB, ...). */
  query: (service, apiVersion, action, params = {}, where = {}) => {
    const pairs = Object.entries(params).map(([key, value]) => [key, String(value)]);
    return call(service, action, where, { tag: "query", val: { apiVersion, params: pairs } });
  },
  /** A JSON service (ECS, SSM, DynamoDB, ...); the target is PREFIX.ACTION. */
  json: (service, targetPrefix, jsonVersion, action, body = {}, where = {}) => {
    const val = { targetPrefix, jsonVersion, body: JSON.stringify(body) };
    return call(service, action, where, { tag: "json", val });
  },
};
