/** The largest message between processes. */
import type { Configuration } from '../../config/configuration.ts';

/** `akka.framesize` is written as `10485760b`. */
export function frameSize(config: Configuration): number {
  return Number.parseInt(config.getText('akka.framesize') ?? '10485760', 10);
}
