/**
 * For what has to be done in the end: it is tried again, after pauses that grow, until it succeeds, another process leads, or
 * this one shuts down.
 */
import type { Logger } from '../../shared/logger.ts';
import type { Clock } from '../../shared/time.ts';
import { LeadershipLostError } from './high-availability.ts';

const firstPauseMs = 1000;
const longestPauseMs = 60_000;

export interface Persistence {
  readonly clock: Clock;
  readonly log: Logger;
  /** Aborted: no further try. */
  readonly signal: AbortSignal;
}

/** `work` may be tried again after it failed in any of its steps. Throws the last error when it is given up. */
export async function persistently(what: string, work: () => Promise<void>, { clock, log, signal }: Persistence): Promise<void> {
  for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(2 * pauseMs, longestPauseMs)) {
    try {
      await work();
      return;
    } catch (error) {
      if (signal.aborted || error instanceof LeadershipLostError) throw error;
      log.warn(`${what} failed, and is tried again in ${pauseMs} ms.`, error);
      await pause(pauseMs, clock, signal);
      if (signal.aborted) throw error;
    }
  }
}

function pause(ms: number, clock: Clock, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const over = (): void => {
      cancel();
      signal.removeEventListener('abort', over);
      resolve();
    };
    const cancel = clock.schedule(ms, over);
    signal.addEventListener('abort', over);
  });
}
