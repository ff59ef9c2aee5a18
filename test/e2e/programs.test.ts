/** Every form a program may have runs from the command line, and what is wrong with one is told with its place. */
import { execFileSync } from 'node:child_process';
import { cpSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { loadProgram } from '../../src/client/program/load-program.ts';
import { type CommandResult, RealCluster, repository } from '../harness/real-cluster.ts';

const forms = join(repository, 'test/fixtures/programs/forms');
const collectsValues = join(repository, 'test/fixtures/programs/collects-values.ts');
let directory: string;
let cluster: RealCluster;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'weir-programs-'));
  writePackage(join(directory, 'shop'));
  cluster = await RealCluster.start({ slotsPerTaskManager: 2 });
});

afterAll(async () => {
  rmSync(directory, { recursive: true, force: true });
  await cluster[Symbol.asyncDispose]();
});

const local = (...args: string[]): Promise<CommandResult> => cluster.flink(['run', '-t', 'local', '-p', '2', ...args], { cwd: forms });

/** What the job printed and nothing else, without the subtask prefix, sorted. */
function printed(stdout: string): string[] {
  return [...stdout.matchAll(/^(?:\d+> )(.*)$/gm)].map((match) => match[1] as string).sort();
}

/** Rolling sums of 1 to 6 by parity, in whatever order the two readers of the sequence came: a line a number, the last ones these. */
function expectSums(lines: readonly string[], suffix = ''): void {
  expect(lines).toHaveLength(6);
  expect(lines).toEqual(expect.arrayContaining([`9${suffix}`, `12${suffix}`]));
  for (const line of lines) expect(line.endsWith(suffix)).toBe(true);
}

describe('a script', () => {
  test('that awaits execute', async () => {
    const run = await local('awaits-at-top-level.ts');
    expect(run).toMatchObject({ exitCode: 0, stderr: '' });
    expectSums(printed(run.stdout));
    expect(run.stdout.match(/the script goes on/g)).toHaveLength(1);
  });

  test('that nobody awaits, with values of env.once', async () => {
    const run = await local('does-not-await-main.ts');
    expect(run).toMatchObject({ exitCode: 0, stderr: '' });
    const startedAt = /^second> (\d+)$|^second:\d> (\d+)$/m
      .exec(run.stdout)
      ?.slice(1)
      .find((match) => match !== undefined);
    expectSums(printed(run.stdout), ` true ${startedAt}`);
    expect(run.stdout.match(/the script goes on/g)).toHaveLength(1);
  });

  test('in CommonJS', async () => {
    const run = await local('common-js.cjs');
    expect(run).toMatchObject({ exitCode: 0, stderr: '' });
    expectSums(printed(run.stdout), ' b');
  });

  test('that exports what it calls runs once', async () => {
    const run = await local('exports-and-runs.ts', 'these', 'arguments');
    expect(run).toMatchObject({ exitCode: 0, stderr: '' });
    expectSums(printed(run.stdout));
    expect(run.stdout).toContain('ran with these arguments\n');
  });

  test('runs in a cluster, several subtasks to a slot', async () => {
    const run = await cluster.flink(['run', '-p', '2', 'awaits-at-top-level.ts'], { cwd: forms });
    expect(run, cluster.logs()).toMatchObject({ exitCode: 0, stderr: '' });
    expectSums(printed(cluster.logFile(/taskexecutor.*\.out$/)));
    // What the script says is said by the client; workers run it again and keep quiet.
    expect(run.stdout).toContain('the script goes on');
    expect(cluster.logFile(/taskexecutor.*\.out$/)).not.toContain('the script goes on');
  });
});

test('print shows records as Flink does, with its prefixes', async () => {
  const run = await local('prints.ts');
  expect(run.exitCode).toBe(0);
  expect(run.stderr.split('\n').sort()).toEqual(['', 'b', 'mine> c']);
  const lines = run.stdout.split('\n').filter((line) => line !== '' && !/^(Job|Program) /.test(line));
  const plain = [
    '1',
    'text',
    '(1,a,(null,true))',
    '{ n: 1, deep: { list: [ 1n ] } }',
    '1970-01-01T00:00:00.000Z',
    'null',
    'undefined',
    '1.5',
    '0',
  ];
  expect(lines.slice(0, 10)).toEqual([...plain, 'mine> a']);
  expect(
    lines
      .slice(10)
      .map((line) => line.replace(/\d>/, 'N>'))
      .sort(),
  ).toEqual(['N> 1', 'N> 2', 'mine:N> 3', 'mine:N> 4']);
});

test('jobs of one program are built from the results of earlier ones', async () => {
  for (const target of [[], ['-t', 'local']]) {
    const run = await cluster.flink(['run', ...target, '-p', '2', join(forms, 'several-jobs.ts')]);
    expect(run, cluster.logs()).toMatchObject({ exitCode: 0, stderr: '' });
    for (const line of ['collected 10100', 'doubled 10100', 'doubled 10100, then FINISHED']) expect(run.stdout).toContain(`${line}\n`);
    const out = target.length === 0 ? cluster.logFile(/taskexecutor.*\.out$/) : run.stdout;
    expect(out).toMatch(/^\d> the end after 10100$/m);
  }
});

test('collected records are those that the job made, whatever they hold', async () => {
  for (const target of [[], ['-t', 'local']]) {
    const run = await cluster.flink(['run', ...target, collectsValues, '--seed', '7'], { cwd: forms });
    expect(run, cluster.logs()).toMatchObject({ exitCode: 0, stderr: '' });
    expect(run.stdout).toMatch(/^(\d+) of \1 came back, 0 of them changed$/m);
  }
});

describe('a package', () => {
  const expected = ['x legacy 0.19 1.2.3 function', 'y legacy 0.19 1.2.3 function'];

  test('as a directory, with assets, a CommonJS dependency, an add-on and another weir in its node_modules', async () => {
    const run = await local(join(directory, 'shop'), 'x', 'y');
    expect(run).toMatchObject({ exitCode: 0, stderr: '' });
    expect(printed(run.stdout)).toEqual(expected);
  });

  test('as what npm pack makes, in a cluster', async () => {
    const archive = pack(join(directory, 'shop'));
    const run = await cluster.flink(['run', archive, 'x', 'y']);
    expect(run, cluster.logs()).toMatchObject({ exitCode: 0, stderr: '' });
    for (const line of expected) expect(cluster.logFile(/taskexecutor.*\.out$/)).toContain(`${line}\n`);
  });

  test('already bundled, as a directory and packed, with an extra module', async () => {
    const loaded = await loadProgram({ path: join(directory, 'shop'), classpaths: [], args: [], configuration: {} });
    cpSync(loaded.artifactDirectory, join(directory, 'bundle'), { recursive: true });
    cpSync(loaded.artifactPath, join(directory, 'bundle.tgz'));
    loaded.dispose();
    for (const bundle of ['bundle', 'bundle.tgz']) {
      const run = await local(join(directory, bundle), 'x', 'y');
      expect(run).toMatchObject({ exitCode: 0, stderr: '' });
      expect(printed(run.stdout)).toEqual(expected);
    }
    const extra = pathToFileURL(join(forms, 'extra-module.ts')).href;
    const run = await local('-C', extra, '-c', 'Extra', join(directory, 'bundle.tgz'));
    expect(printed(run.stdout)).toEqual(['extra: from the extra module']);
  });
});

test('-C adds a module that is imported before the program', async () => {
  const run = await local('-C', pathToFileURL(join(forms, 'extra-module.ts')).href, 'uses-extra.ts', 'hello');
  expect(run).toMatchObject({ exitCode: 0, stderr: '' });
  expect(printed(run.stdout)).toEqual(['hello from the extra module']);
});

describe('is refused with exit code 1 and a sentence that helps:', () => {
  test.each([
    { what: 'main throws', args: ['throws-in-main.ts'], says: ["reading 'url'", /throws-in-main\.ts:10:\d+/, /throws-in-main\.ts:6:\d+/] },
    { what: 'something throws where nobody catches', args: ['throws-later.ts'], says: ['nobody can catch it', /throws-later\.ts:5:\d+/] },
    { what: 'sinks and no execute', args: ['never-executes.ts'], says: ['never executes it', /never-executes\.ts:4:\d+/, 'env.execute('] },
    { what: 'no entry point', args: ['no-entry.ts'], says: ['does not say what to run', 'Report, totals', '-c Report'] },
    { what: 'no such entry', args: ['-c', 'Totals', 'no-entry.ts'], says: ["'Totals' was not found", 'Report, totals'] },
    { what: 'an entry that cannot be called', args: ['-c', 'answer', 'no-entry.ts'], says: ["'answer'", 'a number', 'static main(args)'] },
    { what: 'an entry that is called twice', args: ['runs-twice.ts'], says: ['by itself', 'import.meta.main'] },
    { what: 'syntax that is wrong', args: ['broken-syntax.ts'], says: ['cannot be bundled', /broken-syntax\.ts:2:\d+: Unexpected ";"/] },
    {
      what: 'an import that is not there',
      args: ['missing-import.ts'],
      says: [/missing-import\.ts:1:\d+: Could not resolve "not-installed"/, 'npm install'],
    },
    {
      what: 'a class path that is not there',
      args: ['-C', 'file:///no/such.js', 'uses-extra.ts'],
      says: ['-C file:///no/such.js', 'no such file'],
    },
  ])('$what', async ({ args, says }) => {
    for (const target of [[], ['-t', 'local']]) {
      const run = await cluster.flink(['run', ...target, ...args], { cwd: forms });
      expect(run.exitCode).toBe(1);
      for (const words of says) expect(run.stderr).toMatch(words);
      expect(run.stderr).not.toMatch(/dist\/|node:internal/);
    }
  });

  test.each([
    {
      name: 'job.jar',
      bytes: Buffer.from('PK\x03\x04....META-INF/MANIFEST.MF', 'latin1'),
      says: ['Java byte code', 'coming-from-flink.md'],
    },
    { name: 'Job.class', bytes: Buffer.from('cafebabe00000034', 'hex'), says: ['Java byte code', 'compiled Java class'] },
    { name: 'job.zip', bytes: Buffer.from('PK\x03\x04....', 'latin1'), says: ['zip archive', 'npm pack'] },
    { name: 'job.tgz', bytes: Buffer.from('1f8b0000', 'hex'), says: ['cannot be unpacked'] },
    { name: 'job.txt', bytes: Buffer.from('hello'), says: ["ends in '.txt'"] },
  ])('$name', async ({ name, bytes, says }) => {
    writeFileSync(join(directory, name), bytes);
    const run = await cluster.flink(['run', join(directory, name)]);
    expect(run).toMatchObject({ exitCode: 1, stdout: '' });
    for (const words of says) expect(run.stderr).toContain(words);
  });

  test('a package or bundle for another Weir', async () => {
    const other = join(directory, 'other');
    mkdirSync(other);
    writeFileSync(join(other, 'package.json'), JSON.stringify({ name: 'other', main: 'job.ts', peerDependencies: { weir: '>=99' } }));
    writeFileSync(join(other, 'job.ts'), '');
    const asked = await cluster.flink(['run', other]);
    expect(asked).toMatchObject({ exitCode: 1, stdout: '' });
    const { version } = JSON.parse(readFileSync(join(repository, 'package.json'), 'utf8')) as { version: string };
    expect(asked.stderr).toContain(`asks for weir >=99, and this is Weir ${version}.`);

    const bundle = join(directory, 'other-bundle');
    mkdirSync(bundle);
    const manifest = { formatVersion: 1, weirVersion: '99.1.0', entryModule: 'main.mjs', extraModules: [], displayName: 'job' };
    writeFileSync(join(bundle, 'weir-artifact.json'), JSON.stringify(manifest));
    const built = await cluster.flink(['run', bundle]);
    expect(built).toMatchObject({ exitCode: 1, stdout: '' });
    expect(built.stderr).toContain(`was built for Weir 99.1.0, and this is Weir ${version}.`);
  });
});

/** A package as a team would have it; its node_modules holds a wrong `weir`, which must not be used. */
function writePackage(root: string): void {
  const files: Record<string, string> = {
    'package.json': JSON.stringify({
      name: 'shop-jobs',
      version: '1.2.3',
      type: 'module',
      weir: { entry: './src/jobs/totals.ts#Totals', assets: ['assets/**'] },
      files: ['src', 'assets', 'native'],
      dependencies: { weir: '*', legacy: '1.0.0' },
      bundleDependencies: ['legacy'],
    }),
    'assets/rates.json': '{ "rate": 0.19 }',
    'src/jobs/totals.ts': `
      import { readFileSync } from 'node:fs';
      import Legacy from 'legacy';
      import { StreamExecutionEnvironment } from 'weir';
      import manifest from '../../package.json' with { type: 'json' };

      const rates = JSON.parse(readFileSync(new URL('../../assets/rates.json', import.meta.url), 'utf8'));
      enum Kind { Function = 'function' }

      export class Totals {
        static async main(args: string[]): Promise<void> {
          const env = StreamExecutionEnvironment.getExecutionEnvironment();
          const again = JSON.parse(readFileSync(new URL('../../assets/rates.json', import.meta.url), 'utf8'));
          const legacy = new Legacy();
          env.fromElements(...args).map((word) =>
            [word, legacy.name(), Math.max(rates.rate, again.rate), manifest.version, legacy.addOn() === 'function' ? Kind.Function : '?'].join(' ')).print();
          await env.execute('totals');
        }
      }
      export async function Extra(): Promise<void> {
        const env = StreamExecutionEnvironment.getExecutionEnvironment();
        env.fromElements('extra: ' + (globalThis as { extra?: string }).extra).map((text) => text).print();
        await env.execute('extra');
      }`,
    'node_modules/legacy/package.json': '{ "name": "legacy", "version": "1.0.0", "main": "index.js" }',
    'node_modules/legacy/index.js': `
      const { EventEmitter } = require('events');
      module.exports = class Legacy extends EventEmitter {
        name() { return require('path').basename(__dirname) && 'legacy'; }
        addOn() { return typeof require('./build/binding.node').extractStrings; }
      };`,
    'node_modules/weir/package.json': '{ "name": "weir", "version": "0.0.1", "main": "index.js" }',
    'node_modules/weir/index.js': 'throw new Error("the wrong weir");',
  };
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(join(root, name, '..'), { recursive: true });
    writeFileSync(join(root, name), text);
  }
  mkdirSync(join(root, 'node_modules/legacy/build'), { recursive: true });
  cpSync(addOn(), join(root, 'node_modules/legacy/build/binding.node'));
}

/** A real add-on that a dependency of this repository brings along. */
function addOn(): string {
  return globSync(join(repository, 'node_modules/@msgpackr-extract/*/node.napi*.node')).filter(
    (path) => !path.includes('musl'),
  )[0] as string;
}

function pack(packageDirectory: string): string {
  const [{ filename }] = JSON.parse(
    execFileSync('npm', ['pack', '--json', '--pack-destination', directory], { cwd: packageDirectory, encoding: 'utf8' }),
  ) as [{ filename: string }];
  return join(directory, filename);
}
