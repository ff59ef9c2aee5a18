/** The grammar of values, against oracles: BigInt arithmetic for sizes and durations, an encoder for lists and maps. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  formatMemorySize,
  humanMemorySize,
  parseBoolean,
  parseDouble,
  parseDuration,
  parseInteger,
  parseListValue,
  parseMapValue,
  parseMemorySize,
} from '../../src/config/values.ts';

const sizeUnits: Record<string, bigint> = {
  '': 1n,
  b: 1n,
  bytes: 1n,
  k: 1024n,
  kb: 1024n,
  kibibytes: 1024n,
  m: 1024n ** 2n,
  mb: 1024n ** 2n,
  mebibytes: 1024n ** 2n,
  g: 1024n ** 3n,
  gb: 1024n ** 3n,
  gibibytes: 1024n ** 3n,
  t: 1024n ** 4n,
  tb: 1024n ** 4n,
  tebibytes: 1024n ** 4n,
};

const durationUnits: Record<string, number> = {
  '': 1,
  ms: 1,
  millis: 1,
  milliseconds: 1,
  s: 1000,
  sec: 1000,
  seconds: 1000,
  m: 60_000,
  min: 60_000,
  minutes: 60_000,
  h: 3_600_000,
  hour: 3_600_000,
  d: 86_400_000,
  days: 86_400_000,
};

const blanks = fc.constantFrom('', ' ', '  ', '\t');
const anyCase = (word: string) => fc.mixedCase(fc.constant(word));
const quantity = (units: readonly string[]) =>
  fc
    .record({ n: fc.nat(8000), unit: fc.constantFrom(...units), before: blanks, between: blanks, after: blanks })
    .chain((parts) =>
      anyCase(parts.unit).map((spelt) => ({ ...parts, text: `${parts.before}${parts.n}${parts.between}${spelt}${parts.after}` })),
    );

describe('sizes', () => {
  test('are whole numbers with a unit of any case, blanks where one likes', () => {
    fc.assert(
      fc.property(quantity(Object.keys(sizeUnits)), ({ n, unit, text }) => {
        expect(BigInt(parseMemorySize(text))).toBe(BigInt(n) * (sizeUnits[unit] as bigint));
      }),
    );
  });

  test.each(['', ' ', '1.5g', '-1m', '+1m', 'm', '1 mib', '1 kbytes', '1p', '99999999999999999999', '9000000t', '0x10'])(
    '%j is none',
    (text) => {
      expect(() => parseMemorySize(text)).toThrow();
    },
  );

  test('an unknown unit is answered with the units there are', () => {
    expect(() => parseMemorySize('5 mib')).toThrow(/the unit 'mib' is none of b, bytes, k, kb, .*tebibytes/);
  });

  test('print in the largest unit that divides them, and are read back', () => {
    expect([134217728, 0, 1000, 3 * 2 ** 40].map(formatMemorySize)).toEqual(['128 mb', '0 bytes', '1000 bytes', '3072 gb']);
    fc.assert(fc.property(fc.maxSafeNat(), (bytes) => parseMemorySize(formatMemorySize(bytes)) === bytes));
  });

  test('in errors show three decimals and every byte', () => {
    expect(humanMemorySize(536870912)).toBe('512.000mb (536870912 bytes)');
    expect(humanMemorySize(1024)).toBe('1024 bytes');
    expect(humanMemorySize(1025)).toBe('1.001kb (1025 bytes)');
  });
});

describe('durations', () => {
  test('are whole numbers with a unit, milliseconds without one', () => {
    fc.assert(
      fc.property(quantity(Object.keys(durationUnits)), ({ n, unit, text }) => {
        expect(parseDuration(text)).toBe(n * (durationUnits[unit] as number));
      }),
    );
  });

  test.each(['', 'ms', '1.5 s', '-2 ms', '1 h 30 min', '5 fortnights'])('%j is none', (text) => {
    expect(() => parseDuration(text)).toThrow();
  });

  test('-1 switches off', () => {
    expect(['-1', '-1 ms', ' -1ms'].map(parseDuration)).toEqual([-1, -1, -1]);
  });
});

test('booleans and numbers take what Flink takes, and nothing else', () => {
  expect([parseBoolean('TRUE'), parseBoolean(' false ')]).toEqual([true, false]);
  for (const text of ['yes', '1', '', 'on']) expect(() => parseBoolean(text)).toThrow();
  expect([parseInteger('-7'), parseInteger('+8')]).toEqual([-7, 8]);
  for (const text of ['1_000', '1.0', '0x1', '', 'many']) expect(() => parseInteger(text)).toThrow();
  expect(parseDouble('1e-3')).toBe(0.001);
  for (const text of ['', 'half']) expect(() => parseDouble(text)).toThrow();
});

describe('lists and maps', () => {
  const quote = (text: string, mark: string): string => mark + text.replaceAll(mark, mark + mark) + mark;
  const element = fc.string({ unit: fc.constantFrom('a', 'b', ';', ',', ':', '"', "'", ' ', '[', '{') });
  const mark = fc.constantFrom('"', "'");

  test('quoted elements come back as they were, whatever they hold', () => {
    fc.assert(
      fc.property(fc.array(element, { minLength: 1 }), mark, blanks, (elements, quoteMark, blank) => {
        const text = elements.map((item) => blank + quote(item, quoteMark) + blank).join(';');
        expect(parseListValue(text)).toEqual(elements);
      }),
    );
  });

  test('quoted entries come back as they were', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.tuple(element, element), { minLength: 1, selector: ([key]) => key }), mark, (entries, quoteMark) => {
        const text = entries.map(([key, value]) => `${quote(key, quoteMark)}:${quote(value, quoteMark)}`).join(',');
        expect(Object.entries(parseMapValue(text)).sort()).toEqual([...entries].sort());
      }),
    );
  });

  test.each([
    ['a;b; c ', ['a', 'b', 'c']],
    ["'a;b';c", ['a;b', 'c']],
    ['"x""y;z";c', ['x"y;z', 'c']],
    ['a;;b', ['a', '', 'b']],
    ['', []],
    ['[a, "b;c", 3]', ['a', 'b;c', '3']],
    ['[not yaml', ['[not yaml']],
  ])('the list %j', (text, expected) => {
    expect(parseListValue(text)).toEqual(expected);
  });

  test.each([
    ['k1:v1,k2:v2', { k1: 'v1', k2: 'v2' }],
    [" name : f1 , path:'file:///x,y' ", { name: 'f1', path: 'file:///x,y' }],
    ['{k1: v1, "k 2": 7}', { k1: 'v1', 'k 2': '7' }],
    ['', {}],
  ])('the map %j', (text, expected) => {
    expect(parseMapValue(text)).toEqual(expected);
  });

  test.each([
    ["'a'b;c", /Illegal quoting at position 3/],
    ["'a", /not closed/],
  ])('the list %j is wrong', (text, message) => {
    expect(() => parseListValue(text)).toThrow(message);
  });

  test.each(['a', 'a:b:c', 'k:v,x'])('the map %j is wrong', (text) => {
    expect(() => parseMapValue(text)).toThrow(/Map item is not a key-value pair/);
  });
});
