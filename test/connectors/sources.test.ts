/** The built-in sources, and sources written by users against the split-based contract. */
import { appendFileSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  DataGeneratorSource,
  FileSource,
  type InputStatus,
  JsonLinesFormat,
  NumberSequenceSource,
  RateLimiterStrategy,
  type ReaderOutput,
  RichSourceFunction,
  type Source,
  type SourceFunctionContext,
  type SourceReader,
  type SourceReaderContext,
  type SourceSplit,
  type SplitEnumerator,
  type SplitEnumeratorContext,
  TextLineInputFormat,
  WatermarkStrategy,
} from 'weir';
import { collect, failureOf, localEnvironment } from '../harness/local.ts';
import { waitFor } from '../harness/real-cluster.ts';

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'weir-sources-'));
});

afterEach(() => rmSync(directory, { recursive: true, force: true }));

const sorted = <T>(values: T[]): T[] => [...values].sort((a, b) => (a < b ? -1 : 1));

describe('collections', () => {
  test('arrays, sets, generators and async generators', async () => {
    const all = async <T>(records: Parameters<ReturnType<typeof localEnvironment>['fromCollection']>[0]): Promise<T[]> =>
      (await collect(localEnvironment().fromCollection(records).executeAndCollect())) as T[];
    expect(await all([1, 'a', null, undefined, { x: [1n] }, new Date(5)])).toEqual([1, 'a', null, undefined, { x: [1n] }, new Date(5)]);
    expect(await all(new Set(['x', 'y']))).toEqual(['x', 'y']);
    expect(await all([])).toEqual([]);
    const thousand = Array.from({ length: 1000 }, (_, i) => i);
    expect(
      await all(function* () {
        yield* thousand;
      }),
    ).toEqual(thousand);
    expect(
      await all(async function* () {
        for (const n of thousand) {
          if (n % 100 === 0) await new Promise((resume) => setImmediate(resume));
          yield n;
        }
      }),
    ).toEqual(thousand);
  });

  test('what the program does to its array and objects afterwards does not show', async () => {
    const env = localEnvironment();
    const records = [{ n: 1 }, { n: 2 }];
    const stream = env.fromCollection(records);
    records[0]!.n = 99;
    records.push({ n: 3 });
    expect(await collect(stream.executeAndCollect())).toEqual([{ n: 1 }, { n: 2 }]);
  });

  test('a generator is closed when the job is cancelled, and its signal is aborted', async () => {
    const events: string[] = [];
    const env = localEnvironment();
    const endless = env.fromCollection(async function* ({ signal }) {
      signal.addEventListener('abort', () => events.push('aborted'));
      try {
        for (let n = 0; ; n++) {
          yield n;
          await new Promise((resume) => setImmediate(resume));
        }
      } finally {
        events.push('closed');
      }
    });
    expect(await endless.executeAndCollect(5)).toEqual([0, 1, 2, 3, 4]);
    await waitFor('the end of the generator', () => events.length === 2);
    expect(sorted(events)).toEqual(['aborted', 'closed']);
  });

  test('an error of the generator fails the job with its text', async () => {
    const env = localEnvironment();
    env
      .fromCollection(function* () {
        yield 1;
        throw new RangeError('ran dry');
      })
      .print();
    expect(await failureOf(env.execute())).toContain('ran dry');
  });

  test('a restart reads iterables again and refuses a used iterator', async () => {
    const failOnce = (): ((n: number) => number) => {
      let failed = false;
      return (n) => {
        if (n === 3 && !failed) {
          failed = true;
          throw new Error('once');
        }
        return n;
      };
    };
    const restarting = { 'restart-strategy.type': 'fixed-delay', 'restart-strategy.fixed-delay.delay': '1 ms' };
    const again = localEnvironment(restarting);
    const seen: number[] = [];
    again
      .fromCollection(new Set([1, 2, 3]))
      .map(failOnce())
      .addSink((n) => void seen.push(n));
    await again.execute();
    expect(seen.slice(-3)).toEqual([1, 2, 3]);

    const used = localEnvironment(restarting);
    const iterator = (function* () {
      yield* [1, 2, 3];
    })();
    used.fromCollection(iterator).map(failOnce()).print('used');
    expect(await failureOf(used.execute())).toMatch(/can be read only once/);
  });
});

test('sequences are split over subtasks, both ends included', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: -1000, max: 1000 }),
      fc.nat(3000),
      fc.integer({ min: 1, max: 5 }),
      async (from, count, parallelism) => {
        const env = localEnvironment();
        const stream = env.fromSequence(from, from + count).setParallelism(parallelism);
        const records = await collect(stream.executeAndCollect());
        expect(records.sort((a, b) => a - b)).toEqual(Array.from({ length: count + 1 }, (_, i) => from + i));
      },
    ),
    { numRuns: 10 },
  );
  const env = localEnvironment();
  const source = env.fromSource(new NumberSequenceSource(3, 4), WatermarkStrategy.noWatermarks(), 'numbers');
  expect(await collect(source.executeAndCollect())).toEqual([3, 4]);
});

describe('text files', () => {
  const lines = (stream: ReturnType<ReturnType<typeof localEnvironment>['readTextFile']>): Promise<string[]> =>
    collect(stream.executeAndCollect());

  test('every line is read once, however the files are cut', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(fc.oneof(fc.string(), fc.constant('ü'.repeat(300_000)), fc.constant('')), { maxLength: 6 }), {
          minLength: 1,
          maxLength: 3,
        }),
        fc.integer({ min: 1, max: 4 }),
        fc.constantFrom('\n', '\r\n'),
        fc.boolean(),
        async (files, parallelism, lineEnd, closed) => {
          const folder = mkdtempSync(join(directory, 'text-'));
          const clean = files.map((texts) => texts.map((text) => text.replace(/[\r\n]/g, ' ')));
          for (const [i, texts] of clean.entries())
            writeFileSync(join(folder, `${i}.txt`), texts.join(lineEnd) + (closed && texts.length > 0 ? lineEnd : ''));
          writeFileSync(join(folder, '.hidden'), 'hidden');
          writeFileSync(join(folder, '_hidden'), 'hidden');
          const env = localEnvironment();
          const expected = clean.flatMap((texts) => (!closed && texts.at(-1) === '' ? texts.slice(0, -1) : texts));
          expect(sorted(await lines(env.readTextFile(folder).setParallelism(parallelism)))).toEqual(sorted(expected));
        },
      ),
      { numRuns: 15 },
    );
  });

  test('charsets, URIs and folders in folders', async () => {
    writeFileSync(join(directory, 'latin.txt'), Buffer.from('h\xe9\n', 'latin1'));
    mkdirSync(join(directory, 'deep/er'), { recursive: true });
    writeFileSync(join(directory, 'deep/er/x.txt'), 'deep');
    expect(await lines(localEnvironment().readTextFile(join(directory, 'latin.txt'), 'ISO-8859-1'))).toEqual(['hé']);
    expect(await lines(localEnvironment().readTextFile(`file://${directory}/deep`))).toEqual(['deep']);
    expect(() => localEnvironment().readTextFile('x', 'EBCDIC')).toThrow("charset 'EBCDIC'");
  });

  test('a path that is not there fails the job with its name', async () => {
    const env = localEnvironment();
    env.readTextFile(join(directory, 'missing')).print();
    expect(await failureOf(env.execute())).toContain(`${directory}/missing does not exist`);
  });

  test('FileSource decodes lines, and names the one it cannot', async () => {
    writeFileSync(join(directory, 'a.jsonl'), '{"n":1}\n\n{"n":2}\n');
    const source = (path: string) => FileSource.forRecordStreamFormat(new JsonLinesFormat<{ n: number }>(), path).build();
    const env = localEnvironment();
    const stream = env.fromSource(source(join(directory, 'a.jsonl')), WatermarkStrategy.noWatermarks(), 'rows');
    expect(sorted((await collect(stream.executeAndCollect())).map(({ n }) => n))).toEqual([1, 2]);
    writeFileSync(join(directory, 'b.jsonl'), '{"n":1}\n{"n":');
    env.fromSource(source(join(directory, 'b.jsonl')), WatermarkStrategy.noWatermarks(), 'rows').print();
    expect(await failureOf(env.execute())).toMatch(/A line is no JSON/);
  });

  test('monitorContinuously finds files that come later, each once', async () => {
    writeFileSync(join(directory, 'first.txt'), 'one\ntwo\n');
    const env = localEnvironment();
    const source = FileSource.forRecordStreamFormat(new TextLineInputFormat(), directory).monitorContinuously(20).build();
    const seen: string[] = [];
    env
      .fromSource(source, WatermarkStrategy.noWatermarks(), 'watched')
      .setParallelism(2)
      .addSink((line) => void seen.push(line));
    const client = await env.executeAsync();
    await waitFor('the first file', () => seen.length === 2);
    const hidden = join(directory, '.second.txt');
    writeFileSync(hidden, 'three\n');
    renameSync(hidden, join(directory, 'second.txt'));
    await waitFor('the second file', () => seen.length === 3);
    appendFileSync(join(directory, 'first.txt'), 'ignored\n');
    writeFileSync(hidden, 'four\n');
    renameSync(hidden, join(directory, 'third.txt'));
    await waitFor('the third file', () => seen.length === 4);
    await client.cancel();
    await failureOf(client.getJobExecutionResult());
    expect(sorted(seen)).toEqual(['four', 'one', 'three', 'two']);
  });
});

/** True as long as each text is found behind the one before it. */
function comesBehind(all: readonly string[]): (text: string) => boolean {
  let from = 0;
  return (text) => {
    from = all.indexOf(text, from) + 1;
    return from > 0;
  };
}

describe('growing files', () => {
  const following = (path: string) => FileSource.forRecordStreamFormat(new TextLineInputFormat(), path).followGrowth(20).build();

  test('each line is read once, in the order of its file, when its end is written', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.tuple(
            fc.integer({ min: 0, max: 2 }),
            fc.oneof(fc.string({ maxLength: 5 }), fc.constant('ü'.repeat(50_000)), fc.constant('\n')),
          ),
          {
            minLength: 1,
            maxLength: 12,
          },
        ),
        fc.integer({ min: 1, max: 3 }),
        async (appends, parallelism) => {
          const folder = mkdtempSync(join(directory, 'growing-'));
          const env = localEnvironment();
          const seen: string[] = [];
          writeFileSync(join(folder, '0.log'), '');
          env
            .fromSource(following(folder), WatermarkStrategy.noWatermarks(), 'followed')
            .setParallelism(parallelism)
            .addSink((line) => void seen.push(line))
            .setParallelism(parallelism);
          const client = await env.executeAsync();
          const texts = ['', '', ''];
          let whole = 0;
          for (const [file, piece] of appends) {
            texts[file] += piece.replace(/\r/g, ' ');
            appendFileSync(join(folder, `${file}.log`), piece.replace(/\r/g, ' '));
            const expected = texts.reduce((sum, text) => sum + text.split('\n').length - 1, 0);
            if (expected === whole) continue;
            whole = expected;
            await waitFor(`${whole} lines`, () => seen.length >= whole);
          }
          await client.cancel();
          await failureOf(client.getJobExecutionResult());
          const files = texts.map((text) => text.split('\n').slice(0, -1));
          expect(sorted(seen)).toEqual(sorted(files.flat()));
          for (const inOrder of files) expect(inOrder.every(comesBehind(seen))).toBe(true);
        },
      ),
      { numRuns: 8 },
    );
  });

  test('a file that was emptied begins anew', async () => {
    const path = join(directory, 'emptied.log');
    writeFileSync(path, 'a long first line\n');
    const env = localEnvironment();
    const seen: string[] = [];
    env.fromSource(following(path), WatermarkStrategy.noWatermarks(), 'followed').addSink((line) => void seen.push(line));
    const client = await env.executeAsync();
    await waitFor('the first line', () => seen.length === 1);
    writeFileSync(path, 'new\n');
    await waitFor('the new line', () => seen.length === 2);
    await client.cancel();
    await failureOf(client.getJobExecutionResult());
    expect(seen).toEqual(['a long first line', 'new']);
  });
});

describe('sockets', () => {
  let server: Server;
  let port: number;
  const sockets: Socket[] = [];

  beforeEach(async () => {
    sockets.length = 0;
    server = createServer((socket) => sockets.push(socket));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    port = (server.address() as { port: number }).port;
  });

  afterEach(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });

  test('lines that come in pieces, with either line end, and a last one without', async () => {
    const env = localEnvironment();
    const records = collect(env.socketTextStream('127.0.0.1', port).executeAndCollect());
    await waitFor('a connection', () => sockets.length === 1);
    const bytes = Buffer.from('größe\r\nand\n\nrest');
    sockets[0]?.write(bytes.subarray(0, 3));
    sockets[0]?.write(bytes.subarray(3, 9));
    sockets[0]?.end(bytes.subarray(9));
    expect(await records).toEqual(['größe', 'and', '', 'rest']);
  });

  test('another delimiter, and a peer that comes back', async () => {
    const env = localEnvironment();
    const records = collect(env.socketTextStream('127.0.0.1', port, ';', 1).executeAndCollect());
    await waitFor('a connection', () => sockets.length === 1);
    sockets[0]?.end('a;b;');
    await waitFor('another connection', () => sockets.length === 2);
    sockets[1]?.end('c\nd;');
    expect(await records).toEqual(['a', 'b', 'c\nd']);
  });

  test('nobody listens: the error names host and port', async () => {
    server.close();
    const env = localEnvironment();
    env.socketTextStream('127.0.0.1', port).print();
    expect(await failureOf(env.execute())).toMatch(new RegExp(`127.0.0.1:${port} failed`));
  });
});

describe('generated records', () => {
  test('as many as asked for, each index once', async () => {
    const env = localEnvironment();
    const source = new DataGeneratorSource({ map: (i) => `record ${i}` }, 500);
    const stream = env.fromSource(source, WatermarkStrategy.noWatermarks(), 'generated').setParallelism(3);
    expect(new Set(await collect(stream.executeAndCollect()))).toEqual(new Set(Array.from({ length: 500 }, (_, i) => `record ${i}`)));
  });

  test('a rate holds over all subtasks together', async () => {
    const perSecond = 2000;
    const env = localEnvironment();
    const source = new DataGeneratorSource((i) => i, 400, RateLimiterStrategy.perSecond(perSecond));
    const stream = env.fromSource(source, WatermarkStrategy.noWatermarks(), 'slow').setParallelism(2);
    const startedAt = performance.now();
    expect(await collect(stream.executeAndCollect())).toHaveLength(400);
    // A tenth of a second's records may come at once; the rest takes its time, however fast or slow the machine is.
    expect(performance.now() - startedAt).toBeGreaterThan(((400 - perSecond / 10) / perSecond) * 1000);
  });

  test('an endless one runs until it is cancelled', async () => {
    const env = localEnvironment();
    const stream = env.fromSource(new DataGeneratorSource((i) => i), WatermarkStrategy.noWatermarks(), 'endless');
    expect(await stream.executeAndCollect(1000)).toHaveLength(1000);
  });

  test.each([
    ['no records', () => new DataGeneratorSource((i) => i, 0)],
    ['no rate', () => RateLimiterStrategy.perSecond(0)],
  ])('refused: %s', (_what, make) => {
    expect(make).toThrow(/above 0/);
  });
});

describe('push sources', () => {
  test('emit with timestamps and watermarks, and wait when they are asked to', async () => {
    class Pushing extends RichSourceFunction<number> {
      async run(context: SourceFunctionContext<number>): Promise<void> {
        expect(this.getRuntimeContext().getNumberOfParallelSubtasks()).toBe(1);
        for (let n = 1; n <= 1000; n++) {
          if (!context.collectWithTimestamp(n, n * 10)) await context.ready();
          if (n % 100 === 0) context.emitWatermark(n * 10);
        }
      }
      cancel(): void {}
    }
    const env = localEnvironment();
    const watermarks = new Set<number>();
    const stream = env.addSource(new Pushing()).process({
      processElement(n, context, out: { collect(row: [number, number | null]): void }) {
        watermarks.add(context.timerService().currentWatermark());
        out.collect([n, context.timestamp()]);
      },
    });
    const rows = await collect(stream.executeAndCollect());
    expect(rows).toEqual(Array.from({ length: 1000 }, (_, i) => [i + 1, (i + 1) * 10]));
    expect(watermarks).toContain(9000);
  });

  test('cancel ends an endless run', async () => {
    let cancelled = false;
    const env = localEnvironment();
    const stream = env.addSource<number>({
      async run(context) {
        for (let n = 0; !context.signal.aborted; n++) {
          if (!context.collect(n)) await context.ready();
          await new Promise((resume) => setImmediate(resume));
        }
      },
      cancel() {
        cancelled = true;
      },
    });
    expect(await stream.executeAndCollect(3)).toEqual([0, 1, 2]);
    await waitFor('cancel', () => cancelled);
  });
});

/** A source as a user would write one: splits are words, readers spell them, and everything that can be said is said. */
class Spelling implements Source<string, Word, Word[]> {
  readonly boundedness = 'BOUNDED';
  readonly said: string[] = [];
  readonly words: readonly string[];

  constructor(...words: readonly string[]) {
    this.words = words;
  }

  createEnumerator(context: SplitEnumeratorContext<Word>): SplitEnumerator<Word, Word[]> {
    const waiting = this.words.map((word, i) => ({ splitId: String(i), word, at: 0 }));
    const { said } = this;
    return {
      start: () => {
        context.callAsync(
          async () => 'found out later',
          (result, error) => void said.push(`callAsync ${result} ${String(error)}`),
        );
        context.callAsync(
          () => Promise.reject(new Error('nothing found')),
          (result, error) => void said.push(`callAsync ${String(result)} ${(error as Error).message}`),
        );
      },
      addReader: (subtask) => {
        said.push(`reader ${subtask} of ${context.currentParallelism()}`);
        context.sendEventToSourceReader(subtask, { hello: new Date(7) });
      },
      handleSplitRequest: (subtask) => {
        const split = waiting.shift();
        if (split) context.assignSplits(new Map([[subtask, [split]]]));
        else context.signalNoMoreSplits(subtask);
      },
      handleSourceEvent: (subtask, event) => void said.push(`event of ${subtask}: ${String((event as { done: string }).done)}`),
      addSplitsBack: (splits) => void waiting.unshift(...splits),
      snapshotState: () => waiting,
      close: () => void said.push('enumerator closed'),
    };
  }

  createReader(context: SourceReaderContext): SourceReader<string, Word> {
    let current: Word | undefined;
    let noMore = false;
    let wake = (): void => {};
    const { said } = this;
    return {
      start: () => context.sendSplitRequest(),
      pollNext: (output: ReaderOutput<string>): InputStatus => {
        if (!current) return noMore ? 'END_OF_INPUT' : 'NOTHING_AVAILABLE';
        const perSplit = output.createOutputForSplit(current.splitId);
        for (const letter of current.word) perSplit.collect(letter, letter.charCodeAt(0));
        output.releaseOutputForSplit(current.splitId);
        context.sendSourceEventToCoordinator({ done: current.word });
        current = undefined;
        context.sendSplitRequest();
        return 'NOTHING_AVAILABLE';
      },
      isAvailable: () =>
        new Promise((resolve) => {
          wake = resolve;
          if (current || noMore) resolve();
        }),
      addSplits: ([split]) => {
        current = split;
        wake();
      },
      notifyNoMoreSplits: () => {
        noMore = true;
        wake();
      },
      handleSourceEvent: (event) => void said.push(`reader heard ${(event as { hello: Date }).hello.getTime()}`),
      snapshotState: () => (current ? [current] : []),
      close: () => void said.push('reader closed'),
    };
  }
}

interface Word extends SourceSplit {
  readonly word: string;
  readonly at: number;
}

test('a source of the user: splits on request, events both ways, asynchronous calls, timestamps and per-split watermarks', async () => {
  const env = localEnvironment();
  const source = new Spelling('stream', 'weir', 'x');
  const rows = await collect(
    env
      .fromSource(source, WatermarkStrategy.forMonotonousTimestamps<string>(), 'spelling')
      .process({
        processElement: (letter, context, out: { collect(row: string): void }) => out.collect(`${letter}${context.timestamp()}`),
      })
      .executeAndCollect(),
  );
  expect(rows.sort()).toEqual([...'streamweirx'].map((letter) => `${letter}${letter.charCodeAt(0)}`).sort());
  for (const line of [
    'callAsync found out later undefined',
    'callAsync undefined nothing found',
    'reader 0 of 1',
    'reader heard 7',
    'event of 0: stream',
    'event of 0: weir',
    'event of 0: x',
    'reader closed',
    'enumerator closed',
  ])
    expect(source.said).toContain(line);
});

test('a source that fails in its enumerator or reader fails the job with its words', async () => {
  const failing = (where: 'enumerator' | 'reader'): Source<number, Word, Word[]> => {
    const source = new Spelling('a') as unknown as Source<number, Word, Word[]>;
    return {
      boundedness: 'BOUNDED',
      createEnumerator: (context) => {
        if (where === 'enumerator') throw new Error('no directory service');
        return source.createEnumerator(context);
      },
      createReader: (context) => {
        if (where === 'reader') throw new Error('no file');
        return source.createReader(context);
      },
    };
  };
  for (const [where, says] of [
    ['enumerator', 'no directory service'],
    ['reader', 'no file'],
  ] as const) {
    const env = localEnvironment();
    env.fromSource(failing(where), WatermarkStrategy.noWatermarks(), 'failing').print();
    expect(await failureOf(env.execute())).toContain(says);
  }
});
