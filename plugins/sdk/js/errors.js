/** The one error of a step, and what the engine may do after it. */

export class StepError extends Error {
  /** `kind` is `retryable`, `permanent` or `ambiguous`. */
  constructor(kind, code, message, { afterMs, details } = {}) {
    super(message);
    this.name = "StepError";
    this.kind = kind;
    this.code = code;
    this.afterMs = afterMs;
    this.details = details;
  }

  /** Nothing happened, or repeating is harmless. */
  static retryable(code, message, more) {
    return new StepError("retryable", code, message, more);
  }

  /** Repeating cannot help. */
  static permanent(code, message, more) {
    return new StepError("permanent", code, message, more);
  }

  /** The effect may or may not have happened. */
  static ambiguous(code, message, more) {
    return new StepError("ambiguous", code, message, more);
  }

  /** A call to the outside failed: harmless when it only read. */
  static unanswered(mutating, code, message) {
    return new StepError(mutating ? "ambiguous" : "retryable", code, message);
  }

  /** What a call that may change something gets in a preview. */
  static dryRun(request) {
    return StepError.permanent("dry-run", `${request} is not sent in a dry run`);
  }
}

let mayHaveChanged = false;

/** Remembers that a request which may change something has left. */
export function noteChange() {
  mayHaveChanged = true;
}

/** Forgets what earlier calls did. */
export function forgetChanges() {
  mayHaveChanged = false;
}

/**
 * The catch-all. An exception that nobody classified says nothing about what
 * has already happened: permanent only while nothing can have.
 */
export function classify(error) {
  if (error instanceof StepError) return error;
  const kind = mayHaveChanged ? "ambiguous" : "permanent";
  const message = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  const where = error instanceof Error ? String(error.stack).trim().split("\n")[0].trim() : "?";
  return new StepError(kind, "failed", message, { details: { where } });
}

/** Calls the host; what it refuses with arrives as `refuse(case, value)`. */
export function ask(call, refuse) {
  try {
    return call();
  } catch (error) {
    const variant = error?.payload ?? error;
    if (typeof variant === "string") throw refuse(variant, undefined);
    if (typeof variant?.tag === "string") throw refuse(variant.tag, variant.val);
    throw error;
  }
}
