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
