/** The windows that an element belongs to: assigners, built in or a program's own. */
import { UserError } from '../../shared/errors.ts';
import { MIN_TIMESTAMP } from '../../shared/time.ts';
import { type Duration, durationMs } from '../duration.ts';
import type { Trigger } from './trigger.ts';
import { EndOfStreamTrigger, EventTimeTrigger, NeverTrigger, ProcessingTimeTrigger } from './triggers.ts';
import {
  checkedAmount,
  disjointSerializer,
  fixedSizeSerializer,
  GlobalWindow,
  globalWindowSerializer,
  TimeWindow,
  timeWindowSerializer,
  type Window,
  type WindowSerializer,
} from './window.ts';

export interface WindowAssignerContext {
  getCurrentProcessingTime(): number;
}

/** Windows of one size that begin at multiples of the slide: what the engine must know to let them share work. */
export interface WindowAlignment {
  readonly sizeMs: number;
  readonly slideMs: number;
  readonly offsetMs: number;
  readonly stagger: WindowStagger;
}

export abstract class WindowAssigner<T, W extends Window> {
  abstract assignWindows(element: T, timestamp: number, context: WindowAssignerContext): readonly W[];
  abstract getDefaultTrigger(): Trigger<T, NoInfer<W>>;
  /** False: by the clock. */
  abstract isEventTime(): boolean;

  /** Fits time windows; assigners of other windows need their own. */
  getWindowSerializer(): WindowSerializer<W> {
    return timeWindowSerializer as unknown as WindowSerializer<W>;
  }

  /** Its windows grow together: see {@link MergingWindowAssigner}. */
  get isMerging(): boolean {
    return false;
  }

  /** Sessions: see {@link SessionAssigner}. */
  get growsByGap(): boolean {
    return false;
  }

  /** Undefined: windows that are not all alike. */
  get alignment(): WindowAlignment | undefined {
    return undefined;
  }
}

/** Told which of the windows given to `mergeWindows` become one. */
export type MergeCallback = (toBeMerged: readonly TimeWindow[], mergeResult: TimeWindow) => void;

/** Its windows grow together. */
export abstract class MergingWindowAssigner<T> extends WindowAssigner<T, TimeWindow> {
  override get isMerging(): boolean {
    return true;
  }

  /** Calls back for each group of two or more windows that are to be one. */
  mergeWindows(windows: readonly TimeWindow[], callback: MergeCallback): void {
    mergeOverlapping(windows, callback);
  }
}

/** Windows that overlap or touch become one. */
export function mergeOverlapping(windows: readonly TimeWindow[], callback: MergeCallback): void {
  const sorted = windows.toSorted((a, b) => a.start - b.start);
  let group: TimeWindow[] = [];
  let covered: TimeWindow | undefined;
  for (const window of sorted) {
    if (covered?.intersects(window)) {
      group.push(window);
      covered = covered.cover(window);
      continue;
    }
    if (covered && group.length > 1) callback(group, covered);
    group = [window];
    covered = window;
  }
  if (covered && group.length > 1) callback(group, covered);
}

/** Spreads the moment at which the windows of different subtasks fire. */
export type WindowStagger = 'ALIGNED' | 'RANDOM' | 'NATURAL';
export const WindowStagger = {
  /** All at once. */
  ALIGNED: 'ALIGNED',
  /** Each subtask by an offset drawn at its first element. */
  RANDOM: 'RANDOM',
  /** Each subtask by when its first element came. */
  NATURAL: 'NATURAL',
} as const;

/** Drawn once, at the first element of a subtask. */
export function staggerOffset(stagger: WindowStagger, now: number, sizeMs: number): number {
  switch (stagger) {
    case 'ALIGNED':
      return 0;
    case 'RANDOM':
      return Math.floor(Math.random() * sizeMs);
    case 'NATURAL':
      return Math.max(0, now - TimeWindow.getWindowStartWithOffset(now, 0, sizeMs));
  }
}

abstract class AlignedWindows extends WindowAssigner<unknown, TimeWindow> {
  readonly #alignment: WindowAlignment;
  /** By context: one for each subtask. */
  readonly #offsets = new WeakMap<WindowAssignerContext, number>();

  protected constructor(alignment: WindowAlignment) {
    super();
    this.#alignment = alignment;
  }

  override get alignment(): WindowAlignment {
    return this.#alignment;
  }

  override assignWindows(_element: unknown, timestamp: number, context: WindowAssignerContext): TimeWindow[] {
    const { sizeMs, slideMs } = this.#alignment;
    const time = this.isEventTime() ? requireTimestamp(timestamp) : context.getCurrentProcessingTime();
    const windows: TimeWindow[] = [];
    const last = TimeWindow.getWindowStartWithOffset(time, this.#offset(context), slideMs);
    for (let start = last; start > time - sizeMs; start -= slideMs) windows.push(new TimeWindow(start, start + sizeMs));
    return windows;
  }

  override getDefaultTrigger(): Trigger<unknown, TimeWindow> {
    return this.isEventTime() ? EventTimeTrigger.create() : ProcessingTimeTrigger.create();
  }

  override getWindowSerializer(): WindowSerializer<TimeWindow> {
    return fixedSizeSerializer(this.#alignment.sizeMs);
  }

  #offset(context: WindowAssignerContext): number {
    const { offsetMs, stagger, slideMs } = this.#alignment;
    if (stagger === 'ALIGNED') return offsetMs;
    let offset = this.#offsets.get(context);
    if (offset === undefined) {
      offset = (offsetMs + staggerOffset(stagger, context.getCurrentProcessingTime(), slideMs)) % slideMs;
      this.#offsets.set(context, offset);
    }
    return offset;
  }
}

/** Windows of one size, one after the other. */
export class TumblingEventTimeWindows extends AlignedWindows {
  static of(size: Duration, offset: Duration = 0, stagger: WindowStagger = 'ALIGNED'): TumblingEventTimeWindows {
    return new TumblingEventTimeWindows(tumbling('TumblingEventTimeWindows', size, offset, stagger));
  }

  override isEventTime(): boolean {
    return true;
  }
}

export class TumblingProcessingTimeWindows extends AlignedWindows {
  static of(size: Duration, offset: Duration = 0, stagger: WindowStagger = 'ALIGNED'): TumblingProcessingTimeWindows {
    return new TumblingProcessingTimeWindows(tumbling('TumblingProcessingTimeWindows', size, offset, stagger));
  }

  override isEventTime(): boolean {
    return false;
  }
}

/** Windows of one size, one beginning at every slide: an element is in several. */
export class SlidingEventTimeWindows extends AlignedWindows {
  static of(size: Duration, slide: Duration, offset: Duration = 0): SlidingEventTimeWindows {
    return new SlidingEventTimeWindows(sliding('SlidingEventTimeWindows', size, slide, offset));
  }

  override isEventTime(): boolean {
    return true;
  }
}

export class SlidingProcessingTimeWindows extends AlignedWindows {
  static of(size: Duration, slide: Duration, offset: Duration = 0): SlidingProcessingTimeWindows {
    return new SlidingProcessingTimeWindows(sliding('SlidingProcessingTimeWindows', size, slide, offset));
  }

  override isEventTime(): boolean {
    return false;
  }
}

/** How long nothing may come before the session of this element is over. */
export type SessionWindowTimeGapExtractor<T> = ((element: T) => number) | { extract(element: T): number };

/** Windows that grow with each element by its gap. */
export type SessionAssigner = MergingWindowAssigner<unknown> & { readonly gap: (element: unknown) => number };

abstract class SessionWindows<T> extends MergingWindowAssigner<T> {
  readonly gap: (element: T) => number;

  protected constructor(gap: (element: T) => number) {
    super();
    this.gap = gap;
  }

  override get growsByGap(): boolean {
    return true;
  }

  override assignWindows(element: T, timestamp: number, context: WindowAssignerContext): readonly TimeWindow[] {
    const start = this.isEventTime() ? requireTimestamp(timestamp) : context.getCurrentProcessingTime();
    return [new TimeWindow(start, start + this.gap(element))];
  }

  override getDefaultTrigger(): Trigger<T, TimeWindow> {
    return this.isEventTime() ? EventTimeTrigger.create() : ProcessingTimeTrigger.create();
  }

  override getWindowSerializer(): WindowSerializer<TimeWindow> {
    return disjointSerializer;
  }
}

/** A window goes on as long as elements come; it ends when none came for the gap. */
export class EventTimeSessionWindows<T = unknown> extends SessionWindows<T> {
  static withGap(gap: Duration): EventTimeSessionWindows {
    return new EventTimeSessionWindows(fixedGap('EventTimeSessionWindows', gap));
  }

  static withDynamicGap<T>(extractor: SessionWindowTimeGapExtractor<T>): EventTimeSessionWindows<T> {
    return new EventTimeSessionWindows(dynamicGap(extractor));
  }

  override isEventTime(): boolean {
    return true;
  }
}

export class ProcessingTimeSessionWindows<T = unknown> extends SessionWindows<T> {
  static withGap(gap: Duration): ProcessingTimeSessionWindows {
    return new ProcessingTimeSessionWindows(fixedGap('ProcessingTimeSessionWindows', gap));
  }

  static withDynamicGap<T>(extractor: SessionWindowTimeGapExtractor<T>): ProcessingTimeSessionWindows<T> {
    return new ProcessingTimeSessionWindows(dynamicGap(extractor));
  }

  override isEventTime(): boolean {
    return false;
  }
}

/** Older names of windows with a dynamic gap. */
export const DynamicEventTimeSessionWindows = { withDynamicGap: EventTimeSessionWindows.withDynamicGap } as const;
export const DynamicProcessingTimeSessionWindows = { withDynamicGap: ProcessingTimeSessionWindows.withDynamicGap } as const;

/** One window for all; give it a trigger. */
export class GlobalWindows extends WindowAssigner<unknown, GlobalWindow> {
  readonly #trigger: Trigger<unknown, GlobalWindow>;
  readonly #windows = [GlobalWindow.get()];

  private constructor(trigger: Trigger<unknown, GlobalWindow>) {
    super();
    this.#trigger = trigger;
  }

  static create(): GlobalWindows {
    return new GlobalWindows(new NeverTrigger());
  }

  /** Fires at the end of a bounded input. */
  static createWithEndOfStreamTrigger(): GlobalWindows {
    return new GlobalWindows(new EndOfStreamTrigger());
  }

  override assignWindows(): readonly GlobalWindow[] {
    return this.#windows;
  }

  override getDefaultTrigger(): Trigger<unknown, GlobalWindow> {
    return this.#trigger;
  }

  override isEventTime(): boolean {
    return false;
  }

  override getWindowSerializer(): WindowSerializer<GlobalWindow> {
    return globalWindowSerializer;
  }
}

function requireTimestamp(timestamp: number): number {
  if (timestamp !== MIN_TIMESTAMP) return timestamp;
  throw new UserError('NO_TIMESTAMP', {
    problem: 'A record has no timestamp, and its window goes by event time.',
    tryNext: [
      'Call assignTimestampsAndWatermarks() before the window and use the stream that it returns, or give fromSource() a WatermarkStrategy.',
      'Use a processing-time window, such as TumblingProcessingTimeWindows.of(…), to go by the clock.',
    ],
  });
}

function tumbling(of: string, size: Duration, offset: Duration, stagger: WindowStagger): WindowAlignment {
  const sizeMs = checkedAmount(durationMs(size, `${of}.of`), `The size of ${of}`, 1);
  const offsetMs = checkedOffset(of, durationMs(offset, `${of}.of`), sizeMs, 'size');
  return { sizeMs, slideMs: sizeMs, offsetMs, stagger };
}

function sliding(of: string, size: Duration, slide: Duration, offset: Duration): WindowAlignment {
  const sizeMs = checkedAmount(durationMs(size, `${of}.of`), `The size of ${of}`, 1);
  const slideMs = checkedAmount(durationMs(slide, `${of}.of`), `The slide of ${of}`, 1);
  const offsetMs = checkedOffset(of, durationMs(offset, `${of}.of`), slideMs, 'slide');
  return { sizeMs, slideMs, offsetMs, stagger: 'ALIGNED' };
}

function checkedOffset(of: string, offsetMs: number, limitMs: number, limit: string): number {
  if (Number.isSafeInteger(offsetMs) && Math.abs(offsetMs) < limitMs) return offsetMs;
  throw new UserError('BAD_WINDOW', {
    problem: `The offset of ${of} is ${offsetMs} ms: it must be a whole number, nearer to 0 than the ${limit} (${limitMs} ms).`,
  });
}

function fixedGap(of: string, gap: Duration): () => number {
  const gapMs = checkedAmount(durationMs(gap, `${of}.withGap`), `The gap of ${of}`, 1);
  return () => gapMs;
}

function dynamicGap<T>(extractor: SessionWindowTimeGapExtractor<T>): (element: T) => number {
  const extract = typeof extractor === 'function' ? extractor : (element: T) => extractor.extract(element);
  return (element) => checkedAmount(extract(element), 'The gap of a session window, as the extractor gives it,', 1);
}
