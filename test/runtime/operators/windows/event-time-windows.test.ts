/** Windows by event time give what a plain computation gives, whatever the order, lateness, pauses and restores. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { DataStream, KeyedStream } from '../../../../src/api/data-stream.ts';
import type { StreamOperator } from '../../../../src/api/operators.ts';
import type { PhysicalTransformation } from '../../../../src/api/transformation.ts';
import { EventTimeSessionWindows, SlidingEventTimeWindows, TumblingEventTimeWindows } from '../../../../src/api/windows/assigners.ts';
import { CountEvictor } from '../../../../src/api/windows/evictors.ts';
import type { TimeWindow } from '../../../../src/api/windows/window.ts';
import type { WindowSpec } from '../../../../src/api/windows/window-spec.ts';
import type { WindowedStream } from '../../../../src/api/windows/windowed-stream.ts';
import { buildOperator } from '../../../../src/runtime/operators/registry.ts';
import { localEnvironment } from '../../../harness/local.ts';
import { OperatorHarness } from '../../../harness/operator-harness.ts';
import { type Element, type Result, type Shape, WindowModel } from '../../../harness/window-model.ts';

type Step = { readonly element: Element } | { readonly watermark: number } | { readonly restore: true };
type Windowed = WindowedStream<Element, string, TimeWindow>;
type Form = (windowed: Windowed) => DataStream<Result>;

const merged = (a: readonly number[], b: readonly number[] = []): number[] => [...a, ...b].sort((x, y) => x - y);
const finish = (key: string, { start, end }: TimeWindow, [elements]: readonly [readonly number[]]): Result[] => [
  { key, start, end, elements: merged(elements) },
];

/** The ways to say what becomes of a window: all say the same. */
const forms: Readonly<Record<string, Form>> = {
  process: (windowed) =>
    windowed.process((key, context, elements) => {
      const { start, end } = context.window();
      return [{ key, start, end, elements: merged(Array.from(elements, ({ n }) => n)) }];
    }),
  'apply, as a generator': (windowed) =>
    windowed.apply(function* (key, { start, end }, elements) {
      yield { key, start, end, elements: merged(Array.from(elements, ({ n }) => n)) };
    }),
  'aggregate with merge, which changes its accumulators': (windowed) =>
    windowed.aggregate(
      {
        createAccumulator: (): number[] => [],
        add: ({ n }, all) => {
          all.push(n);
          return all;
        },
        getResult: (all) => all,
        merge: (a, b) => {
          a.push(...b);
          return a;
        },
      },
      finish,
    ),
  evictor: (windowed) =>
    windowed.evictor(CountEvictor.of(1000)).aggregate(
      {
        createAccumulator: (): readonly number[] => [],
        add: ({ n }, all) => [...all, n],
        getResult: (all) => all,
        merge: (a, b) => [...a, ...b],
      },
      finish,
    ),
};

/** Not for windows that merge. */
const withoutMerge: Form = (windowed) =>
  windowed.aggregate({ createAccumulator: (): readonly number[] => [], add: ({ n }, all) => [...all, n], getResult: (all) => all }, finish);

const shapes: Readonly<Record<string, Shape>> = {
  tumbling: { kind: 'aligned', size: 7, slide: 7, offset: 0 },
  'tumbling with an offset': { kind: 'aligned', size: 6, slide: 6, offset: -2 },
  sliding: { kind: 'aligned', size: 12, slide: 3, offset: 0 },
  'sliding, panes smaller than the slide': { kind: 'aligned', size: 10, slide: 4, offset: 1 },
  'with gaps between the windows': { kind: 'aligned', size: 3, slide: 8, offset: 0 },
  sessions: { kind: 'session', gap: 5 },
};

function specOf(shape: Shape, lateness: number, form: Form): WindowSpec {
  const stream = localEnvironment().fromElements<Element>({ key: 'a', at: 0, n: 0 }).keyBy('key') as KeyedStream<Element, string>;
  const assigner =
    shape.kind === 'session'
      ? EventTimeSessionWindows.withGap(shape.gap)
      : shape.size === shape.slide
        ? TumblingEventTimeWindows.of(shape.size, shape.offset)
        : SlidingEventTimeWindows.of(shape.size, shape.slide, shape.offset);
  const windowed = stream.window(assigner).allowedLateness(lateness).sideOutputLateData({ id: 'late' });
  return (form(windowed).transformation as PhysicalTransformation).spec as WindowSpec;
}

const element = fc.record({ key: fc.constantFrom('a', 'b', 'c'), at: fc.integer({ min: -20, max: 60 }), n: fc.constant(0) });
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 20, arbitrary: fc.record({ element }) },
  { weight: 5, arbitrary: fc.record({ watermark: fc.integer({ min: -25, max: 70 }) }) },
  { weight: 1, arbitrary: fc.constant<Step>({ restore: true }) },
);

async function check(spec: WindowSpec, shape: Shape, lateness: number, steps: readonly Step[], pauses: readonly boolean[]): Promise<void> {
  let asked = 0;
  const isFull = (): boolean => pauses.length > 0 && (pauses[asked++ % pauses.length] as boolean);
  const create = (): StreamOperator => buildOperator({ spec, name: 'test' } as never);
  const harness = await OperatorHarness.open(create, [(value: Element) => value.key], { isFull });
  const model = new WindowModel(shape, lateness);
  const late: number[] = [];
  let n = 0;
  for (const next of [...steps, { watermark: 1000 }]) {
    let expected: Result[] = [];
    if ('restore' in next) await harness.restore();
    else if ('watermark' in next) {
      harness.watermark(next.watermark);
      expected = model.watermark(next.watermark);
    } else {
      const numbered = { ...next.element, n: n++ };
      harness.element(numbered, numbered.at);
      expected = model.element(numbered);
    }
    const emitted = harness.take();
    late.push(...emitted.filter(({ tag }) => tag === 'late').map(({ value }) => (value as Element).n));
    const results = emitted.filter(({ tag }) => tag === undefined);
    for (const { value, timestamp } of results) expect(timestamp).toBe((value as Result).end - 1);
    expect(results.map(({ value }) => JSON.stringify(value)).sort()).toEqual(expected.map((result) => JSON.stringify(result)).sort());
  }
  expect(late).toEqual(model.late);
  await harness.close();
}

describe.each(Object.entries(shapes))('%s', (_, shape) => {
  const all = shape.kind === 'session' ? forms : { ...forms, 'aggregate without merge': withoutMerge };
  test.each(Object.entries(all))('%s', async (_name, form) => {
    const lateness = fc.constantFrom(0, 0, 4, 30);
    await fc.assert(
      fc.asyncProperty(
        lateness,
        fc.array(step, { maxLength: 60 }),
        fc.array(fc.boolean(), { maxLength: 5 }),
        async (allowed, steps, pauses) => check(specOf(shape, allowed, form), shape, allowed, steps, pauses),
      ),
      { numRuns: 60 },
    );
  });
});

test('sliding windows share their elements', () => {
  const sliding = shapes['sliding'] as Shape;
  const spec = specOf(sliding, 0, forms['process'] as Form);
  expect(spec.shared).toMatchObject({ sizeMs: 12, slideMs: 3 });
  expect(specOf(sliding, 0, withoutMerge).shared).toBeUndefined();
});
