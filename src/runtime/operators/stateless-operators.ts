/** map, flatMap, filter and process without a key. */
import { declaredContext } from '../../api/declared-state.ts';
import type { Collector, OutputTagLike, ProcessContext, TimerService } from '../../api/functions.ts';
import type { FilterSpec, FlatMapSpec, MapSpec, ProcessSpec } from '../../api/operator-specs.ts';
import { UserError } from '../../shared/errors.ts';
import { MIN_TIMESTAMP } from '../../shared/time.ts';
import { BaseOperator } from './base-operator.ts';
import { collectedBy, type FusibleOperator, type Fusion, type UserCall, userCall } from './fusion.ts';
import { InterruptibleOperator } from './interruptible-operator.ts';
import { TimestampedCollector } from './timestamped-collector.ts';
import { methodOf, refusePromise } from './user-function.ts';

export class MapOperator extends BaseOperator implements FusibleOperator {
  readonly #map: (value: unknown) => unknown;
  readonly #user: UserCall;
  #checked = false;

  constructor(spec: MapSpec) {
    super(spec.function);
    this.#map = methodOf(spec.function, 'map');
    this.#user = userCall(spec.function, 'map');
  }

  fusion(): Fusion {
    return { kind: 'map', user: this.#user };
  }

  processElement(value: unknown, timestamp: number): void {
    const result = this.#map(value);
    if (!this.#checked) {
      refusePromise(result, this.context.operatorName, 'map');
      this.#checked = true;
    }
    this.output.collect(result, timestamp);
  }
}

export class FilterOperator extends BaseOperator implements FusibleOperator {
  readonly #keep: (value: unknown) => unknown;
  readonly #user: UserCall;
  #checked = false;

  constructor(spec: FilterSpec) {
    super(spec.function);
    this.#keep = methodOf(spec.function, 'filter');
    this.#user = userCall(spec.function, 'filter');
  }

  fusion(): Fusion {
    return { kind: 'filter', user: this.#user };
  }

  processElement(value: unknown, timestamp: number): void {
    const keep = this.#keep(value);
    if (!this.#checked) {
      refusePromise(keep, this.context.operatorName, 'filter');
      this.#checked = true;
    }
    if (keep) this.output.collect(value, timestamp);
  }
}

export class FlatMapOperator extends InterruptibleOperator implements FusibleOperator {
  readonly #function: unknown;
  readonly #flatMap: (value: unknown, out: Collector<unknown>) => Iterable<unknown> | void;
  readonly #collector = new TimestampedCollector((value, timestamp) => this.output.collect(value, timestamp));

  constructor(spec: FlatMapSpec) {
    super(spec.function);
    this.#function = spec.function;
    this.#flatMap = methodOf(spec.function, 'flatMap');
  }

  fusion(): Fusion {
    return {
      kind: 'collecting',
      user: userCall(this.#function, 'flatMap'),
      context: undefined,
      collector: this.#collector,
      collected: collectedBy(this.#function, 'flatMap', 1),
      operator: this,
    };
  }

  override processElement(value: unknown, timestamp: number): void {
    if (this.interrupted) {
      this.defer('element', value, timestamp);
      return;
    }
    this.#collector.timestamp = timestamp;
    this.emitResults(this.#flatMap(value, this.#collector), timestamp);
  }
}

export class ProcessOperator extends InterruptibleOperator implements FusibleOperator {
  readonly #function: unknown;
  readonly #process: (value: unknown, context: ProcessContext, out: Collector<unknown>) => Iterable<unknown> | void;
  readonly #collector = new TimestampedCollector((value, timestamp) => this.output.collect(value, timestamp));
  readonly #processContext: ProcessContext;

  constructor(spec: ProcessSpec) {
    super(spec.function);
    this.#function = spec.function;
    this.#process = methodOf(spec.function, 'processElement');
    this.#processContext = {
      timestamp: () => (this.#collector.timestamp === MIN_TIMESTAMP ? null : this.#collector.timestamp),
      timerService: () => {
        this.#timers ??= keylessTimers(
          this.context.operatorName,
          () => this.context.currentProcessingTime(),
          () => this.#watermark,
        );
        return this.#timers;
      },
      output: (tag: OutputTagLike, value: unknown) => this.output.collectSide(tag.id, value, this.#collector.timestamp),
      getCurrentKey: (): never => {
        throw withoutKey(this.context.operatorName, 'getCurrentKey()');
      },
    };
  }

  #watermark = MIN_TIMESTAMP;
  #timers: TimerService | undefined;

  fusion(): Fusion {
    return {
      kind: 'collecting',
      user: userCall(this.#function, 'processElement'),
      context: declaredContext(this.#function, 'processElement', this.#processContext),
      collector: this.#collector,
      collected: collectedBy(this.#function, 'processElement', 2),
      operator: this,
    };
  }

  override processElement(value: unknown, timestamp: number): void {
    if (this.interrupted) {
      this.defer('element', value, timestamp);
      return;
    }
    this.#collector.timestamp = timestamp;
    this.emitResults(this.#process(value, this.#processContext, this.#collector), timestamp);
  }

  override processWatermark(timestamp: number): void {
    if (!this.interrupted) this.#watermark = timestamp;
    super.processWatermark(timestamp);
  }
}

export function keylessTimers(operatorName: string, now: () => number, watermark: () => number): TimerService {
  const refuse = (): never => {
    throw withoutKey(operatorName, 'Setting timers');
  };
  return {
    currentProcessingTime: now,
    currentWatermark: watermark,
    registerEventTimeTimer: refuse,
    registerProcessingTimeTimer: refuse,
    deleteEventTimeTimer: refuse,
    deleteProcessingTimeTimer: refuse,
  };
}

export function withoutKey(operatorName: string, what: string): UserError {
  return new UserError('NOT_KEYED', {
    problem: `Operator '${operatorName}': ${what} is only supported on keyed streams.`,
    tryNext: ['Call keyBy before process.'],
  });
}
