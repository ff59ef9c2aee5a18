/**
 * Sends records to the JobManager as bytes, which keeps them until the client asks. What the client has not taken is bounded:
 * with so much under way the task waits.
 */
import type { CollectSpec } from '../../api/operator-specs.ts';
import { Configuration } from '../../config/configuration.ts';
import { UserError } from '../../shared/errors.ts';
import { ValueBlockWriter } from '../../types/value-block.ts';
import { frameSize } from '../rpc/frame-size.ts';
import { SinkOperator } from './sink-operator.ts';

const batchRecords = 256;
const batchBytes = 256 * 1024;
const underWayBytes = 2 * 1024 * 1024;
const underWayBatches = 64;
/** What else is in a message. */
const messageBytes = 4096;

export class CollectOperator extends SinkOperator {
  readonly #spec: CollectSpec;
  readonly #batch = new ValueBlockWriter();
  #largestBytes = 0;
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
    this.#largestBytes = frameSize(Configuration.of(this.context.configuration)) - messageBytes;
    this.context.signal.addEventListener('abort', () => this.#onRoom?.());
  }

  override processElement(value: unknown, timestamp: number): void {
    if (this.interrupted) {
      this.defer('element', value, timestamp);
      return;
    }
    const before = this.#batch.sizeBytes;
    this.#batch.add(value);
    const bytes = this.#batch.sizeBytes;
    if (bytes > this.#largestBytes) throw tooLarge(bytes - before, this.#largestBytes);
    if (this.#batch.count >= batchRecords || bytes >= batchBytes) this.#flush();
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
    if (this.#batch.count === 0) return;
    const block = this.#batch.take();
    this.#underWay.push(block.length);
    this.#underWayBytes += block.length;
    this.context.sendEventToCoordinator({ type: 'collected', payload: { resultId: this.#spec.resultId, block } });
  }
}

function tooLarge(bytes: number, largest: number): UserError {
  return new UserError('RECORD_TOO_LARGE', {
    problem: `A record of ${bytes} bytes cannot go to the client: ${largest} bytes fit into a message.`,
    tryNext: ['Write such records to files (FileSink), or raise akka.framesize on all processes.'],
  });
}
