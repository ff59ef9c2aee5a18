/**
 * The README, done by a stranger: a fresh clone, the system's own Node.js (an older one), and every command block in order, as it
 * stands there. The second command of the README would run this test again; its install step and a part of its tests are done.
 */
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type CodeBlock, codeBlocks } from '../harness/markdown.ts';
import { freePort, repository } from '../harness/real-cluster.ts';

const installAndRun = 'npm ci && bin/flink run -t local examples/word-count.ts\n';
const installAndTest = 'npm ci && npm test\n';

let directory: string;
let clone: string;
let blocks: CodeBlock[];

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'weir-stranger-'));
  clone = join(directory, 'weir');
  await copyRepository();
  blocks = codeBlocks(readFileSync(join(clone, 'README.md'), 'utf8'));
  // Other clusters of this machine have the usual ports.
  const conf = join(clone, 'conf/flink-conf.yaml');
  const text = readFileSync(conf, 'utf8')
    .replace('jobmanager.rpc.port: 6123', `jobmanager.rpc.port: ${await freePort()}`)
    .replace('rest.port: 8081', `rest.port: ${await freePort()}`);
  writeFileSync(conf, text);
});

afterAll(async () => {
  if (existsSync(join(clone, 'dist'))) await shell('bin/stop-cluster.sh');
  rmSync(directory, { recursive: true, force: true });
});

/** Of the commit in hand: what a stranger gets. */
async function copyRepository(): Promise<void> {
  if (existsSync(join(repository, '.git'))) await execa('git', ['clone', '--quiet', repository, clone]);
  else cpSync(repository, clone, { recursive: true, filter: (path) => !/\/(node_modules|dist|log)$/.test(path) });
}

function shell(commands: string) {
  return execa('sh', ['-ec', commands], {
    cwd: clone,
    env: { PATH: '/usr/local/bin:/usr/bin:/bin', HOME: process.env['HOME'] ?? directory, USER: 'stranger' },
    extendEnv: false,
    reject: false,
    all: true,
    stdin: 'ignore',
  });
}

test('installs and runs a job, then passes the tests', async () => {
  const [first, second] = blocks.filter(({ language }) => language === 'sh');
  expect(first?.text).toBe(installAndRun);
  expect(second?.text).toBe(installAndTest);
  const run = await shell(installAndRun);
  expect(run.exitCode, run.all).toBe(0);
  expect(run.stdout).toContain('\n(to,1)\n(be,1)\n(or,1)\n(not,1)\n(to,2)\n(be,2)\n');
  const tests = await shell(`${installAndTest.replace('npm ci && ', '').trim()} -- --project unit test/program`);
  expect(tests.exitCode, tests.all).toBe(0);
}, 600_000);

test('every other command does what the text says', async () => {
  const outputs: string[] = [];
  for (const block of blocks) {
    if (block.file !== undefined) writeFileSync(join(clone, block.file), block.text);
    if (block.language !== 'sh' || block.text === installAndRun || block.text === installAndTest) continue;
    const run = await shell(block.text);
    expect(run.exitCode, `README.md:${block.line}\n${run.all}`).toBe(0);
    outputs.push(run.stdout);
  }
  const [cluster, cancelled, program, examples, ...more] = outputs as [string, string, string, string];
  expect(more).toEqual([]);
  expect(cluster).toMatch(/Starting cluster\.[\s\S]*has finished[\s\S]*\(sins,1\)\n\(remember,1\)\n\(d,4\)$/);
  expect(cancelled).toMatch(/State machine job \((?:RUNNING|CREATED)\)[\s\S]*Cancelled job [0-9a-f]{32}\.[\s\S]*Stopping/);
  expect(program).toMatch(/attic: 24 °C so far$/m);
  expect(program).toMatch(/attic: 31 °C so far$/m);
  expect(examples).toMatch(/UNPAID order-9: /);
  expect(examples).toMatch(/ALERT [\d.]+ : \w+ -> f$/m);
}, 600_000);

test('links lead somewhere', () => {
  const links = [...readFileSync(join(clone, 'README.md'), 'utf8').matchAll(/\]\(([^)#]+)[^)]*\)/g)].map((match) => match[1] as string);
  expect(links.filter((link) => !link.startsWith('http') && !existsSync(join(clone, link)))).toEqual([]);
});

test('stopping the cluster leaves no process', () => {
  const left = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'latin1').includes(clone);
      } catch {
        return false;
      }
    });
  expect(left).toEqual([]);
});
