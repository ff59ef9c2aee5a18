/** Assertions for our own bugs. They stay on in production: a wrong result is worse than a failed task. */

export class BugError extends Error {
  override readonly name = 'BugError';
}

/** Throws {@link BugError} unless `condition` holds; the lazy form costs nothing when all is well. */
export function assert(condition: unknown, message: string | (() => string)): asserts condition {
  if (!condition) throw new BugError(typeof message === 'string' ? message : message());
}

/** Closes a switch over a union: reaching it is a bug. */
export function unreachable(value: never): never {
  throw new BugError(`unexpected value ${JSON.stringify(value)}`);
}
