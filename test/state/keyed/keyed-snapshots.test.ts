/**
 * Whatever the program does while snapshots are written: what is restored from one, at any parallelism, is the state as it
 * was when that snapshot began.
 */
import fc from 'fast-check';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { SnapshotsUnderWay } from '../../../src/state/keyed/snapshots-under-way.ts';
import type { KeyedStateHandle } from '../../../src/state/snapshot/handles.ts';
import { readKeyedStream } from '../../../src/state/snapshot/keyed-stream-reader.ts';
import { readFromHandle } from '../../harness/memory-streams.ts';
import { KeyedStateUnderTest, type Operation, type TakenSnapshot } from './keyed-state-model.ts';

type Step =
  | Operation
  | { readonly do: 'begin' }
  | { readonly do: 'advance'; readonly which: number; readonly steps: number }
  | { readonly do: 'abort'; readonly which: number }
  | { readonly do: 'restore'; readonly which: number; readonly parallelism: number };

const key = fc.nat({ max: 131 });
const ns = fc.nat({ max: 4 });
const n = fc.nat({ max: 60 });
const stateOperation: fc.Arbitrary<Operation> = fc.oneof(
  fc.record({ do: fc.constantFrom('update', 'change', 'read', 'clear'), key, ns, n }),
  fc.record({ do: fc.constantFrom('append', 'replace', 'changeElement'), key, ns, n, count: fc.constantFrom(0, 1, 2, 40, 150) }),
  fc.record({ do: fc.constantFrom('put', 'putMany', 'remove', 'iterate'), key, ns, n, count: fc.constantFrom(1, 3, 50) }),
  fc.record({ do: fc.constantFrom('reduce', 'aggregate'), key, ns, n }),
  fc.record({ do: fc.constant('clearState'), kind: fc.constantFrom('list', 'map', 'reducing', 'aggregating'), key, ns }),
  fc.record({ do: fc.constant('merge'), kind: fc.constantFrom('list', 'reducing', 'aggregating'), key, ns }),
  fc.record({ do: fc.constantFrom('addTimer', 'deleteTimer'), event: fc.boolean(), key, ns, at: fc.constantFrom(-1, 10, 10.5, 20, 1e13) }),
) as fc.Arbitrary<Operation>;
const takeDue = fc.record({ do: fc.constant('takeDue'), event: fc.boolean(), at: fc.constantFrom(10, 15, 20), subtask: n });
const which = fc.nat({ max: 3 });
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 30, arbitrary: stateOperation },
  { weight: 1, arbitrary: takeDue as fc.Arbitrary<Operation> },
  { weight: 2, arbitrary: fc.constant<Step>({ do: 'begin' }) },
  { weight: 8, arbitrary: fc.record({ do: fc.constant('advance'), which, steps: fc.integer({ min: 1, max: 6 }) }) as fc.Arbitrary<Step> },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('abort'), which }) as fc.Arbitrary<Step> },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('restore'), which, parallelism: fc.constantFrom(1, 3, 4) }) as fc.Arbitrary<Step> },
);

/** Some state before the first snapshot, so that walks take many steps. */
const filling: readonly Operation[] = Array.from({ length: 132 }, (_, i): Operation[] => [
  { do: 'update', key: i, ns: 0, n: i % 50 },
  { do: i % 2 ? 'reduce' : 'aggregate', key: i, ns: i % 5, n: i },
  { do: i % 3 ? 'append' : 'putMany', key: i, ns: i % 4, n: 1, count: i % 7 === 0 ? 80 : 3 } as Operation,
  { do: 'addTimer', event: i % 2 === 0, key: i, ns: i % 3, at: i % 4 ? 10 : i },
]).flat();

async function run(steps: readonly Step[]): Promise<void> {
  let current = await KeyedStateUnderTest.create(1);
  for (const operation of filling) current.run(operation);
  let snapshots: TakenSnapshot[] = [];
  let checkpointId = 0;
  for (const next of steps) {
    switch (next.do) {
      case 'begin':
        if (snapshots.length < 4) snapshots.push(current.begin(++checkpointId));
        break;
      case 'advance': {
        const taken = snapshots[next.which];
        for (let i = 0; taken && i < next.steps; i++) for (const part of taken.parts) part.advance(0);
        break;
      }
      case 'abort': {
        const [taken] = snapshots.splice(next.which, 1);
        for (const part of taken?.parts ?? []) part.abort();
        break;
      }
      case 'restore': {
        const taken = snapshots[next.which];
        if (!taken) break;
        const handles = await finish(taken);
        for (const other of snapshots) for (const part of other.parts) part.abort();
        snapshots = [];
        current = await KeyedStateUnderTest.create(next.parallelism, { handles, model: taken.model });
        break;
      }
      default:
        current.run(next);
    }
  }
  for (const taken of snapshots) {
    const handles = await finish(taken);
    for (const parallelism of [1, 3]) (await KeyedStateUnderTest.create(parallelism, { handles, model: taken.model })).verify();
  }
  current.verify();
}

async function finish(taken: TakenSnapshot): Promise<KeyedStateHandle[]> {
  for (const part of taken.parts) while (part.advance(0));
  const handles = (await Promise.all(taken.parts.map((part) => part.result))).filter((handle) => handle !== undefined);
  await expectEachUnitOnce(handles, taken);
  return handles;
}

/** A unit written twice would hide behind its second copy. */
async function expectEachUnitOnce(handles: readonly KeyedStateHandle[], { model }: TakenSnapshot): Promise<void> {
  const written = { value: 0, map: 0, reducing: 0, aggregating: 0, timers: 0 };
  for (const handle of handles) {
    for (const { section, entries } of readKeyedStream(await readFromHandle(handle)).blocks()) {
      if (section.kind.endsWith('timers')) written.timers += entries;
      else if (section.kind !== 'list') written[section.kind as keyof typeof written] += entries;
    }
  }
  const expected = { value: 0, map: 0, reducing: 0, aggregating: 0, timers: model.timers.size };
  for (const [name, value] of model.state) {
    const kind = name.split('|')[0] as keyof typeof expected | 'list';
    if (kind !== 'list') expected[kind] += kind === 'map' ? (value as Map<unknown, unknown>).size : 1;
  }
  expect(written).toEqual(expected);
}

const steps = fc.array(step, { minLength: 30, maxLength: 160 });

test('restored state is the state at the moment of the snapshot', async () => {
  await fc.assert(fc.asyncProperty(steps, run), { numRuns: 40 });
}, 120_000);

describe('the test notices when a touch is not seen', () => {
  afterEach(() => {
    vi.restoreAllMocks();
  });

  test.each(['beforeTouch', 'beforeMapTouch', 'beforeTimerTouch', 'beforeAppend', 'beforeMapRemoval'] as const)('%s', async (hook) => {
    vi.spyOn(SnapshotsUnderWay.prototype, hook).mockImplementation((unit: { version: number }) => {
      unit.version = Number.MAX_SAFE_INTEGER;
    });
    const found = await fc.check(fc.asyncProperty(steps, run), { numRuns: 100, seed: 1, endOnFailure: true });
    expect(found.failed).toBe(true);
  });
});
