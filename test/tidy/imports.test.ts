/** Dependencies point one way: a folder imports from lower ranks and itself only. Type-only imports count; there is no allow list. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { expect, test } from 'vitest';

const source = resolve(import.meta.dirname, '../../src');

/** What each folder may import besides itself. */
const mayImport: Record<string, readonly string[]> = {
  shared: [],
  config: ['shared'],
  types: ['shared'],
  'rest/messages': ['shared'],
  api: ['shared', 'config', 'types'],
  graph: ['shared', 'config', 'types', 'api'],
  state: ['shared', 'config', 'types', 'api'],
  connectors: ['shared', 'config', 'types', 'api'],
  program: ['shared', 'config', 'types', 'api', 'graph'],
  runtime: ['shared', 'config', 'types', 'api', 'graph', 'state', 'program'],
  rest: ['shared', 'config', 'types', 'api', 'graph', 'rest/messages', 'runtime/rpc', 'runtime/metrics'],
  client: ['shared', 'config', 'types', 'api', 'graph', 'program', 'rest/messages'],
  deployment: ['shared', 'config', 'types', 'api', 'graph', 'state', 'connectors', 'program', 'runtime', 'rest', 'rest/messages', 'client'],
  testing: ['shared', 'config', 'types', 'api', 'graph', 'state', 'connectors', 'program', 'runtime', 'deployment'],
  commands: ['shared', 'config', 'graph', 'rest/messages', 'client', 'deployment'],
  'weir.ts': ['shared', 'config', 'types', 'api', 'graph', 'connectors', 'deployment'],
};

function files(directory: string): string[] {
  return readdirSync(directory, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => join(entry.parentPath, entry.name));
}

function folderOf(file: string): string {
  const path = relative(source, file);
  if (path.startsWith('rest/messages/')) return 'rest/messages';
  return path.split('/')[0] as string;
}

function importsOf(file: string): string[] {
  const text = readFileSync(file, 'utf8');
  const pattern = /(?:from|import)\s*\(?\s*['"](\.{1,2}\/[^'"]+)['"]/g;
  return [...text.matchAll(pattern)].map((match) => resolve(dirname(file), match[1] as string));
}

test('every import points to a lower rank or into the same folder', () => {
  const upward: string[] = [];
  for (const file of files(source)) {
    const from = folderOf(file);
    const allowed = mayImport[from];
    if (!allowed) {
      upward.push(`${relative(source, file)}: folder ${from} has no rank`);
      continue;
    }
    for (const target of importsOf(file)) {
      if (!target.startsWith(source)) continue;
      const to = folderOf(target);
      const path = relative(source, target);
      const permitted = to === from || allowed.some((prefix) => to === prefix || path.startsWith(`${prefix}/`));
      if (!permitted) upward.push(`${relative(source, file)} -> ${path}`);
    }
  }
  expect(upward).toEqual([]);
});

test('inside runtime, the data side and the control side do not import each other', () => {
  const data = ['network', 'task', 'operators', 'time', 'source', 'sink'];
  const control = ['executiongraph', 'checkpoint', 'scheduler', 'jobmaster', 'dispatcher', 'resourcemanager'];
  const crossing: string[] = [];
  for (const file of files(join(source, 'runtime'))) {
    const from = relative(join(source, 'runtime'), file).split('/')[0] as string;
    for (const target of importsOf(file)) {
      const to = relative(join(source, 'runtime'), target).split('/')[0] as string;
      if ((data.includes(from) && control.includes(to)) || (control.includes(from) && data.includes(to))) {
        crossing.push(`${relative(source, file)} -> ${relative(source, target)}`);
      }
    }
  }
  expect(crossing).toEqual([]);
});
