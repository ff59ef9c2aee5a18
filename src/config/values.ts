/** Text to value and back, with Flink's grammar: sizes, durations, booleans, numbers, lists (configuration rules, value syntax). */

import { parse } from 'yaml';

export class ValueError extends Error {
  override readonly name = 'ValueError';
}

const memoryUnits: readonly (readonly [readonly string[], number])[] = [
  [['b', 'bytes'], 1],
  [['k', 'kb', 'kibibytes'], 2 ** 10],
  [['m', 'mb', 'mebibytes'], 2 ** 20],
  [['g', 'gb', 'gibibytes'], 2 ** 30],
  [['t', 'tb', 'tebibytes'], 2 ** 40],
];

const durationUnits: readonly (readonly [readonly string[], number])[] = [
  [['d', 'day', 'days'], 86_400_000],
  [['h', 'hour', 'hours'], 3_600_000],
  [['m', 'min', 'minute', 'minutes'], 60_000],
  [['s', 'sec', 'secs', 'second', 'seconds'], 1000],
  [['ms', 'milli', 'millis', 'millisecond', 'milliseconds'], 1],
  [['µs', 'micro', 'micros', 'microsecond', 'microseconds'], 1e-3],
  [['ns', 'nano', 'nanos', 'nanosecond', 'nanoseconds'], 1e-6],
];

function numberWithUnit(text: string, units: typeof memoryUnits, what: string): number {
  const match = /^(\d+)\s*(\S.*)?$/.exec(text.trim());
  if (!match) throw new ValueError(`'${text}' is no ${what}: it must start with a whole number.`);
  const label = match[2]?.toLowerCase();
  const unit = label === undefined ? undefined : units.find(([labels]) => labels.includes(label));
  if (label !== undefined && !unit) {
    throw new ValueError(`'${text}' is no ${what}: the unit '${match[2]}' is none of ${units.flatMap(([labels]) => labels).join(', ')}.`);
  }
  const value = Number(match[1]) * (unit?.[1] ?? 1);
  if (value > Number.MAX_SAFE_INTEGER) throw new ValueError(`'${text}' is too large.`);
  return value;
}

/** Bytes; a bare number is bytes. */
export function parseMemorySize(text: string): number {
  return numberWithUnit(text, memoryUnits, 'memory size');
}

/** Milliseconds; a bare number is milliseconds, -1 is accepted for keys where a negative value disables. */
export function parseDuration(text: string): number {
  if (/^-1\s*(ms)?$/.test(text.trim())) return -1;
  return numberWithUnit(text, durationUnits, 'duration');
}

export function parseBoolean(text: string): boolean {
  const lower = text.trim().toLowerCase();
  if (lower === 'true') return true;
  if (lower === 'false') return false;
  throw new ValueError(`'${text}' is neither true nor false.`);
}

export function parseInteger(text: string): number {
  if (!/^[+-]?\d+$/.test(text.trim())) throw new ValueError(`'${text}' is no whole number.`);
  return Number(text);
}

export function parseDouble(text: string): number {
  const value = Number(text.trim());
  if (text.trim() === '' || Number.isNaN(value)) throw new ValueError(`'${text}' is no number.`);
  return value;
}

/** `a;'b;c';"d""e"`: elements separated by `;`, optionally quoted, the quote doubled inside. */
export function parseList(text: string, separator = ';'): string[] {
  const elements: string[] = [];
  let position = 0;
  const skipBlanks = (): void => {
    while (text[position] === ' ' || text[position] === '\t') position++;
  };
  while (position <= text.length) {
    skipBlanks();
    const quote = text[position];
    if (quote === '"' || quote === "'") {
      elements.push(quoted(quote));
      skipBlanks();
      if (position < text.length && text[position] !== separator) throw new ValueError(`Illegal quoting at position ${position}`);
    } else {
      const end = text.indexOf(separator, position);
      elements.push(text.slice(position, end < 0 ? text.length : end).trim());
      position = end < 0 ? text.length : end;
    }
    position++;
  }
  return elements;

  function quoted(quote: string): string {
    let value = '';
    for (position++; ; position++) {
      const character = text[position];
      if (character === undefined) throw new ValueError('Could not split string. Quoting was not closed properly.');
      if (character !== quote) value += character;
      else if (text[position + 1] === quote) value += text[++position];
      else break;
    }
    position++;
    return value;
  }
}

/** A list in the flat form (`a;b`), or as nested YAML keeps it (`[a, b]`). Empty text is the empty list. */
export function parseListValue(text: string): string[] {
  if (text.trim() === '') return [];
  const sequence = flowValue(text, '[');
  return Array.isArray(sequence) ? sequence.map(flowText) : parseList(text);
}

/** A map in the flat form (`k1:v1,k2:v2`), or as nested YAML keeps it (`{k1: v1, k2: v2}`). */
export function parseMapValue(text: string): Record<string, string> {
  const mapping = flowValue(text, '{');
  if (mapping !== undefined) return Object.fromEntries(Object.entries(mapping).map(([key, value]) => [key, flowText(value)]));
  return Object.fromEntries(splitOutsideQuotes(text, ',').map(mapItem));
}

/** Quotes are taken off by the item's own two parts, so that `path:'a,b'` stays whole. */
function mapItem(item: string): [string, string] {
  const [key, value, ...more] = parseList(item, ':');
  if (key === undefined || value === undefined || more.length > 0)
    throw new ValueError(`Map item is not a key-value pair (missing ':'?): ${item}`);
  return [key, value];
}

function splitOutsideQuotes(text: string, separator: string): string[] {
  const parts: string[] = [];
  let part = '';
  let quote = '';
  for (const character of text) {
    if (quote === '' && character === separator) {
      parts.push(part);
      part = '';
      continue;
    }
    if (quote === '' ? character === '"' || character === "'" : character === quote) quote = quote === '' ? character : '';
    part += character;
  }
  return [...parts, part].map((piece) => piece.trim()).filter(Boolean);
}

/** Undefined when the text is not YAML in flow style. */
function flowValue(text: string, opening: '[' | '{'): unknown[] | Record<string, unknown> | undefined {
  if (!text.trim().startsWith(opening)) return undefined;
  try {
    return parse(text) as unknown[] | Record<string, unknown>;
  } catch {
    return undefined;
  }
}

function flowText(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** `134217728` as `128mb`, the largest unit that divides evenly. */
export function formatMemorySize(bytes: number): string {
  for (const [labels, factor] of [...memoryUnits].reverse()) {
    if (bytes !== 0 && bytes % factor === 0 && factor <= bytes && labels[1] !== 'tb') return `${bytes / factor} ${labels[1]}`;
  }
  return `${bytes} bytes`;
}

/** `512.000mb (536870912 bytes)`, as memory errors show sizes. */
export function humanMemorySize(bytes: number): string {
  let value = bytes;
  let unit = 'bytes';
  for (const [labels, factor] of memoryUnits) {
    if (bytes > factor) {
      value = bytes / factor;
      unit = labels[1] as string;
    }
  }
  return unit === 'bytes' ? `${bytes} bytes` : `${value.toFixed(3)}${unit} (${bytes} bytes)`;
}
