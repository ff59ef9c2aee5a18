/** Flame graphs against a plain count of the same samples; profiles of threads that idle, loop, and block. */
import { Worker } from 'node:worker_threads';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type CpuProfile, profileThisThread, profileWorker } from '../../../src/runtime/metrics/cpu-profile.ts';
import { addProfile, emptyFlameGraph, type FlameGraphNode, mergeFlameGraph } from '../../../src/runtime/metrics/flame-graph.ts';
import { SourcePositions } from '../../../src/runtime/metrics/source-positions.ts';
import { threadInfo } from '../../../src/runtime/metrics/thread-dump.ts';

const mark = 'attempt_1';

/** Stacks of names, outermost first; a name that starts with `chain` is a frame of generated code. */
function profileOf(stacks: readonly (readonly string[])[]): CpuProfile {
  const nodes: { id: number; callFrame: CpuProfile['nodes'][number]['callFrame']; children: number[] }[] = [];
  const node = (name: string): number => {
    const url = name.startsWith('chain') ? `weir-chain/job%2F${name}%2F${mark}` : name.startsWith('(') ? '' : 'file:///nowhere.js';
    nodes.push({ id: nodes.length + 1, callFrame: { functionName: name, url, lineNumber: 0, columnNumber: 0 }, children: [] });
    return nodes.length;
  };
  node('(root)');
  const samples = stacks.map((stack) =>
    stack.reduce((parent, name) => {
      const { children } = nodes[parent - 1] as (typeof nodes)[0];
      const known = children.find((child) => nodes[child - 1]?.callFrame.functionName === name);
      if (known !== undefined) return known;
      const child = node(name);
      children.push(child);
      return child;
    }, 1),
  );
  return { nodes, samples, timeDeltas: samples.map(() => 1), startTime: 0, endTime: samples.length };
}

function leaves(node: FlameGraphNode): number {
  const below = node.children.reduce((sum, child) => sum + child.value, 0);
  expect(below).toBeLessThanOrEqual(node.value);
  return node.value - below + node.children.reduce((sum, child) => sum + leaves(child), 0);
}

const stack = fc.oneof(
  fc.constantFrom(['(idle)'], ['(garbage collector)'], ['(program)']),
  fc.array(fc.constantFrom('a', 'b', 'chain x', 'chain y'), { minLength: 1, maxLength: 6 }),
);

test('no sample is lost or counted twice, merged or not', () => {
  fc.assert(
    fc.property(fc.array(stack), fc.array(stack), (first, second) => {
      const positions = new SourcePositions();
      const graph = (...parts: (readonly string[])[][]): FlameGraphNode => {
        const root = emptyFlameGraph();
        for (const part of parts) addProfile(root, profileOf(part), 'FULL', [mark], positions);
        return root;
      };
      const whole = graph(first, second);
      expect(whole.value).toBe(first.length + second.length);
      expect(leaves(whole)).toBe(whole.value);
      const merged = graph(first);
      mergeFlameGraph(merged, graph(second));
      expect(merged).toEqual(whole);
      const idle = emptyFlameGraph();
      const busy = emptyFlameGraph();
      addProfile(idle, profileOf(first), 'OFF_CPU', [mark], positions);
      addProfile(busy, profileOf(first), 'ON_CPU', [mark], positions);
      expect(idle.value).toBe(first.filter(([name]) => name === '(idle)').length);
      expect(busy.value + idle.value).toBe(first.length);
    }),
  );
});

test('a thread is seen while it loops and while it waits, and not inside a system call', async () => {
  const start = (code: string): Worker => new Worker(code, { eval: true });
  const workers = {
    looping: start('require("worker_threads").parentPort.postMessage(0); (function spins() { for (;;); })()'),
    idle: start('require("worker_threads").parentPort.postMessage(0); setInterval(() => {}, 10000)'),
    blocked: start('require("worker_threads").parentPort.postMessage(0); require("child_process").execSync("sleep 3")'),
  };
  await Promise.all(Object.values(workers).map((worker) => new Promise((resolve) => worker.once('message', resolve))));
  const positions = new SourcePositions();
  const blocked = profileWorker(workers.blocked, 50);
  const looping = await profileWorker(workers.looping, 50);
  const own = await profileThisThread(50);
  let idle = await profileWorker(workers.idle, 20);
  // It may still be starting.
  while (!threadInfo('b', idle, positions).stringifiedThreadInfo.includes('waits')) idle = await profileWorker(workers.idle, 20);
  expect(threadInfo('a', looping, positions).stringifiedThreadInfo).toMatch(/^"a" runs\n\tat /);
  expect(threadInfo('b', idle, positions, ['fact']).stringifiedThreadInfo).toBe('"b" waits for something to do\n\tfact\n\n');
  expect(threadInfo('c', await blocked, positions).stringifiedThreadInfo).toBe('"c" does not answer: it may be inside a system call\n\n');
  expect(own.samples.length).toBeGreaterThan(0);
  await Promise.all([workers.looping.terminate(), workers.idle.terminate()]);
  await workers.blocked.terminate();
});
