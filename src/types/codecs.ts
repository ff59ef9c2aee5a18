/** The codecs the engine uses on edges: column batches with inferred layouts. */
import { UserError } from '../shared/errors.ts';
import { MIN_TIMESTAMP } from '../shared/time.ts';
import { ColumnBatchDecoder } from './batch-decoder.ts';
import { ColumnBatchEncoder, maxShapes } from './batch-encoder.ts';
import type { CodecFactory } from './codec.ts';
import { ShapeCloner } from './shape-cloner.ts';
import { encodeValue } from './value-codec.ts';

/** `warn` hears of what works, but not well. */
export function codecsWith(warn: (message: string) => void): CodecFactory {
  return {
    createEncoder: ({ operatorName, channels = 1 }) =>
      new ColumnBatchEncoder({
        noTimestamp: MIN_TIMESTAMP,
        locate: (error) => located(error, operatorName),
        channels,
        onManyShapes: (field) =>
          warn(
            `Operator '${operatorName}' emits records of more than ${maxShapes} shapes; the field '${field}' is in few of them. Further shapes travel with all their field names, which is slower. Where names are data, use a Map or a list of pairs.`,
          ),
      }),
    createDecoder: () => new ColumnBatchDecoder(),
    createCloner: ({ operatorName }) => {
      const cloner = new ShapeCloner();
      return (value) => {
        try {
          return cloner.clone(value);
        } catch (error) {
          throw located(withPath(error, value), operatorName);
        }
      };
    },
  };
}

export const codecs: CodecFactory = codecsWith((message) => console.warn(message));

/** Copying does not keep track of where it is; encoding does. */
function withPath(error: unknown, value: unknown): unknown {
  if (!(error instanceof UserError) || error.code !== 'UNSUPPORTED_VALUE') return error;
  try {
    encodeValue(value);
    return error;
  } catch (encodingError) {
    return encodingError instanceof UserError ? encodingError : error;
  }
}

function located(error: unknown, operatorName: string): unknown {
  if (!(error instanceof UserError)) return error;
  return new UserError(error.code, { ...error.facts, problem: `Operator '${operatorName}': ${error.facts.problem}` });
}
