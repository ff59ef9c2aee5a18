/** How large state streams may be before they become files, or are refused; the same for checkpoints and logs of operators. */
import type { Configuration } from '../../config/configuration.ts';
import type { CheckpointLocation } from './checkpoint-streams.ts';

export type StreamSizes = Omit<CheckpointLocation, 'directory'>;

/** Largest stream that the JobManager keeps in its memory, where no directory is set. */
const maxInlineBytes = 5 * 2 ** 20;

export function readStreamSizes(config: Configuration): StreamSizes {
  return {
    inlineThresholdBytes: config.get('execution.checkpointing.data-inline-threshold'),
    inlineLimitBytes: maxInlineBytes,
    writeBufferBytes: config.get('execution.checkpointing.write-buffer-size'),
  };
}
