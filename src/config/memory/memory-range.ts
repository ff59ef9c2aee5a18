/** The arithmetic of Flink's memory model: whole bytes, and fractions that are 32-bit floats multiplied exactly. */
import { UserError } from '../../shared/errors.ts';
import type { Configuration } from '../configuration.ts';
import type { OptionKey } from '../registry.ts';
import { humanMemorySize } from '../values.ts';

export interface MemoryRange {
  readonly min: number;
  readonly max: number;
  readonly fraction: number;
}

/** floor(base × f), f the 32-bit float nearest to the configured fraction: 0.4 of 1280 MiB is 536870920 bytes. */
export function share(base: number, fraction: number): number {
  const text = Math.fround(fraction).toString();
  const [whole, decimals = ''] = decimalText(text).split('.');
  const scaled = BigInt(`${whole}${decimals}`);
  return Number((BigInt(base) * scaled) / 10n ** BigInt(decimals.length));
}

function decimalText(text: string): string {
  return text.includes('e') ? Number(text).toFixed(20) : text;
}

export function clamp(value: number, min: number, max: number): number {
  return Math.max(min, Math.min(max, value));
}

/** The part when `base` contains it. */
export function fromFraction(base: number, range: MemoryRange): number {
  return clamp(share(base, range.fraction), range.min, range.max);
}

/** The part when `base` is everything else. */
export function fromInverse(base: number, range: MemoryRange): number {
  const fraction = Math.fround(range.fraction);
  return clamp(Math.floor(base * (fraction / (1 - fraction))), range.min, range.max);
}

export function readRange(config: Configuration, prefix: string, component: string): MemoryRange {
  const read = (suffix: string): number => config.get(`${prefix}.${suffix}` as OptionKey) as number;
  const range = { min: read('min'), max: read('max'), fraction: read('fraction') };
  if (range.min > range.max || range.fraction < 0 || range.fraction >= 1) {
    throw memoryError(
      'E9',
      `Inconsistently configured ${component}: fraction ${range.fraction}, min ${humanMemorySize(range.min)}, max ${humanMemorySize(range.max)}.`,
      [`${prefix}.min must not exceed ${prefix}.max, and 0 <= ${prefix}.fraction < 1.`],
    );
  }
  return range;
}

/** `id` is the entry of the error catalogue in docs/operations/memory.md. */
export function memoryError(id: string, found: string, tryNext: readonly string[] = []): UserError {
  return new UserError(`MEMORY_${id}`, { problem: 'The configured memory does not add up.', found, tryNext });
}

const legacyHeapKeys = {
  taskmanager: ['taskmanager.heap.size', 'taskmanager.heap.mb'],
  jobmanager: ['jobmanager.heap.size', 'jobmanager.heap.mb'],
} as const;

/** What old files call the heap, as a size or in megabytes. It stands in for a newer key that is not set. */
export function legacyHeap(config: Configuration, role: keyof typeof legacyHeapKeys): number | undefined {
  const [sizeKey, megabytesKey] = legacyHeapKeys[role];
  const size = config.getOptional(sizeKey);
  if (size !== undefined) return size;
  const megabytes = config.getOptional(megabytesKey);
  if (megabytes !== undefined && megabytes < 0) throw memoryError('E11', `${megabytesKey} is ${megabytes}; it cannot be negative.`);
  return megabytes === undefined ? undefined : megabytes * 2 ** 20;
}
