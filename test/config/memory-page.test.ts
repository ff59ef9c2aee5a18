/** The figures of docs/operations/memory.md are those of the memory model. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Configuration } from '../../src/config/configuration.ts';
import { deriveTaskManagerProcess } from '../../src/config/memory/process-memory.ts';
import { repository } from '../harness/real-cluster.ts';

const page = readFileSync(join(repository, 'docs/operations/memory.md'), 'utf8');
const rows = [...page.matchAll(/^\| (\d+[mg]) +\| (\d+) +\| (\d+) MB +\|$/gm)].map((row) => row.slice(1) as [string, string, string]);

test('the page shows what slots get', () => {
  expect(rows).toHaveLength(5);
});

test.each(rows)('%s with %s slot(s) gives each %s MB', (size, slots, heapMb) => {
  const config = Configuration.of({ 'taskmanager.memory.process.size': size, 'taskmanager.numberOfTaskSlots': slots });
  expect(deriveTaskManagerProcess(config).slotLimits.heapBytes / 2 ** 20).toBe(Number(heapMb));
});
