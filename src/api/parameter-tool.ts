/** Program arguments and property files, read by key (Flink's ParameterTool). `--key value`, `--key=value`, `-key value`, `--flag`. */
import { readFileSync } from 'node:fs';
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
      const match = /^--?([^=]+)(?:=([\s\S]*))?$/.exec(word);
      if (!match) {
        throw new UserError('BAD_ARGUMENT', {
          problem: `Error parsing arguments '${args.join(' ')}' on '${word}'. Please prefix keys with -- or -.`,
        });
      }
      const key = match[1] as string;
      const next = args[i + 1];
      const isValue = match[2] === undefined && next !== undefined && (!next.startsWith('-') || /^-\d/.test(next));
      const value = match[2] ?? (isValue ? (next as string) : noValue);
      if (isValue) i++;
      values.set(key, [...(values.get(key) ?? []), value]);
    }
    return new ParameterTool(values);
  }

  static fromMap(map: Readonly<Record<string, string>>): ParameterTool {
    return new ParameterTool(new Map(Object.entries(map).map(([key, value]) => [key, [value]])));
  }

  static fromPropertiesFile(path: string): ParameterTool {
    const lines = readFileSync(path, 'utf8').split(/\r?\n/);
    const pairs = lines.filter((line) => /^\s*[^#!\s]/.test(line)).map((line) => /^\s*([^=:\s]+)\s*[=:\s]\s*(.*)$/.exec(line));
    return ParameterTool.fromMap(
      Object.fromEntries(pairs.filter((match) => match !== null).map((match) => [match[1] as string, match[2] as string])),
    );
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

  getInt(key: string, defaultValue?: number): number {
    return this.#number(key, defaultValue, /^[+-]?\d+$/, 'a whole number');
  }

  getLong(key: string, defaultValue?: number): number {
    return this.getInt(key, defaultValue);
  }

  getDouble(key: string, defaultValue?: number): number {
    return this.#number(key, defaultValue, /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i, 'a number');
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

  #number(key: string, defaultValue: number | undefined, form: RegExp, what: string): number {
    const text = defaultValue === undefined ? this.getRequired(key) : this.get(key);
    if (text === undefined) return defaultValue as number;
    if (form.test(text)) return Number(text);
    throw new UserError('BAD_ARGUMENT', { problem: `--${key} must be ${what}, not '${text}'.` });
  }
}
