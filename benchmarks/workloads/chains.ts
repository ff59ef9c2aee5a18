/** Steps of a chain without a shuffle: maps that make a new object each, and maps that hand on what they got. */
import type { Sample } from './counts.ts';

type Step = (sample: Sample) => Sample;

/** Texts of their own, as in a program: V8 learns about each by itself. */
export const objectMaps: readonly Step[] = [
  (s) => ({ sensor: s.sensor, name: s.name, celsius: s.celsius + 0.25, count: s.count }),
  (s) => ({ sensor: s.sensor, name: s.name, celsius: s.celsius, count: s.count + 1 }),
  (s) => ({ sensor: s.sensor ^ 1, name: s.name, celsius: s.celsius, count: s.count }),
  (s) => ({ sensor: s.sensor, name: s.name, celsius: s.celsius * 1.5, count: s.count }),
  (s) => ({ sensor: s.sensor, name: s.name, celsius: s.celsius, count: s.count + 3 }),
  (s) => ({ sensor: s.sensor + 2, name: s.name, celsius: s.celsius, count: s.count }),
  (s) => ({ sensor: s.sensor, name: s.name, celsius: s.celsius - 1, count: s.count }),
  (s) => ({ sensor: s.sensor, name: s.name, celsius: s.celsius, count: s.count ^ 5 }),
  (s) => ({ sensor: s.sensor & 0xffff, name: s.name, celsius: s.celsius, count: s.count }),
  (s) => ({ sensor: s.sensor, name: s.name, celsius: s.celsius / 2, count: s.count + s.sensor }),
];

export const identityMaps: readonly Step[] = [
  (s) => s,
  (s1) => s1,
  (s2) => s2,
  (s3) => s3,
  (s4) => s4,
  (s5) => s5,
  (s6) => s6,
  (s7) => s7,
  (s8) => s8,
  (s9) => s9,
  (s10) => s10,
  (s11) => s11,
  (s12) => s12,
  (s13) => s13,
  (s14) => s14,
  (s15) => s15,
  (s16) => s16,
  (s17) => s17,
  (s18) => s18,
  (s19) => s19,
];

export function stepsOf(maps: string): readonly Step[] {
  if (maps === 'objects') return objectMaps;
  return maps === 'identity' ? identityMaps : [];
}
