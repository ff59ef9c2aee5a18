/** The codecs the engine uses on edges: column batches with inferred shapes. */
import { UserError } from '../shared/errors.ts';
import { MIN_TIMESTAMP } from '../shared/time.ts';
import { ColumnBatchDecoder } from './batch-decoder.ts';
import { ColumnBatchEncoder } from './batch-encoder.ts';
import { cloneValue } from './clone.ts';
import type { BatchEncoder, CodecFactory } from './codec.ts';

export const codecs: CodecFactory = {
  createEncoder: ({ operatorName }) => namingOperator(new ColumnBatchEncoder(MIN_TIMESTAMP), operatorName),
  createDecoder: () => new ColumnBatchDecoder(),
  createCloner:
    ({ operatorName }) =>
    (value) => {
      if (typeof value !== 'object' && typeof value !== 'function' && typeof value !== 'symbol') return value;
      try {
        return cloneValue(value);
      } catch (error) {
        throw located(error, operatorName);
      }
    },
};

function namingOperator(encoder: ColumnBatchEncoder, operatorName: string): BatchEncoder {
  const add = encoder.add.bind(encoder);
  encoder.add = (value, timestamp) => {
    try {
      add(value, timestamp);
    } catch (error) {
      throw located(error, operatorName);
    }
  };
  return encoder;
}

function located(error: unknown, operatorName: string): unknown {
  if (!(error instanceof UserError)) return error;
  return new UserError(error.code, { ...error.facts, problem: `Operator '${operatorName}': ${error.facts.problem}` });
}

const flattening = Buffer.alloc(4096);

/** A copy of its own: a substring of a decoded batch keeps the whole batch's text alive. */
export function flattenString(text: string): string {
  if (text.length < 13) return text;
  const bytes = text.length * 2;
  const buffer = bytes <= flattening.length ? flattening : Buffer.alloc(bytes);
  buffer.write(text, 0, bytes, 'utf16le');
  return buffer.toString('utf16le', 0, bytes);
}

/** Strings of a value that will outlive its batch, made independent of it; other values come back as they are. */
export function detachStrings(value: unknown): unknown {
  if (typeof value === 'string') return flattenString(value);
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return value;
  const fields = value as Record<string, unknown>;
  for (const key in fields) {
    const field = fields[key];
    if (typeof field !== 'string' || field.length < 13) continue;
    if (Object.isFrozen(value)) return value;
    fields[key] = flattenString(field);
  }
  return value;
}

/** A key or namespace as state keeps it: out of reach of later changes of the program's object, and of its batch's text. */
export function detachKey(key: unknown): unknown {
  if (typeof key === 'string') return flattenString(key);
  return typeof key === 'object' && key !== null ? cloneValue(key) : key;
}
