/**
 * Reads a command line by Flink's rules (those of commons-cli) and gives it back in one canonical spelling. Long names with
 * one dash, unambiguous prefixes, glued values, bundled flags, `-Dk=v` in all spellings, optional values, and commands that
 * stop at their first free word are all known here and nowhere else.
 *
 * Where Flink silently does what nobody meant (an unknown option taken for the program, a misspelt long name split into
 * letters), this complains or does what was meant. It never rejects what Flink accepts with effect.
 */

import { closestWord, editDistance } from '../../shared/closest-word.ts';
import { ArgumentError } from './argument-error.ts';
import { dashedName, displayName, longName, type OptionSpec, type OptionTable } from './option-table.ts';

/**
 * `stop-at-first-word`: all after the first free word belongs to the user's program. `stop-at-second-word`: the first one is a
 * verb; arguments of the program may begin with a dash, so an unknown option that resembles no known one begins them too.
 */
export type WordOrder = 'mixed' | 'stop-at-first-word' | 'stop-at-second-word';

export interface NormalisedArguments {
  /** In the order of the command line; a single-valued option appears once. */
  readonly options: readonly { readonly key: string; readonly value: string | undefined }[];
  readonly words: readonly string[];
  /** For stderr. */
  readonly hints: readonly string[];
}

export function normaliseArguments(argv: readonly string[], table: OptionTable, order: WordOrder): NormalisedArguments {
  return new Reader(argv, table, order).read();
}

interface Match {
  readonly key: string;
  readonly spec: OptionSpec;
  /** Value that was part of the same word; undefined: none, so the next word may be it. */
  readonly value?: string | undefined;
}

class Reader {
  readonly #argv: readonly string[];
  readonly #table: OptionTable;
  readonly #order: WordOrder;
  readonly #byShort = new Map<string, string>();
  readonly #byLong = new Map<string, string>();
  readonly #options: { key: string; value: string | undefined }[] = [];
  readonly #words: string[] = [];
  readonly #hints: string[] = [];
  #position = 0;

  constructor(argv: readonly string[], table: OptionTable, order: WordOrder) {
    this.#argv = argv;
    this.#table = table;
    this.#order = order;
    for (const [key, spec] of Object.entries(table)) {
      const long = longName(key, spec);
      if (spec.short !== undefined) this.#byShort.set(spec.short, key);
      if (long !== undefined) this.#byLong.set(long, key);
    }
  }

  read(): NormalisedArguments {
    while (this.#position < this.#argv.length) {
      const word = this.#argv[this.#position++] as string;
      if (word === '--') this.#takeRest();
      else if (word.startsWith('-') && word !== '-') this.#takeOptions(word);
      else this.#takeWord(word);
    }
    return { options: this.#options, words: this.#words, hints: this.#hints };
  }

  #takeRest(): void {
    this.#words.push(...this.#argv.slice(this.#position));
    this.#position = this.#argv.length;
  }

  #takeWord(word: string): void {
    this.#words.push(word);
    const last = { mixed: Number.POSITIVE_INFINITY, 'stop-at-first-word': 1, 'stop-at-second-word': 2 }[this.#order];
    if (this.#words.length >= last) this.#takeRest();
  }

  #takeOptions(word: string): void {
    const matches = word.startsWith('--') ? this.#matchLong(word.slice(2)) : this.#matchSingleDash(word.slice(1));
    if (matches !== undefined) for (const match of matches) this.#record(match);
    else if (this.#order === 'stop-at-second-word' && this.#closestName(word) === undefined) this.#takeWord(word);
    else throw this.#unrecognised(word);
  }

  #record({ key, spec, value }: Match): void {
    if (spec.rest) {
      if (value !== undefined) this.#options.push({ key, value });
      for (let next = this.#peekValue(); next !== undefined; next = this.#peekValue()) {
        this.#options.push({ key, value: next });
        this.#position += 1;
      }
      return;
    }
    const given = value ?? (spec.argument === undefined ? undefined : this.#nextValue(key, spec));
    if (spec.obsolete !== undefined) {
      this.#hints.push(`${dashedName(key, spec)} has no effect: ${spec.obsolete}`);
      return;
    }
    if (!spec.repeatable && this.#options.some((option) => option.key === key)) {
      if (spec.argument !== undefined) this.#hints.push(`${dashedName(key, spec)} was given more than once; the first value counts.`);
      return;
    }
    this.#options.push({ key, value: given });
  }

  #nextValue(key: string, spec: OptionSpec): string | undefined {
    const next = this.#peekValue();
    if (next === undefined) {
      if (spec.optionalArgument) return undefined;
      throw new ArgumentError(`Missing argument for option: ${displayName(key, spec)}`);
    }
    this.#position += 1;
    return stripQuotes(next);
  }

  /** The next word, when it may be a value. */
  #peekValue(): string | undefined {
    const next = this.#argv[this.#position];
    return next === undefined || next === '--' || this.#looksLikeOption(next) ? undefined : next;
  }

  #looksLikeOption(word: string): boolean {
    if (!word.startsWith('-') || word === '-' || /^-\d/.test(word)) return false;
    const name = word.replace(/^--?/, '').split('=', 1)[0] as string;
    if (this.#longMatches(name).length > 0) return true;
    if (word.startsWith('--')) return false;
    return this.#byShort.has(name) || this.#byShort.has(name.slice(0, 1)) || this.#gluedLong(name) !== undefined;
  }

  /** `name` or `name=value`, name possibly shortened. */
  #matchLong(text: string): Match[] | undefined {
    const [name, value] = splitOnce(text);
    const candidates = this.#longMatches(name);
    if (candidates.length === 0) return undefined;
    if (candidates.length > 1) {
      throw new ArgumentError(`Ambiguous option: '--${name}'  (could be: ${candidates.map((long) => `'${long}'`).join(', ')})`);
    }
    const match = this.#match(this.#byLong.get(candidates[0] as string) as string, value);
    return value !== undefined && match.spec.argument === undefined ? undefined : [match];
  }

  /** An exact name, or all names it is a prefix of. */
  #longMatches(name: string): string[] {
    if (name === '') return [];
    if (this.#byLong.has(name)) return [name];
    return [...this.#byLong.keys()].filter((long) => long.startsWith(name));
  }

  /** All that a single dash may mean, in the order in which commons-cli tries it. */
  #matchSingleDash(text: string): Match[] | undefined {
    const [name, value] = splitOnce(text);
    const exact = this.#byShort.get(name);
    if (exact !== undefined) {
      const match = this.#match(exact, value);
      if (value === undefined || match.spec.argument !== undefined) return [match];
    }
    if (name.length > 1) {
      return this.#matchProperty(text) ?? this.#matchLong(text) ?? this.#gluedLong(text) ?? this.#matchLetters(text);
    }
    return undefined;
  }

  /** `-Dk=v`, `-Dk`, `-yDk=v`. */
  #matchProperty(text: string): Match[] | undefined {
    for (const [short, key] of this.#byShort) {
      const spec = this.#table[key] as OptionSpec;
      if (spec.property && text.startsWith(short) && text.length > short.length) return [{ key, spec, value: text.slice(short.length) }];
    }
    return undefined;
  }

  /** `-parallelism16`. */
  #gluedLong(text: string): Match[] | undefined {
    for (let length = text.length - 1; length >= 2; length--) {
      const key = this.#byLong.get(text.slice(0, length));
      if (key === undefined) continue;
      const spec = this.#table[key] as OptionSpec;
      const value = text.slice(length).replace(/^=/, '');
      if (spec.argument !== undefined && fits(spec, value)) return [{ key, spec, value }];
    }
    return undefined;
  }

  /** `-nd`, `-p4`, `-nd4`: letters, the last of which may have the rest as its value. */
  #matchLetters(text: string): Match[] | undefined {
    if (this.#isMisspelt(text)) return undefined;
    const matches: Match[] = [];
    for (let i = 0; i < text.length; i++) {
      const key = this.#byShort.get(text.charAt(i));
      if (key === undefined) return undefined;
      const spec = this.#table[key] as OptionSpec;
      const rest = text.slice(i + 1);
      if (spec.argument !== undefined && rest !== '') {
        if (!fits(spec, rest)) return undefined;
        matches.push({ key, spec, value: rest });
        return matches;
      }
      matches.push({ key, spec });
    }
    return matches;
  }

  /** `-paralelism` is no `-p` with the value `aralelism`. */
  #isMisspelt(text: string): boolean {
    const name = splitOnce(text)[0];
    return name.length >= 4 && [...this.#byLong.keys()].some((long) => editDistance(name.toLowerCase(), long.toLowerCase()) <= 2);
  }

  #match(key: string, value: string | undefined): Match {
    return { key, spec: this.#table[key] as OptionSpec, value };
  }

  #unrecognised(word: string): ArgumentError {
    const closest = this.#closestName(word);
    return new ArgumentError(`Unrecognized option: ${word}`, closest === undefined ? undefined : `Did you mean ${closest}?`);
  }

  /** With its dashes. */
  #closestName(word: string): string | undefined {
    const name = word.replace(/^--?/, '').split('=', 1)[0] as string;
    const visible = Object.entries(this.#table).filter(([, spec]) => spec.obsolete === undefined);
    const names = visible.flatMap(([key, spec]) => [longName(key, spec), spec.short]).filter((known) => known !== undefined);
    const closest = closestWord(name, names);
    return closest === undefined ? undefined : `${this.#byLong.has(closest) ? '--' : '-'}${closest}`;
  }
}

function fits(spec: OptionSpec, value: string): boolean {
  return !spec.numeric || /^-?\d+$/.test(value);
}

function splitOnce(text: string): [string, string | undefined] {
  const equals = text.indexOf('=');
  return equals < 0 ? [text, undefined] : [text.slice(0, equals), text.slice(equals + 1)];
}

function stripQuotes(text: string): string {
  return text.length > 1 && text.startsWith('"') && text.endsWith('"') && !text.slice(1, -1).includes('"') ? text.slice(1, -1) : text;
}
