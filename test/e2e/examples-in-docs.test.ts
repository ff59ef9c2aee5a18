/** The programs of the documentation run, and all its TypeScript is as the compiler wants it. */
import { existsSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { codeBlocks } from '../harness/markdown.ts';
import { repository } from '../harness/real-cluster.ts';

const pages = ['README.md', ...globSync('docs/**/*.md', { cwd: repository }).sort()];
const snippets = pages.flatMap((page) =>
  codeBlocks(readFileSync(join(repository, page), 'utf8'))
    .filter(({ language }) => language === 'ts')
    .map((block) => ({ ...block, page })),
);
let directory: string;

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'weir-docs-'));
  writeFileSync(join(directory, 'package.json'), '{ "type": "module" }');
  writeFileSync(join(directory, 'prices.json'), '{ "apple": 3 }');
});

afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** Some of what each program prints. */
const expected: Record<string, readonly string[]> = {
  'warmest.ts': ['attic: 24 °C so far', 'attic: 31 °C so far'],
  'readings.ts': ['1000 readings, 1000 different ones'],
  'ledger.ts': ['1000 entries, 0 open transactions'],
  'outbox.ts': ['100 letters sent'],
  'visits.ts': ['/docs: 100 visits', '/: 200 visits'],
  'greet.ts': ['hello, stranger', 'good evening, stranger'],
  'priced.ts': ['apple: 3', 'pear: no price'],
  'words.ts': ['short> to', "long> { word: 'not', length: 3 }"],
  'big-spenders.ts': ['ann spent 70 + 50'],
  'bids-per-window.ts': ['lamp until 10000: 12 euros', 'vase until 10000: 20 euros', 'lamp until 20000: 9 euros'],
  'late-bids.ts': ['ann stayed 50000 ms, seen 2 times', 'ann stayed 30000 ms, seen 1 times', "late> { who: 'ann', at: 5000 }"],
  'top-speeds.ts': ['car 1: 60 km/h'],
  'orders-with-payments.ts': ['lamp for 30 euros', 'vase is not paid'],
  'clicks-and-purchases.ts': ['ann bought 60 s after lamps'],
  'balances.ts': ['ann: -15'],
  'silent-sensors.ts': ['attic: 20 °C', 'attic: 22 °C', 'attic is silent since 9000, seen at 14000', 'implausible> cellar'],
  'counting-class.ts': ['to 1', 'be 1', 'to 2', 'to 3', 'third> to'],
  'enrich.ts': ['a goes to Oslo', 'b goes to Bergen', 'c goes to Oslo'],
  'batches.ts': ['1 of 3', '3 of 3', 'even 2', 'even 4'],
  'async-data-stream.ts': ['unordered> row 7', 'unordered> row 8', 'ordered> row 7', 'ordered> row 8'],
  'rules.ts': ['bob: large'],
  'sessions.ts': ['ann: / (1)', 'bob: / (1)', 'ann: / /cart (2)'],
  'event-time.ts': ['/ 2'],
  'cached.ts': ['apple: 3', 'pear: unknown'],
  'first-job.ts': ['ann has spent 2.50', 'bob has spent 1.00', 'ann has spent 3.00'],
  'late.ts': ['a at 1000', 'b at 3000', 'c at 2000'],
};

/** Of programs that would not end. */
const programArguments: Record<string, readonly string[]> = { 'visits.ts': ['600'] };

const named = snippets.filter(({ file }) => file !== undefined);

test.each(named.filter(({ file }) => file?.endsWith('.test.ts')))('$page: $file passes', async ({ file, text }) => {
  mkdirSync(join(directory, 'node_modules'), { recursive: true });
  if (!existsSync(join(directory, 'node_modules/weir'))) symlinkSync(repository, join(directory, 'node_modules/weir'));
  writeFileSync(join(directory, file as string), text);
  const run = await execa(process.execPath, ['--test', file as string], { cwd: directory, reject: false });
  expect(run, run.stdout).toMatchObject({ exitCode: 0 });
});

test.each(named.filter(({ file }) => !file?.endsWith('.test.ts')))('$page: $file', async ({ file, text }) => {
  const path = join(directory, file as string);
  writeFileSync(path, text);
  const run = await execa(join(repository, 'bin/flink'), ['run', '-t', 'local', path, ...(programArguments[file as string] ?? [])], {
    cwd: directory,
    reject: false,
  });
  expect(run, run.stderr).toMatchObject({ exitCode: 0, stderr: '' });
  const lines = expected[file as string];
  expect(lines, `${file} is known to this test`).toBeDefined();
  for (const line of lines ?? []) expect(run.stdout.split('\n')).toContain(line);
});

test('the compiler accepts every snippet', async () => {
  const options = {
    extends: join(repository, 'tsconfig.json'),
    compilerOptions: {
      paths: { weir: [join(repository, 'src/weir.ts')], 'weir/testing': [join(repository, 'src/testing/index.ts')] },
      typeRoots: [join(repository, 'node_modules/@types')],
    },
    include: ['*.snippet.ts'],
    exclude: [],
  };
  writeFileSync(join(directory, 'tsconfig.json'), JSON.stringify(options));
  writeFileSync(join(directory, 'package.json'), '{ "type": "module" }');
  for (const [index, { page, line, text }] of snippets.entries())
    writeFileSync(join(directory, `${index}.snippet.ts`), `// ${page}:${line}\n${text}export {};\n`);
  const tsc = await execa(process.execPath, [join(repository, 'node_modules/typescript/bin/tsc'), '-p', directory], { reject: false });
  expect(tsc.stdout).toBe('');
  expect(tsc.exitCode).toBe(0);
});
