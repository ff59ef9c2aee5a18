/** Program arguments and property files, read by key (Flink's ParameterTool). `--key value`, `--key=value`, `-key value`, `--flag`. */
import { readFileSync } from 'node:fs';
import { Configuration } from '../config/configuration.ts';
import { UserError } from '../shared/errors.ts';

const noValue = '__NO_VALUE_KEY';

export class ParameterTool {
  readonly #values: ReadonlyMap<string, readonly string[]>;
  readonly #unrequested: Set<string>;

  private constructor(values: ReadonlyMap<string, readonly string[]>) {
    this.#values = values;
    this.#unrequested = new Set(values.keys());
  }

  /** Throws UserError('BAD_ARGUMENT') for a word that is no key. */
  static fromArgs(args: readonly string[]): ParameterTool {
    const values = new Map<string, string[]>();
    for (let i = 0; i < args.length; i++) {
      const word = args[i] as string;
      const match = /^--?(?!-)([^=]+)(?:=([\s\S]*))?$/.exec(word);
      if (!match) {
        throw new UserError('BAD_ARGUMENT', {
          problem: `Error parsing arguments '${args.join(' ')}' on '${word}'. Please prefix keys with -- or -.`,
        });
      }
      const key = match[1] as string;
      const next = args[i + 1];
      const isValue = match[2] === undefined && next !== undefined && (!next.startsWith('-') || /^-\.?\d/.test(next));
      const value = match[2] ?? (isValue ? (next as string) : noValue);
      if (isValue) i++;
      values.set(key, [...(values.get(key) ?? []), value]);
    }
    return new ParameterTool(values);
  }

  static fromMap(map: Readonly<Record<string, string>>): ParameterTool {
    return new ParameterTool(new Map(Object.entries(map).map(([key, value]) => [key, [value]])));
  }

  /** A `.properties` file in Java's form. */
  static fromPropertiesFile(path: string): ParameterTool {
    return ParameterTool.fromMap(parseProperties(readFileSync(path, 'utf8')));
  }

  has(key: string): boolean {
    this.#unrequested.delete(key);
    return this.#values.has(key);
  }

  get(key: string): string | undefined;
  get(key: string, defaultValue: string): string;
  get(key: string, defaultValue?: string): string | undefined {
    this.#unrequested.delete(key);
    const value = this.#values.get(key)?.at(-1);
    return value === undefined || value === noValue ? defaultValue : value;
  }

  /** Throws UserError('MISSING_ARGUMENT'). */
  getRequired(key: string): string {
    const value = this.get(key);
    if (value !== undefined) return value;
    throw new UserError('MISSING_ARGUMENT', { problem: `No data for required key '${key}'`, tryNext: [`--${key} <value>`] });
  }

  /** Every value of a key that may be given several times (Flink's MultipleParameterTool). */
  getMultiParameter(key: string): readonly string[] {
    this.#unrequested.delete(key);
    return (this.#values.get(key) ?? []).filter((value) => value !== noValue);
  }

  getByte(key: string, defaultValue?: number): number {
    return this.#whole(key, defaultValue, 2 ** 7);
  }

  getShort(key: string, defaultValue?: number): number {
    return this.#whole(key, defaultValue, 2 ** 15);
  }

  getInt(key: string, defaultValue?: number): number {
    return this.#whole(key, defaultValue, 2 ** 31);
  }

  /** Whole numbers that a `number` holds exactly; {@link getBigInt} has no limit. */
  getLong(key: string, defaultValue?: number): number {
    return this.#whole(key, defaultValue, Number.MAX_SAFE_INTEGER + 1);
  }

  getBigInt(key: string, defaultValue?: bigint): bigint {
    const text = defaultValue === undefined ? this.getRequired(key) : this.get(key);
    if (text === undefined) return defaultValue as bigint;
    if (wholeNumber.test(text)) return BigInt(text.replace(/^\+/, ''));
    throw notANumber(key, 'a whole number', text);
  }

  getFloat(key: string, defaultValue?: number): number {
    return Math.fround(this.getDouble(key, defaultValue));
  }

  getDouble(key: string, defaultValue?: number): number {
    const text = this.#numberText(key, defaultValue);
    if (typeof text === 'number') return text;
    if (/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text)) return Number(text);
    throw notANumber(key, 'a number', text);
  }

  getBoolean(key: string, defaultValue?: boolean): boolean {
    if (this.#values.get(key)?.at(-1) === noValue) return this.has(key);
    const text = defaultValue === undefined ? this.getRequired(key) : this.get(key, String(defaultValue));
    return text.toLowerCase() === 'true';
  }

  mergeWith(other: ParameterTool): ParameterTool {
    return new ParameterTool(new Map([...this.#values, ...other.#values]));
  }

  toMap(): Record<string, string> {
    return Object.fromEntries([...this.#values].map(([key, values]) => [key, values.at(-1) as string]));
  }

  toMultiMap(): Map<string, readonly string[]> {
    return new Map(this.#values);
  }

  getUnrequestedParameters(): Set<string> {
    return new Set(this.#unrequested);
  }

  getNumberOfParameters(): number {
    return this.#values.size;
  }

  getConfiguration(): Configuration {
    return Configuration.of(this.toMap());
  }

  /** `limit` is the first number above the range. */
  #whole(key: string, defaultValue: number | undefined, limit: number): number {
    const text = this.#numberText(key, defaultValue);
    if (typeof text === 'number') return text;
    const value = Number(text);
    if (wholeNumber.test(text) && value >= -limit && value < limit) return value;
    throw notANumber(key, `a whole number from ${-limit} to ${limit - 1}`, text);
  }

  #numberText(key: string, defaultValue: number | undefined): string | number {
    return (defaultValue === undefined ? this.getRequired(key) : this.get(key)) ?? (defaultValue as number);
  }
}

const wholeNumber = /^[+-]?\d+$/;

function notANumber(key: string, wanted: string, text: string): UserError {
  return new UserError('BAD_ARGUMENT', { problem: `--${key} must be ${wanted}, not '${text}'.` });
}

function parseProperties(text: string): Record<string, string> {
  // A backslash at the end of a line continues it; the next line's indentation does not count.
  const lines = text.replace(/(?<!\\)((?:\\\\)*)\\\r?\n[ \t]*/g, '$1').split(/\r?\n/);
  const entries = lines
    .filter((line) => /^\s*[^#!\s]/.test(line))
    .map((line) => /^\s*((?:\\.|[^\\=:\s])*)\s*[=:]?\s*(.*)$/.exec(line))
    .map((match) => [unescapeProperty(match?.[1] ?? ''), unescapeProperty(match?.[2] ?? '')]);
  return Object.fromEntries(entries) as Record<string, string>;
}

function unescapeProperty(text: string): string {
  const named: Record<string, string> = { t: '\t', n: '\n', r: '\r', f: '\f' };
  return text.replace(/\\(?:u([0-9a-fA-F]{4})|(.))/g, (_, code: string | undefined, character: string) =>
    code === undefined ? (named[character] ?? character) : String.fromCharCode(Number.parseInt(code, 16)),
  );
}
