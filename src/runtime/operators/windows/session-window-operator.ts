/**
 * Sessions that fire at their ends. What most elements do is to make a session longer: that costs a look at the key's sessions, and no timer
 * is moved. A timer that comes too early for its session, because it has grown, is set anew.
 */
import type { TimeDomain } from '../../../api/functions.ts';
import type { OperatorContext, Output } from '../../../api/operators.ts';
import type { ValueState } from '../../../api/state.ts';
import type { SessionAssigner } from '../../../api/windows/assigners.ts';
import { TimeWindow } from '../../../api/windows/window.ts';
import type { WindowSpec } from '../../../api/windows/window-spec.ts';
import { MIN_TIMESTAMP } from '../../../shared/time.ts';
import { TimestampedCollector } from '../timestamped-collector.ts';
import { LateElements, locatedWindowError } from './late-elements.ts';
import { TimedWindowOperator } from './timed-window-operator.ts';
import { type CallWindow, WindowFunctionContext, windowCall } from './window-call.ts';
import { createContents, type WindowContentsState } from './window-contents.ts';

/** A session is three numbers: start, end, and the namespace of its contents, which is the start of its first part. */
const width = 3;

export class SessionWindowOperator extends TimedWindowOperator {
  readonly #spec: WindowSpec;
  readonly #assigner: SessionAssigner;
  readonly #isEventTime: boolean;
  readonly #latenessMs: number;
  readonly #collector = new TimestampedCollector((value, timestamp) => this.output.collect(value, timestamp));
  /** Of the key in hand; sessions never touch each other. */
  #sessions!: ValueState<Float64Array>;
  #contents!: WindowContentsState;
  #call: CallWindow | undefined;
  #functionContext!: WindowFunctionContext;
  #late!: LateElements;
  /** The session whose results are on their way, by its contents, and whether it is over then. */
  #firing: number | undefined;
  #isOver = false;

  constructor(spec: WindowSpec) {
    super(spec.function);
    this.#spec = spec;
    this.#assigner = spec.assigner as unknown as SessionAssigner;
    this.#isEventTime = spec.assigner.isEventTime();
    this.#latenessMs = this.#isEventTime ? spec.allowedLatenessMs : 0;
  }

  override setup(context: OperatorContext, output: Output): void {
    super.setup(context, output);
    this.#sessions = this.keyedState.getState({ kind: 'value', name: 'sessions' }) as ValueState<Float64Array>;
    this.#contents = createContents(this.keyedState, this.#spec, context.operatorName);
    this.#functionContext = new WindowFunctionContext({
      operatorName: context.operatorName,
      keyedState: this.keyedState,
      isMerging: true,
      emitSide: (tag, value, timestamp) => output.collectSide(tag, value, timestamp),
      processingTime: () => context.currentProcessingTime(),
      watermark: () => this.watermark,
    });
    this.#call = windowCall(this.#spec, this.#functionContext);
    this.#late = new LateElements(context, output, this.#spec.lateTag);
  }

  override processElement(value: unknown, timestamp: number): void {
    if (this.interrupted) this.defer('element', value, timestamp);
    else this.#add(value, timestamp, this.#spec.sided ? [0, value] : value);
  }

  override processElement2(value: unknown, timestamp: number): void {
    if (this.interrupted) this.defer('element2', value, timestamp);
    else this.#add(value, timestamp, [1, value]);
  }

  #add(element: unknown, timestamp: number, stored: unknown): void {
    const start = this.#isEventTime ? timestamp : this.context.currentProcessingTime();
    const end = start + this.#gapOf(element, start);
    const sessions = this.#sessions.value();
    let touched = -1;
    let count = 0;
    if (sessions !== null) {
      for (let at = 0; at < sessions.length; at += width) {
        if ((sessions[at] as number) > end || (sessions[at + 1] as number) < start) continue;
        if (count++ === 0) touched = at;
      }
    }
    if (count === 0) this.#begin(sessions, start, end, element, timestamp, stored);
    else if (count === 1) this.#grow(sessions as Float64Array, touched, start, end, stored);
    else this.#merge(sessions as Float64Array, start, end, stored);
  }

  #begin(sessions: Float64Array | null, start: number, end: number, element: unknown, timestamp: number, stored: unknown): void {
    if (this.#isEventTime && end - 1 + this.#latenessMs <= this.watermark) {
      this.#late.add(element, timestamp);
      return;
    }
    const more = new Float64Array((sessions?.length ?? 0) + width);
    if (sessions !== null) more.set(sessions);
    more.set([start, end, start], more.length - width);
    this.#sessions.update(more);
    this.#addTo(start, end, stored, true);
  }

  /** It had no timer any more when it has fired already, and is kept for late elements. */
  #grow(sessions: Float64Array, at: number, start: number, end: number, stored: unknown): void {
    const endBefore = sessions[at + 1] as number;
    const hasFired = this.#isEventTime && endBefore - 1 <= this.watermark;
    if (start < (sessions[at] as number)) sessions[at] = start;
    if (end > endBefore) sessions[at + 1] = end;
    this.#sessions.update(sessions);
    this.#addTo(sessions[at + 2] as number, Math.max(end, endBefore), stored, hasFired);
  }

  #merge(sessions: Float64Array, start: number, end: number, stored: unknown): void {
    const kept: number[] = [];
    const parts: number[] = [];
    let [first, last] = [start, end];
    for (let at = 0; at < sessions.length; at += width) {
      const [from, to, contents] = [sessions[at] as number, sessions[at + 1] as number, sessions[at + 2] as number];
      if (from > end || to < start) {
        kept.push(from, to, contents);
        continue;
      }
      parts.push(contents);
      first = Math.min(first, from);
      last = Math.max(last, to);
    }
    const [target, ...moved] = parts as [number, ...number[]];
    this.#sessions.update(Float64Array.from([...kept, first, last, target]));
    this.#contents.mergeNamespaces(target, moved);
    this.#addTo(target, last, stored, true);
  }

  /** Fires at once when the session's end is behind the watermark. */
  #addTo(contents: number, end: number, stored: unknown, needsTimer: boolean): void {
    this.#contents.setNamespace(contents);
    this.#contents.add(stored);
    if (this.#isEventTime && end - 1 <= this.watermark) {
      this.#register(end - 1 + this.#latenessMs, contents);
      this.#fire(contents, false);
    } else if (needsTimer) this.#register(end - 1, contents);
  }

  protected override continueElement(): boolean {
    if (this.#firing !== undefined) this.#fired(this.#firing);
    return true;
  }

  protected override onTimer(timestamp: number, _domain: TimeDomain, namespace: unknown): boolean {
    if (this.#firing !== undefined) this.#fired(this.#firing);
    const contents = namespace as number;
    const at = this.#find(contents);
    if (at < 0) return true;
    const last = ((this.#sessions.value() as Float64Array)[at + 1] as number) - 1;
    if (timestamp < last) {
      this.#register(last, contents);
      return true;
    }
    const over = last + this.#latenessMs;
    if (timestamp === last) {
      if (over > last) this.#register(over, contents);
      return this.#fire(contents, over === last) && !this.mustStop();
    }
    if (timestamp < over) this.#register(over, contents);
    else this.#end(contents);
    return true;
  }

  /** False when results are left over. */
  #fire(contents: number, isOver: boolean): boolean {
    this.#firing = contents;
    this.#isOver = isOver;
    if (!this.#emit(contents)) return false;
    this.#fired(contents);
    return true;
  }

  #fired(contents: number): void {
    this.#firing = undefined;
    if (this.#isOver) this.#end(contents);
  }

  #emit(contents: number): boolean {
    this.#contents.setNamespace(contents);
    const value = this.#contents.get();
    if (value === undefined) return true;
    const window = this.#windowOf(contents);
    const timestamp = window.maxTimestamp();
    if (!this.#call) {
      this.output.collect(value, timestamp);
      return true;
    }
    this.#functionContext.set(window, contents);
    this.#collector.timestamp = timestamp;
    const elements = this.#contents.hasElements ? (value as readonly unknown[]) : [value];
    return this.emitResults(this.#call(this.keyedState.getCurrentKey(), window, elements, this.#collector), timestamp);
  }

  #end(contents: number): void {
    const { clear } = (this.#spec.function ?? {}) as { clear?: (context: unknown) => void };
    if (clear) {
      this.#functionContext.set(this.#windowOf(contents), contents);
      clear.call(this.#spec.function, this.#functionContext);
    }
    this.#contents.setNamespace(contents);
    this.#contents.clear();
    const at = this.#find(contents);
    const sessions = this.#sessions.value() as Float64Array;
    this.#sessions.update(sessions.length === width ? null : sessions.filter((_, index) => index < at || index >= at + width));
  }

  #windowOf(contents: number): TimeWindow {
    const at = this.#find(contents);
    const sessions = this.#sessions.value() as Float64Array;
    return new TimeWindow(sessions[at] as number, sessions[at + 1] as number);
  }

  /** Where the session is; -1: it has become part of another one. */
  #find(contents: number): number {
    const sessions = this.#sessions.value();
    if (sessions === null) return -1;
    for (let at = 0; at < sessions.length; at += width) if (sessions[at + 2] === contents) return at;
    return -1;
  }

  #register(timestamp: number, contents: number): void {
    if (this.#isEventTime) this.timers.registerEventTimeTimer(timestamp, contents);
    else this.timers.registerProcessingTimeTimer(timestamp, contents);
  }

  #gapOf(element: unknown, start: number): number {
    try {
      if (start !== MIN_TIMESTAMP) return this.#assigner.gap(element);
      // Says what is wrong.
      return this.#assigner.assignWindows(element, start, { getCurrentProcessingTime: () => start }).length;
    } catch (error) {
      throw locatedWindowError(error, this.context.operatorName, element);
    }
  }
}
