/** Every option of every command has an end-to-end test of its effect: a call of effectOf that names it. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { clusterOptions } from '../../src/commands/arguments/shared-options.ts';
import { type actions, commandTable } from '../../src/commands/base/command-table.ts';

const directory = join(import.meta.dirname, '../e2e');

/** Their engines come later; until then their commands refuse to work, whatever the options. */
const withoutEngine = ['historyserver', 'kubernetes-session', 'sql-client'];

/** What the calls of effectOf name, by command. */
function shown(): Map<string, Set<string>> {
  const byCommand = new Map<string, Set<string>>();
  for (const name of readdirSync(directory).filter((file) => /^cli-.*\.test\.ts$/.test(file))) {
    const text = readFileSync(join(directory, name), 'utf8');
    for (const [, command, list] of text.matchAll(/effectOf\(\s*'([a-z -]+)',\s*\[([^\]]*)\]/g)) {
      const options = byCommand.get(command as string) ?? new Set();
      for (const [, option] of (list as string).matchAll(/'(\w+)'/g)) options.add(option as string);
      byCommand.set(command as string, options);
    }
  }
  return byCommand;
}

async function optionsOf(name: string): Promise<string[]> {
  const Command = await (commandTable as typeof actions)[name]?.();
  return Command ? Object.keys(new Command([], {} as never).table) : [];
}

const tested = Object.keys(commandTable).filter((name) => !withoutEngine.includes(name));

test.each(tested)('%s', async (name) => {
  const everywhere = shown().get('every action') ?? new Set();
  const own = shown().get(name) ?? new Set();
  const options = await optionsOf(name);
  const shared = options.filter((option) => option in clusterOptions && everywhere.has(option));
  expect(options.filter((option) => !own.has(option) && !shared.includes(option))).toEqual([]);
});

test('options that all actions share are shown once', () => {
  expect(Object.keys(clusterOptions).filter((option) => !shown().get('every action')?.has(option))).toEqual([]);
});

test('nothing is shown that does not exist', async () => {
  const unknown: string[] = [];
  for (const [command, options] of shown()) {
    const known = command === 'every action' ? Object.keys(clusterOptions) : await optionsOf(command);
    for (const option of options) if (!known.includes(option)) unknown.push(`${command} ${option}`);
  }
  expect(unknown).toEqual([]);
});
