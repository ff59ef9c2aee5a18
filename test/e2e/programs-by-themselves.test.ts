/**
 * Programs of a team's own project: Weir installed from its package, checked by the compiler, run by `node` on an embedded cluster
 * and by the project's `flink`. The package's dependencies are those of this repository.
 */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { execa } from 'execa';
import { extract } from 'tar';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { repository } from '../harness/real-cluster.ts';

const forms = join(repository, 'test/fixtures/programs/forms');
let project: string;

beforeAll(async () => {
  project = mkdtempSync(join(tmpdir(), 'weir-project-'));
  const modules = join(project, 'node_modules');
  mkdirSync(join(modules, '.bin'), { recursive: true });
  const [{ filename }] = JSON.parse(
    execFileSync('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', project], { cwd: repository, encoding: 'utf8' }),
  ) as [{ filename: string }];
  await extract({ file: join(project, filename), cwd: project });
  cpSync(join(project, 'package'), join(modules, 'weir'), { recursive: true });
  for (const name of readdirSync(join(repository, 'node_modules')))
    if (name !== '.bin' && !name.startsWith('node-')) symlinkSync(join(repository, 'node_modules', name), join(modules, name));
  symlinkSync('../weir/bin/flink', join(modules, '.bin/flink'));
  writeFileSync(join(project, 'package.json'), '{ "name": "team", "type": "module", "private": true }');
  for (const name of readdirSync(forms)) cpSync(join(forms, name), join(project, name));
});

afterAll(() => rmSync(project, { recursive: true, force: true }));

const run = (file: string, ...args: string[]) =>
  execa(file, args, { cwd: project, reject: false, env: { PATH: `${dirname(process.execPath)}:/usr/bin:/bin` }, extendEnv: false });
const node = (...args: string[]) => run(process.execPath, ...args);

test('the package brings its types, and no test, source or log', async () => {
  expect(readdirSync(join(project, 'node_modules/weir')).sort()).toEqual(
    ['CHANGELOG.md', 'LICENSE', 'README.md', 'bin', 'conf', 'dist', 'docs', 'examples', 'package.json'].sort(),
  );
  writeFileSync(
    join(project, 'tsconfig.json'),
    JSON.stringify({
      compilerOptions: { module: 'nodenext', target: 'es2022', strict: true, noEmit: true, skipLibCheck: false, types: ['node'] },
      files: ['several-jobs.ts', 'exports-and-runs.ts', 'uses-extra.ts'],
    }),
  );
  const checked = await node(join(repository, 'node_modules/typescript/bin/tsc'), '-p', project);
  expect(checked.stdout).toBe('');
});

test('node runs a program and ends with it', async () => {
  const ran = await node('awaits-at-top-level.ts');
  expect(ran).toMatchObject({ exitCode: 0, stderr: '' });
  expect(ran.stdout.split('\n')).toEqual(['1', '2', '4', '6', '9', '12', 'the script goes on']);
  const commonJs = await node('common-js.cjs');
  expect(commonJs).toMatchObject({ exitCode: 0, stderr: '' });
  expect(commonJs.stdout).toContain('12 b');
});

test('the project’s flink runs it, too', async () => {
  const ran = await run(join(project, 'node_modules/.bin/flink'), 'run', '-t', 'local', 'exports-and-runs.ts', 'x');
  expect(ran).toMatchObject({ exitCode: 0, stderr: '' });
  expect(ran.stdout).toContain('ran with x');
});

test('a failing job ends node with the place in the program', async () => {
  const ran = await node('fails-in-map.ts');
  expect(ran.exitCode).toBe(1);
  expect(ran.stdout).toBe('1\n2');
  expect(ran.stderr).toMatch(/picky[\s\S]*RangeError[\s\S]*three is not welcome[\s\S]*fails-in-map\.ts:7:\d+/);
});

test('a forgotten execute is told at the end', async () => {
  const ran = await node('never-executes.ts');
  expect(ran.exitCode).toBe(0);
  expect(ran.stderr).toMatch(/never executes it: 'Sink: Print to Std\. Out' at .*never-executes\.ts:4:\d+/);
});

test('one instance for two subtasks of one thread is refused there, and fine with a thread for each', async () => {
  const alone = await node('shares-an-instance.ts');
  expect(alone.exitCode).toBe(1);
  expect(alone.stderr).toMatch(/would share one instance of Numbering\.[\s\S]*shares-an-instance\.ts:11:\d+[\s\S]*Try: /);
  const threads = await run(join(project, 'node_modules/.bin/flink'), 'run', '-t', 'local', 'shares-an-instance.ts');
  expect(threads).toMatchObject({ exitCode: 0, stderr: '' });
  const lines = [...threads.stdout.matchAll(/^(\d)> \d is number (\d)$/gm)].map(
    ([, subtask, number]) => [subtask, Number(number)] as const,
  );
  expect(lines).toHaveLength(4);
  // A quick subtask may read more than its half; each counts its own.
  for (const subtask of ['1', '2']) {
    const numbers = lines.filter(([of]) => of === subtask).map(([, number]) => number);
    expect(numbers).toEqual(numbers.map((_, index) => index + 1));
  }
});
