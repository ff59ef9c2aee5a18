/** map, flatMap, filter and process without a key. */
import type { Collector, OutputTagLike, ProcessContext, TimerService } from '../../api/functions.ts';
import type { FilterSpec, FlatMapSpec, MapSpec, ProcessSpec } from '../../api/operator-specs.ts';
import { UserError } from '../../shared/errors.ts';
import { MIN_TIMESTAMP } from '../../shared/time.ts';
import { BaseOperator } from './base-operator.ts';
import { InterruptibleOperator } from './interruptible-operator.ts';
import { methodOf, refusePromise } from './user-function.ts';

export class MapOperator extends BaseOperator {
  readonly #map: (value: unknown) => unknown;
  #checked = false;

  constructor(spec: MapSpec) {
    super(spec.function);
    this.#map = methodOf(spec.function, 'map');
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

export class FilterOperator extends BaseOperator {
  readonly #keep: (value: unknown) => unknown;
  #checked = false;

  constructor(spec: FilterSpec) {
    super(spec.function);
    this.#keep = methodOf(spec.function, 'filter');
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

/** A collector whose records carry the timestamp of the record in hand. */
export class TimestampedCollector implements Collector<unknown> {
  timestamp = MIN_TIMESTAMP;
  readonly #collect: (value: unknown, timestamp: number) => void;

  constructor(collect: (value: unknown, timestamp: number) => void) {
    this.#collect = collect;
  }

  collect(value: unknown): void {
    this.#collect(value, this.timestamp);
  }
}

export class FlatMapOperator extends InterruptibleOperator {
  readonly #flatMap: (value: unknown, out: Collector<unknown>) => Iterable<unknown> | void;
  readonly #collector = new TimestampedCollector((value, timestamp) => this.output.collect(value, timestamp));

  constructor(spec: FlatMapSpec) {
    super(spec.function);
    this.#flatMap = methodOf(spec.function, 'flatMap');
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

export class ProcessOperator extends InterruptibleOperator {
  readonly #process: (value: unknown, context: ProcessContext, out: Collector<unknown>) => Iterable<unknown> | void;
  readonly #collector = new TimestampedCollector((value, timestamp) => this.output.collect(value, timestamp));
  readonly #processContext: ProcessContext;

  constructor(spec: ProcessSpec) {
    super(spec.function);
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
