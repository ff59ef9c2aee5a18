/**
 * Windows of any kind: each element goes to its windows' contents, and a trigger says when a window is evaluated. The windows of an
 * element are handled one after the other, and each evaluation may stop between two results.
 */
import type { TimeDomain } from '../../../api/functions.ts';
import type { OperatorContext, Output } from '../../../api/operators.ts';
import type { MergingWindowAssigner, WindowAssigner, WindowAssignerContext } from '../../../api/windows/assigners.ts';
import type { TimestampedValue } from '../../../api/windows/evictors.ts';
import { isFire, isPurge, type Trigger, type TriggerResult } from '../../../api/windows/trigger.ts';
import type { TimeWindow, Window, WindowSerializer } from '../../../api/windows/window.ts';
import type { WindowSpec } from '../../../api/windows/window-spec.ts';
import { MAX_WATERMARK } from '../../../shared/time.ts';
import { cloneValue } from '../../../types/clone.ts';
import { TimestampedCollector } from '../timestamped-collector.ts';
import { LateElements, locatedWindowError } from './late-elements.ts';
import { type InFlightWindow, type Merge, MergingWindows } from './merging-windows.ts';
import { TimedWindowOperator } from './timed-window-operator.ts';
import { TriggerState } from './trigger-state.ts';
import { type CallWindow, WindowFunctionContext, windowCall } from './window-call.ts';
import { createContents, type ElementContents, foldOf, type WindowContentsState } from './window-contents.ts';

/** What is left to do with a window when its results are out. */
interface Evaluation {
  readonly window: Window;
  readonly namespace: unknown;
  readonly contents: unknown;
  readonly purges: boolean;
  readonly isOver: boolean;
  readonly kept: readonly TimestampedValue<unknown>[] | undefined;
}

const noWindows: readonly Window[] = [];

export class WindowOperator extends TimedWindowOperator {
  readonly #spec: WindowSpec;
  readonly #assigner: WindowAssigner<unknown, Window>;
  readonly #trigger: Trigger<unknown, Window>;
  readonly #serializer: WindowSerializer<Window>;
  readonly #isEventTime: boolean;
  readonly #collector = new TimestampedCollector((value, timestamp) => this.output.collect(value, timestamp));
  #assignerContext!: WindowAssignerContext;
  #contents!: WindowContentsState;
  #triggerState!: TriggerState;
  #functionContext!: WindowFunctionContext;
  #call: CallWindow | undefined;
  #fold: ((elements: readonly unknown[]) => unknown) | undefined;
  #merging: MergingWindows | undefined;
  #late!: LateElements;
  #evaluation: Evaluation | undefined;
  /** The element in hand. */
  #element: unknown;
  #timestamp = 0;
  #stored: unknown;
  #windows: readonly Window[] = noWindows;
  #nextWindow = 0;
  #isSkipped = true;

  constructor(spec: WindowSpec) {
    super(spec.function);
    this.#spec = spec;
    this.#assigner = spec.assigner as WindowAssigner<unknown, Window>;
    this.#trigger = spec.trigger as Trigger<unknown, Window>;
    this.#serializer = this.#assigner.getWindowSerializer();
    this.#isEventTime = this.#assigner.isEventTime();
  }

  override setup(context: OperatorContext, output: Output): void {
    super.setup(context, output);
    this.#assignerContext = { getCurrentProcessingTime: () => context.currentProcessingTime() };
    this.#contents = createContents(this.keyedState, this.#spec, context.operatorName);
    this.#triggerState = new TriggerState(this.keyedState, this.timers);
    if (this.#assigner.isMerging) {
      this.#merging = new MergingWindows(this.keyedState, this.#assigner as unknown as MergingWindowAssigner<unknown>);
    }
    this.#functionContext = new WindowFunctionContext({
      operatorName: context.operatorName,
      keyedState: this.keyedState,
      isMerging: this.#merging !== undefined,
      emitSide: (tag, value, timestamp) => output.collectSide(tag, value, timestamp),
      processingTime: () => context.currentProcessingTime(),
      watermark: () => this.watermark,
    });
    this.#call = windowCall(this.#spec, this.#functionContext);
    if (this.#spec.evictor) this.#fold = foldOf(this.#spec);
    this.#late = new LateElements(context, output, this.#spec.lateTag);
  }

  override processElement(value: unknown, timestamp: number): void {
    if (this.interrupted) this.defer('element', value, timestamp);
    else this.#begin(value, timestamp, this.#spec.sided ? [0, value] : value);
  }

  override processElement2(value: unknown, timestamp: number): void {
    if (this.interrupted) this.defer('element2', value, timestamp);
    else this.#begin(value, timestamp, [1, value]);
  }

  #begin(element: unknown, timestamp: number, stored: unknown): void {
    this.#windows = assign(this.#assigner, element, timestamp, this.#assignerContext, this.context.operatorName);
    this.#element = element;
    this.#timestamp = timestamp;
    this.#stored = this.#spec.evictor ? { value: stored, timestamp } : stored;
    this.#nextWindow = 0;
    this.#isSkipped = true;
    this.continueElement();
  }

  /** True when the element in hand has been to all its windows. */
  protected override continueElement(): boolean {
    if (this.#evaluation) this.#complete();
    while (this.#nextWindow < this.#windows.length) {
      const index = this.#nextWindow++;
      // Each window has an element of its own: functions may change what they get.
      const stored = index === 0 ? this.#stored : cloneValue(this.#stored);
      const window = this.#windows[index] as Window;
      const isComplete = this.#merging
        ? this.#addMerging(this.#merging, window as TimeWindow, stored)
        : this.#add(window, this.#serializer.toKey(window), stored);
      if (!isComplete) return false;
    }
    if (this.#windows !== noWindows) {
      if (this.#isSkipped && this.#isEventTime && this.#timestamp + this.#spec.allowedLatenessMs <= this.watermark) {
        this.#late.add(this.#element, this.#timestamp);
      }
      this.#windows = noWindows;
    }
    return true;
  }

  #add(window: Window, namespace: unknown, stored: unknown): boolean {
    if (this.#isLate(window)) return true;
    this.#isSkipped = false;
    return this.#addTo(window, namespace, namespace, stored);
  }

  #addMerging(merging: MergingWindows, window: TimeWindow, stored: unknown): boolean {
    merging.load();
    // A window that grows is never later than its parts.
    if (this.#isLate(window) && this.#isLate(merging.wouldBecome(window))) return true;
    const inFlight = merging.add(window, (merge, contents) => this.#onMerge(merge, contents));
    merging.store();
    this.#isSkipped = false;
    return this.#addTo(inFlight.window, this.#serializer.toKey(inFlight.window), inFlight.contents, stored);
  }

  #onMerge({ result, merged, moved }: Merge, contents: unknown): void {
    const state = this.#triggerState;
    const { toKey } = this.#serializer;
    state.namespace = toKey(result);
    state.merged = merged.map(toKey);
    this.#trigger.onMerge(result, state);
    for (const window of merged) {
      if (window.start === result.start && window.end === result.end) continue;
      state.namespace = toKey(window);
      // State under the result's name is the result's by now; only timers are left of the window.
      if (state.namespace === toKey(result)) this.#clearTimersOf(window);
      else this.#trigger.clear(window, state);
      this.#deleteCleanupTimer(window, state.namespace);
    }
    if (moved.length > 0) this.#contents.mergeNamespaces(contents, moved);
  }

  /** A window that has grown at its end keeps its name, and its trigger's state; its timers are set anew. */
  #clearTimersOf(window: TimeWindow): void {
    this.#triggerState.deleteEventTimeTimer(window.maxTimestamp());
    this.#triggerState.deleteProcessingTimeTimer(window.maxTimestamp());
  }

  #addTo(window: Window, namespace: unknown, contents: unknown, stored: unknown): boolean {
    this.#contents.setNamespace(contents);
    this.#contents.add(stored);
    this.#triggerState.namespace = namespace;
    const result = this.#trigger.onElement(this.#element, this.#timestamp, window, this.#triggerState);
    this.#registerCleanupTimer(window, namespace);
    return this.#apply(window, namespace, contents, result, false);
  }

  protected override onTimer(timestamp: number, domain: TimeDomain, namespace: unknown): boolean {
    if (this.#evaluation) this.#complete();
    const inFlight = this.#inFlight(namespace);
    if (!inFlight) return true;
    const { window, contents } = inFlight;
    this.#triggerState.namespace = namespace;
    const isEvent = domain === 'EVENT_TIME';
    const result = isEvent
      ? this.#trigger.onEventTime(timestamp, window, this.#triggerState)
      : this.#trigger.onProcessingTime(timestamp, window, this.#triggerState);
    const isOver = isEvent === this.#isEventTime && timestamp === this.#cleanupTime(window);
    if (!this.#apply(window, namespace, contents, result, isOver)) return false;
    return !this.mustStop();
  }

  /** Undefined: a timer that its trigger has left behind. */
  #inFlight(namespace: unknown): { readonly window: Window; readonly contents: unknown } | undefined {
    if (!this.#merging) {
      return { window: this.#serializer.fromKey(namespace as string | number | undefined), contents: namespace };
    }
    this.#merging.load();
    return this.#merging.named(namespace) satisfies InFlightWindow | undefined;
  }

  /** False when results are left over. */
  #apply(window: Window, namespace: unknown, contents: unknown, result: TriggerResult, isOver: boolean): boolean {
    if (result === 'CONTINUE' && !isOver) return true;
    this.#contents.setNamespace(contents);
    const fires = isFire(result);
    const evicted = fires && this.#spec.evictor ? this.#evict(window) : undefined;
    this.#evaluation = { window, namespace, contents, purges: isPurge(result), isOver, kept: evicted };
    if (fires && !this.#emit(window, namespace, evicted)) return false;
    this.#complete();
    return true;
  }

  #emit(window: Window, namespace: unknown, evicted: readonly TimestampedValue<unknown>[] | undefined): boolean {
    const timestamp = window.maxTimestamp();
    let elements: readonly unknown[];
    if (evicted) {
      elements = evicted.map(({ value }) => value);
      if (this.#fold) {
        if (elements.length === 0) return true;
        elements = [this.#fold(elements)];
      }
    } else {
      const value = this.#contents.get();
      if (value === undefined) return true;
      elements = this.#contents.hasElements ? (value as readonly unknown[]) : [value];
    }
    if (!this.#call) {
      this.output.collect(elements[0], timestamp);
      return true;
    }
    this.#functionContext.set(window, namespace);
    this.#collector.timestamp = timestamp;
    return this.emitResults(this.#call(this.keyedState.getCurrentKey(), window, elements, this.#collector), timestamp);
  }

  /** Undefined when the window is empty. */
  #evict(window: Window): readonly TimestampedValue<unknown>[] | undefined {
    const all = this.#contents.get() as readonly TimestampedValue<unknown>[] | undefined;
    if (!all) return undefined;
    return this.#spec.evictor?.evictBefore?.(all, window, this.#triggerState) ?? all;
  }

  /** The results are out: what the window is left with. */
  #complete(): void {
    const { window, namespace, contents, purges, isOver, kept } = this.#evaluation as Evaluation;
    this.#evaluation = undefined;
    this.#contents.setNamespace(contents);
    if (purges || isOver) this.#contents.clear();
    else if (kept) {
      (this.#contents as ElementContents).update(this.#spec.evictor?.evictAfter?.(kept, window, this.#triggerState) ?? kept);
    }
    if (!isOver) return;
    this.#triggerState.namespace = namespace;
    this.#trigger.clear(window, this.#triggerState);
    this.#functionContext.set(window, namespace);
    (this.#spec.function as { clear?: (context: unknown) => void } | undefined)?.clear?.(this.#functionContext);
    if (!this.#merging) return;
    this.#merging.load();
    this.#merging.retire(window as TimeWindow);
    this.#merging.store();
  }

  #isLate(window: Window): boolean {
    return this.#isEventTime && this.#cleanupTime(window) <= this.watermark;
  }

  #cleanupTime(window: Window): number {
    if (!this.#isEventTime) return window.maxTimestamp();
    return Math.min(window.maxTimestamp() + this.#spec.allowedLatenessMs, MAX_WATERMARK);
  }

  #registerCleanupTimer(window: Window, namespace: unknown): void {
    const time = this.#cleanupTime(window);
    if (time === MAX_WATERMARK) return;
    if (this.#isEventTime) this.timers.registerEventTimeTimer(time, namespace);
    else this.timers.registerProcessingTimeTimer(time, namespace);
  }

  #deleteCleanupTimer(window: Window, namespace: unknown): void {
    const time = this.#cleanupTime(window);
    if (time === MAX_WATERMARK) return;
    if (this.#isEventTime) this.timers.deleteEventTimeTimer(time, namespace);
    else this.timers.deleteProcessingTimeTimer(time, namespace);
  }
}

function assign(
  assigner: WindowAssigner<unknown, Window>,
  element: unknown,
  timestamp: number,
  context: WindowAssignerContext,
  operatorName: string,
): readonly Window[] {
  try {
    return assigner.assignWindows(element, timestamp, context);
  } catch (error) {
    throw locatedWindowError(error, operatorName, element);
  }
}
