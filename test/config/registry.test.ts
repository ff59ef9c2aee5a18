/** The option registry is whole: it knows Flink's keys, says of each what it does here, and the reference page shows that. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { configurationReference, referencePage } from '../../scripts/configuration-reference.ts';
import { Configuration } from '../../src/config/configuration.ts';
import type { Option } from '../../src/config/option.ts';
import { knownOption, newerNames, type OptionKey, options, spellings } from '../../src/config/registry.ts';
import { repository } from '../harness/real-cluster.ts';

const registry = Object.entries(options as Record<string, Option>);

test('every key of Flink is known', () => {
  const keys = readFileSync(join(import.meta.dirname, 'flink-option-keys.txt'), 'utf8')
    .split('\n')
    .filter(Boolean);
  expect(keys.length).toBeGreaterThan(570);
  expect(keys.filter((key) => !knownOption(key))).toEqual([]);
});

test('every default can be read', () => {
  const config = Configuration.of({});
  for (const [key] of registry) expect(() => config.get(key as OptionKey)).not.toThrow();
});

test('every option is described once: in words, or as the older name of another', () => {
  const wrong = registry.filter(([key, option]) => newerNames(key).length > 0 === (option.description !== undefined));
  expect(wrong.map(([key]) => key)).toEqual([]);
});

test('the reference page is up to date: npm run docs', () => {
  expect(readFileSync(referencePage, 'utf8')).toBe(configurationReference());
});

/** Reads keys only to refuse what is not there, as does the client for one key. */
const refuses = 'src/config/check-configuration.ts';
const refusedElsewhere = ['security.ssl.rest.enabled'];

/** Keys that occur in the sources, in quotes; a range of memory is read by its beginning. */
function isRead(key: string, text: string): boolean {
  const range = /^(.*)\.(min|max|fraction)$/.exec(key)?.[1];
  return [key, ...(range ? [range] : [])].some((word) => text.includes(`'${word}'`));
}

test('what an option does here is said rightly: it is read somewhere, or the reason why not is given', () => {
  const sources = readdirSync(join(repository, 'src'), { recursive: true, encoding: 'utf8' })
    .map((path) => `src/${path}`)
    .filter((path) => path.endsWith('.ts') && !path.startsWith('src/config/options/') && path !== refuses);
  const text = sources.map((path) => readFileSync(join(repository, path), 'utf8')).join('\n');
  const scripts = readFileSync(join(repository, 'bin/config.sh'), 'utf8').replaceAll('\\', '');
  const faults = registry.flatMap(([key, option]) => {
    if (newerNames(key).length > 0) return [];
    const read =
      !refusedElsewhere.includes(key) &&
      spellings(key).some((name) => isRead(name, text) || (name.startsWith('env.') && scripts.includes(name.slice(4))));
    const excuse = option.notApplicable ?? option.notYet;
    if (read && excuse !== undefined) return [`${key} is read, and its option says: ${excuse} Take notYet or notApplicable out.`];
    if (!read && excuse === undefined) return [`${key} is not read anywhere: say why, in notYet or notApplicable of its option.`];
    return [];
  });
  expect(faults).toEqual([]);
});

test('an older name finds the value of a newer one, and a newer one that of an older', () => {
  for (const [key] of registry.filter(([name]) => newerNames(name).length === 1)) {
    const [newer] = newerNames(key) as [OptionKey];
    expect(Configuration.of({ [key]: 'x' }).getText(newer)).toBe('x');
    expect(Configuration.of({ [newer]: 'x' }).getText(key)).toBe('x');
    expect(Configuration.of({ [newer]: 'new', [key]: 'old' }).getText(key)).toBe('new');
    expect(
      Configuration.of({ [newer]: 'before' })
        .with({ [key]: 'after' })
        .getText(newer),
    ).toBe('after');
  }
});
