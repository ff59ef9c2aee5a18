/**
 * The two kinds of failure that are not our bug: what the user can mend ({@link UserError}) and what the world did
 * ({@link ExternalError}). Decisions are made on `code`, never on text; the text is built here, in one place.
 */

export interface ErrorFacts {
  /** What went wrong, as one sentence. */
  readonly problem: string;
  /** What was seen: the value, file, line, key, flag or operator. */
  readonly found?: string | undefined;
  /** What to do, most likely remedy first. */
  readonly tryNext?: readonly string[] | undefined;
  readonly cause?: unknown;
}

export class UserError extends Error {
  override readonly name: string = 'UserError';
  readonly code: string;
  declare readonly facts: ErrorFacts;

  constructor(code: string, facts: ErrorFacts) {
    super(renderFacts(facts), facts.cause === undefined ? undefined : { cause: facts.cause });
    this.code = code;
    // They are in the message already when Node shows the error.
    Object.defineProperty(this, 'facts', { value: facts, enumerable: false });
  }
}

export class ExternalError extends Error {
  override readonly name: string = 'ExternalError';
  readonly code: string;
  readonly retriable: boolean;

  constructor(code: string, facts: ErrorFacts & { retriable: boolean }) {
    super(renderFacts(facts), facts.cause === undefined ? undefined : { cause: facts.cause });
    this.code = code;
    this.retriable = facts.retriable;
  }
}

function renderFacts(facts: ErrorFacts): string {
  const lines = [facts.problem];
  if (facts.found) lines.push(facts.found);
  for (const step of facts.tryNext ?? []) lines.push(`Try: ${step}`);
  return lines.join('\n');
}

/** An error as it crosses threads, processes and REST: name, message and (source-mapped) stack, causes included. */
export interface SerializedError {
  readonly name: string;
  readonly message: string;
  readonly stack: string;
  readonly code?: string | undefined;
  readonly cause?: SerializedError | undefined;
}

export function serializeError(error: unknown, depth = 0): SerializedError {
  if (!(error instanceof Error)) {
    const text = typeof error === 'string' ? error : safeString(error);
    return { name: 'Error', message: text, stack: text };
  }
  const code = (error as { code?: unknown }).code;
  return {
    name: error.name,
    message: error.message,
    stack: error.stack ?? `${error.name}: ${error.message}`,
    ...(typeof code === 'string' ? { code } : {}),
    ...(error.cause !== undefined && depth < 8 ? { cause: serializeError(error.cause, depth + 1) } : {}),
  };
}

/** Restores an Error object whose stack is the remote one. */
export function deserializeError(serialized: SerializedError): Error {
  const error = new Error(serialized.message);
  error.name = serialized.name;
  error.stack = serialized.stack;
  if (serialized.code !== undefined) Object.assign(error, { code: serialized.code });
  if (serialized.cause) error.cause = deserializeError(serialized.cause);
  return error;
}

/** The text of an error with all its causes, as REST and the command line print it. */
export function stackWithCauses(error: SerializedError): string {
  return error.cause ? `${error.stack}\nCaused by: ${stackWithCauses(error.cause)}` : error.stack;
}

function safeString(value: unknown): string {
  try {
    return String(value);
  } catch {
    return Object.prototype.toString.call(value);
  }
}
