/** The shipped examples on a real cluster, each against a computation of its own. */
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type EventType, eventAt } from '../../examples/state-machine.ts';
import { gradeAt, salaryAt } from '../../examples/window-join.ts';
import { type CommandResult, RealCluster, repository, submittedJobId, waitFor } from '../harness/real-cluster.ts';

let cluster: RealCluster;
let directory: string;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'weir-examples-'));
  cluster = await RealCluster.start({ slotsPerTaskManager: 2 });
});

afterAll(async () => {
  rmSync(directory, { recursive: true, force: true });
  await cluster[Symbol.asyncDispose]();
});

/** Runs an example and returns the lines of its `--output`. */
async function run(example: string, parallelism: number, args: readonly string[]): Promise<string[]> {
  const output = join(directory, `out-${readdirSync(directory).length}`);
  const result = await cluster.flink([
    'run',
    '-p',
    String(parallelism),
    join(repository, 'examples', example),
    ...args,
    '--output',
    output,
  ]);
  expect(result, cluster.logs()).toMatchObject({ exitCode: 0, stderr: '' });
  return linesOf(output);
}

function linesOf(path: string): string[] {
  if (statSync(path).isDirectory()) return readdirSync(path).flatMap((name) => linesOf(join(path, name)));
  const text = readFileSync(path, 'utf8');
  return text === '' ? [] : text.replace(/\n$/, '').split('\n');
}

const digest = (lines: readonly string[]): string => createHash('sha256').update(lines.join('\n')).digest('hex');

/** Flink's own WordCount gives these for the same text. */
const flinks = {
  sequence: '6c228fd487c2937c8e0df40858d61874eb03cb4f87a1ff78210883f9646cd5a3',
  sorted: 'db57801a5a3567e722df1e5bc2609a132813db56e90049d089cdd5b73b8a325d',
  finals: 'c4b44a6e9e98f9fa66a1138e39b04e7bcd97a34ae159158773adcc99262bd4ee',
};

test('WordCount: the same lines as from Flink', async () => {
  const one = await run('word-count.ts', 1, []);
  expect(digest(one)).toBe(flinks.sequence);
  const two = await run('word-count.ts', 2, []);
  expect(digest(two.sort())).toBe(flinks.sorted);
  const batch = await run('word-count.ts', 2, ['--execution-mode', 'BATCH']);
  expect(digest(batch.sort())).toBe(flinks.finals);
});

test('WordCount: over files', async () => {
  const [first, second] = [join(directory, 'first.txt'), join(directory, 'second.txt')];
  writeFileSync(first, 'To be\nor not\n');
  writeFileSync(second, 'to BE, be?');
  const lines = await run('word-count.ts', 2, ['--input', first, '--input', second, '--execution-mode', 'BATCH']);
  expect(lines.sort()).toEqual(['(be,3)', '(not,1)', '(or,1)', '(to,2)']);
  const missing = await cluster.flink(['run', join(repository, 'examples/word-count.ts'), '--input', join(directory, 'missing')]);
  expect(missing.exitCode).toBe(1);
  expect(missing.stderr).toContain(`The given file input path ${join(directory, 'missing')} does not exist.`);
});

test('StateMachine: an alert for each event that its machine does not allow', async () => {
  const [events, errorRate] = [50_000, 0.002];
  const lines = await run('state-machine.ts', 2, ['--events', String(events), '--error-rate', String(errorRate)]);
  expect(lines.sort()).toEqual(expectedAlerts(events, errorRate).sort());
  expect(lines.length).toBeGreaterThan(50);
  expect(await run('state-machine.ts', 2, ['--events', String(events)])).toEqual([]);
});

/** Nested ifs over a plain Map, so that nothing is shared with the example but its events. */
function expectedAlerts(events: number, errorRate: number): string[] {
  const allowed = new Map<string, string>(
    ['Initial a W', 'Initial c X', 'W b Y', 'X b Y', 'X d Z', 'Y e Z', 'Z g Terminal'].map((line) => {
      const [from, type, to] = line.split(' ') as [string, EventType, string];
      return [`${from} ${type}`, to];
    }),
  );
  const states = new Map<number, string>();
  const alerts: string[] = [];
  for (let index = 0; index < events; index++) {
    const { sourceAddress, type } = eventAt(index, errorRate);
    const state = states.get(sourceAddress) ?? 'Initial';
    const next = allowed.get(`${state} ${type}`);
    if (next === 'Terminal') states.delete(sourceAddress);
    else if (next !== undefined) states.set(sourceAddress, next);
    else {
      const bytes = [sourceAddress / 2 ** 24, sourceAddress / 2 ** 16, sourceAddress / 256, sourceAddress].map(
        (part) => Math.floor(part) % 256,
      );
      alerts.push(`ALERT ${bytes.join('.')} : ${state} -> ${type}`);
    }
  }
  return alerts;
}

test('orders and payments: every order is paid in time or reported', async () => {
  const orders = 2000;
  const lines = await run('orders-and-payments.ts', 2, ['--orders', String(orders), '--timeout-minutes', '15']);
  const expected = Array.from({ length: orders }, (_, index) => {
    const neverPaid = index % 10 === 9;
    const seconds = index % 7 === 6 ? 1800 : 1 + ((index * 31) % 600);
    const method = ['card', 'transfer', 'invoice'][index % 3];
    const price = ((500 + ((index * 7919) % 20_000)) / 100).toFixed(2);
    return neverPaid || seconds >= 900
      ? `UNPAID order-${index}: ${price} of customer-${(index * 7) % 100}`
      : `paid order-${index} by ${method} after ${seconds} s`;
  });
  expect(lines.sort()).toEqual(expected.sort());
});

test('WindowWordCount: the same lines as from Flink', async () => {
  expect(await run('window-word-count.ts', 1, [])).toEqual([]);
  const lines = await run('window-word-count.ts', 1, ['--window', '10', '--slide', '5']);
  const flinks = 'to,5 the,5 to,10 sleep,5 and,5 of,5 the,10 s,5 that,5 the,10 a,5 to,10 of,10 the,10 and,10 of,10';
  expect(lines).toEqual(flinks.split(' ').map((pair) => `(${pair})`));
  expect((await run('window-word-count.ts', 2, ['--window', '25', '--slide', '15'])).sort()).toEqual(['(of,15)', '(the,15)', '(to,15)']);
});

test('SessionWindowing: the same lines as from Flink', async () => {
  expect(await run('session-windowing.ts', 1, [])).toEqual(['(a,1,1)', '(b,1,3)', '(c,6,1)', '(a,10,1)', '(c,11,1)']);
});

test('TopSpeedWindowing: a line for every 50 metres, with the highest speed of the last 10 seconds', async () => {
  const speeds = [0, 1].map((car) => Array.from({ length: 100 }, (_, second) => 40 + ((second * (7 + car)) % 60)));
  const positions = [0, 1].map((car) => {
    let meters = 0;
    return (speeds[car] as number[]).map((speed, second) => {
      meters += speed / 3.6;
      return { car, speed, meters, at: 1424951918630 + second * 1000 };
    });
  });
  const input = join(directory, 'positions.csv');
  const line = ({ car, speed, meters, at }: { car: number; speed: number; meters: number; at: number }): string =>
    `(${car},${speed},${meters},${at})`;
  writeFileSync(
    input,
    Array.from({ length: 100 }, (_, second) => positions.map((car) => line(car[second] as never)).join('\n')).join('\n'),
  );
  const expected = positions.flatMap((car) => {
    let last = car[0]?.meters as number;
    return car.flatMap(({ meters, at }, second) => {
      if (meters - last <= 50) return [];
      last = meters;
      const recent = car.slice(0, second + 1).filter((position) => position.at > at - 10_000);
      return [line(recent.reduce((best, position) => (position.speed > best.speed ? position : best)))];
    });
  });
  expect(expected.length).toBeGreaterThan(50);
  expect((await run('top-speed-windowing.ts', 2, ['--input', input])).sort()).toEqual(expected.sort());
});

test('WindowJoin: every grade with every salary of a name in a window', async () => {
  const [count, windowMs] = [300, 2000];
  const lines = await run('window-join.ts', 2, ['--records', String(count), '--windowSize', String(windowMs)]);
  const indices = Array.from({ length: count }, (_, index) => index);
  const grades = indices.map((index) => gradeAt(index, 3));
  const salaries = indices.map((index) => salaryAt(index, 3));
  const expected = grades.flatMap(({ name, grade, at }) =>
    salaries
      .filter((salary) => salary.name === name && Math.floor(salary.at / windowMs) === Math.floor(at / windowMs))
      .map(({ salary }) => `(${name},${grade},${salary})`),
  );
  expect(lines.sort()).toEqual(expected.sort());
});

test('GroupedProcessingTimeWindow: each record is counted in each of its five windows', async () => {
  const lines = await run('grouped-processing-time-window.ts', 2, ['--keys', '10', '--records', '2000']);
  // The windows that are still open at the end of the input never fire.
  for (const line of lines) expect(line).toMatch(/^\d,\d+$/);
});

test('SocketWindowWordCount: the words of each window are counted, and none is lost', async () => {
  const example = join(repository, 'examples/socket-window-word-count.ts');
  const usage = await cluster.flink(['run', example]);
  expect(usage).toMatchObject({ exitCode: 0, stdout: '' });
  expect(usage.stderr).toContain('--port <port>');

  const { server, port, sockets } = await lineServer();
  try {
    const started: CommandResult = await cluster.flink([
      'run',
      '-d',
      example,
      '--hostname',
      '127.0.0.1',
      '--port',
      String(port),
      '--window',
      '200',
    ]);
    await waitFor('a connection', () => sockets.length === 1);
    sockets[0]?.write('to be or not\nto be\n');
    const counted = (): Map<string, number> => {
      const counts = new Map<string, number>();
      for (const [, word, count] of cluster.logFile(/taskexecutor.*\.out$/).matchAll(/^(\w+) : (\d+)$/gm))
        counts.set(word as string, (counts.get(word as string) ?? 0) + Number(count));
      return counts;
    };
    await waitFor(
      'the counts',
      () => [...counted().values()].reduce((sum, count) => sum + count, 0) === 6,
      () => cluster.logs(),
    );
    expect(Object.fromEntries(counted())).toEqual({ to: 2, be: 2, or: 1, not: 1 });
    sockets[0]?.end('that is\n');
    // At its end the source ends, and so does the job; a window that is still open is closed by no timer.
    await cluster.waitForJobState(submittedJobId(started.stdout), 'FINISHED');
  } finally {
    server.close();
  }
});

async function lineServer(): Promise<{ server: Server; port: number; sockets: Socket[] }> {
  const sockets: Socket[] = [];
  const server = createServer((socket) => sockets.push(socket));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { server, port: (server.address() as { port: number }).port, sockets };
}
