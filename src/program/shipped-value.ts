/** Values of the client that replays of the program see too, as text for a JobGraph: any plain data, Dates and bigints included. */
import { UserError } from '../shared/errors.ts';
import { decodeValue, encodeValue } from '../types/value-codec.ts';

/** More than this belongs in a file or a stream of its own. */
const largestShipped = 64 * 1024 * 1024;

/** Throws UserError for what is not plain data, or too much; `what` says where it comes from. */
export function shipValue(value: unknown, what: string): string {
  const bytes = encode(value, what);
  if (bytes.length > largestShipped) {
    throw new UserError('SHIPPED_TOO_MUCH', {
      problem: `${what} is ${Math.round(bytes.length / 2 ** 20)} MB, and goes to every worker with the job; the limit is ${largestShipped / 2 ** 20} MB.`,
      tryNext: ['Write it to a file or a table that the workers can read, and ship its name.'],
    });
  }
  return Buffer.from(bytes).toString('base64');
}

export function shippedValue(text: string): unknown {
  return decodeValue(Buffer.from(text, 'base64'));
}

function encode(value: unknown, what: string): Uint8Array {
  try {
    return encodeValue(value);
  } catch (error) {
    throw new UserError('NOT_PLAIN_DATA', {
      problem: `${what} cannot be sent to the workers: it is not plain data.`,
      found: error instanceof Error ? error.message : String(error),
      tryNext: ['Return numbers, texts, dates, arrays and plain objects; make connections and class instances in open().'],
    });
  }
}
