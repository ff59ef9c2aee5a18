/** Keyed process functions (one and two inputs), rolling reduce and aggregates. The task sets the key before each record. */
import { declaredContext } from '../../api/declared-state.ts';
import type { Collector, OnTimerContext, OutputTagLike, TimeDomain } from '../../api/functions.ts';
import type {
  CoFlatMapSpec,
  CoMapSpec,
  CoProcessSpec,
  KeyedAggregateSpec,
  KeyedProcessSpec,
  KeyedReduceSpec,
} from '../../api/operator-specs.ts';
import type { OperatorContext, Output } from '../../api/operators.ts';
import type { ValueState } from '../../api/state.ts';
import { UserError } from '../../shared/errors.ts';
import { MIN_TIMESTAMP } from '../../shared/time.ts';
import { cloneValue } from '../../types/clone.ts';
import { KeyedTimerService } from '../time/timer-service.ts';
import { BaseOperator } from './base-operator.ts';
import { collectedBy, type FusibleOperator, type Fusion, userCall } from './fusion.ts';
import { InterruptibleOperator } from './interruptible-operator.ts';
import { keylessTimers, withoutKey } from './stateless-operators.ts';
import { TimestampedCollector } from './timestamped-collector.ts';
import { methodOf, refusePromise } from './user-function.ts';

type ProcessMethod = (value: unknown, context: OnTimerContext<unknown>, out: Collector<unknown>) => Iterable<unknown> | void;
type OnTimerMethod = (timestamp: number, context: OnTimerContext<unknown>, out: Collector<unknown>) => Iterable<unknown> | void;

/** Shared by all process functions with a key: context, timers, and the order watermark-behind-timers. */
export abstract class TimedOperator extends InterruptibleOperator {
  protected readonly collector = new TimestampedCollector((value, timestamp) => this.output.collect(value, timestamp));
  protected processContext!: OnTimerContext<unknown>;
  #timers: KeyedTimerService | undefined;
  #onTimer: OnTimerMethod | undefined;
  #domain: TimeDomain = 'EVENT_TIME';
  #watermark = MIN_TIMESTAMP;
  /** Work interrupted by a pause, continued in `resume`. */
  #firingEvent = false;
  #firingProcessing = false;

  protected setupTimers(context: OperatorContext, userFunction: unknown, keyed: boolean): void {
    const onTimer = (userFunction as { onTimer?: OnTimerMethod }).onTimer;
    this.#onTimer = onTimer?.bind(userFunction);
    if (keyed) this.#timers = new KeyedTimerService(context, 'user-timers', this.#fire, () => this.#processingTime());
    const service =
      this.#timers ??
      keylessTimers(
        context.operatorName,
        () => context.currentProcessingTime(),
        () => this.#watermark,
      );
    this.processContext = {
      timestamp: () => (this.collector.timestamp === MIN_TIMESTAMP ? null : this.collector.timestamp),
      timerService: () => service,
      timeDomain: () => this.#domain,
      output: (tag: OutputTagLike, value: unknown) => this.output.collectSide(tag.id, value, this.collector.timestamp),
      getCurrentKey: () => {
        if (!keyed) throw withoutKey(context.operatorName, 'getCurrentKey()');
        return context.keyedState?.getCurrentKey();
      },
    };
  }

  override processWatermark(timestamp: number): void {
    if (this.interrupted) {
      this.defer('watermark', undefined, timestamp);
      return;
    }
    this.#watermark = timestamp;
    if (!this.#timers) {
      this.output.emitWatermark(timestamp);
      return;
    }
    this.#timers.watermark = timestamp;
    this.#firingEvent = true;
    if (!this.#continueFiring()) this.interrupt();
  }

  protected override continueWork(): boolean {
    return super.continueWork() && this.#continueFiring();
  }

  override async open(): Promise<void> {
    await super.open();
    this.#timers?.open();
  }

  override close(): void | Promise<void> {
    this.#timers?.close();
    return super.close();
  }

  #processingTime(): void {
    this.#firingProcessing = true;
    if (!this.#continueFiring()) this.interrupt();
  }

  #continueFiring(): boolean {
    if (this.#firingProcessing) {
      if (!(this.#timers as KeyedTimerService).fireProcessing()) return false;
      this.#firingProcessing = false;
    }
    if (!this.#firingEvent) return true;
    if (!(this.#timers as KeyedTimerService).fireEvent()) return false;
    this.#firingEvent = false;
    this.output.emitWatermark(this.#watermark);
    return true;
  }

  /** True when the next timer may fire. */
  readonly #fire = (timestamp: number, domain: TimeDomain): boolean => {
    if (!this.#onTimer) {
      throw new UserError('NO_ON_TIMER', {
        problem: `Operator '${this.context.operatorName}' set a timer and has no onTimer().`,
        tryNext: ['Add onTimer(timestamp, context, out) to the process function.'],
      });
    }
    this.#domain = domain;
    // An event-time timer gives its results its own time; a processing-time timer has none to give.
    this.collector.timestamp = domain === 'EVENT_TIME' ? timestamp : MIN_TIMESTAMP;
    const complete = this.emitResults(this.#onTimer(timestamp, this.processContext, this.collector), this.collector.timestamp);
    return complete && !this.mustStop();
  };
}

export class KeyedProcessOperator extends TimedOperator implements FusibleOperator {
  readonly #function: unknown;
  readonly #process: ProcessMethod;

  constructor(spec: KeyedProcessSpec) {
    super(spec.function);
    this.#function = spec.function;
    this.#process = methodOf(spec.function, 'processElement');
  }

  override setup(context: OperatorContext, output: Output): void {
    super.setup(context, output);
    this.setupTimers(context, this.#function, true);
  }

  fusion(): Fusion {
    return {
      kind: 'collecting',
      user: userCall(this.#function, 'processElement'),
      context: declaredContext(this.#function, 'processElement', this.processContext),
      collector: this.collector,
      collected: collectedBy(this.#function, 'processElement', 2, 'onTimer'),
      operator: this,
    };
  }

  override processElement(value: unknown, timestamp: number): void {
    if (this.interrupted) {
      this.defer('element', value, timestamp);
      return;
    }
    this.collector.timestamp = timestamp;
    this.emitResults(this.#process(value, this.processContext, this.collector), timestamp);
  }
}

export class CoProcessOperator extends TimedOperator {
  readonly #spec: CoProcessSpec;
  readonly #first: ProcessMethod;
  readonly #second: ProcessMethod;

  constructor(spec: CoProcessSpec) {
    super(spec.function);
    this.#spec = spec;
    this.#first = methodOf(spec.function, 'processElement1');
    this.#second = methodOf(spec.function, 'processElement2');
  }

  override setup(context: OperatorContext, output: Output): void {
    super.setup(context, output);
    this.setupTimers(context, this.#spec.function, this.#spec.keyed);
  }

  override processElement(value: unknown, timestamp: number): void {
    if (this.interrupted) {
      this.defer('element', value, timestamp);
      return;
    }
    this.collector.timestamp = timestamp;
    this.emitResults(this.#first(value, this.processContext, this.collector), timestamp);
  }

  override processElement2(value: unknown, timestamp: number): void {
    if (this.interrupted) {
      this.defer('element2', value, timestamp);
      return;
    }
    this.collector.timestamp = timestamp;
    this.emitResults(this.#second(value, this.processContext, this.collector), timestamp);
  }
}

export class CoMapOperator extends BaseOperator {
  readonly #first: (value: unknown) => unknown;
  readonly #second: (value: unknown) => unknown;

  constructor(spec: CoMapSpec) {
    super(spec.function);
    this.#first = methodOf(spec.function, 'map1');
    this.#second = methodOf(spec.function, 'map2');
  }

  processElement(value: unknown, timestamp: number): void {
    this.#emit(this.#first(value), timestamp, 'map1');
  }

  processElement2(value: unknown, timestamp: number): void {
    this.#emit(this.#second(value), timestamp, 'map2');
  }

  #emit(result: unknown, timestamp: number, call: string): void {
    refusePromise(result, this.context.operatorName, call);
    this.output.collect(result, timestamp);
  }
}

export class CoFlatMapOperator extends InterruptibleOperator {
  readonly #collector = new TimestampedCollector((value, timestamp) => this.output.collect(value, timestamp));
  readonly #first: (value: unknown, out: Collector<unknown>) => Iterable<unknown> | void;
  readonly #second: (value: unknown, out: Collector<unknown>) => Iterable<unknown> | void;

  constructor(spec: CoFlatMapSpec) {
    super(spec.function);
    this.#first = methodOf(spec.function, 'flatMap1');
    this.#second = methodOf(spec.function, 'flatMap2');
  }

  override processElement(value: unknown, timestamp: number): void {
    if (this.interrupted) {
      this.defer('element', value, timestamp);
      return;
    }
    this.#collector.timestamp = timestamp;
    this.emitResults(this.#first(value, this.#collector), timestamp);
  }

  override processElement2(value: unknown, timestamp: number): void {
    if (this.interrupted) {
      this.defer('element2', value, timestamp);
      return;
    }
    this.#collector.timestamp = timestamp;
    this.emitResults(this.#second(value, this.#collector), timestamp);
  }
}

/** Rolling fold: emits every new value; in batch mode only the last of each key, at the end. */
export class KeyedReduceOperator extends InterruptibleOperator implements FusibleOperator {
  readonly #function: unknown;
  readonly #aggregate: KeyedAggregateSpec | undefined;
  readonly #reduce: (a: unknown, b: unknown) => unknown;
  #state!: ValueState<unknown>;
  #batch = false;
  #checked = false;
  #finishing: Iterator<unknown> | undefined;

  /** `aggregate`: what the function does, when it is one of the built-in ones. */
  constructor(spec: KeyedReduceSpec, aggregate?: KeyedAggregateSpec) {
    super(spec.function);
    this.#function = spec.function;
    this.#aggregate = aggregate;
    this.#reduce = methodOf(spec.function, 'reduce');
  }

  fusion(): Fusion | undefined {
    if (this.#batch) return undefined;
    if (this.#aggregate) return { kind: 'aggregate', aggregate: this.#aggregate, state: this.#state, operator: this };
    return { kind: 'reduce', user: userCall(this.#function, 'reduce'), state: this.#state, operator: this };
  }

  override setup(context: OperatorContext, output: Output): void {
    super.setup(context, output);
    this.#state = context.keyedState?.getState({ kind: 'value', name: '_reduce' }) as ValueState<unknown>;
    this.#batch = context.configuration['execution.runtime-mode'] === 'BATCH';
  }

  override processElement(value: unknown, timestamp: number): void {
    if (this.interrupted) {
      this.defer('element', value, timestamp);
      return;
    }
    const former = this.#state.value();
    const result = former === null ? value : this.#reduce(former, value);
    if (!this.#checked && former !== null) {
      refusePromise(result, this.context.operatorName, 'reduce');
      this.#checked = true;
    }
    this.#state.update(result);
    if (!this.#batch) this.output.collect(result, timestamp);
  }

  /** Batch: the results leave when all input was seen; the task resumes it until it is through. */
  finish(): void {
    if (!this.#batch) return;
    this.#finishing = this.context.keyedState?.getKeys('_reduce')[Symbol.iterator]();
    if (!this.#emitFinal()) this.interrupt();
  }

  protected override continueWork(): boolean {
    return super.continueWork() && this.#emitFinal();
  }

  #emitFinal(): boolean {
    if (!this.#finishing) return true;
    for (let step = this.#finishing.next(); !step.done; step = this.#finishing.next()) {
      this.context.keyedState?.setCurrentKey(step.value);
      this.output.collect(this.#state.value(), MIN_TIMESTAMP);
      if (this.mustStop()) return false;
    }
    this.#finishing = undefined;
    return true;
  }
}

/** sum, min, max, minBy and maxBy are reduces over one field. */
export function aggregateReducer(spec: KeyedAggregateSpec): (a: unknown, b: unknown) => unknown {
  const { field } = spec;
  type Fields = Record<string | number, number>;
  const withField = (record: unknown, value: unknown): unknown => {
    const copy = cloneValue(record) as Record<string | number, unknown>;
    copy[field] = value;
    return copy;
  };
  switch (spec.aggregate) {
    case 'sum':
      return (a, b) => withField(a, ((a as Fields)[field] as number) + ((b as Fields)[field] as number));
    case 'min':
      return (a, b) => ((b as Fields)[field]! < (a as Fields)[field]! ? withField(a, (b as Fields)[field]) : a);
    case 'max':
      return (a, b) => ((b as Fields)[field]! > (a as Fields)[field]! ? withField(a, (b as Fields)[field]) : a);
    case 'minBy':
      return (a, b) =>
        (b as Fields)[field]! < (a as Fields)[field]! || (spec.first === false && (b as Fields)[field] === (a as Fields)[field]) ? b : a;
    case 'maxBy':
      return (a, b) =>
        (b as Fields)[field]! > (a as Fields)[field]! || (spec.first === false && (b as Fields)[field] === (a as Fields)[field]) ? b : a;
  }
}
