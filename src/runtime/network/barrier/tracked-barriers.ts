/**
 * At-least-once: counts barriers and blocks nothing. Records that overtake the last barrier of a checkpoint are in its
 * snapshot and are processed again after a restore.
 */
import type { AlignmentMetrics, BarrierClock, BarrierHandler, BarrierListener, CheckpointBarrier } from './barrier-handler.ts';

const mostTracked = 50;

interface Tracked {
  readonly barrier: CheckpointBarrier | undefined;
  readonly checkpointId: number;
  readonly target: number;
  readonly aligned: Set<number>;
  readonly startDelayMs: number;
  readonly alignmentStart: number;
  readonly bytesAtStart: number;
  aborted: boolean;
}

export class TrackedBarriers implements BarrierHandler {
  readonly #listener: BarrierListener;
  readonly #clock: BarrierClock;
  readonly #ended: boolean[];
  /** Ascending ids. */
  readonly #tracked: Tracked[] = [];
  #open: number;
  #latest = -1;

  constructor(channels: number, listener: BarrierListener, clock: BarrierClock) {
    this.#listener = listener;
    this.#clock = clock;
    this.#ended = new Array<boolean>(channels).fill(false);
    this.#open = channels;
  }

  get latestCheckpointId(): number {
    return this.#latest;
  }

  barrier(channel: number, barrier: CheckpointBarrier): void {
    const tracked = this.#find(barrier.checkpointId) ?? this.#track(barrier.checkpointId, barrier);
    if (!tracked) return;
    tracked.aligned.add(channel);
    this.#completeReached();
  }

  cancelMarker(channel: number, checkpointId: number): void {
    const tracked = this.#find(checkpointId) ?? this.#track(checkpointId, undefined);
    if (!tracked) return;
    for (const entry of this.#tracked) if (entry.checkpointId <= checkpointId) this.#abort(entry);
    tracked.aligned.add(channel);
    this.#completeReached();
  }

  endOfPartition(channel: number): void {
    if (this.#ended[channel]) return;
    this.#ended[channel] = true;
    this.#open--;
    for (const tracked of this.#tracked) tracked.aligned.add(channel);
    this.#completeReached();
  }

  trigger(barrier: CheckpointBarrier): void {
    if (barrier.checkpointId <= this.#latest) return;
    this.#track(barrier.checkpointId, barrier);
    this.#completeReached();
  }

  aborted(checkpointId: number): void {
    const tracked = this.#find(checkpointId);
    if (!tracked || tracked.aborted) return;
    tracked.aborted = true;
    this.#listener.cancelled(checkpointId);
  }

  #find(checkpointId: number): Tracked | undefined {
    return this.#tracked.find((tracked) => tracked.checkpointId === checkpointId);
  }

  /** Undefined for an id below the newest one: it came too late to matter. */
  #track(checkpointId: number, barrier: CheckpointBarrier | undefined): Tracked | undefined {
    if (checkpointId <= this.#latest) return undefined;
    this.#latest = checkpointId;
    const tracked: Tracked = {
      barrier,
      checkpointId,
      target: this.#open,
      aligned: new Set(),
      startDelayMs: barrier ? Math.max(0, this.#clock.now() - barrier.timestamp) : 0,
      alignmentStart: this.#clock.monotonic(),
      bytesAtStart: this.#clock.bytesIn(),
      aborted: false,
    };
    this.#tracked.push(tracked);
    if (this.#tracked.length > mostTracked) this.#tracked.shift();
    return tracked;
  }

  /** The newest that is complete goes out; older ones cannot be completed any more in their order, and go too. */
  #completeReached(): void {
    let reached = -1;
    for (let i = 0; i < this.#tracked.length; i++) {
      const tracked = this.#tracked[i] as Tracked;
      if (tracked.aligned.size >= tracked.target) reached = i;
    }
    if (reached < 0) return;
    const completed = this.#tracked[reached] as Tracked;
    const dropped = this.#tracked.splice(0, reached + 1).slice(0, -1);
    for (const older of dropped) this.#abort(older, 'DECLINED_SUBSUMED');
    if (completed.barrier && !completed.aborted) this.#listener.snapshot(completed.barrier, this.#alignmentOf(completed));
  }

  #alignmentOf(tracked: Tracked): AlignmentMetrics {
    if (tracked.target <= 1 || tracked.checkpointId !== this.#latest)
      return { startDelayMs: tracked.startDelayMs, alignmentMs: 0, processedBytes: 0 };
    return {
      startDelayMs: tracked.startDelayMs,
      alignmentMs: this.#clock.monotonic() - tracked.alignmentStart,
      processedBytes: this.#clock.bytesIn() - tracked.bytesAtStart,
    };
  }

  #abort(tracked: Tracked, reason: 'DECLINED_SUBSUMED' | 'DECLINED_ON_CANCELLATION_BARRIER' = 'DECLINED_ON_CANCELLATION_BARRIER'): void {
    if (tracked.aborted) return;
    tracked.aborted = true;
    this.#listener.abort(tracked.checkpointId, reason);
  }
}
