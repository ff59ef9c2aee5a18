/** Records of all shapes: nested, mixed, with fields that are awkward in JavaScript. */
import { Random } from './random.ts';

/** What every step relies on; records have more fields than these, in any order. */
export interface Rec {
  id: number;
  key: string | number;
  n: number;
  data?: unknown;
  [field: string]: unknown;
}

export interface TimedRecord {
  readonly value: Rec;
  /** Event time. */
  readonly time: number;
}

/** Travels because the program registers it. */
export class Point {
  readonly x: number;
  readonly label: string;

  constructor(x: number, label: string) {
    this.x = x;
    this.label = label;
  }
}

const fieldNames = ['a', 'b', 'c', '0', '12', '__proto__', 'constructor', 'toString', 'length', 'é', 'a.b', 'x y', "it's", '`$(a)`', ''];

export function setOwn(target: object, field: string, value: unknown): void {
  Object.defineProperty(target, field, { value, enumerable: true, configurable: true, writable: true });
}

function randomText(random: Random): string {
  switch (random.below(7)) {
    case 0:
      return '';
    case 1:
      return 'x'.repeat(random.below(3000));
    case 2:
      return `grüße ${random.below(9)}`;
    case 3:
      return `日本 \u{1f600} ${random.below(9)}`;
    case 4:
      return '\ud800 alone';
    default:
      return `word ${random.below(50)} of the text`;
  }
}

function randomNumber(random: Random): number {
  return random.oneOf([
    0,
    -0,
    1,
    -1,
    7,
    2 ** 31,
    -(2 ** 31),
    2 ** 53 - 1,
    0.1,
    1e300,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    random.below(1000),
  ]);
}

export function randomValue(random: Random, depth: number): unknown {
  switch (random.below(depth > 0 ? 17 : 10)) {
    case 0:
      return null;
    case 1:
      return undefined;
    case 2:
      return random.once(2);
    case 3:
    case 4:
      return randomNumber(random);
    case 5:
    case 6:
      return randomText(random);
    case 7:
      return random.oneOf([0n, -1n, 12345678901234567890n, BigInt(random.below(100))]);
    case 8:
      return new Date(random.oneOf([0, 1e12, -1, Number.NaN]));
    case 9:
      return random.once(2) ? Uint8Array.from({ length: random.below(20) }, (_, i) => i) : Float64Array.of(1.5, random.below(9));
    case 10:
      return Array.from({ length: random.below(4) }, () => randomValue(random, depth - 1));
    case 11:
      return new Map(Array.from({ length: random.below(3) }, (_, i) => [random.once(2) ? i : `k${i}`, randomValue(random, depth - 1)]));
    case 12:
      return new Set(Array.from({ length: random.below(3) }, () => randomText(random)));
    case 13:
      return new Point(random.below(10), randomText(random));
    default:
      return randomObject(random, depth - 1);
  }
}

function randomObject(random: Random, depth: number): Record<string, unknown> {
  const object: Record<string, unknown> = {};
  for (let fields = random.below(5); fields > 0; fields--) setOwn(object, random.oneOf(fieldNames), randomValue(random, depth));
  return object;
}

/** Times rise, but for a disorder below the bound. */
export function randomRecords(seed: number, count: number, disorder: number): TimedRecord[] {
  const random = new Random(seed);
  // Few shapes make full columns, many make the encoder give up on them.
  const shapes = random.oneOf([1, 3, 20, 200]);
  let time = 0;
  return Array.from({ length: count }, (_, id) => {
    time += random.below(30);
    const shape = new Random(random.below(shapes));
    const key = random.once(3) ? random.below(5) : `key ${random.below(5)}`;
    const value: Rec = shape.once(2) ? { id, key, n: random.below(1000) } : { n: random.below(1000), id, key };
    if (shape.once(2)) value.data = randomValue(random, 2);
    if (shape.once(3)) value['text'] = randomText(random);
    if (shape.once(4)) setOwn(value, shape.oneOf(fieldNames), randomValue(random, 1));
    return { value, time: Math.max(0, time - random.below(disorder + 1)) };
  });
}

/** Shares no object with the original. */
export function deepCopy<T>(value: T): T {
  return copyOf(value) as T;
}

function copyOf(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof Point) return new Point(value.x, value.label);
  if (Array.isArray(value)) return value.map(copyOf);
  if (value instanceof Map) return new Map(Array.from(value, ([key, element]) => [key, copyOf(element)]));
  if (value instanceof Set || value instanceof Date || ArrayBuffer.isView(value)) return structuredClone(value);
  const copy: Record<string, unknown> = {};
  for (const field of Object.keys(value)) setOwn(copy, field, copyOf((value as Record<string, unknown>)[field]));
  return copy;
}

/** One text for equal values, another for different ones; the order of fields counts. */
export function canonical(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return JSON.stringify(value);
    case 'bigint':
      return `${value}n`;
    case 'number':
      return Object.is(value, -0) ? '-0' : String(value);
    case 'object':
      return value === null ? 'null' : canonicalObject(value);
    default:
      return String(value);
  }
}

function canonicalObject(value: object): string {
  if (Array.isArray(value)) return `[${Array.from(value, (element) => canonical(element)).join()}]`;
  if (value instanceof Date) return `Date(${value.getTime()})`;
  if (value instanceof Map) return `Map{${Array.from(value, ([key, element]) => `${canonical(key)}=>${canonical(element)}`).join()}}`;
  if (value instanceof Set) return `Set{${Array.from(value, (element) => canonical(element)).join()}}`;
  if (ArrayBuffer.isView(value)) return `${value.constructor.name}(${Array.from(value as Uint8Array).join()})`;
  const name = (Object.getPrototypeOf(value) as { constructor?: { name: string } } | null)?.constructor?.name;
  const fields = Object.keys(value).map((key) => `${JSON.stringify(key)}:${canonical((value as Record<string, unknown>)[key])}`);
  return `${name === 'Object' ? '' : name}{${fields.join()}}`;
}
