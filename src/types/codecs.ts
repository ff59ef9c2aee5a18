/** The codecs the engine uses on edges: column batches with inferred layouts. */
import { UserError } from '../shared/errors.ts';
import { MIN_TIMESTAMP } from '../shared/time.ts';
import { ColumnBatchDecoder } from './batch-decoder.ts';
import { ColumnBatchEncoder } from './batch-encoder.ts';
import type { CodecFactory } from './codec.ts';
import { ShapeCloner } from './shape-cloner.ts';

export const codecs: CodecFactory = {
  createEncoder: ({ operatorName }) => new ColumnBatchEncoder(MIN_TIMESTAMP, (error) => located(error, operatorName)),
  createDecoder: () => new ColumnBatchDecoder(),
  createCloner: ({ operatorName }) => {
    const cloner = new ShapeCloner();
    return (value) => {
      try {
        return cloner.clone(value);
      } catch (error) {
        throw located(error, operatorName);
      }
    };
  },
};

function located(error: unknown, operatorName: string): unknown {
  if (!(error instanceof UserError)) return error;
  return new UserError(error.code, { ...error.facts, problem: `Operator '${operatorName}': ${error.facts.problem}` });
}
