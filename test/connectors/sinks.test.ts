/** The built-in sinks, sinks written by users, and results that come back to the client. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { DiscardingSink, type Sink, type SinkWriter, type StreamExecutionEnvironment, WatermarkStrategy } from 'weir';
import { collect, failureOf, localEnvironment } from '../harness/local.ts';

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'weir-sinks-'));
});

afterEach(() => {
  rmSync(directory, { recursive: true, force: true });
});

describe('text files', () => {
  const write = async (path: string, parallelism: number, mode?: 'OVERWRITE' | 'NO_OVERWRITE'): Promise<string> => {
    const env = localEnvironment();
    env.fromSequence(1, 4).setParallelism(parallelism).writeAsText(path, mode).setParallelism(parallelism);
    return failureOf(env.execute());
  };

  test('one file at parallelism 1, else a folder with a file for each subtask', async () => {
    await write(join(directory, 'one'), 1);
    expect(readFileSync(join(directory, 'one'), 'utf8')).toBe('1\n2\n3\n4\n');
    await write(`file://${directory}/two`, 2);
    expect(readdirSync(join(directory, 'two')).sort()).toEqual(['1', '2']);
    expect(readFileSync(join(directory, 'two/1'), 'utf8')).toBe('1\n2\n');
  });

  test('what is there is kept, unless it may be overwritten; then nothing of it is left', async () => {
    const path = join(directory, 'out');
    writeFileSync(path, 'precious');
    expect(await write(path, 1)).toContain(`File or directory already exists: ${path}`);
    expect(readFileSync(path, 'utf8')).toBe('precious');
    expect(await write(path, 1, 'OVERWRITE')).toBe('');
    expect(await write(path, 4, 'OVERWRITE')).toBe('');
    expect(readdirSync(path).sort()).toEqual(['1', '2', '3', '4']);
    expect(await write(path, 2, 'OVERWRITE')).toBe('');
    expect(readdirSync(path).sort()).toEqual(['1', '2']);
    expect(await write(path, 1, 'OVERWRITE')).toBe('');
    expect(readFileSync(path, 'utf8')).toBe('1\n2\n3\n4\n');
  });

  test('a restarted job writes its own file anew', async () => {
    const path = join(directory, 'restarted');
    let failures = 1;
    const env = localEnvironment({ 'restart-strategy.type': 'fixed-delay', 'restart-strategy.fixed-delay.delay': '1 ms' });
    env
      .fromSequence(1, 3)
      .map((n) => {
        if (n === 3 && failures-- > 0) throw new Error('once');
        return n;
      })
      .disableChaining()
      .writeAsText(path);
    await env.execute();
    expect(readFileSync(path, 'utf8')).toBe('1\n2\n3\n');
  });

  test('rows of fields, and what is no row', async () => {
    const env = localEnvironment();
    const rows: [number, string | null][] = [
      [1, 'a'],
      [2, null],
    ];
    env.fromCollection(rows).writeAsCsv(join(directory, 'rows.csv'));
    await env.execute();
    expect(readFileSync(join(directory, 'rows.csv'), 'utf8')).toBe('1,a\n2,\n');
    env.fromElements({ n: 1, at: new Date(0) }).writeAsCsv(join(directory, 'other.csv'), 'OVERWRITE', '\r\n', ';');
    await env.execute();
    expect(readFileSync(join(directory, 'other.csv'), 'utf8')).toBe('1;1970-01-01T00:00:00.000Z\r\n');
    env.fromElements('x').writeAsCsv(join(directory, 'none.csv'));
    expect(await failureOf(env.execute())).toContain('writeAsCsv() writes tuples and objects, and got x');
  });

  test('a disk that refuses is told with the path', async () => {
    mkdirSync(join(directory, 'file'));
    writeFileSync(join(directory, 'file/taken'), '');
    expect(await write(join(directory, 'file/taken/out'), 1)).toMatch(/(ENOTDIR|EEXIST).*file\/taken/);
  });
});

test('a socket gets what is written, as text or bytes, in order', async () => {
  const received: Buffer[] = [];
  const server = createServer((socket) => socket.on('data', (bytes) => received.push(bytes)));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  try {
    const env = localEnvironment();
    env.fromSequence(1, 5000).setParallelism(1).writeToSocket('127.0.0.1', port);
    await env.execute();
    expect(Buffer.concat(received).toString()).toBe(Array.from({ length: 5000 }, (_, i) => `${i + 1}\n`).join(''));
    received.length = 0;
    env.fromElements('é').writeToSocket('127.0.0.1', port, { serialize: (text) => Buffer.from(text, 'latin1') });
    await env.execute();
    expect(Buffer.concat(received)).toEqual(Buffer.from([0xe9]));
  } finally {
    server.close();
  }
  const env = localEnvironment();
  env.fromElements('x').writeToSocket('127.0.0.1', port);
  expect(await failureOf(env.execute())).toContain(`127.0.0.1:${port} failed`);
});

describe('sinks of the user', () => {
  test('a function, also an asynchronous one, is awaited record by record', async () => {
    const env = localEnvironment();
    const order: string[] = [];
    env.fromElements(1, 2, 3).addSink(async (n) => {
      order.push(`begin ${n}`);
      await new Promise((resume) => setTimeout(resume, 4 - n));
      order.push(`end ${n}`);
    });
    await env.execute();
    expect(order).toEqual(['begin 1', 'end 1', 'begin 2', 'end 2', 'begin 3', 'end 3']);
  });

  test('its context knows the time', async () => {
    const env = localEnvironment();
    const seen: unknown[] = [];
    env
      .fromElements(5, 7)
      .assignTimestampsAndWatermarks(WatermarkStrategy.forMonotonousTimestamps<number>().withTimestampAssigner((n) => n * 1000))
      .addSink({ invoke: (n, context) => void seen.push([n, context.timestamp(), context.currentProcessingTime() > 1e12]) });
    env.fromElements(1).addSink({ invoke: (n, context) => void seen.push([n, context.timestamp(), true]) });
    await env.execute();
    expect(seen.sort()).toEqual([
      [1, null, true],
      [5, 5000, true],
      [7, 7000, true],
    ]);
  });

  test('writer and committer: flushed at the end of the input, then committed once', async () => {
    const calls: string[] = [];
    const sink: Sink<number, { upTo: number }, never> = {
      async createWriter({ subtaskIndex, parallelism, attemptNumber }) {
        calls.push(`writer ${subtaskIndex}/${parallelism} attempt ${attemptNumber}`);
        let last = 0;
        return {
          async write(n, context) {
            await Promise.resolve();
            last = n;
            calls.push(`write ${n} ${context.timestamp()}`);
          },
          flush: (endOfInput) => void calls.push(`flush ${endOfInput}`),
          prepareCommit: () => [{ upTo: last }],
          writeWatermark: (timestamp) => void (timestamp === Number.MAX_SAFE_INTEGER && calls.push('last watermark')),
          close: () => void calls.push('writer closed'),
        } satisfies SinkWriter<number, { upTo: number }, never>;
      },
      createCommitter: () => ({
        commit: (requests) => void calls.push(`commit ${requests.map(({ committable }) => committable.upTo).join()}`),
        close: () => void calls.push('committer closed'),
      }),
    };
    const env = localEnvironment();
    env.fromElements(1, 2).sinkTo(sink).name('mine').uid('mine').setParallelism(1);
    await env.execute();
    expect(calls.slice(0, 3)).toEqual(['writer 0/1 attempt 0', 'write 1 null', 'write 2 null']);
    expect(calls.filter((call) => call.startsWith('commit '))).toEqual(['commit 2']);
    expect(calls.indexOf('flush true')).toBeLessThan(calls.indexOf('commit 2'));
    for (const call of ['last watermark', 'writer closed', 'committer closed']) expect(calls).toContain(call);
  });

  test('discarding takes anything', async () => {
    const env = localEnvironment();
    const stream = env.fromElements<unknown>(1, 'x', [new Map()]);
    stream.sinkTo(new DiscardingSink());
    stream.addSink(new DiscardingSink());
    await env.execute();
  });
});

describe('results in the client', () => {
  const numbers = (env: StreamExecutionEnvironment, count: number) => env.fromSequence(1, count).setParallelism(1);

  test('all, the first few, and as many as the loop wants', async () => {
    const env = localEnvironment();
    expect(await collect(numbers(env, 3000).executeAndCollect('named'))).toHaveLength(3000);
    expect(await numbers(env, 1e9).executeAndCollect(3)).toEqual([1, 2, 3]);
    expect(await numbers(env, 2).executeAndCollect('named', 3)).toEqual([1, 2]);
    let last = 0;
    for await (const n of numbers(env, 1e9).executeAndCollect()) {
      last = n;
      if (n === 1000) break;
    }
    expect(last).toBe(1000);
    await expect(numbers(env, 2).executeAndCollect(0)).rejects.toThrow('a limit above 0');
  });

  test('several streams of one job', async () => {
    const env = localEnvironment();
    const evens = numbers(env, 10)
      .filter((n) => n % 2 === 0)
      .collectAsync();
    const odds = numbers(env, 10)
      .filter((n) => n % 2 === 1)
      .collectAsync();
    const client = await env.executeAsync();
    expect(await Promise.all([collect(evens), collect(odds)])).toEqual([
      [2, 4, 6, 8, 10],
      [1, 3, 5, 7, 9],
    ]);
    expect((await client.getJobExecutionResult()).jobId).toBe(client.getJobID());
  });

  test('a failure comes behind the records, as an error of the loop', async () => {
    const env = localEnvironment();
    const failing = numbers(env, 10).map((n) => {
      if (n === 5) throw new Error('five');
      return n;
    });
    const seen: number[] = [];
    const failure = await failureOf(
      (async () => {
        for await (const n of failing.executeAndCollect()) seen.push(n);
      })(),
    );
    expect(failure).toContain('five');
    expect(seen.every((n) => n < 5)).toBe(true);
  });
});

test('relative paths are those of the program', async () => {
  const former = process.cwd();
  process.chdir(directory);
  try {
    const env = localEnvironment();
    env.fromElements('x').writeAsText('relative.txt');
    process.chdir(former);
    await env.execute();
    expect(existsSync(join(directory, 'relative.txt'))).toBe(true);
  } finally {
    process.chdir(former);
  }
});
