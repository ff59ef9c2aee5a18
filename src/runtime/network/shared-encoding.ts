/**
 * Records that go to all consumers of a partition: encoded once for all channels that leave the thread. Each channel's
 * decoder sees every batch of the one encoder, so a partition either broadcasts or chooses, and never both.
 */
import type { BatchEncoder } from '../../types/codec.ts';
import { type EncodedSubpartition, maxBatchBytes, maxBatchRecords } from './subpartition.ts';

export class SharedEncoding {
  readonly #encoder: BatchEncoder;
  readonly #parts: readonly EncodedSubpartition[];

  constructor(encoder: BatchEncoder, parts: readonly EncodedSubpartition[]) {
    this.#encoder = encoder;
    this.#parts = parts;
  }

  get gathered(): number {
    return this.#encoder.count;
  }

  get isFull(): boolean {
    return this.#encoder.count >= maxBatchRecords || this.#encoder.sizeBytes >= maxBatchBytes;
  }

  add(value: unknown, timestamp: number): void {
    this.#encoder.add(value, timestamp);
  }

  flush(): void {
    if (this.#encoder.count === 0) return;
    const bytes = this.#encoder.take();
    for (const part of this.#parts) part.sendBatch(bytes);
  }
}
