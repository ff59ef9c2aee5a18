/** One edge's producing side: a subpartition per consumer, with one plain field that says whether the task may go on. */
import { UserError } from '../../shared/errors.ts';
import type { ChannelEvent, ResultPartitionWriter } from './channel.ts';
import type { Subpartition } from './subpartition.ts';

export interface ResultPartitionSettings {
  readonly operatorName: string;
  readonly bufferTimeoutMs: number;
  readonly overflowLimitBytes: number;
  readonly onAvailable: () => void;
}

export class ResultPartition implements ResultPartitionWriter {
  isAvailable = true;
  recordsOut = 0;
  readonly #parts: readonly Subpartition[];
  readonly #settings: ResultPartitionSettings;
  /** When gathered records must leave; Infinity while none are gathered. */
  flushAtMs = Number.POSITIVE_INFINITY;

  constructor(parts: readonly Subpartition[], settings: ResultPartitionSettings) {
    this.#parts = parts;
    this.#settings = settings;
  }

  get subpartitions(): number {
    return this.#parts.length;
  }

  get bytesOut(): number {
    return this.#parts.reduce((sum, part) => sum + part.bytesOut, 0);
  }

  emit(value: unknown, timestamp: number, subpartition: number): void {
    this.recordsOut++;
    const part = this.#parts[subpartition] as Subpartition;
    part.add(value, timestamp);
    this.#afterEmit(part);
  }

  broadcast(value: unknown, timestamp: number): void {
    this.recordsOut++;
    for (const part of this.#parts) {
      part.add(value, timestamp);
      this.#afterEmit(part);
    }
  }

  broadcastEvent(event: ChannelEvent): void {
    for (const part of this.#parts) part.send(event);
    this.refreshAvailability();
  }

  flush(): void {
    for (const part of this.#parts) part.flush();
    this.flushAtMs = Number.POSITIVE_INFINITY;
    this.refreshAvailability();
  }

  /** Room appeared somewhere: send what waits, and tell the task once. */
  drain(): void {
    for (const part of this.#parts) part.drain();
    this.refreshAvailability();
  }

  close(): void {
    for (const part of this.#parts) part.close();
    this.flushAtMs = Number.POSITIVE_INFINITY;
  }

  refreshAvailability(): void {
    const was = this.isAvailable;
    let available = true;
    for (let i = 0; i < this.#parts.length; i++) if (!(this.#parts[i] as Subpartition).isAvailable) available = false;
    this.isAvailable = available;
    if (available && !was) this.#settings.onAvailable();
  }

  #afterEmit(part: Subpartition): void {
    if (part.gathered > 0 && this.flushAtMs === Number.POSITIVE_INFINITY) this.#arm(part);
    if (!part.isAvailable) {
      this.isAvailable = false;
      if (part.waitingBytes > this.#settings.overflowLimitBytes) throw this.#overflow(part.waitingBytes);
    }
  }

  #arm(part: Subpartition): void {
    const timeout = this.#settings.bufferTimeoutMs;
    if (timeout === 0) part.flush();
    else if (timeout > 0) this.flushAtMs = performance.now() + timeout;
  }

  #overflow(bytes: number): UserError {
    return new UserError('OUTPUT_OVERFLOW', {
      problem: `Operator '${this.#settings.operatorName}' emitted ${bytes} bytes from one call while nobody could take them.`,
      tryNext: ['Return a generator from flatMap, so that it can pause between results.', 'Raise weir.output.overflow-limit.'],
    });
  }
}
