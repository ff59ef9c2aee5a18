/** One configuration option: everything known about a key, in one place. */

export type OptionType = 'string' | 'boolean' | 'int' | 'double' | 'duration' | 'memory' | 'list' | 'map' | 'enum';

export interface Option {
  readonly type: OptionType;
  /** As text; undefined: no default, or derived. */
  readonly default?: string | undefined;
  /** Words an enum accepts, matched in any case; `infinite` may also stand for a whole number. */
  readonly values?: readonly string[] | undefined;
  /** Keys read when this one is absent, in order. */
  readonly fallback?: readonly string[] | undefined;
  /** One sentence for the reference. An older name of another option has none. */
  readonly description?: string | undefined;
  /** Why the key can have no effect in Weir. It is accepted. */
  readonly notApplicable?: string | undefined;
  /** What is missing for the key to have an effect. It is accepted until that is needed. */
  readonly notYet?: string | undefined;
}

/** What `config.get(key)` gives for an option. */
export type ValueOf<O extends Option> = O extends { type: 'boolean' }
  ? boolean
  : O extends { type: 'int' | 'double' | 'duration' | 'memory' }
    ? number
    : O extends { type: 'list' }
      ? string[]
      : O extends { type: 'map' }
        ? Record<string, string>
        : O extends { type: 'enum'; values: readonly (infer V)[] }
          ? V
          : string;
