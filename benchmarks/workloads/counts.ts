/**
 * map-filter-keyBy-count: the records and the user functions that the Weir program and the bare loop share. Records are made
 * anew from their index; what comes out is summed up, so that the two can be checked against each other.
 *
 * Mixed numbers stay below 2^31: the remainder of a larger one is at times compiled to a floating-point one, which is slower
 * and would give one program two speeds.
 */
export interface Reading {
  readonly id: number;
  readonly sensor: number;
  readonly name: string;
  readonly value: number;
}

export interface Sample {
  readonly sensor: number;
  readonly name: string;
  readonly celsius: number;
  readonly count: number;
}

export interface Count {
  readonly key: number | string;
  readonly count: number;
}

export type KeyField = 'sensor' | 'name';

const sensors = 10_007;
const names = Array.from({ length: sensors }, (_, sensor) => `sensor-${sensor}`);

export function reading(index: number): Reading {
  const mixed = Math.imul(index, 0x9e3779b1) >>> 4;
  const sensor = mixed % sensors;
  return { id: index, sensor, name: names[sensor] as string, value: (mixed >>> 8) % 1000 };
}

export function toSample(record: Reading): Sample {
  return { sensor: record.sensor, name: record.name, celsius: (record.value - 320) / 1.8, count: 1 };
}

/** Keeps two thirds. */
export function isWarm(sample: Sample): boolean {
  return sample.celsius > 5;
}

/** What left the pipeline, independent of its order. */
export class Tally {
  records = 0;
  checksum = 0;

  add(count: number): void {
    this.records++;
    this.checksum = (this.checksum + Math.imul(count, count + 7)) | 0;
  }
}
