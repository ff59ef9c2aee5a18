/**
 * The simulation can see: with a bug planted in the engine it turns red. `WEIR_RARE_BUGS=1` looks for those too that need hundreds
 * of histories.
 */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { plantedBugs } from './planted-bugs.ts';

const isLong = process.env['WEIR_RARE_BUGS'] === '1';
const wanted = plantedBugs.filter(({ isRare }) => isLong || !isRare);

test(
  'each planted bug turns it red',
  () => {
    const places = wanted.map((bug) => plantedBugs.indexOf(bug)).join(',');
    const script = join(import.meta.dirname, 'plant.ts');
    const said = execFileSync(process.execPath, ['--no-warnings', script, places, isLong ? '1500' : '150'], { encoding: 'utf8' });
    const seen = said.split('\n').map((line) => line.split(': seed ')[0]);
    expect(wanted.map(({ name }) => name).filter((name) => !seen.includes(name))).toEqual([]);
  },
  isLong ? 1_800_000 : 300_000,
);
