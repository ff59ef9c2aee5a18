import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ChainedOperator, JobGraph, JobVertex } from '../../../src/graph/job-graph.ts';
import type { CheckpointedOperator } from '../../../src/runtime/checkpoint/metadata/checkpoint-metadata.ts';
import { redistributeOperatorState } from '../../../src/runtime/checkpoint/operator-state-redistribution.ts';
import { type AssignmentOptions, adoptMaxParallelism, assignState } from '../../../src/runtime/checkpoint/state-assignment.ts';
import type { TaskRestore } from '../../../src/runtime/rpc/gateways.ts';
import type { OperatorStateHandle, RedistributionMode, StreamHandle } from '../../../src/state/snapshot/handles.ts';
import { keyGroupRange } from '../../../src/types/key-groups.ts';

const stream = (name: string): StreamHandle => ({ kind: 'relative', name, size: 100, checksum: 0 });
const id = (digit: string): string => digit.repeat(32);

/** `elements[i]`: what subtask i wrote, as letters; each letter is its own offset. */
function handles(name: string, mode: RedistributionMode, elements: readonly string[]): OperatorStateHandle[][] {
  return elements.map((letters, index) =>
    letters === ''
      ? []
      : [
          {
            kind: 'operator',
            states: { [name]: { mode, offsets: [...letters].map((letter) => letter.charCodeAt(0)) } },
            stream: stream(`s${index}`),
          },
        ],
  );
}

/** What each new subtask reads for a name, in reading order. */
function read(restored: readonly (readonly OperatorStateHandle[])[], name: string): string[] {
  return restored.map((own) => own.flatMap(({ states }) => [...(states[name]?.offsets ?? [])].map((o) => String.fromCharCode(o))).join(''));
}

describe('split state', () => {
  test.each([
    [3, ['ab', 'cd', 'e']],
    [4, ['ab', 'c', 'd', 'e']],
    [1, ['abcde']],
    [2, ['abc', 'de']],
    [7, ['a', 'b', 'c', 'd', 'e', '', '']],
  ])('of two subtasks moves in blocks to %i', (parallelism, expected) => {
    expect(read(redistributeOperatorState(handles('n', 'SPLIT', ['abc', 'de']), parallelism), 'n')).toEqual(expected);
  });

  test('the next state of the operator gives its longer blocks to those who got short ones', () => {
    const one = handles('one', 'SPLIT', ['abc', 'd']);
    const two = handles('two', 'SPLIT', ['vwx', 'yz']);
    const both = one.map((list, index) => [...list, ...(two[index] as OperatorStateHandle[])]);
    const restored = redistributeOperatorState(both, 3);
    expect(read(restored, 'one')).toEqual(['ab', 'c', 'd']);
    expect(read(restored, 'two')).toEqual(['z', 'vw', 'xy']);
  });

  test('stays where it is at the same parallelism, however uneven', () => {
    expect(read(redistributeOperatorState(handles('n', 'SPLIT', ['abcd', '', 'e']), 3), 'n')).toEqual(['abcd', '', 'e']);
  });
});

test('union state goes to every subtask whole, also at the same parallelism', () => {
  expect(read(redistributeOperatorState(handles('n', 'UNION', ['ab', 'c']), 2), 'n')).toEqual(['abc', 'abc']);
});

test('of broadcast state subtask i takes copy i mod old parallelism', () => {
  expect(read(redistributeOperatorState(handles('n', 'BROADCAST', ['a', 'b']), 5), 'n')).toEqual(['a', 'b', 'a', 'b', 'a']);
  expect(read(redistributeOperatorState(handles('n', 'BROADCAST', ['a', 'b', 'c']), 2), 'n')).toEqual(['a', 'b']);
});

test('any chain of rescalings keeps every element once, in order and in nearly equal blocks', () => {
  const states = fc.array(fc.array(fc.stringMatching(/^[a-z]{0,6}$/), { minLength: 2, maxLength: 2 }), { minLength: 1, maxLength: 5 });
  fc.assert(
    fc.property(states, fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 1, maxLength: 4 }), (written, parallelisms) => {
      let current = written.map((both, index) => {
        const wrote = Object.fromEntries(
          both.map((letters, which) => [
            `state${which}`,
            { mode: 'SPLIT' as const, offsets: [...letters].map((_, i) => index * 1000 + which * 100 + i) },
          ]),
        );
        return [{ kind: 'operator' as const, states: wrote, stream: stream(`${index}`) }] as OperatorStateHandle[];
      });
      const offsets = (restored: readonly (readonly OperatorStateHandle[])[], name: string): number[][] =>
        restored.map((own) => own.flatMap((handle) => handle.states[name]?.offsets ?? []));
      for (const parallelism of parallelisms) {
        const restored = redistributeOperatorState(current, parallelism);
        for (const name of ['state0', 'state1']) {
          const before = offsets(current, name);
          const after = offsets(restored, name);
          if (parallelism === current.length) {
            expect(after).toEqual(before);
            continue;
          }
          expect(after.flat().sort((a, b) => a - b)).toEqual(before.flat().sort((a, b) => a - b));
          const lengths = after.map((block) => block.length);
          expect(Math.max(...lengths) - Math.min(...lengths)).toBeLessThanOrEqual(1);
          // A block is a contiguous piece of the concatenation.
          for (const block of after) {
            const start = before.flat().indexOf(block[0] as number);
            expect(before.flat().slice(start, start + block.length)).toEqual(block.length === 0 ? [] : block);
          }
        }
        expect(restored.length).toBe(parallelism);
        // As a task does: what it read goes into a stream of its own.
        current = restored.map((_, index): OperatorStateHandle[] => {
          const elements = (name: string) => ({ mode: 'SPLIT' as const, offsets: offsets(restored, name)[index] as number[] });
          return [{ kind: 'operator', states: { state0: elements('state0'), state1: elements('state1') }, stream: stream(`${index}`) }];
        });
      }
    }),
  );
});

const operator = (operatorId: string, facts: Partial<ChainedOperator> = {}): ChainedOperator => ({
  operatorId,
  streamNodeId: 1,
  name: `op ${operatorId[0]}`,
  type: 'map',
  bufferTimeoutMs: 100,
  ...facts,
});

const vertex = (operators: ChainedOperator[], facts: Partial<JobVertex> = {}): JobVertex => ({
  id: String((operators[0] as ChainedOperator).operatorId),
  name: operators.map(({ name }) => name).join(' -> '),
  parallelism: 2,
  maxParallelism: 128,
  maxParallelismExplicit: false,
  slotSharingGroup: 'default',
  operators,
  chainEdges: [],
  inputs: [],
  outputs: [],
  ...facts,
});

const graph = (...vertices: JobVertex[]): JobGraph => ({ vertices }) as unknown as JobGraph;

const stored = (operatorId: string, facts: Partial<CheckpointedOperator> = {}): CheckpointedOperator => ({
  operatorId,
  name: `op ${operatorId[0]}`,
  uid: undefined,
  parallelism: 2,
  maxParallelism: 128,
  coordinatorState: undefined,
  fullyFinished: false,
  subtasks: new Map([[0, { finished: false, keyed: [], operator: handles('n', 'SPLIT', ['a'])[0] as OperatorStateHandle[] }]]),
  ...facts,
});

const keyed = (operatorId: string, parallelism: number, maxParallelism: number, facts: Partial<CheckpointedOperator> = {}) =>
  stored(operatorId, {
    parallelism,
    maxParallelism,
    subtasks: new Map(
      Array.from({ length: parallelism }, (_, index) => [
        index,
        {
          finished: false,
          operator: [],
          keyed: [{ kind: 'keyed', keyGroups: keyGroupRange(index, parallelism, maxParallelism), stream: stream(`k${index}`) }],
        },
      ]),
    ),
    ...facts,
  });

const options: AssignmentOptions = { pointer: 'file:/tmp/savepoint-1', allowNonRestoredState: false };
const snapshot = (...operators: CheckpointedOperator[]) => ({ checkpointId: 7, directory: 'file:/tmp/savepoint-1', operators });
const problem = (act: () => unknown): string => {
  try {
    act();
  } catch (error) {
    return (error as Error).message;
  }
  return 'no error';
};

describe('matching', () => {
  test('by operator id, whatever the chains are now', () => {
    const assigned = assignState(
      graph(vertex([operator(id('a'))]), vertex([operator(id('b')), operator(id('c'))])),
      snapshot(stored(id('a'), { coordinatorState: Uint8Array.of(1) }), stored(id('c'))),
      options,
    );
    expect(Object.keys((assigned.tasks.get(id('b')) as TaskRestore[])[0]?.operators ?? {})).toEqual([id('c')]);
    expect(assigned.coordinators).toEqual(new Map([[id('a'), Uint8Array.of(1)]]));
    expect(assigned.tasks.get(id('a'))?.[1]).toEqual({
      checkpointId: 7,
      directory: 'file:/tmp/savepoint-1',
      operators: {},
      finished: false,
    });
  });

  test('by the hash a program gave before the operator’s own id', () => {
    const renamed = operator(id('a'), { uidHash: id('e') });
    const assigned = assignState(graph(vertex([renamed])), snapshot(stored(id('e'))), options);
    expect(Object.keys((assigned.tasks.get(id('a')) as TaskRestore[])[0]?.operators ?? {})).toEqual([id('a')]);
  });

  test('state without an operator is refused, naming the operator and what to do', () => {
    const lost = snapshot(stored(id('f'), { name: 'Counter', uid: 'counter' }));
    const now = graph(vertex([operator(id('a'), { name: 'Counter', uid: 'counters' })]));
    expect(problem(() => assignState(now, lost, options))).toBe(
      [
        `Failed to rollback to checkpoint/savepoint file:/tmp/savepoint-1. Cannot map checkpoint/savepoint state for operator ${id('f')} to the new program, because the operator is not available in the new program. If you want to allow to skip this, you can set the --allowNonRestoredState option on the CLI.`,
        "The state is that of 'Counter' with uid 'counter'. The program has an operator of that name with uid 'counters'.",
        'Try: Give operators with state a uid(), so that they find it when the program changes.',
        "Try: Give the operator its uid again: uid('counter')",
      ].join('\n'),
    );
  });

  test('with allowNonRestoredState it is dropped, and said to be', () => {
    const lost = stored(id('f'));
    const assigned = assignState(graph(vertex([operator(id('a'))])), snapshot(lost), { ...options, allowNonRestoredState: true });
    expect(assigned.dropped).toEqual([lost]);
  });

  test('an operator that stored nothing may be missing', () => {
    const nothing = stored(id('f'), { subtasks: new Map([[0, { finished: true, keyed: [], operator: [] }]]) });
    expect(assignState(graph(vertex([operator(id('a'))])), snapshot(nothing), options).dropped).toEqual([]);
  });
});

describe('max parallelism', () => {
  const adopted = (program: Partial<JobVertex>, ...operators: CheckpointedOperator[]) =>
    adoptMaxParallelism(graph(vertex([operator(id('a')), operator(id('b'))], program)), snapshot(...operators), options.pointer).vertices[0]
      ?.maxParallelism;

  test('a program that does not say takes over the stored one', () => {
    expect(adopted({}, keyed(id('a'), 2, 200))).toBe(200);
    expect(adopted({ maxParallelism: 300 })).toBe(300);
  });

  test('a program that says another is refused', () => {
    expect(
      problem(() => adopted({ maxParallelism: 64, maxParallelismExplicit: true }, stored(id('a'), { maxParallelism: 128 }))),
    ).toContain(
      `Max parallelism mismatch between checkpoint/savepoint state and new program. Cannot map operator ${id('a')} with max parallelism 128 to new program with max parallelism 64.`,
    );
  });

  test('more subtasks than key groups are refused', () => {
    expect(problem(() => adopted({ parallelism: 20 }, keyed(id('a'), 2, 16)))).toContain(
      'The maximum parallelism (16) of the restored state is lower than the configured parallelism (20).',
    );
  });

  test('chained keyed operators that were stored with different ones are refused', () => {
    expect(problem(() => adopted({}, keyed(id('a'), 2, 128), keyed(id('b'), 2, 256)))).toContain('different max parallelisms');
  });
});

describe('finished vertices', () => {
  const edge = (sourceVertexId: string): JobVertex['inputs'][number] => ({
    edgeId: 'e',
    sourceVertexId,
    sourceOutputIndex: 0,
    inputIndex: 0,
    partitioner: 'rebalance',
  });
  const over = (digit: string) => stored(id(digit), { fullyFinished: true, subtasks: new Map() });

  test('stay finished', () => {
    const now = graph(vertex([operator(id('a'))]), vertex([operator(id('b'))], { inputs: [edge(id('a'))] }));
    const { tasks } = assignState(now, snapshot(over('a'), stored(id('b'))), options);
    expect([...tasks.values()].map(([first]) => first?.finished)).toEqual([true, false]);
  });

  test('must not be given records again', () => {
    const now = graph(vertex([operator(id('a'))]), vertex([operator(id('b'))], { inputs: [edge(id('a'))] }));
    expect(problem(() => assignState(now, snapshot(over('b')), options))).toContain('Illegal JobGraph modification');
  });
});

test('every key group of every operator is restored by its owner, from the handle that has it, whatever the parallelisms', () => {
  const p = fc.integer({ min: 1, max: 12 });
  fc.assert(
    fc.property(p, p, fc.integer({ min: 12, max: 200 }), (before, after, maxParallelism) => {
      const now = adoptMaxParallelism(
        graph(vertex([operator(id('a'))], { parallelism: after })),
        snapshot(keyed(id('a'), before, maxParallelism)),
        options.pointer,
      );
      const { tasks } = assignState(now, snapshot(keyed(id('a'), before, maxParallelism)), options);
      const restored = tasks.get(id('a')) as TaskRestore[];
      expect(restored.length).toBe(after);
      restored.forEach((task, index) => {
        const own = keyGroupRange(index, after, maxParallelism);
        const given = task.operators[id('a')]?.keyed ?? [];
        for (let keyGroup = own.start; keyGroup <= own.end; keyGroup++) {
          // The naive model: look through all old subtasks.
          const writers = Array.from({ length: before }, (_, old) => old).filter((old) => {
            const range = keyGroupRange(old, before, maxParallelism);
            return range.start <= keyGroup && keyGroup <= range.end;
          });
          const readable = given.filter(({ keyGroups }) => keyGroups.start <= keyGroup && keyGroup <= keyGroups.end);
          expect(readable.map((handle) => (handle.stream as { name: string }).name)).toEqual(writers.map((old) => `k${old}`));
        }
        for (const { keyGroups } of given) expect(keyGroups.start <= own.end && own.start <= keyGroups.end).toBe(true);
      });
    }),
  );
});
