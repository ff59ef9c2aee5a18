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
import { freePort, repository, waitFor } from '../harness/real-cluster.ts';

const installAndRun = 'npm ci && bin/flink run -t local examples/word-count.ts\n';
const installAndTest = 'npm ci && npm test\n';

let directory: string;
let clone: string;
let restPort: number;
let blocks: CodeBlock[];

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'weir-stranger-'));
  clone = join(directory, 'weir');
  await copyRepository();
  blocks = codeBlocks(readFileSync(join(clone, 'README.md'), 'utf8'));
  // Other clusters of this machine have the usual ports.
  restPort = await freePort();
  const conf = join(clone, 'conf/flink-conf.yaml');
  const text = readFileSync(conf, 'utf8')
    .replace('jobmanager.rpc.port: 6123', `jobmanager.rpc.port: ${await freePort()}`)
    .replace('rest.port: 8081', `rest.port: ${restPort}`);
  writeFileSync(conf, text);
});

afterAll(async () => {
  if (existsSync(join(clone, 'dist'))) await shell('bin/taskmanager.sh stop-all; bin/stop-cluster.sh');
  rmSync(directory, { recursive: true, force: true });
});

/** Of the commit in hand: what a stranger gets. */
async function copyRepository(): Promise<void> {
  if (existsSync(join(repository, '.git'))) await execa('git', ['clone', '--quiet', repository, clone]);
  else cpSync(repository, clone, { recursive: true, filter: (path) => !/\/(node_modules|dist|log)$/.test(path) });
}

/** One terminal: variables stay from block to block. */
function shell(commands: string) {
  const variables = join(directory, 'variables.sh');
  return execa('sh', ['-aec', `[ ! -e ${variables} ] || . ${variables}\n${commands}\nexport -p >${variables}`], {
    cwd: clone,
    // The pid files of each user of this machine are their own.
    env: { PATH: '/usr/local/bin:/usr/bin:/bin', HOME: process.env['HOME'] ?? directory, USER: `stranger${process.pid}` },
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

/** What the stories' program has counted, by page, in the order it was printed. */
function visits(words: 'visits' | 'visits so far'): Map<string, number[]> {
  const out = readdirSync(join(clone, 'log'))
    .filter((name) => /taskexecutor.*\.out$/.test(name))
    .map((name) => readFileSync(join(clone, 'log', name), 'utf8'))
    .join('');
  const lines = [...out.matchAll(/(\/\w*): (\d+) ([a-z ]+)$/gm)].filter(([, , , said]) => said === words);
  return Map.groupBy(lines, ([, page]) => page as string)
    .entries()
    .reduce(
      (byPage, [page, found]) =>
        byPage.set(
          page,
          found.map(([, , count]) => Number(count)),
        ),
      new Map(),
    );
}

async function waitForVisits(words: 'visits' | 'visits so far', count: number): Promise<void> {
  await waitFor(`${count} ${words} of each page`, () => {
    const counted = [...visits(words).values()];
    return counted.length === 3 && counted.every((counts) => Math.max(...counts) >= count);
  });
}

async function checkpointCounts(): Promise<{ completed: number; restored: number }> {
  const get = async (path: string) => (await fetch(`http://localhost:${restPort}${path}`)).json();
  const { jobs } = (await get('/jobs')) as { jobs: { id: string; status: string }[] };
  const id = jobs.find(({ status }) => status === 'RUNNING')?.id;
  return id === undefined ? { completed: 0, restored: 0 } : ((await get(`/jobs/${id}/checkpoints`)) as { counts: never }).counts;
}

/** What the reader has seen before going on, by a word of the block that follows. */
const patience: Readonly<Record<string, () => Promise<void>>> = {
  'cancel -s': () => waitForVisits('visits', 300),
  'pkill -9': async () => {
    await waitForVisits('visits so far', 400);
    await waitFor('a checkpoint', async () => (await checkpointCounts()).completed > 0);
  },
  'bin/taskmanager.sh stop': async () => {
    await waitFor('the job to be restored', async () => (await checkpointCounts()).restored >= 2);
    const before = Math.max(...[...visits('visits so far').values()].flat());
    await waitForVisits('visits so far', before + 200);
  },
};

test('every other command does what the text says', async () => {
  const outputs: string[] = [];
  for (const block of blocks) {
    if (block.file !== undefined) writeFileSync(join(clone, block.file), block.text);
    if (block.language !== 'sh' || block.text === installAndRun || block.text === installAndTest) continue;
    for (const [word, wait] of Object.entries(patience)) if (block.text.includes(word)) await wait();
    const run = await shell(block.text);
    expect(run.exitCode, `README.md:${block.line}\n${run.all}`).toBe(0);
    outputs.push(run.stdout);
  }
  const [cluster, cancelled, program, , savepoint, upgraded, , survived, examples, ...more] = outputs as string[];
  expect(more).toEqual([]);
  expect(savepoint).toMatch(/^Cancelled job [0-9a-f]{32}\. Savepoint stored in file:\/.*\/savepoints\/savepoint-\S+\.$/m);
  expect(upgraded).toContain('Starting taskexecutor daemon');
  expect(survived).toMatch(/Visits \(RUNNING\)[\s\S]* visits so far\n/);
  // Each count goes on from the savepoint, and later from a checkpoint; none begins again.
  for (const counts of visits('visits so far').values()) expect(Math.min(...counts)).toBeGreaterThanOrEqual(400);
  expect(cluster).toMatch(/Starting cluster\.[\s\S]*has finished[\s\S]*\(sins,1\)\n\(remember,1\)\n\(d,4\)$/);
  expect(cancelled).toMatch(/State machine job \((?:RUNNING|CREATED)\)[\s\S]*Cancelled job [0-9a-f]{32}\.[\s\S]*Stopping/);
  expect(program).toMatch(/attic: 24 °C so far$/m);
  expect(program).toMatch(/attic: 31 °C so far$/m);
  expect(examples).toMatch(/UNPAID order-9: /);
  expect(examples).toMatch(/^1000 orders of 100955\.00 in all; customers have 1000$/m);
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
