/** What a program observes when a worker runs it again: the same as in the client, with functions of its own each time. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { MapFunction } from '../../src/api/functions.ts';
import { type LoadedProgram, loadProgram, type ProgramExecutor } from '../../src/client/program/load-program.ts';
import type { JobGraph } from '../../src/graph/job-graph.ts';
import { createProgramLoader } from '../../src/program/program-loader.ts';

const observes = resolve(import.meta.dirname, '../fixtures/programs/observes.ts');
const loaded: LoadedProgram[] = [];
let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'weir-replay-'));
});

afterEach(() => {
  for (const program of loaded.splice(0)) program.dispose();
  rmSync(directory, { recursive: true });
  delete process.env['OBSERVED'];
});

/** The job graphs that the program submits, as they arrive in a worker. */
async function submit(
  entryClass: string,
  args: readonly string[] = [],
): Promise<{ program: LoadedProgram; graphs: JobGraph[]; error: unknown }> {
  const program = await loadProgram({
    path: observes,
    entryClass,
    classpaths: [],
    args,
    configuration: { 'pipeline.name': 'of the client' },
  });
  loaded.push(program);
  const graphs: JobGraph[] = [];
  const executor: ProgramExecutor = {
    execute: async (graph) => {
      graphs.push(JSON.parse(JSON.stringify(graph)) as JobGraph);
      return { jobId: graph.jobId, netRuntimeMs: 1, accumulators: { words: 5n, at: new Date(3), histogram: new Map([[1, 2]]) } };
    },
    executeAsync: async (graph) => ({ jobId: graph.jobId }),
  };
  const error = await program.run(executor, { detached: false }).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  return { program, graphs, error };
}

/** Runs the program again as a slot does; the function of its map. */
async function replayedMap(program: LoadedProgram, graph: JobGraph, warnings: string[] = []): Promise<() => unknown> {
  const worker = await createProgramLoader((message) => warnings.push(message))(graph, program.artifactDirectory);
  const { nodes } = await worker.replay();
  const map = nodes.find((node) => node.spec.type === 'map')?.spec['function'] as (() => unknown) | MapFunction<unknown, unknown>;
  return map as () => unknown;
}

test('arguments, clock, random numbers, environment, working directory, configuration and once are those of the client', async () => {
  process.env['OBSERVED'] = 'in the client';
  const { program, graphs, error } = await submit('main', ['--x', '1']);
  expect(String(error)).toContain('nothing behind execute runs in a worker');
  const [graph] = graphs as [JobGraph];
  process.env['OBSERVED'] = 'in the worker';
  const former = process.cwd();
  process.chdir(directory);
  try {
    const first = await replayedMap(program, graph);
    const second = await replayedMap(program, graph);
    const seen = first() as { captured: unknown[]; call: number };
    expect(seen.captured.slice(0, 1)).toEqual([['--x', '1']]);
    expect(seen.captured[4]).toBe('in the client');
    expect(seen.captured[5]).toBe(former);
    expect(seen.captured[6]).toBe('of the client');
    expect(seen.captured[7]).toEqual({ at: expect.any(Date), big: 1n, map: new Map([[1, 'a']]) });
    // A function, and what it captured, belongs to one replay alone.
    expect((first() as { call: number }).call).toBe(2);
    expect(second()).toEqual({ captured: seen.captured, call: 1 });
    expect(process.env['OBSERVED']).toBe('in the worker');
    expect(process.cwd()).not.toBe(former);
  } finally {
    process.chdir(former);
  }
});

test('pins end with the replay', async () => {
  const { program, graphs } = await submit('main');
  const { now } = Date;
  await replayedMap(program, graphs[0] as JobGraph);
  await new Promise((resume) => setImmediate(resume));
  expect(Date.now).toBe(now);
  expect(Math.random()).not.toBe(Math.random());
});

test('a later job finds the results of an earlier one', async () => {
  const { program, graphs, error } = await submit('twoJobs');
  expect(error).toBeUndefined();
  expect(graphs.map(({ name }) => name)).toEqual(['first', 'second']);
  const map = await replayedMap(program, graphs[1] as JobGraph);
  expect(map()).toEqual({ words: 5n, at: new Date(3), histogram: new Map([[1, 2]]) });
});

describe('a program that takes another way in the worker', () => {
  test('names the first operator that differs, and was warned about', async () => {
    const file = join(directory, 'lines');
    writeFileSync(file, 'a\nb');
    const { program, graphs } = await submit('readsFile', [file]);
    const warnings: string[] = [];
    await replayedMap(program, graphs[0] as JobGraph, warnings);
    expect(warnings).toEqual([expect.stringContaining(`readFileSync(${file}) outside env.once`)]);
    writeFileSync(file, 'a\nb\nc');
    await expect(replayedMap(program, graphs[0] as JobGraph)).rejects.toThrow(
      /submitted nothing, in the worker operator \d+ 'source 2'[\s\S]*env\.once/,
    );
    writeFileSync(file, 'a');
    await expect(replayedMap(program, graphs[0] as JobGraph)).rejects.toThrow(/submitted operator \d+ 'source 1'.*in the worker nothing/);
  });

  test('says so when it comes to no job', async () => {
    const file = join(directory, 'way');
    writeFileSync(file, 'go');
    const { program, graphs } = await submit('stopsEarly', [file]);
    writeFileSync(file, 'stop');
    await expect(replayedMap(program, graphs[0] as JobGraph)).rejects.toThrow(
      /ended in the worker before it came to the job[\s\S]*env\.once/,
    );
  });
});

test('env.once refuses what cannot be shipped', async () => {
  const { error } = await submit('shipsSocket');
  expect(String(error)).toMatch(/The result of env\.once\('connection'\) cannot be sent to the workers[\s\S]*AbortController/);
});
