/** One edge's producing side: a subpartition per consumer, with one plain field that says whether the task may go on. */
import { UserError } from '../../shared/errors.ts';
import type { ChannelEvent, ResultPartitionWriter } from './channel.ts';
import type { Subpartition, SubpartitionOwner } from './subpartition.ts';

export interface ResultPartitionSettings {
  readonly operatorName: string;
  readonly bufferTimeoutMs: number;
  readonly overflowLimitBytes: number;
  /** Monotonic, ms. */
  readonly now: () => number;
  readonly onUnavailable: () => void;
  readonly onAvailable: () => void;
  readonly onClose: () => void;
}

export class ResultPartition implements ResultPartitionWriter, SubpartitionOwner {
  isAvailable = true;
  readonly writers: readonly Subpartition[];
  readonly #settings: ResultPartitionSettings;
  /** What broadcasting added to the subpartitions' counts beyond one each. */
  #copies = 0;
  /** When gathered records must leave; Infinity while none are gathered. */
  flushAtMs = Number.POSITIVE_INFINITY;

  constructor(parts: readonly Subpartition[], settings: ResultPartitionSettings) {
    this.writers = parts;
    this.#settings = settings;
    for (const part of parts) part.owner = this;
  }

  get recordsOut(): number {
    return this.writers.reduce((sum, part) => sum + part.recordsOut + part.gathered, -this.#copies);
  }

  get bytesOut(): number {
    return this.writers.reduce((sum, part) => sum + part.bytesOut, 0);
  }

  emit(value: unknown, timestamp: number, subpartition: number): void {
    (this.writers[subpartition] as Subpartition).add(value, timestamp);
  }

  broadcast(value: unknown, timestamp: number): void {
    for (const part of this.writers) part.add(value, timestamp);
    this.#copies += this.writers.length - 1;
  }

  broadcastEvent(event: ChannelEvent): void {
    for (const part of this.writers) part.send(event);
    this.refreshAvailability();
  }

  flush(): void {
    for (const part of this.writers) part.flush();
    this.flushAtMs = Number.POSITIVE_INFINITY;
    this.refreshAvailability();
  }

  /** Room appeared somewhere: send what waits, and tell the task once. */
  drain(): void {
    for (const part of this.writers) part.drain();
    this.refreshAvailability();
  }

  close(): void {
    for (const part of this.writers) part.close();
    this.flushAtMs = Number.POSITIVE_INFINITY;
    this.#settings.onClose();
  }

  refreshAvailability(): void {
    const was = this.isAvailable;
    let available = true;
    for (const part of this.writers) if (!part.isAvailable) available = false;
    this.isAvailable = available;
    if (was === available) return;
    if (available) this.#settings.onAvailable();
    else this.#settings.onUnavailable();
  }

  /** The first record of a frame: it may have to leave before the frame is full. */
  gathering(part: Subpartition): void {
    const timeout = this.#settings.bufferTimeoutMs;
    if (timeout === 0) {
      part.flush();
      this.sealed(part);
    } else if (timeout > 0 && this.flushAtMs === Number.POSITIVE_INFINITY) this.flushAtMs = this.#settings.now() + timeout;
  }

  sealed(part: Subpartition): void {
    if (part.isAvailable) return;
    if (this.isAvailable) {
      this.isAvailable = false;
      this.#settings.onUnavailable();
    }
    if (part.waitingBytes > this.#settings.overflowLimitBytes) throw this.#overflow(part.waitingBytes);
  }

  #overflow(bytes: number): UserError {
    return new UserError('OUTPUT_OVERFLOW', {
      problem: `Operator '${this.#settings.operatorName}' emitted ${bytes} bytes from one call while nobody could take them.`,
      tryNext: ['Return a generator from flatMap, so that it can pause between results.', 'Raise weir.output.overflow-limit.'],
    });
  }
}
