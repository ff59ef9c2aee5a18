/**
 * Joins elements of two inputs whose times differ by no more than given. Each side is kept in buckets as wide as the interval, so that an
 * element looks into two or three buckets of the other side, and a bucket is dropped as a whole when nothing can join it any more.
 */
import type { Collector, OutputTagLike, TimeDomain } from '../../../api/functions.ts';
import type { NamespacedState, OperatorContext, Output } from '../../../api/operators.ts';
import type { ListState } from '../../../api/state.ts';
import type { ProcessJoinContext } from '../../../api/windows/functions.ts';
import type { IntervalJoinSpec } from '../../../api/windows/window-spec.ts';
import { UserError } from '../../../shared/errors.ts';
import { renderValue } from '../../../shared/render-value.ts';
import { MAX_WATERMARK, MIN_TIMESTAMP } from '../../../shared/time.ts';
import { TimestampedCollector } from '../timestamped-collector.ts';
import { methodOf } from '../user-function.ts';
import { LateElements } from './late-elements.ts';
import { TimedWindowOperator } from './timed-window-operator.ts';

type Kept = readonly [timestamp: number, value: unknown];
type Buffer = NamespacedState<ListState<Kept>>;
type JoinMethod = (left: unknown, right: unknown, context: ProcessJoinContext, out: Collector<unknown>) => Iterable<unknown> | void;

const nothing: readonly Kept[] = [];

export class IntervalJoinOperator extends TimedWindowOperator {
  readonly #spec: IntervalJoinSpec;
  readonly #process: JoinMethod;
  readonly #bucketMs: number;
  readonly #collector = new TimestampedCollector((value, timestamp) => this.output.collect(value, timestamp));
  readonly #context: ProcessJoinContext;
  #left!: Buffer;
  #right!: Buffer;
  #leftLate!: LateElements;
  #rightLate!: LateElements;
  /** The element in hand, and where in the other side's buckets it is. */
  #isLeft = true;
  #element: unknown;
  #timestamp = 0;
  #bucket = 0;
  #lastBucket = -1;
  #candidates = nothing;
  #next = 0;
  #otherTimestamp = 0;

  constructor(spec: IntervalJoinSpec) {
    super(spec.function);
    this.#spec = spec;
    this.#process = methodOf(spec.function, 'processElement');
    this.#bucketMs = Math.max(1, spec.upperMs - spec.lowerMs);
    this.#context = {
      getLeftTimestamp: () => (this.#isLeft ? this.#timestamp : this.#otherTimestamp),
      getRightTimestamp: () => (this.#isLeft ? this.#otherTimestamp : this.#timestamp),
      getTimestamp: () => this.#collector.timestamp,
      output: (tag: OutputTagLike, value: unknown) => this.output.collectSide(tag.id, value, this.#collector.timestamp),
    };
  }

  override setup(context: OperatorContext, output: Output): void {
    super.setup(context, output);
    this.#left = this.keyedState.getNamespacedState<ListState<Kept>>({ kind: 'list', name: 'left' });
    this.#right = this.keyedState.getNamespacedState<ListState<Kept>>({ kind: 'list', name: 'right' });
    this.#leftLate = new LateElements(context, output, this.#spec.leftLateTag);
    this.#rightLate = new LateElements(context, output, this.#spec.rightLateTag);
  }

  override processElement(value: unknown, timestamp: number): void {
    if (this.interrupted) this.defer('element', value, timestamp);
    else this.#begin(true, value, timestamp);
  }

  override processElement2(value: unknown, timestamp: number): void {
    if (this.interrupted) this.defer('element2', value, timestamp);
    else this.#begin(false, value, timestamp);
  }

  #begin(isLeft: boolean, value: unknown, timestamp: number): void {
    if (timestamp === MIN_TIMESTAMP) throw this.#withoutTimestamp(value);
    if (timestamp < this.watermark) {
      (isLeft ? this.#leftLate : this.#rightLate).add(value, timestamp);
      return;
    }
    this.#keep(isLeft, value, timestamp);
    const { lowerMs, upperMs } = this.#spec;
    const from = timestamp + (isLeft ? lowerMs : -upperMs);
    const to = timestamp + (isLeft ? upperMs : -lowerMs);
    this.#isLeft = isLeft;
    this.#element = value;
    this.#timestamp = timestamp;
    this.#bucket = Math.floor(from / this.#bucketMs);
    this.#lastBucket = Math.floor(to / this.#bucketMs);
    this.#candidates = nothing;
    this.#next = 0;
    this.#open(this.#bucket);
    if (!this.continueElement()) this.interrupt();
  }

  #keep(isLeft: boolean, value: unknown, timestamp: number): void {
    const bucket = Math.floor(timestamp / this.#bucketMs);
    const buffer = isLeft ? this.#left : this.#right;
    buffer.setNamespace(bucket);
    buffer.add([timestamp, value]);
    // Elements of the other side that come at the watermark itself are not late.
    const stays = Math.max(0, isLeft ? this.#spec.upperMs : -this.#spec.lowerMs) + 1;
    const over = Math.min((bucket + 1) * this.#bucketMs - 1 + stays, MAX_WATERMARK);
    this.timers.registerEventTimeTimer(over, isLeft ? 2 * bucket : 2 * bucket + 1);
  }

  /** True when the element in hand has met everyone. */
  protected override continueElement(): boolean {
    for (;;) {
      while (this.#next < this.#candidates.length) {
        const [timestamp, value] = this.#candidates[this.#next++] as Kept;
        if (!this.#joins(timestamp)) continue;
        if (!this.#emit(timestamp, value) || this.mustStop()) return false;
      }
      if (this.#bucket >= this.#lastBucket) return true;
      this.#open(++this.#bucket);
    }
  }

  protected override onTimer(_timestamp: number, _domain: TimeDomain, namespace: unknown): boolean {
    const isLeft = (namespace as number) % 2 === 0;
    const buffer = isLeft ? this.#left : this.#right;
    buffer.setNamespace(Math.floor((namespace as number) / 2));
    buffer.clear();
    return true;
  }

  #open(bucket: number): void {
    const other = this.#isLeft ? this.#right : this.#left;
    other.setNamespace(bucket);
    this.#candidates = other.get() as readonly Kept[];
    this.#next = 0;
  }

  #joins(otherTimestamp: number): boolean {
    const difference = this.#isLeft ? otherTimestamp - this.#timestamp : this.#timestamp - otherTimestamp;
    return difference >= this.#spec.lowerMs && difference <= this.#spec.upperMs;
  }

  #emit(otherTimestamp: number, other: unknown): boolean {
    const timestamp = Math.max(this.#timestamp, otherTimestamp);
    this.#otherTimestamp = otherTimestamp;
    this.#collector.timestamp = timestamp;
    const [left, right] = this.#isLeft ? [this.#element, other] : [other, this.#element];
    return this.emitResults(this.#process(left, right, this.#context, this.#collector), timestamp);
  }

  #withoutTimestamp(value: unknown): UserError {
    return new UserError('NO_TIMESTAMP', {
      problem: `Operator '${this.context.operatorName}': a record has no timestamp, and an interval join goes by event time.`,
      found: `The record: ${renderValue(value).slice(0, 500)}`,
      tryNext: ['Call assignTimestampsAndWatermarks() on both streams, and use the streams that it returns.'],
    });
  }
}
