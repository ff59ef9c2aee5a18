/** The coordinator of a source against readers that fail: every split is read, and none twice. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Source, SplitEnumeratorContext } from '../../../src/api/source.ts';
import { StaticSplitEnumerator } from '../../../src/connectors/static-splits.ts';
import { decodeEnumeratorState, encodeEnumeratorState } from '../../../src/runtime/source/enumerator-state.ts';
import { SourceCoordinator } from '../../../src/runtime/source/source-coordinator.ts';
import { SplitAssignments } from '../../../src/runtime/source/split-assignments.ts';

interface Split {
  readonly splitId: string;
}
const splits = (count: number): Split[] => Array.from({ length: count }, (_, index) => ({ splitId: `s${index}` }));

/** A coordinator and everything it said. */
class World {
  readonly said: string[] = [];
  readonly states = new Map<number, Uint8Array>();
  readonly coordinator: SourceCoordinator;
  context: SplitEnumeratorContext<Split> | undefined;

  constructor(source: Partial<Source<unknown, Split, Split[]>> & { all?: Split[] } = {}) {
    this.coordinator = new SourceCoordinator({
      source: {
        boundedness: 'BOUNDED',
        createReader: () => {
          throw new Error('no reader here');
        },
        createEnumerator: (context, checkpoint) => {
          this.context = context;
          return new StaticSplitEnumerator<Split>(context, checkpoint ?? source.all ?? []);
        },
        ...source,
      },
      parallelism: 2,
      sendEvent: (subtask, attempt, { type, payload }) => {
        const names = type === 'add-splits' ? ` ${(payload as Split[]).map(({ splitId }) => splitId).join(' ')}` : '';
        this.said.push(`${type}${names} to ${subtask}.${attempt}`);
      },
      snapshotTaken: (checkpointId, state) => {
        this.said.push(`snapshot ${checkpointId}`);
        this.states.set(checkpointId, state);
      },
      snapshotFailed: (checkpointId, error) =>
        void this.said.push(`no snapshot ${checkpointId}: ${(error as Error).message.split('\n')[0]}`),
      fail: (error) => void this.said.push(`fail: ${(error as Error).message.split('\n')[0]}`),
    });
  }

  async heard(): Promise<string[]> {
    await new Promise((resolve) => setImmediate(resolve));
    return this.said.splice(0);
  }

  stored(checkpointId: number): string[] {
    return (decodeEnumeratorState(this.states.get(checkpointId) as Uint8Array) as Split[]).map(({ splitId }) => splitId);
  }
}

async function started(count: number): Promise<World> {
  const world = new World({ all: splits(count) });
  await world.coordinator.start(undefined);
  for (const subtask of [0, 1]) world.coordinator.handleEvent(subtask, 0, { type: 'reader-registered' });
  return world;
}

test('splits are given on request, and the state has those that were not', async () => {
  const world = await started(3);
  world.coordinator.handleEvent(0, 0, { type: 'split-request' });
  world.coordinator.snapshot(1);
  world.coordinator.handleEvent(1, 0, { type: 'split-request' });
  expect(await world.heard()).toEqual(['add-splits s0 to 0.0', 'snapshot 1', 'add-splits s1 to 1.0']);
  expect(world.stored(1)).toEqual(['s1', 's2']);
});

describe('a subtask that starts from a checkpoint', () => {
  test('gives back what it got since, and keeps what it had', async () => {
    const world = await started(4);
    world.coordinator.handleEvent(0, 0, { type: 'split-request' });
    world.coordinator.snapshot(1);
    world.coordinator.checkpointCompleted(1);
    world.coordinator.handleEvent(0, 0, { type: 'split-request' });
    world.coordinator.snapshot(2);
    world.coordinator.handleEvent(0, 0, { type: 'split-request' });
    world.coordinator.subtaskFailed(0);
    world.coordinator.subtaskReset(0, 1);
    world.coordinator.snapshot(3);
    await world.heard();
    expect(world.stored(3)).toEqual(['s1', 's2', 's3']);
  });

  test('or from nothing, gives back everything', async () => {
    const world = await started(3);
    world.coordinator.handleEvent(0, 0, { type: 'split-request' });
    world.coordinator.handleEvent(0, 0, { type: 'split-request' });
    world.coordinator.subtaskFailed(0);
    world.coordinator.subtaskReset(0, undefined);
    world.coordinator.snapshot(1);
    await world.heard();
    expect(world.stored(1)).toEqual(['s0', 's1', 's2']);
  });

  test('is a reader again when it registers, and its old attempt is heard no more', async () => {
    const world = await started(3);
    world.coordinator.subtaskFailed(0);
    world.coordinator.handleEvent(0, 1, { type: 'reader-registered' });
    world.coordinator.handleEvent(0, 0, { type: 'split-request' });
    world.coordinator.handleEvent(0, 1, { type: 'split-request' });
    expect(await world.heard()).toEqual(['add-splits s0 to 0.1']);
  });
});

test('a new coordinator goes on from the state of the old one', async () => {
  const world = await started(3);
  world.coordinator.handleEvent(0, 0, { type: 'split-request' });
  world.coordinator.snapshot(1);
  await world.heard();
  const next = new World({ all: [] });
  await next.coordinator.start(world.states.get(1));
  next.coordinator.handleEvent(0, 1, { type: 'reader-registered' });
  for (let request = 0; request < 3; request++) next.coordinator.handleEvent(0, 1, { type: 'split-request' });
  expect(await next.heard()).toEqual(['add-splits s1 to 0.1', 'add-splits s2 to 0.1', 'no-more-splits to 0.1']);
});

describe('an enumerator that breaks the rules', () => {
  test('a split for a reader that is not registered fails the job, saying so', async () => {
    const world = new World({ all: splits(1) });
    await world.coordinator.start(undefined);
    world.coordinator.handleEvent(0, 0, { type: 'reader-registered' });
    await world.heard();
    expect(() => world.context?.assignSplit({ splitId: 'x' }, 1)).toThrow('wanted to reach reader 1, which is not registered');
  });

  test('a split that is given while its state is being taken is refused', async () => {
    let release: () => void = () => {};
    const slow = new World({
      createEnumerator: (context) => {
        slow.context = context;
        const enumerator = new StaticSplitEnumerator<Split>(context, []);
        return Object.assign(enumerator, {
          snapshotState: () =>
            new Promise<Split[]>((resolve) => {
              release = () => resolve([]);
            }),
        });
      },
    });
    await slow.coordinator.start(undefined);
    slow.coordinator.handleEvent(0, 0, { type: 'reader-registered' });
    slow.coordinator.snapshot(1);
    await slow.heard();
    expect(() => slow.context?.assignSplit({ splitId: 'x' }, 0)).toThrow('assigned a split while its snapshotState was under way');
    release();
    expect(await slow.heard()).toEqual(['snapshot 1']);
  });

  test('a state that cannot be stored spoils the checkpoint, and not the job', async () => {
    const world = new World({
      createEnumerator: (context) =>
        Object.assign(new StaticSplitEnumerator<Split>(context, []), { snapshotState: () => [() => {}] as never }),
    });
    await world.coordinator.start(undefined);
    world.coordinator.snapshot(1);
    expect(await world.heard()).toEqual([expect.stringMatching(/^no snapshot 1: /)]);
  });

  test('what a closed one still says is said to nobody', async () => {
    const world = await started(1);
    await world.coordinator.close();
    world.context?.signalNoMoreSplits(0);
    world.coordinator.snapshot(1);
    expect(await world.heard()).toEqual([]);
  });
});

test('the stored state comes back as it was; a newer format is refused', () => {
  const state = [{ splitId: 'a', offset: 2 ** 40, tags: new Map([['x', 1n]]) }];
  expect(decodeEnumeratorState(encodeEnumeratorState(state))).toEqual(state);
  expect(() => decodeEnumeratorState(Uint8Array.of(9, 0))).toThrow('has format 9; this version of Weir reads 1');
});

test('whatever fails and whenever, each split is read by one reader, once', () => {
  type Step = 'give' | 'snapshot' | 'complete' | 'fail';
  const step = fc.tuple(fc.constantFrom<Step>('give', 'give', 'snapshot', 'complete', 'fail'), fc.nat(2));
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const assignments = new SplitAssignments<number>();
      let waiting = Array.from({ length: 12 }, (_, index) => index);
      /** What each reader has got, read or not: its state. */
      let readers: number[][] = [[], [], []];
      const taken = new Map<number, number[][]>();
      let completed: number | undefined;
      let checkpointId = 0;
      /** A failure gives up what is under way: only what was taken since can complete. */
      let pending: number | undefined;
      for (const [kind, subtask] of steps) {
        if (kind === 'give') {
          const split = waiting.shift();
          if (split === undefined) continue;
          assignments.assigned(subtask, [split]);
          readers[subtask]?.push(split);
        } else if (kind === 'snapshot') {
          pending = ++checkpointId;
          taken.set(
            checkpointId,
            readers.map((own) => [...own]),
          );
          assignments.snapshotTaken(checkpointId);
        } else if (kind === 'complete') {
          if (pending === undefined) continue;
          completed = pending;
          pending = undefined;
          assignments.checkpointCompleted(completed);
        } else {
          pending = undefined;
          const back = assignments.takeBack(subtask, completed);
          readers = readers.map((own, index) => (index === subtask ? [...((completed && taken.get(completed)?.[subtask]) || [])] : own));
          waiting = [...back, ...waiting];
        }
        expect([...waiting, ...readers.flat()].sort((a, b) => a - b)).toEqual(Array.from({ length: 12 }, (_, index) => index));
      }
    }),
  );
});
