/** Joins give every pair that a plain computation over everything gives, whatever the order, lateness, pauses and restores. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { DataStream } from '../../../../src/api/data-stream.ts';
import type { PhysicalTransformation } from '../../../../src/api/transformation.ts';
import { EventTimeSessionWindows, SlidingEventTimeWindows, TumblingEventTimeWindows } from '../../../../src/api/windows/assigners.ts';
import { buildOperator } from '../../../../src/runtime/operators/registry.ts';
import { localEnvironment } from '../../../harness/local.ts';
import { OperatorHarness } from '../../../harness/operator-harness.ts';
import { type Shape, WindowModel } from '../../../harness/window-model.ts';

interface Item {
  readonly key: string;
  readonly at: number;
  readonly n: number;
}

type Step = { readonly side: 0 | 1; readonly item: Item } | { readonly watermark: number } | { readonly restore: true };

const item = fc.record({ key: fc.constantFrom('a', 'b'), at: fc.integer({ min: -10, max: 40 }), n: fc.constant(0) });
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 20, arbitrary: fc.record({ side: fc.constantFrom<0 | 1>(0, 1), item }) },
  { weight: 4, arbitrary: fc.record({ watermark: fc.integer({ min: -15, max: 50 }) }) },
  { weight: 1, arbitrary: fc.constant<Step>({ restore: true }) },
);
const steps = fc.array(step, { maxLength: 50 });
const pauses = fc.array(fc.boolean(), { maxLength: 5 });

/** Of any type. */
interface Built {
  readonly transformation: unknown;
}

async function open(stream: Built, full: readonly boolean[]): Promise<OperatorHarness> {
  const { spec } = stream.transformation as PhysicalTransformation;
  let asked = 0;
  const isFull = (): boolean => full.length > 0 && (full[asked++ % full.length] as boolean);
  const byKey = (value: Item): string => value.key;
  return OperatorHarness.open(() => buildOperator({ spec, name: 'test' } as never), [byKey, byKey], { isFull });
}

const streams = (): readonly [DataStream<Item>, DataStream<Item>] => {
  const stream = localEnvironment().fromElements<Item>({ key: 'a', at: 0, n: 0 });
  return [stream, stream];
};

describe('interval join', () => {
  test.each([
    [-3, 5, false],
    [0, 0, false],
    [2, 7, false],
    [-9, -4, false],
    [-2, 3, true],
  ])('between %i and %i, exclusive: %s', async (lower, upper, exclusive) => {
    const build = (): Built => {
      const [left, right] = streams();
      const join = left.keyBy('key').intervalJoin(right.keyBy('key')).between(lower, upper);
      if (exclusive) join.lowerBoundExclusive().upperBoundExclusive();
      return join
        .sideOutputLeftLateData({ id: 'late' })
        .sideOutputRightLateData({ id: 'late' })
        .process(function* (a, b, context) {
          yield [a.n, b.n, context.getLeftTimestamp(), context.getRightTimestamp(), context.getTimestamp()];
        });
    };
    await fc.assert(
      fc.asyncProperty(steps, pauses, async (inputs, full) => {
        const harness = await open(build(), full);
        const seen: [Item[], Item[]] = [[], []];
        const late: number[] = [];
        let watermark = Number.NEGATIVE_INFINITY;
        let n = 0;
        for (const input of inputs) {
          if ('restore' in input) await harness.restore();
          else if ('watermark' in input) {
            harness.watermark(input.watermark);
            watermark = Math.max(watermark, input.watermark);
          } else {
            const numbered = { ...input.item, n: n++ };
            harness.element(numbered, numbered.at, input.side);
            if (numbered.at < watermark) late.push(numbered.n);
            else seen[input.side].push(numbered);
          }
        }
        const [least, most] = exclusive ? [lower + 1, upper - 1] : [lower, upper];
        const pairs = seen[0].flatMap((a) =>
          seen[1]
            .filter((b) => a.key === b.key && b.at - a.at >= least && b.at - a.at <= most)
            .map((b) => [a.n, b.n, a.at, b.at, Math.max(a.at, b.at)]),
        );
        const emitted = harness.take();
        const joined = emitted.filter(({ tag }) => tag === undefined);
        for (const { value, timestamp } of joined) expect(timestamp).toBe((value as number[])[4]);
        expect(joined.map(({ value }) => String(value)).sort()).toEqual(pairs.map(String).sort());
        expect(emitted.filter(({ tag }) => tag === 'late').map(({ value }) => (value as Item).n)).toEqual(late);
      }),
      { numRuns: 60 },
    );
  });

  test('what can join nothing any more is dropped', async () => {
    const [left, right] = streams();
    const harness = await open(
      left
        .keyBy('key')
        .intervalJoin(right.keyBy('key'))
        .between(-5, 10)
        .process(() => []),
      [],
    );
    for (let at = 0; at < 1000; at++) {
      harness.element({ key: 'a', at, n: at }, at, at % 2);
      harness.watermark(at - 3);
    }
    expect(await harness.stateEntries()).toBeLessThan(12);
    harness.watermark(2000);
    expect(await harness.stateEntries()).toBe(0);
  });
});

const shapes: Readonly<Record<string, Shape>> = {
  tumbling: { kind: 'aligned', size: 7, slide: 7, offset: 0 },
  sliding: { kind: 'aligned', size: 8, slide: 2, offset: 0 },
  sessions: { kind: 'session', gap: 4 },
};

function assignerOf(shape: Shape) {
  if (shape.kind === 'session') return EventTimeSessionWindows.withGap(shape.gap);
  return shape.size === shape.slide ? TumblingEventTimeWindows.of(shape.size) : SlidingEventTimeWindows.of(shape.size, shape.slide);
}

describe.each(Object.entries(shapes))('in %s windows', (_, shape) => {
  test.each(['join', 'flat join', 'generator', 'coGroup'] as const)('%s', async (kind) => {
    const build = (lateness: number): Built => {
      const [first, second] = streams();
      if (kind === 'coGroup') {
        return first
          .coGroup(second)
          .where('key')
          .equalTo('key')
          .window(assignerOf(shape))
          .allowedLateness(lateness)
          .apply((lefts, rights) => [`${numbers(lefts)} | ${numbers(rights)}`]);
      }
      const windows = first.join(second).where('key').equalTo('key').window(assignerOf(shape)).allowedLateness(lateness);
      if (kind === 'generator') {
        return windows.apply(function* (a, b) {
          yield `${a.n} ${b.n}`;
          yield `${b.n} ${a.n}`;
        });
      }
      if (kind === 'join') return windows.apply((a, b) => `${a.n} ${b.n}`);
      return windows.apply((a, b, out) => {
        out.collect(`${a.n} ${b.n}`);
        out.collect(`${b.n} ${a.n}`);
      });
    };
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(0, 6), steps, pauses, async (lateness, inputs, full) => {
        const harness = await open(build(lateness), full);
        const model = new WindowModel(shape, lateness);
        const sides: (0 | 1)[] = [];
        let n = 0;
        for (const input of [...inputs, { watermark: 1000 }]) {
          if ('restore' in input) {
            await harness.restore();
            continue;
          }
          let fired: { readonly elements: readonly number[] }[];
          if ('watermark' in input) {
            harness.watermark(input.watermark);
            fired = model.watermark(input.watermark);
          } else {
            const numbered = { ...input.item, n: n++ };
            sides.push(input.side);
            harness.element(numbered, numbered.at, input.side);
            fired = model.element(numbered);
          }
          const expected = fired.flatMap(({ elements }) => {
            const lefts = elements.filter((element) => sides[element] === 0);
            const rights = elements.filter((element) => sides[element] === 1);
            if (kind === 'coGroup') return [`${lefts.join(' ')} | ${rights.join(' ')}`];
            const pairs = lefts.flatMap((a) => rights.map((b) => [a, b]));
            return pairs.flatMap(([a, b]) => (kind === 'join' ? [`${a} ${b}`] : [`${a} ${b}`, `${b} ${a}`]));
          });
          const results = harness.take().map(({ value }) => value as string);
          expect(results.sort()).toEqual(expected.sort());
        }
      }),
      { numRuns: 60 },
    );
  });
});

function numbers(items: Iterable<Item>): string {
  return Array.from(items, ({ n }) => n)
    .sort((a, b) => a - b)
    .join(' ');
}
