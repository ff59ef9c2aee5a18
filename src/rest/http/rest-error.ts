/** An answer that is an error: `{"errors": [...]}` with a status that clients decide by. */
import { ExternalError, UserError } from '../../shared/errors.ts';

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

/** What the client is told: what the user can mend is 400, what the world did 500; undefined for what only the log may know. */
export function describeError(error: unknown): { readonly status: number; readonly message: string } | undefined {
  if (!(error instanceof Error)) return undefined;
  if (error instanceof RestError) return { status: error.status, message: error.message };
  // An error that crossed a thread or a connection is known by its name alone.
  const isExternal = error instanceof ExternalError || error.name === 'ExternalError';
  const isUsers = error instanceof UserError || error.name === 'UserError';
  if (!isExternal && !isUsers) return undefined;
  const { code } = error as { code?: string };
  return { status: statusOfCode[code ?? ''] ?? (isUsers ? 400 : 500), message: error.message };
}
