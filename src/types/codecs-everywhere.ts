/**
 * For tests in one process: what would be cloned goes through its codec instead, so that every value is what it would be
 * on the other side of a ring or a connection.
 */
import { MIN_TIMESTAMP } from '../shared/time.ts';
import type { CodecFactory } from './codec.ts';

export function codecsEverywhere(codecs: CodecFactory): CodecFactory {
  return {
    ...codecs,
    createCloner: (options) => {
      const encoder = codecs.createEncoder(options);
      const decoder = codecs.createDecoder(options);
      return (value) => {
        encoder.add(value, MIN_TIMESTAMP);
        return decoder.decode(encoder.take()).values[0];
      };
    },
  };
}
