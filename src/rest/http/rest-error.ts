/** An answer that is an error: `{"errors": [...]}` with a status that clients decide by. */
import { UserError } from '../../shared/errors.ts';

export class RestError extends Error {
  override readonly name = 'RestError';
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

const statusOfCode: Readonly<Record<string, number>> = {
  JOB_NOT_FOUND: 404,
  FILE_NOT_FOUND: 404,
  BLOB_NOT_FOUND: 404,
  JOB_ALREADY_TERMINATED: 409,
};

/** What the client is told; undefined for what only the log may know. */
export function describeError(error: unknown): { readonly status: number; readonly message: string } | undefined {
  if (error instanceof RestError) return { status: error.status, message: error.message };
  const code = (error as { code?: unknown } | undefined)?.code;
  // An error that crossed a thread is known by its code alone.
  if (
    error instanceof UserError ||
    (error instanceof Error && typeof code === 'string' && /^[A-Z]+(_[A-Z]+)+$/.test(code) && !('syscall' in error))
  )
    return { status: statusOfCode[String(code)] ?? 400, message: (error as Error).message };
  return undefined;
}
