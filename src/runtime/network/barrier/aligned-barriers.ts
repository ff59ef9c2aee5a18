/**
 * Exactly-once alignment: a channel that has shown its barrier is blocked until all have; then the snapshot is taken and all
 * go on. One checkpoint aligns at a time, because a newer barrier can only come over a channel that is not blocked.
 */
import { failpoint } from '../../../shared/failpoint.ts';
import { AbortedCheckpoints } from './aborted-checkpoints.ts';
import type { AlignmentMetrics, BarrierClock, BarrierHandler, BarrierListener, CheckpointBarrier } from './barrier-handler.ts';

export class AlignedBarriers implements BarrierHandler {
  readonly #listener: BarrierListener;
  readonly #clock: BarrierClock;
  readonly #ended: boolean[];
  readonly #aligned = new Set<number>();
  readonly #blocked = new Set<number>();
  readonly #aborted = new AbortedCheckpoints();
  #open: number;
  /** Channels this alignment covers, frozen at its first barrier. */
  #target = 0;
  #current = -1;
  #doneOrCancelled = -1;
  #barrier: CheckpointBarrier | undefined;
  #startDelayMs = 0;
  #alignmentStart = 0;
  #bytesAtStart = 0;

  constructor(channels: number, listener: BarrierListener, clock: BarrierClock) {
    this.#listener = listener;
    this.#clock = clock;
    this.#ended = new Array<boolean>(channels).fill(false);
    this.#open = channels;
  }

  get latestCheckpointId(): number {
    return this.#current;
  }

  barrier(channel: number, barrier: CheckpointBarrier): void {
    const id = barrier.checkpointId;
    // Obsolete: aborted or overtaken meanwhile. Its channel was never blocked for it.
    if (id < this.#current || (id === this.#current && !this.#isPending) || this.#aborted.has(id)) return;
    if (id > this.#current) this.#begin(barrier);
    this.#blocked.add(channel);
    this.#listener.block(channel);
    this.#align(channel);
  }

  cancelMarker(_channel: number, checkpointId: number): void {
    const pendingIsMeant = checkpointId === this.#current && this.#isPending && this.#aligned.size > 0;
    if (checkpointId <= this.#current && !pendingIsMeant) return;
    const superseded = this.#isPending && checkpointId > this.#current ? this.#current : undefined;
    this.#current = checkpointId;
    this.#finish();
    if (superseded !== undefined) this.#listener.abort(superseded, 'DECLINED_SUBSUMED');
    this.#listener.abort(checkpointId, 'DECLINED_ON_CANCELLATION_BARRIER');
  }

  endOfPartition(channel: number): void {
    if (this.#ended[channel]) return;
    this.#ended[channel] = true;
    this.#open--;
    if (this.#isPending) this.#align(channel);
  }

  trigger(barrier: CheckpointBarrier): void {
    if (barrier.checkpointId <= this.#current) return;
    this.#begin(barrier);
    if (this.#open === 0) this.#complete();
  }

  aborted(checkpointId: number): void {
    if (checkpointId < this.#current) return;
    this.#aborted.add(checkpointId);
    if (checkpointId !== this.#current || !this.#isPending) return;
    this.#finish();
    this.#listener.cancelled(checkpointId);
  }

  get #isPending(): boolean {
    return this.#current >= 0 && this.#current !== this.#doneOrCancelled;
  }

  #begin(barrier: CheckpointBarrier): void {
    if (this.#isPending) {
      const old = this.#current;
      this.#finish();
      this.#listener.abort(old, 'DECLINED_SUBSUMED');
    }
    this.#current = barrier.checkpointId;
    this.#barrier = barrier;
    this.#target = this.#open;
    this.#startDelayMs = Math.max(0, this.#clock.now() - barrier.timestamp);
    this.#alignmentStart = this.#clock.monotonic();
    this.#bytesAtStart = this.#clock.bytesIn();
  }

  #align(channel: number): void {
    this.#aligned.add(channel);
    if (this.#aligned.size >= this.#target) this.#complete();
    else failpoint('task.alignment');
  }

  #complete(): void {
    const alignment: AlignmentMetrics =
      this.#target <= 1
        ? { startDelayMs: this.#startDelayMs, alignmentMs: 0, processedBytes: 0 }
        : {
            startDelayMs: this.#startDelayMs,
            alignmentMs: this.#clock.monotonic() - this.#alignmentStart,
            processedBytes: this.#clock.bytesIn() - this.#bytesAtStart,
          };
    const barrier = this.#barrier as CheckpointBarrier;
    this.#listener.snapshot(barrier, alignment);
    this.#finish();
  }

  #finish(): void {
    this.#doneOrCancelled = this.#current;
    this.#barrier = undefined;
    this.#aligned.clear();
    for (const channel of this.#blocked) this.#listener.unblock(channel);
    this.#blocked.clear();
  }
}
