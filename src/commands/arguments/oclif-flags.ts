/** Gives oclif the flags of an option table, and the canonical words of a normalised command line. */
import * as Flags from '@oclif/core/flags';
import type { FlagInput } from '@oclif/core/interfaces';
import type { NormalisedArguments } from './argument-normaliser.ts';
import type { OptionTable } from './option-table.ts';

export function oclifFlags(table: OptionTable): FlagInput {
  const flags: FlagInput = {};
  for (const [key, spec] of Object.entries(table)) {
    const shared = { description: spec.summary, hidden: spec.hidden ?? false };
    if (spec.argument === undefined) flags[key] = Flags.boolean(shared);
    else if (spec.repeatable || spec.rest) flags[key] = Flags.string({ ...shared, multiple: true, multipleNonGreedy: true });
    else flags[key] = Flags.string({ ...shared, helpValue: `<${spec.argument}>` });
  }
  return flags;
}

/** One word per option, so that no value can be taken for a flag of its own. */
export function oclifWords(normalised: NormalisedArguments, table: OptionTable): string[] {
  return normalised.options.map(({ key, value }) => (table[key]?.argument === undefined ? `--${key}` : `--${key}=${value ?? ''}`));
}
