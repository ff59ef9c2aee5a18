/**
 * WordCount over 200 MB of real text, at several parallelisms and process layouts, against coreutils.
 * The text is what a Debian machine has: licences and documentation, repeated.
 */
import {
  createReadStream,
  createWriteStream,
  existsSync,
  globSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { execa } from 'execa';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { RealCluster, repository } from '../harness/real-cluster.ts';

const wantedBytes = 200 * 1024 * 1024;
let directory: string;
let text: string;
let expected: string;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'weir-text-'));
  text = join(directory, 'text.txt');
  await writeRealText(text, wantedBytes);
  expected = await countWithCoreutils(text);
}, 300_000);

afterAll(() => rmSync(directory, { recursive: true, force: true }));

test.each([
  { parallelism: 1, taskManagers: 1, slotsPerTaskManager: 1 },
  { parallelism: 2, taskManagers: 1, slotsPerTaskManager: 2 },
  { parallelism: 4, taskManagers: 2, slotsPerTaskManager: 2 },
])(
  'counts equal those of coreutils at $parallelism on $taskManagers TaskManagers',
  async ({ parallelism, ...layout }) => {
    await using cluster = await RealCluster.start(layout);
    const output = join(cluster.directory, `out-${parallelism}`);
    const run = await cluster.flink([
      'run',
      '-p',
      String(parallelism),
      join(repository, 'examples/word-count.ts'),
      '--input',
      text,
      '--output',
      output,
      '--execution-mode',
      'BATCH',
    ]);
    expect(run, cluster.logs()).toMatchObject({ exitCode: 0 });
    expect(finalCounts(output)).toBe(expected);
  },
  600_000,
);

/** The last count of each word, sorted, as `word n` lines. */
function finalCounts(output: string): string {
  const files = statSync(output).isDirectory()
    ? readdirSync(output, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => join(entry.parentPath, entry.name))
    : [output];
  const counts = new Map<string, number>();
  for (const file of files) {
    for (const line of readFileSync(file, 'utf8').split('\n')) {
      const match = /^\((.*),(\d+)\)$/.exec(line);
      if (match) counts.set(match[1] as string, Math.max(counts.get(match[1] as string) ?? 0, Number(match[2])));
    }
  }
  return [...counts]
    .map(([word, count]) => `${word} ${count}`)
    .sort()
    .join('\n');
}

async function writeRealText(target: string, bytes: number): Promise<void> {
  const sources = globSync('/usr/share/{common-licenses,doc,perl}/**/*', {})
    .filter((path) => existsSync(path) && statSync(path).isFile() && !/\.(gz|png|jpg|zip|xz|pdf)$/.test(path))
    .slice(0, 2000);
  if (sources.length === 0) sources.push(...globSync(join(repository, '**/*.md')));
  let written = 0;
  while (written < bytes) {
    for (const source of sources) {
      if (written >= bytes) return;
      await pipeline(createReadStream(source), createWriteStream(target, { flags: 'a' }));
      written += statSync(source).size;
    }
  }
}

/** Same tokens as the example: lower case, runs of word characters of ASCII. */
async function countWithCoreutils(file: string): Promise<string> {
  const { stdout } = await execa(
    'sh',
    [
      '-c',
      `LC_ALL=C tr 'A-Z' 'a-z' < '${file}' | LC_ALL=C tr -cs 'a-z0-9_' '\\n' | LC_ALL=C sed '/^$/d' | LC_ALL=C sort -S 1G | LC_ALL=C uniq -c | awk '{print $2" "$1}' | LC_ALL=C sort`,
    ],
    { maxBuffer: 1 << 30 },
  );
  return stdout;
}
