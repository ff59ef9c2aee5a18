/**
 * Windows of one size that fire at their ends: tumbling, and sliding ones that share work. Time is cut into panes, each as long as the
 * greatest common divisor of size and slide; an element is kept once, in its pane, and a window is put together from its panes when it
 * fires. A tumbling window is one pane.
 *
 * A key has a timer for the next window only that holds something; when it fires, it sets the one behind it. So an element costs
 * the same whatever the number of windows that it is in.
 */
import type { TimeDomain } from '../../../api/functions.ts';
import type { OperatorContext, Output } from '../../../api/operators.ts';
import type { ValueState } from '../../../api/state.ts';
import { staggerOffset, type WindowAlignment } from '../../../api/windows/assigners.ts';
import { TimeWindow } from '../../../api/windows/window.ts';
import type { WindowSpec } from '../../../api/windows/window-spec.ts';
import { UserError } from '../../../shared/errors.ts';
import { MIN_TIMESTAMP } from '../../../shared/time.ts';
import { TimestampedCollector } from '../timestamped-collector.ts';
import { LateElements, locatedWindowError } from './late-elements.ts';
import { TimedWindowOperator } from './timed-window-operator.ts';
import { type CallWindow, WindowFunctionContext, windowCall } from './window-call.ts';
import { createContents, type WindowContentsState } from './window-contents.ts';

/** Timers that end a window which is kept for late elements are named by text, those that fire it by its start. */
const cleanupPrefix = 'end of ';

export class AlignedWindowOperator extends TimedWindowOperator {
  readonly #spec: WindowSpec;
  readonly #alignment: WindowAlignment;
  readonly #paneMs: number;
  readonly #isEventTime: boolean;
  readonly #latenessMs: number;
  readonly #collector = new TimestampedCollector((value, timestamp) => this.output.collect(value, timestamp));
  #contents!: WindowContentsState;
  /** Starts of the key's panes that hold something, ascending; undefined where a window is one pane. */
  #panes: ValueState<Float64Array> | undefined;
  #call: CallWindow | undefined;
  #functionContext!: WindowFunctionContext;
  #late!: LateElements;
  /** Undefined until the first element, where it is drawn. */
  #offset: number | undefined;
  /** Windows that a late element fires again: the next one, and where they end. */
  #refire = Number.POSITIVE_INFINITY;
  #refireUntil = Number.NEGATIVE_INFINITY;
  /** The window whose results are on their way. */
  #firing: number | undefined;
  /** It was its own timer's turn, and the next window's comes behind it. */
  #passesOn = false;

  constructor(spec: WindowSpec) {
    super(spec.function);
    this.#spec = spec;
    this.#alignment = spec.shared as WindowAlignment;
    this.#paneMs = greatestCommonDivisor(this.#alignment.sizeMs, this.#alignment.slideMs);
    this.#isEventTime = spec.assigner.isEventTime();
    this.#latenessMs = this.#isEventTime ? spec.allowedLatenessMs : 0;
    if (this.#alignment.stagger === 'ALIGNED') this.#offset = this.#alignment.offsetMs;
  }

  override setup(context: OperatorContext, output: Output): void {
    super.setup(context, output);
    this.#contents = createContents(this.keyedState, this.#spec, context.operatorName);
    if (this.#alignment.sizeMs !== this.#paneMs) {
      this.#panes = this.keyedState.getState({ kind: 'value', name: 'window-panes' }) as ValueState<Float64Array>;
    }
    this.#functionContext = new WindowFunctionContext({
      operatorName: context.operatorName,
      keyedState: this.keyedState,
      isMerging: false,
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
    const { sizeMs, slideMs } = this.#alignment;
    const time = this.#isEventTime ? timestamp : this.context.currentProcessingTime();
    if (time === MIN_TIMESTAMP) throw this.#withoutTimestamp(element);
    const offset = this.#offset ?? this.#drawOffset();
    const last = startOf(time, offset, slideMs);
    if (this.#isEventTime && last + sizeMs - 1 + this.#latenessMs <= this.watermark) {
      this.#late.add(element, timestamp);
      return;
    }
    const pane = slideMs === this.#paneMs ? last : startOf(time, offset, this.#paneMs);
    this.#contents.setNamespace(pane);
    let isKnown = this.#contents.add(stored);
    if (this.#panes && isKnown !== true) isKnown = !addPane(this.#panes, pane);
    const first = slideMs === sizeMs ? last : last - Math.floor((sizeMs - 1 - (time - last)) / slideMs) * slideMs;
    if (this.#isEventTime && first + sizeMs - 1 <= this.watermark) this.#addToPast(first, last, isKnown === true);
    else if (!isKnown) this.#registerFiring(first);
  }

  /** Some of the element's windows have fired already. Those that are still kept fire again, those that are not over yet will. */
  #addToPast(first: number, last: number, isKnown: boolean): void {
    const { sizeMs, slideMs } = this.#alignment;
    let start = first;
    while (start + sizeMs - 1 + this.#latenessMs <= this.watermark) start += slideMs;
    this.#refire = start;
    while (start <= last && start + sizeMs - 1 <= this.watermark) start += slideMs;
    this.#refireUntil = start;
    if (start <= last && !isKnown) this.#registerFiring(start);
    this.continueElement();
  }

  protected override continueElement(): boolean {
    if (this.#firing !== undefined) this.#fired(this.#firing);
    while (this.#refire < this.#refireUntil) {
      const start = this.#refire;
      this.#refire += this.#alignment.slideMs;
      this.#passesOn = false;
      if (!this.#fire(start)) return false;
    }
    return true;
  }

  protected override onTimer(_timestamp: number, _domain: TimeDomain, namespace: unknown): boolean {
    if (this.#firing !== undefined) this.#fired(this.#firing);
    if (typeof namespace === 'string') {
      this.#end(Number(namespace.slice(cleanupPrefix.length)));
      return true;
    }
    this.#passesOn = true;
    return this.#fire(namespace as number) && !this.mustStop();
  }

  /** False when results are left over. */
  #fire(start: number): boolean {
    this.#firing = start;
    if (!this.#emit(start)) return false;
    this.#fired(start);
    return true;
  }

  #emit(start: number): boolean {
    const value = this.#valueOf(start);
    if (value === undefined) return true;
    const timestamp = start + this.#alignment.sizeMs - 1;
    if (!this.#call) {
      this.output.collect(value, timestamp);
      return true;
    }
    const window = new TimeWindow(start, start + this.#alignment.sizeMs);
    this.#functionContext.set(window, start);
    this.#collector.timestamp = timestamp;
    const elements = this.#contents.hasElements ? (value as readonly unknown[]) : [value];
    return this.emitResults(this.#call(this.keyedState.getCurrentKey(), window, elements, this.#collector), timestamp);
  }

  /** What the window holds; undefined when it is empty. */
  #valueOf(start: number): unknown {
    if (!this.#panes) {
      this.#contents.setNamespace(start);
      return this.#contents.get();
    }
    const end = start + this.#alignment.sizeMs;
    const panes = this.#panes.value();
    if (panes === null) return undefined;
    const parts: unknown[] = [];
    for (let index = 0; index < panes.length; index++) {
      const pane = panes[index] as number;
      if (pane < start || pane >= end) continue;
      this.#contents.setNamespace(pane);
      const part = this.#contents.getRaw();
      if (part !== undefined) parts.push(part);
    }
    return parts.length === 0 ? undefined : this.#contents.combine(parts);
  }

  /** Behind the results: the next window takes its turn, and what no window needs any more goes. */
  #fired(start: number): void {
    this.#firing = undefined;
    if (this.#latenessMs === 0) this.#end(start);
    else this.timers.registerEventTimeTimer(start + this.#alignment.sizeMs - 1 + this.#latenessMs, `${cleanupPrefix}${start}`);
    if (this.#panes && this.#passesOn) this.#passOn(start, this.#panes);
  }

  /** The timer of the next window, when one of this window's panes is in it. */
  #passOn(start: number, panes: ValueState<Float64Array>): void {
    const { sizeMs, slideMs } = this.#alignment;
    const next = start + slideMs;
    if (panes.value()?.some((pane) => pane >= next && pane < start + sizeMs)) this.#registerFiring(next);
  }

  /** The window is over for good. */
  #end(start: number): void {
    const { sizeMs, slideMs } = this.#alignment;
    if (this.#panes) this.#dropPanes(this.#panes, start + slideMs);
    else {
      this.#contents.setNamespace(start);
      this.#contents.clear();
    }
    const { clear } = (this.#spec.function ?? {}) as { clear?: (context: unknown) => void };
    if (!clear) return;
    this.#functionContext.set(new TimeWindow(start, start + sizeMs), start);
    clear.call(this.#spec.function, this.#functionContext);
  }

  #dropPanes(state: ValueState<Float64Array>, before: number): void {
    const panes = state.value();
    if (panes === null) return;
    let dropped = 0;
    while (dropped < panes.length && (panes[dropped] as number) < before) {
      this.#contents.setNamespace(panes[dropped++]);
      this.#contents.clear();
    }
    if (dropped > 0) state.update(dropped === panes.length ? null : panes.slice(dropped));
  }

  #registerFiring(start: number): void {
    const timestamp = start + this.#alignment.sizeMs - 1;
    if (this.#isEventTime) this.timers.registerEventTimeTimer(timestamp, start);
    else this.timers.registerProcessingTimeTimer(timestamp, start);
  }

  #drawOffset(): number {
    const { offsetMs, slideMs, stagger } = this.#alignment;
    this.#offset = (offsetMs + staggerOffset(stagger, this.context.currentProcessingTime(), slideMs)) % slideMs;
    return this.#offset;
  }

  #withoutTimestamp(element: unknown): unknown {
    try {
      this.#spec.assigner.assignWindows(element as never, MIN_TIMESTAMP, { getCurrentProcessingTime: () => 0 });
    } catch (error) {
      return locatedWindowError(error, this.context.operatorName, element);
    }
    return new UserError('NO_TIMESTAMP', { problem: `Operator '${this.context.operatorName}': a record has no timestamp.` });
  }
}

const startOf = TimeWindow.getWindowStartWithOffset;

/** False when the pane is there already. Most often the last one is asked for. */
function addPane(state: ValueState<Float64Array>, pane: number): boolean {
  const panes = state.value();
  if (panes === null) {
    state.update(Float64Array.of(pane));
    return true;
  }
  let at = panes.length;
  while (at > 0 && (panes[at - 1] as number) > pane) at--;
  if (at > 0 && panes[at - 1] === pane) return false;
  const more = new Float64Array(panes.length + 1);
  more.set(panes.subarray(0, at));
  more[at] = pane;
  more.set(panes.subarray(at), at + 1);
  state.update(more);
  return true;
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}
