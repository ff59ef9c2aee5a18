/** A collector whose records carry the timestamp of the record in hand. */
import type { Collector } from '../../api/functions.ts';
import { MIN_TIMESTAMP } from '../../shared/time.ts';

export class TimestampedCollector implements Collector<unknown> {
  timestamp = MIN_TIMESTAMP;
  /** Replaced by code of its own where the chain is generated. */
  collect: (value: unknown) => void;

  constructor(collect: (value: unknown, timestamp: number) => void) {
    this.collect = (value) => collect(value, this.timestamp);
  }
}
