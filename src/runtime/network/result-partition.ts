/** One edge's producing side: a subpartition per consumer, with one plain field that says whether the task may go on. */
import { UserError } from '../../shared/errors.ts';
import type { BatchEncoder } from '../../types/codec.ts';
import type { ChannelEvent, ResultPartitionWriter } from './channel.ts';
import type { PartitionBuffers } from './memory/partition-buffers.ts';
import { SharedEncoding } from './shared-encoding.ts';
import { EncodedSubpartition, type Subpartition, type SubpartitionOwner } from './subpartition.ts';

export interface ResultPartitionSettings {
  readonly operatorName: string;
  readonly bufferTimeoutMs: number;
  readonly overflowLimitBytes: number;
  /** Monotonic, ms. */
  readonly now: () => number;
  readonly onUnavailable: () => void;
  readonly onAvailable: () => void;
  readonly onClose: () => void;
  /** For records that go to all channels. */
  readonly createEncoder: () => BatchEncoder;
  /** Absent when no channel leaves the thread. */
  readonly buffers?: PartitionBuffers | undefined;
}

export class ResultPartition implements ResultPartitionWriter, SubpartitionOwner {
  isAvailable = true;
  readonly writers: readonly Subpartition[];
  readonly #settings: ResultPartitionSettings;
  readonly #encoded: readonly EncodedSubpartition[];
  /** Of this thread. */
  readonly #local: readonly Subpartition[];
  #shared: SharedEncoding | undefined;
  /** What broadcasting added to the subpartitions' counts beyond one each. */
  #copies = 0;
  /** When gathered records must leave; Infinity while none are gathered. */
  flushAtMs = Number.POSITIVE_INFINITY;

  constructor(parts: readonly Subpartition[], settings: ResultPartitionSettings) {
    this.writers = parts;
    this.#settings = settings;
    this.#encoded = parts.filter((part) => part instanceof EncodedSubpartition);
    this.#local = parts.filter((part) => !(part instanceof EncodedSubpartition));
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
    if (this.#encoded.length > 0) this.#broadcastEncoded(value, timestamp);
    for (const part of this.#local) part.add(value, timestamp);
    this.#copies += this.#local.length - 1;
  }

  broadcastEvent(event: ChannelEvent): void {
    this.#shared?.flush();
    for (const part of this.writers) part.send(event);
    this.refreshAvailability();
  }

  flush(): void {
    this.#shared?.flush();
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
    if (this.#settings.bufferTimeoutMs === 0) {
      part.flush();
      this.sealed(part);
    } else this.#startTimeout();
  }

  /** Of the segments that the partition may fill, the part that is filled; 0 when nothing leaves the thread. */
  get poolUsage(): number {
    return this.#settings.buffers?.usage ?? 0;
  }

  #broadcastEncoded(value: unknown, timestamp: number): void {
    this.#shared ??= new SharedEncoding(this.#settings.createEncoder(), this.#encoded);
    this.#shared.add(value, timestamp);
    if (this.#settings.bufferTimeoutMs === 0 || this.#shared.isFull) {
      this.#shared.flush();
      for (const part of this.#encoded) this.sealed(part);
    } else if (this.#shared.gathered === 1) this.#startTimeout();
  }

  #startTimeout(): void {
    const timeout = this.#settings.bufferTimeoutMs;
    if (timeout > 0 && this.flushAtMs === Number.POSITIVE_INFINITY) this.flushAtMs = this.#settings.now() + timeout;
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
