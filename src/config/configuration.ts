/** Configuration: text by key, read through the option registry, which knows type, default and older names of each key. */
import { UserError } from '../shared/errors.ts';
import type { Option, ValueOf } from './option.ts';
import { describeOrigin, type Origin } from './origin.ts';
import { type OptionKey, options, spellings } from './registry.ts';
import { parseBoolean, parseDouble, parseDuration, parseInteger, parseListValue, parseMapValue, parseMemorySize } from './values.ts';

/** Options without a default may be absent. */
export type ReadValue<K extends OptionKey> = (typeof options)[K] extends { default: string }
  ? ValueOf<(typeof options)[K]>
  : ValueOf<(typeof options)[K]> | undefined;

type Settings = Readonly<Record<string, string | number | boolean>>;

export class Configuration {
  readonly #values: ReadonlyMap<string, string>;
  readonly #origins: ReadonlyMap<string, Origin>;

  private constructor(values: ReadonlyMap<string, string>, origins: ReadonlyMap<string, Origin>) {
    this.#values = values;
    this.#origins = origins;
  }

  static of(record: Settings, origins: ReadonlyMap<string, Origin> = new Map()): Configuration {
    return new Configuration(new Map(Object.entries(record).map(([key, value]) => [key, String(value)])), origins);
  }

  /** The value, the one of an older key, or the default. Throws UserError('BAD_CONFIG_VALUE') naming key, value and place. */
  get<K extends OptionKey>(key: K): ReadValue<K> {
    return (this.getOptional(key) ?? defaultOf(key)) as ReadValue<K>;
  }

  /** As {@link get}, but undefined when nothing was set. */
  getOptional<K extends OptionKey>(key: K): ValueOf<(typeof options)[K]> | undefined {
    const spelling = this.spelling(key);
    const option: Option = options[key];
    if (spelling === undefined) return option.type === 'map' ? (this.#entriesBelow(key) as ValueOf<(typeof options)[K]>) : undefined;
    return this.#convert(spelling, option) as ValueOf<(typeof options)[K]>;
  }

  /** The text as it was written, under the key or one of its older names; any key may be asked for. */
  getText(key: string): string | undefined {
    const spelling = this.spelling(key);
    return spelling === undefined ? undefined : this.#values.get(spelling);
  }

  /** The key that the value is set under: the newest of its names that is there. Undefined when nothing is set. */
  spelling(key: string): string | undefined {
    return spellings(key).find((name) => this.#values.has(name));
  }

  has(key: string): boolean {
    return this.spelling(key) !== undefined;
  }

  /** Where the value of the key came from, in words; undefined when nothing is set, or for values that a program set. */
  origin(key: string): string | undefined {
    const origin = this.#origins.get(this.spelling(key) ?? key);
    return origin && describeOrigin(origin);
  }

  /** With these values, whatever other names of the same options were set before; undefined takes a key away. */
  with(record: Readonly<Record<string, string | number | boolean | undefined>>): Configuration {
    const values = new Map(this.#values);
    const origins = new Map(this.#origins);
    for (const [key, value] of Object.entries(record)) {
      for (const name of [key, ...spellings(key)]) {
        origins.delete(name);
        values.delete(name);
      }
      if (value !== undefined) values.set(key, String(value));
    }
    return new Configuration(values, origins);
  }

  toRecord(): Record<string, string> {
    return Object.fromEntries(this.#values);
  }

  /** A map may also be written as one key an entry: `opt.a: 1` beside `opt.b: 2`. */
  #entriesBelow(key: string): Record<string, string> | undefined {
    const entries = [...this.#values]
      .filter(([name]) => name.startsWith(`${key}.`))
      .map(([name, value]) => [name.slice(key.length + 1), value]);
    return entries.length === 0 ? undefined : Object.fromEntries(entries);
  }

  #convert(key: string, option: Option): unknown {
    const text = this.#values.get(key) as string;
    try {
      return convertText(option, text);
    } catch (error) {
      const shown = isSensitive(key) ? '' : ` '${text}'`;
      const place = this.origin(key);
      throw new UserError('BAD_CONFIG_VALUE', {
        problem: `Could not parse value${shown} for key '${key}'.`,
        found:
          [...(isSensitive(key) ? [] : [(error as Error).message]), ...(place ? [`It is set in ${place}.`] : [])].join('\n') || undefined,
        tryNext: option.default ? [`${key}: ${option.default}`] : [],
        cause: error,
      });
    }
  }
}

function defaultOf(key: OptionKey): unknown {
  const option: Option = options[key];
  return option.default === undefined ? undefined : convertText(option, option.default);
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

function convertText(option: Option, text: string): unknown {
  switch (option.type) {
    case 'string':
      return text;
    case 'boolean':
      return parseBoolean(text);
    case 'int':
      return option.values?.includes(text.trim().toLowerCase()) ? Number.POSITIVE_INFINITY : parseInteger(text);
    case 'double':
      return parseDouble(text);
    case 'duration':
      return parseDuration(text);
    case 'memory':
      return parseMemorySize(text);
    case 'list':
      return parseListValue(text);
    case 'map':
      return parseMapValue(text);
    case 'enum':
      return enumWord(option, text);
  }
}

function enumWord(option: Option, text: string): string {
  const word = option.values?.find((value) => value.toLowerCase() === text.trim().toLowerCase());
  if (word === undefined) throw new Error(`Accepted are: ${option.values?.join(', ')}.`);
  return word;
}
