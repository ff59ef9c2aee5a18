/** Configuration: text by key, read through the option registry, which knows type, default and older names of each key. */
import { UserError } from '../shared/errors.ts';
import type { Option, ValueOf } from './option.ts';
import { type OptionKey, options } from './registry.ts';
import { parseBoolean, parseDouble, parseDuration, parseInteger, parseList, parseMemorySize } from './values.ts';

/** Options without a default may be absent. */
export type ReadValue<K extends OptionKey> = (typeof options)[K] extends { default: string }
  ? ValueOf<(typeof options)[K]>
  : ValueOf<(typeof options)[K]> | undefined;

export class Configuration {
  readonly #values: ReadonlyMap<string, string>;

  private constructor(values: ReadonlyMap<string, string>) {
    this.#values = values;
  }

  static of(record: Readonly<Record<string, string | number | boolean>>): Configuration {
    return new Configuration(new Map(Object.entries(record).map(([key, value]) => [key, String(value)])));
  }

  /** The value, the one of an older key, or the default. Throws UserError('BAD_CONFIG_VALUE') naming key and value. */
  get<K extends OptionKey>(key: K): ReadValue<K> {
    const option: Option = options[key];
    const text = this.getText(key) ?? option.default;
    return (text === undefined ? undefined : convert(key, option, text)) as ReadValue<K>;
  }

  /** As {@link get}, but undefined when nothing was set. */
  getOptional<K extends OptionKey>(key: K): ValueOf<(typeof options)[K]> | undefined {
    const text = this.getText(key);
    return (text === undefined ? undefined : convert(key, options[key], text)) as ValueOf<(typeof options)[K]> | undefined;
  }

  /** The text as it was written, under the key or one of its older names; any key may be asked for. */
  getText(key: string): string | undefined {
    const own = this.#values.get(key);
    if (own !== undefined) return own;
    for (const older of (options as Record<string, Option>)[key]?.fallback ?? []) {
      const value = this.#values.get(older);
      if (value !== undefined) return value;
    }
    return undefined;
  }

  has(key: string): boolean {
    return this.getText(key) !== undefined;
  }

  with(record: Readonly<Record<string, string | number | boolean | undefined>>): Configuration {
    const values = new Map(this.#values);
    for (const [key, value] of Object.entries(record)) {
      if (value === undefined) values.delete(key);
      else values.set(key, String(value));
    }
    return new Configuration(values);
  }

  toRecord(): Record<string, string> {
    return Object.fromEntries(this.#values);
  }
}

const sensitiveParts = [
  'password',
  'secret',
  'fs.azure.account.key',
  'apikey',
  'auth-params',
  'service-key',
  'token',
  'basic-auth',
  'jaas.config',
  'http-headers',
];

/** Keys whose values are shown as `******`. */
export function isSensitive(key: string): boolean {
  const lower = key.toLowerCase();
  return sensitiveParts.some((part) => lower.includes(part));
}

function convert(key: string, option: Option, text: string): unknown {
  try {
    return convertText(option, text);
  } catch (error) {
    const shown = isSensitive(key) ? '' : ` '${text}'`;
    throw new UserError('BAD_CONFIG_VALUE', {
      problem: `Could not parse value${shown} for key '${key}'.`,
      found: isSensitive(key) ? undefined : (error as Error).message,
      tryNext: option.default ? [`${key}: ${option.default}`] : [],
      cause: error,
    });
  }
}

function convertText(option: Option, text: string): unknown {
  switch (option.type) {
    case 'string':
      return text;
    case 'boolean':
      return parseBoolean(text);
    case 'int':
      return parseInteger(text);
    case 'double':
      return parseDouble(text);
    case 'duration':
      return parseDuration(text);
    case 'memory':
      return parseMemorySize(text);
    case 'list':
      return text.trim() === '' ? [] : parseList(text);
    case 'map':
      return Object.fromEntries(
        parseList(text, ',')
          .filter(Boolean)
          .map((item) => mapItem(item)),
      );
    case 'enum':
      return enumWord(option, text);
  }
}

function mapItem(item: string): [string, string] {
  const colon = item.indexOf(':');
  if (colon < 0) throw new Error(`Map item is not a key-value pair (missing ':'?): ${item}`);
  return [item.slice(0, colon).trim(), item.slice(colon + 1).trim()];
}

function enumWord(option: Option, text: string): string {
  const word = option.values?.find((value) => value.toLowerCase() === text.trim().toLowerCase());
  if (word === undefined) throw new Error(`Accepted are: ${option.values?.join(', ')}.`);
  return word;
}
