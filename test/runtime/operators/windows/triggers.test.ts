/** Triggers and evictors: when windows fire, with what, and what stays. */
import { describe, expect, test } from 'vitest';
import type { DataStream, KeyedStream } from '../../../../src/api/data-stream.ts';
import type { PhysicalTransformation } from '../../../../src/api/transformation.ts';
import {
  EventTimeSessionWindows,
  GlobalWindows,
  ProcessingTimeSessionWindows,
  SlidingProcessingTimeWindows,
  TumblingEventTimeWindows,
  TumblingProcessingTimeWindows,
  type WindowAssigner,
} from '../../../../src/api/windows/assigners.ts';
import { CountEvictor, DeltaEvictor, TimeEvictor } from '../../../../src/api/windows/evictors.ts';
import {
  ContinuousEventTimeTrigger,
  ContinuousProcessingTimeTrigger,
  CountTrigger,
  DeltaTrigger,
  EventTimeTrigger,
  ProcessingTimeoutTrigger,
  PurgingTrigger,
} from '../../../../src/api/windows/triggers.ts';
import type { Window } from '../../../../src/api/windows/window.ts';
import type { WindowedStream } from '../../../../src/api/windows/windowed-stream.ts';
import { buildOperator } from '../../../../src/runtime/operators/registry.ts';
import { MAX_WATERMARK } from '../../../../src/shared/time.ts';
import { localEnvironment } from '../../../harness/local.ts';
import { OperatorHarness } from '../../../harness/operator-harness.ts';

type Windowed<W extends Window> = WindowedStream<number, string, W>;

/** All numbers have one key; a firing is seen as its elements joined by blanks. */
async function windows<W extends Window>(
  assigner: WindowAssigner<number, W>,
  settings: (windowed: Windowed<W>) => DataStream<string> = joined,
): Promise<Firings> {
  const stream = localEnvironment()
    .fromElements(1)
    .keyBy(() => 'key') as KeyedStream<number, string>;
  const { spec } = settings(stream.window(assigner)).transformation as PhysicalTransformation;
  return new Firings(await OperatorHarness.open(() => buildOperator({ spec, name: 'test' } as never), [() => 'key']));
}

function joined<W extends Window>(windowed: Windowed<W>): DataStream<string> {
  return windowed.apply((_key, _window, elements) => [[...elements].join(' ')]);
}

class Firings {
  readonly harness: OperatorHarness;

  constructor(harness: OperatorHarness) {
    this.harness = harness;
  }

  /** What fires while the element is added: event time, or the clock's time. */
  add(n: number, at?: number): string[] {
    this.harness.element(n, at);
    return this.take();
  }

  clock(now: number): string[] {
    this.harness.processingTime(now);
    return this.take();
  }

  watermark(at: number): string[] {
    this.harness.watermark(at);
    return this.take();
  }

  take(): string[] {
    return this.harness.take().map(({ value }) => value as string);
  }
}

describe('by the clock', () => {
  test('tumbling windows fire when the clock passes their end, also after a restore', async () => {
    const firings = await windows(TumblingProcessingTimeWindows.of(10));
    firings.clock(3);
    expect(firings.add(1)).toEqual([]);
    firings.clock(8);
    expect(firings.add(2)).toEqual([]);
    await firings.harness.restore();
    expect(firings.clock(10)).toEqual(['1 2']);
    firings.add(3);
    // The end of the input fires nothing that goes by the clock.
    expect(firings.watermark(MAX_WATERMARK)).toEqual([]);
    expect(firings.clock(1000)).toEqual(['3']);
  });

  test('sliding windows overlap', async () => {
    const firings = await windows(SlidingProcessingTimeWindows.of(10, 5));
    firings.clock(7);
    firings.add(1);
    expect(firings.clock(11)).toEqual(['1']);
    firings.add(2);
    await firings.harness.restore();
    expect(firings.clock(30)).toEqual(['1 2', '2']);
  });

  test('sessions end when nothing came for the gap', async () => {
    const firings = await windows(ProcessingTimeSessionWindows.withGap(10));
    firings.add(1);
    firings.clock(8);
    firings.add(2);
    expect(firings.clock(12)).toEqual([]);
    await firings.harness.restore();
    expect(firings.clock(17)).toEqual(['1 2']);
    firings.add(3);
    expect(firings.clock(27)).toEqual(['3']);
  });

  test('staggered windows of a subtask have one offset', async () => {
    const firings = await windows(TumblingProcessingTimeWindows.of(10, 0, 'NATURAL'), (windowed) =>
      windowed.apply((_key, { start, end }) => [`${start}-${end}`]),
    );
    firings.clock(13);
    firings.add(1);
    firings.clock(19);
    firings.add(2);
    expect(firings.clock(23)).toEqual(['13-23']);
    firings.add(3);
    expect(firings.clock(40)).toEqual(['23-33']);
  });
});

describe('counts', () => {
  test('a count trigger fires again with all elements, a purging one with the new ones', async () => {
    const firings = await windows(GlobalWindows.create(), (windowed) => joined(windowed.trigger(CountTrigger.of(2))));
    expect([1, 2, 3, 4].map((n) => firings.add(n))).toEqual([[], ['1 2'], [], ['1 2 3 4']]);
    const purging = await windows(GlobalWindows.create(), (windowed) => joined(windowed.trigger(PurgingTrigger.of(CountTrigger.of(2)))));
    purging.add(1);
    await purging.harness.restore();
    expect([2, 3, 4].map((n) => purging.add(n))).toEqual([['1 2'], [], ['3 4']]);
  });

  test('with a count evictor the last elements stay', async () => {
    const firings = await windows(GlobalWindows.create(), (windowed) =>
      joined(windowed.evictor(CountEvictor.of(3)).trigger(CountTrigger.of(2))),
    );
    expect([1, 2, 3, 4, 5, 6].map((n) => firings.add(n))).toEqual([[], ['1 2'], [], ['2 3 4'], [], ['4 5 6']]);
  });
});

describe('continuous triggers', () => {
  test('by event time: at every interval that has elements before it, and at the end', async () => {
    const firings = await windows(TumblingEventTimeWindows.of(100), (windowed) =>
      joined(windowed.trigger(ContinuousEventTimeTrigger.of(30))),
    );
    firings.add(1, 10);
    expect(firings.watermark(29)).toEqual([]);
    expect(firings.watermark(35)).toEqual(['1']);
    firings.add(2, 40);
    await firings.harness.restore();
    expect(firings.watermark(95)).toEqual(['1 2', '1 2']);
    expect(firings.watermark(99)).toEqual(['1 2']);
    expect(firings.watermark(500)).toEqual([]);
  });

  test('in sessions the next firing moves with the merge', async () => {
    const firings = await windows(EventTimeSessionWindows.withGap(20), (windowed) =>
      joined(windowed.trigger(ContinuousEventTimeTrigger.of(10))),
    );
    firings.add(1, 5);
    firings.add(2, 30);
    firings.add(3, 17);
    expect(firings.watermark(10)).toEqual(['1 2 3']);
    expect(firings.watermark(48)).toEqual(['1 2 3', '1 2 3', '1 2 3']);
    expect(firings.watermark(49)).toEqual(['1 2 3']);
  });

  test('by the clock: at every interval', async () => {
    const firings = await windows(GlobalWindows.create(), (windowed) => joined(windowed.trigger(ContinuousProcessingTimeTrigger.of(10))));
    firings.clock(3);
    firings.add(1);
    expect(firings.clock(10)).toEqual(['1']);
    firings.add(2);
    expect(firings.clock(25)).toEqual(['1 2']);
  });
});

test('a delta trigger fires for what is farther from the last firing than its threshold', async () => {
  const firings = await windows(GlobalWindows.create(), (windowed) =>
    joined(windowed.trigger(DeltaTrigger.of(5, (before, now) => now - before))),
  );
  expect([10, 14, 15, 16, 20, 22].map((n) => firings.add(n))).toEqual([[], [], [], ['10 14 15 16'], [], ['10 14 15 16 20 22']]);
});

test('a timeout fires what a trigger is still waiting for', async () => {
  const settings = (windowed: WindowedStream<number, string, Window>): DataStream<string> =>
    joined(windowed.trigger(PurgingTrigger.of(ProcessingTimeoutTrigger.of(CountTrigger.of(3), 50, true))));
  const firings = await windows(GlobalWindows.create(), settings as never);
  firings.add(1);
  firings.clock(40);
  firings.add(2);
  expect(firings.clock(89)).toEqual([]);
  expect(firings.clock(90)).toEqual(['1 2']);
  expect([3, 4, 5].map((n) => firings.add(n))).toEqual([[], [], ['3 4 5']]);
  expect(firings.clock(1000)).toEqual([]);
});

test('purging at the end of a window leaves nothing for late elements', async () => {
  const settings = (windowed: Windowed<Window>): DataStream<string> =>
    joined(windowed.allowedLateness(100).trigger(PurgingTrigger.of(EventTimeTrigger.create())));
  const firings = await windows(TumblingEventTimeWindows.of(10), settings as never);
  firings.add(1, 1);
  expect(firings.watermark(20)).toEqual(['1']);
  expect(firings.add(2, 2)).toEqual(['2']);
});

test('a trigger of the program: a literal with the methods that it needs', async () => {
  const firings = await windows(GlobalWindows.create(), (windowed) =>
    joined(
      windowed.trigger({
        onElement(n, _timestamp, _window, context) {
          const seen = context.getPartitionedState<number>({ kind: 'value', name: 'largest' });
          if (n <= (seen.value() ?? 0)) return 'CONTINUE';
          seen.update(n);
          context.registerProcessingTimeTimer(context.getCurrentProcessingTime() + 10);
          return n >= 100 ? 'PURGE' : 'FIRE';
        },
        onProcessingTime: () => 'FIRE_AND_PURGE',
      }),
    ),
  );
  expect([1, 3, 2].map((n) => firings.add(n))).toEqual([['1'], ['1 3'], []]);
  expect(firings.clock(10)).toEqual(['1 3 2']);
  expect([100, 200].map((n) => firings.add(n))).toEqual([[], []]);
  expect(firings.clock(30)).toEqual([]);
});

describe('evictors', () => {
  test('by time: what is newer than the newest less the duration', async () => {
    const firings = await windows(GlobalWindows.create(), (windowed) =>
      joined(windowed.evictor(TimeEvictor.of(10)).trigger(CountTrigger.of(1))),
    );
    expect([firings.add(1, 1), firings.add(2, 8), firings.add(3, 15), firings.add(4, 12)]).toEqual([['1'], ['1 2'], ['2 3'], ['2 3 4']]);
  });

  test('by delta, behind the evaluation', async () => {
    const evictor = DeltaEvictor.of<number>(3, (before, now) => Math.abs(now - before), true);
    const firings = await windows(GlobalWindows.create(), (windowed) => joined(windowed.evictor(evictor).trigger(CountTrigger.of(1))));
    expect([1, 5, 6, 9].map((n) => firings.add(n))).toEqual([['1'], ['1 5'], ['5 6'], ['5 6 9']]);
  });

  test('a reduce folds what is left', async () => {
    const firings = await windows(GlobalWindows.create(), (windowed) =>
      windowed
        .evictor(CountEvictor.of(2))
        .trigger(CountTrigger.of(1))
        .reduce(
          (a, b) => a + b,
          (_key, _window, [sum]) => [`${sum}`],
        ),
    );
    expect([1, 2, 3].map((n) => firings.add(n))).toEqual([['1'], ['3'], ['5']]);
  });
});

test('state of the window and of the key, and clear when the window is over', async () => {
  const firings = await windows(TumblingEventTimeWindows.of(10), (windowed) =>
    windowed.allowedLateness(5).process({
      process(_key: string, context, elements) {
        const perWindow = context.windowState().getState<number>({ kind: 'value', name: 'firings' });
        const perKey = context.globalState().getState<number>({ kind: 'value', name: 'firings' });
        perWindow.update((perWindow.value() ?? 0) + 1);
        perKey.update((perKey.value() ?? 0) + 1);
        return [`${[...elements].join(' ')}: ${perWindow.value()} of ${perKey.value()}`];
      },
      clear(context) {
        context.output({ id: 'cleared' }, `cleared ${context.windowState().getState<number>({ kind: 'value', name: 'firings' }).value()}`);
      },
    }),
  );
  firings.add(1, 1);
  expect(firings.watermark(9)).toEqual(['1: 1 of 1']);
  await firings.harness.restore();
  expect(firings.add(2, 2)).toEqual(['1 2: 2 of 2']);
  firings.add(3, 11);
  expect(firings.watermark(15)).toEqual(['cleared 2']);
  expect(firings.watermark(19)).toEqual(['3: 1 of 3']);
});

test('late elements are counted when nobody wants them', async () => {
  const firings = await windows(TumblingEventTimeWindows.of(10));
  firings.watermark(9);
  firings.add(1, 3);
  expect(firings.harness.dropped).toBe(1);
});
