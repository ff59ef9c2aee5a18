import { type Configuration, isSensitive } from '../config/configuration.ts';
import type { Option } from '../config/option.ts';
import { options as registry } from '../config/registry.ts';
import type { OptionTable } from './arguments/option-table.ts';
import { clusterOptions, commonOptions, genericOptions } from './arguments/shared-options.ts';
import type { Arguments } from './base/action-command.ts';
import type { ActionDescription } from './base/action-help.ts';
import { loadCommandConfiguration } from './base/cluster-settings.ts';
import { ScriptCommand } from './base/script-command.ts';

const options = {
  all: { short: 'a', summary: 'Also shows the defaults of keys that nothing sets.' },
  json: { summary: 'Prints one JSON object: value and origin by key.' },
} as const satisfies OptionTable;
const table = { ...clusterOptions, ...commonOptions, ...genericOptions, ...options };

interface Row {
  readonly value: string;
  readonly origin: string;
}

export class Config extends ScriptCommand<typeof table> {
  readonly table = table;
  readonly action: ActionDescription = {
    name: 'config',
    sentence: 'shows the effective configuration, and where each value came from.',
    syntax: '[OPTIONS] [key or beginning of keys ...]',
    options,
    clusterHelp: 'generic',
  };

  protected override async act({ options, words }: Arguments<typeof table>): Promise<void> {
    const { configuration } = await loadCommandConfiguration(options, this.terminal);
    const rows = new Map<string, Row>();
    if (options.all || words.length > 0) for (const [key, row] of knownRows(configuration)) rows.set(key, row);
    for (const [key, value] of Object.entries(configuration.toRecord()))
      rows.set(key, { value, origin: configuration.origin(key) ?? 'unknown' });
    const shown = [...rows]
      .filter(([key]) => words.length === 0 || words.some((word) => key === word || key.startsWith(word.endsWith('.') ? word : `${word}.`)))
      .map(([key, row]): [string, Row] => [key, isSensitive(key) ? { ...row, value: '******' } : row])
      .sort(([a], [b]) => (a < b ? -1 : 1));
    if (options.json) return this.terminal.out(JSON.stringify(Object.fromEntries(shown)));
    const width = Math.max(0, ...shown.map(([key, { value }]) => key.length + value.length + 2));
    for (const [key, { value, origin }] of shown) this.terminal.out(`${`${key}: ${value}`.padEnd(Math.min(width, 72))}  # ${origin}`);
    if (shown.length === 0 && words.length > 0) {
      this.terminal.err(`No key is called, or begins with, ${words.join(' or ')}.`);
      this.exitCode = 1;
    }
  }
}

/** What every known key comes to: the value of an older name, or the default. */
function knownRows(configuration: Configuration): [string, Row][] {
  return Object.entries(registry as Record<string, Option>).flatMap(([key, option]): [string, Row][] => {
    const spelling = configuration.spelling(key);
    if (spelling !== undefined)
      return [[key, { value: configuration.getText(key) as string, origin: `${configuration.origin(key) ?? 'unknown'}, as ${spelling}` }]];
    return option.default === undefined ? [] : [[key, { value: option.default, origin: 'default' }]];
  });
}
