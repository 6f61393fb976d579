/** Requests to granted hosts, with errors that say what the engine may do. */

import { StepError, ask, noteChange } from "./errors.js";
import { host } from "./host.js";
import { decode, encode } from "./text.js";

const READS = ["GET", "HEAD", "OPTIONS"];

/** An answer; any status is one. */
export class Response {
  constructor(label, reads, raw) {
    this.status = raw.status;
    this.headers = raw.headers;
    this.body = raw.body;
    this.label = label;
    this.reads = reads;
  }

  /** The first header of this name. */
  header(name) {
    const wanted = name.toLowerCase();
    return this.headers.find(([key]) => key.toLowerCase() === wanted)?.[1] ?? null;
  }

  text() {
    return decode(this.body);
  }

  json() {
    try {
      return JSON.parse(this.text());
    } catch (error) {
      // After a change the answer is all that tells what happened.
      const kind = this.reads ? "permanent" : "ambiguous";
      throw new StepError(kind, "http-not-json", `${this.label}: ${error.message}`);
    }
  }

  /** Itself if the status is 2xx, else throws what the status means. */
  success() {
    if (this.status >= 200 && this.status < 300) return this;
    throw this.failure();
  }

  /**
   * 429 and 503 say "later", other 5xx leave a change in doubt, the rest will
   * not get better.
   */
  failure() {
    const code = `http-${this.status}`;
    const excerpt = this.text().trim().slice(0, 200);
    const message = `${this.label} answered ${this.status}${excerpt ? `: ${excerpt}` : ""}`;
    let error = StepError.permanent(code, message);
    if ([408, 425, 429, 503].includes(this.status)) {
      error = StepError.retryable(code, message);
    } else if (this.status >= 500) {
      error = StepError.unanswered(!this.reads, code, message);
    }
    // A date would need a clock; only the number of seconds is understood.
    const seconds = (this.header("retry-after") ?? "").trim();
    if (/^\d+$/.test(seconds)) error.afterMs = Number(seconds) * 1000;
    return error;
  }
}

function attached({ bearer, basic, secretHeader }) {
  if (bearer) return { tag: "bearer", val: bearer };
  if (basic) return { tag: "basic", val: basic };
  if (secretHeader) return { tag: "header", val: secretHeader };
  return null;
}

/**
 * Sends a request. `bearer`, `basic` ([user, password]) and `secretHeader`
 * ([header, secret]) name secrets that the host attaches. `reads: true` states
 * that this request changes nothing although its method could.
 */
function request(method, url, options = {}) {
  const verb = method.toUpperCase();
  const reads = options.reads ?? READS.includes(verb);
  const label = `${verb} ${url.split(/[?#]/)[0]}`;
  const headers = Object.entries(options.headers ?? {});
  let body = options.body ?? new Uint8Array();
  if (options.json !== undefined) {
    body = encode(JSON.stringify(options.json));
    headers.push(["content-type", "application/json"]);
  }
  if (!reads && host.context.dryRun()) throw StepError.dryRun(label);
  const timeoutMs = options.timeoutMs ?? null;
  const raw = { method: verb, url, headers, body, timeoutMs, auth: attached(options) };
  const answer = ask(
    () => host.http.send(raw),
    (problem, value) => explain(problem, value, label, !reads),
  );
  if (!reads) noteChange();
  return new Response(label, reads, answer);
}

function explain(problem, value, label, mutating) {
  switch (problem) {
    case "denied":
      return StepError.permanent("http-denied", `${label}: ${value}`);
    case "unreachable":
      return StepError.retryable("http-unreachable", `${label}: ${value}`);
    case "invalid":
      return StepError.permanent("http-invalid", `${label}: ${value}`);
    case "too-large": {
      // Whether it was the request's or the answer's body is not known.
      const message = `${label}: the body is larger than ${value} bytes`;
      const kind = mutating ? "ambiguous" : "permanent";
      return new StepError(kind, "http-too-large", message);
    }
    default:
      if (mutating) noteChange();
      return StepError.unanswered(
        mutating,
        "http-interrupted",
        `${label}: no complete answer: ${value}`,
      );
  }
}

export const http = {
  request,
  get: (url, options) => request("GET", url, options),
  post: (url, options) => request("POST", url, options),
  put: (url, options) => request("PUT", url, options),
  patch: (url, options) => request("PATCH", url, options),
  delete: (url, options) => request("DELETE", url, options),
};
