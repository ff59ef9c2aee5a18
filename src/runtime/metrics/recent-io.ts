/** What came between the last two reports of an attempt, and in how long. */
import { MIN_TIMESTAMP } from '../../shared/time.ts';
import type { IoMetrics, RecentIo } from '../rpc/gateways.ts';

export const noIo: IoMetrics = {
  recordsIn: 0,
  recordsOut: 0,
  bytesIn: 0,
  bytesOut: 0,
  idleMs: 0,
  busyMs: 0,
  backPressuredMs: 0,
  watermark: MIN_TIMESTAMP,
};

export class IoHistory {
  #io: IoMetrics = noIo;
  #at: number;
  #recent: RecentIo = { ...noIo, overMs: 0 };

  constructor(now: number) {
    this.#at = now;
  }

  get io(): IoMetrics {
    return this.#io;
  }

  get recent(): RecentIo {
    return this.#recent;
  }

  report(io: IoMetrics, now: number): void {
    this.#recent = { ...difference(io, this.#io), overMs: now - this.#at };
    this.#io = io;
    this.#at = now;
  }
}

function difference(now: IoMetrics, before: IoMetrics): IoMetrics {
  return {
    recordsIn: now.recordsIn - before.recordsIn,
    recordsOut: now.recordsOut - before.recordsOut,
    bytesIn: now.bytesIn - before.bytesIn,
    bytesOut: now.bytesOut - before.bytesOut,
    idleMs: now.idleMs - before.idleMs,
    busyMs: now.busyMs - before.busyMs,
    backPressuredMs: now.backPressuredMs - before.backPressuredMs,
    watermark: now.watermark,
  };
}
