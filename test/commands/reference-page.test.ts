/** docs/reference/cli.md says what the code does. When it is stale: npx vitest run test/commands --update. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { commandTable } from '../../src/commands/base/command-table.ts';
import { tables, withTables } from './reference-page.ts';

const path = join(import.meta.dirname, '../../docs/reference/cli.md');
const page = readFileSync(path, 'utf8');

test('its tables are those of the code', async () => {
  await expect(await withTables(page)).toMatchFileSnapshot(path);
});

test('every command and every shared group has its place', async () => {
  const missing = [...(await tables()).keys()].filter((name) => !page.includes(`<!-- ${name} -->\n`));
  expect(missing).toEqual([]);
  for (const name of Object.keys(commandTable)) expect(page).toContain(`### ${name}\n`);
});

test('the pages it points to exist', () => {
  const targets = [...page.matchAll(/\]\(([^)#]+)(#[^)]*)?\)/g)]
    .map((match) => match[1] as string)
    .filter((target) => !/^https?:/.test(target));
  expect(targets.filter((target) => !existsSync(join(path, '..', target)))).toEqual([]);
});
