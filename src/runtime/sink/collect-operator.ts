/**
 * Sends records to the JobManager, which keeps them until the client asks. What the client has not taken is bounded: with so
 * much under way the task waits.
 */
import type { CollectSpec } from '../../api/operator-specs.ts';
import { roughBytes } from '../../types/rough-size.ts';
import { SinkOperator } from './sink-operator.ts';

const batchRecords = 256;
const batchBytes = 256 * 1024;
const underWayBytes = 2 * 1024 * 1024;
const underWayBatches = 64;

export class CollectOperator extends SinkOperator {
  readonly #spec: CollectSpec;
  #batch: unknown[] = [];
  #batchBytes = 0;
  #flushScheduled = false;
  /** Bytes of the batches that the client has not taken, oldest first. */
  readonly #underWay: number[] = [];
  #underWayBytes = 0;
  #onRoom: (() => void) | undefined;

  constructor(spec: CollectSpec) {
    super(undefined);
    this.#spec = spec;
  }

  override open(): void {
    this.context.signal.addEventListener('abort', () => this.#onRoom?.());
  }

  override processElement(value: unknown, timestamp: number): void {
    if (this.interrupted) {
      this.defer('element', value, timestamp);
      return;
    }
    this.#batch.push(value);
    this.#batchBytes += roughBytes(value);
    if (this.#batch.length >= batchRecords || this.#batchBytes >= batchBytes) this.#flush();
    else if (!this.#flushScheduled) {
      this.#flushScheduled = true;
      setImmediate(() => this.#flush());
    }
    if (this.#isFull) this.waitFor(new Promise<void>((resolve) => this.#awaitRoom(resolve)));
  }

  acknowledged(): void {
    this.#underWayBytes -= this.#underWay.shift() ?? 0;
    if (!this.#isFull) this.#onRoom?.();
  }

  /** What a checkpoint covers is on its way. */
  prepareSnapshotPreBarrier(): void {
    this.#flush();
  }

  finish(): void {
    this.#flush();
  }

  get #isFull(): boolean {
    return this.#underWayBytes >= underWayBytes || this.#underWay.length >= underWayBatches;
  }

  #awaitRoom(resolve: () => void): void {
    this.#onRoom = () => {
      this.#onRoom = undefined;
      resolve();
    };
  }

  #flush(): void {
    this.#flushScheduled = false;
    if (this.#batch.length === 0) return;
    this.#underWay.push(this.#batchBytes);
    this.#underWayBytes += this.#batchBytes;
    this.context.sendEventToCoordinator({ type: 'collected', payload: { resultId: this.#spec.resultId, records: this.#batch } });
    this.#batch = [];
    this.#batchBytes = 0;
  }
}
