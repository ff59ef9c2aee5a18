/** Documentation that can be checked without running anything: links, headings, and the frozen examples of the key hash. */
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { keyGroupOf } from '../../src/types/key-groups.ts';
import { hashKey } from '../../src/types/key-hash.ts';

const root = resolve(import.meta.dirname, '../..');
const pages = ['README.md', 'CHANGELOG.md', ...globSync('docs/**/*.md', { cwd: root })];

test.each(pages)('%s: links lead somewhere, and there is one title', (page) => {
  const text = readFileSync(join(root, page), 'utf8').replace(/^```[\s\S]*?^```/gm, '');
  const links = [...text.matchAll(/\]\(([^)\s]+)\)/g)].map((match) => match[1] as string).filter((link) => !/^https?:/.test(link));
  const dead = links.filter((link) => {
    const [path, anchor] = link.split('#') as [string, string?];
    const target = path === '' ? join(root, page) : join(root, dirname(page), path);
    return !existsSync(target) || (anchor !== undefined && !anchorsOf(target).includes(anchor));
  });
  expect(dead).toEqual([]);
  expect(text.match(/^# /gm)).toHaveLength(1);
});

test('every page is found from the index', () => {
  const index = readFileSync(join(root, 'docs/index.md'), 'utf8');
  const lost = pages.filter((page) => /^docs\/(?!decisions\/|index\.md)/.test(page) && !index.includes(`(${page.slice('docs/'.length)})`));
  expect(lost).toEqual([]);
});

function anchorsOf(page: string): string[] {
  const headings = readFileSync(page, 'utf8').match(/^#+ .*$/gm) ?? [];
  return headings.map((heading) =>
    heading
      .replace(/^#+ /, '')
      .toLowerCase()
      .replace(/[^\w\- ]/g, '')
      .replaceAll(' ', '-'),
  );
}

test('keys hash as documented', () => {
  const page = readFileSync(join(root, 'docs/formats/key-hash.md'), 'utf8');
  const examples = [...page.slice(page.indexOf('## Examples')).matchAll(/^\| `(.+)`\s*\| (-?\d+)\s*\| (\d+)\s*\|$/gm)];
  expect(examples.length).toBeGreaterThan(10);
  for (const [, key, hash, group] of examples) {
    const value = new Function(`return (${key})`)() as unknown;
    expect([key, hashKey(value), keyGroupOf(hashKey(value), 128)]).toEqual([key, Number(hash), Number(group)]);
  }
});
