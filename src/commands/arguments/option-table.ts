/**
 * The options of one action as data. One table drives the argument normaliser, the oclif flags, the help page and the
 * reference page, so that they cannot differ.
 */

export interface OptionSpec {
  /** Without its dash. Flink's "short" names may have several letters (`sae`, `yid`, `type`). */
  readonly short?: string | undefined;
  /** Without dashes; default: the key in the table. Null when there is only the short name (`-D`). */
  readonly long?: string | null | undefined;
  /** Placeholder of the value in the help; absent for an option without value. */
  readonly argument?: string | undefined;
  /** The value may be left out (`cancel -s [dir]`). */
  readonly optionalArgument?: true | undefined;
  /** May be given several times; otherwise the first one counts. */
  readonly repeatable?: true | undefined;
  /** A `key=value` pair with Flink's spellings: glued, spaced, bare key for `true`. */
  readonly property?: true | undefined;
  /** A whole number: what is glued to the short name must look like one. */
  readonly numeric?: true | undefined;
  /** Takes the words that follow, up to the next option. */
  readonly rest?: true | undefined;
  readonly hidden?: true | undefined;
  /** For the help page: one or two plain sentences. */
  readonly summary: string;
  /** Set for options that old scripts still pass: accepted without effect, and this is why. */
  readonly obsolete?: string | undefined;
}

export type OptionTable = Readonly<Record<string, OptionSpec>>;

/** What a command gets for its table. */
export type ParsedOptions<T extends OptionTable> = {
  readonly [K in keyof T]: T[K] extends { readonly argument: string }
    ? T[K] extends { readonly repeatable: true } | { readonly rest: true }
      ? readonly string[]
      : string | undefined
    : boolean;
};

export function longName(key: string, spec: OptionSpec): string | undefined {
  return spec.long === null ? undefined : (spec.long ?? key);
}

/** The name used in messages: the short one when there is one, as Flink does. */
export function displayName(key: string, spec: OptionSpec): string {
  return spec.short ?? longName(key, spec) ?? key;
}

/** `-p`, or `--allowNonRestoredState` when there is no short name. */
export function dashedName(key: string, spec: OptionSpec): string {
  return spec.short === undefined ? `--${longName(key, spec) ?? key}` : `-${spec.short}`;
}
