/**
 * Elements that meet a broadcast state: one input is partitioned, the other goes to every subtask, which changes its copy of the
 * state. The element side reads that state and has the keys; the broadcast side writes it and has none.
 */
import type { BroadcastContext, BroadcastOnTimerContext, BroadcastProcessFunction, Collector, OutputTagLike } from '../../api/functions.ts';
import type { BroadcastProcessSpec } from '../../api/operator-specs.ts';
import type { OperatorContext, Output, StateInitializationContext } from '../../api/operators.ts';
import type { BroadcastState, MapStateDescriptor, ReadOnlyBroadcastState, StateDescriptor } from '../../api/state.ts';
import { UserError } from '../../shared/errors.ts';
import { MIN_TIMESTAMP } from '../../shared/time.ts';
import { TimedOperator } from './keyed-operators.ts';
import { withoutKey } from './stateless-operators.ts';
import { methodOf } from './user-function.ts';

type AnyFunction = BroadcastProcessFunction<unknown, unknown, unknown, unknown>;

interface OpenedState {
  readonly state: BroadcastState<unknown, unknown>;
  readonly readOnly: ReadOnlyBroadcastState<unknown, unknown>;
}

export class BroadcastProcessOperator extends TimedOperator {
  readonly #spec: BroadcastProcessSpec;
  readonly #process: AnyFunction['processElement'];
  readonly #processBroadcast: AnyFunction['processBroadcastElement'];
  readonly #states = new Map<string, OpenedState>();
  #elementContext!: BroadcastOnTimerContext<unknown>;
  #broadcastContext!: BroadcastContext<unknown>;

  constructor(spec: BroadcastProcessSpec) {
    super(spec.function);
    this.#spec = spec;
    this.#process = methodOf(spec.function, 'processElement');
    this.#processBroadcast = methodOf(spec.function, 'processBroadcastElement');
  }

  override setup(context: OperatorContext, output: Output): void {
    super.setup(context, output);
    this.setupTimers(context, this.#spec.function, this.#spec.keyed);
    const timers = this.processContext.timerService();
    const elementContext: BroadcastOnTimerContext<unknown> = {
      ...this.processContext,
      currentProcessingTime: () => context.currentProcessingTime(),
      currentWatermark: () => timers.currentWatermark(),
      getBroadcastState: ((descriptor) => this.#opened(descriptor).readOnly) as BroadcastOnTimerContext<unknown>['getBroadcastState'],
    };
    this.#elementContext = elementContext;
    // onTimer gets it as well.
    this.processContext = elementContext;
    this.#broadcastContext = {
      timestamp: () => (this.collector.timestamp === MIN_TIMESTAMP ? null : this.collector.timestamp),
      currentProcessingTime: elementContext.currentProcessingTime,
      currentWatermark: elementContext.currentWatermark,
      output: (tag: OutputTagLike, value: unknown) => this.output.collectSide(tag.id, value, this.collector.timestamp),
      getBroadcastState: ((descriptor) => this.#opened(descriptor).state) as BroadcastContext<unknown>['getBroadcastState'],
      applyToKeyedState: (descriptor, apply) => this.#applyToKeyedState(descriptor, apply as (key: unknown, state: unknown) => void),
    };
  }

  override initializeState(context: StateInitializationContext): void | Promise<void> {
    for (const descriptor of this.#spec.states) {
      const state = context.operatorState.getBroadcastState(descriptor) as BroadcastState<unknown, unknown>;
      this.#states.set(descriptor.name, { state, readOnly: this.#readOnly(state, descriptor.name) });
    }
    return super.initializeState(context);
  }

  override processElement(value: unknown, timestamp: number): void {
    if (this.interrupted) {
      this.defer('element', value, timestamp);
      return;
    }
    this.collector.timestamp = timestamp;
    this.emitResults(this.#process(value, this.#elementContext, this.collector as Collector<unknown>), timestamp);
  }

  override processElement2(value: unknown, timestamp: number): void {
    if (this.interrupted) {
      this.defer('element2', value, timestamp);
      return;
    }
    this.context.keyedState?.clearCurrentKey();
    this.collector.timestamp = timestamp;
    this.emitResults(this.#processBroadcast(value, this.#broadcastContext, this.collector as Collector<unknown>), timestamp);
  }

  #opened({ name }: MapStateDescriptor<unknown, unknown>): OpenedState {
    const opened = this.#states.get(name);
    if (opened) return opened;
    throw new UserError('UNKNOWN_BROADCAST_STATE', {
      problem: `Operator '${this.context.operatorName}': the broadcast state '${name}' was not given to broadcast().`,
      found: `It was given: ${[...this.#states.keys()].join(', ') || 'none'}.`,
      tryNext: [`stream.broadcast(new MapStateDescriptor('${name}'))`],
    });
  }

  #readOnly(state: BroadcastState<unknown, unknown>, name: string): ReadOnlyBroadcastState<unknown, unknown> {
    const refuse = (): never => {
      throw new UserError('BROADCAST_STATE_READ_ONLY', {
        problem: `Operator '${this.context.operatorName}': the broadcast state '${name}' can only be changed in processBroadcastElement, which every subtask runs alike.`,
      });
    };
    const view: BroadcastState<unknown, unknown> = {
      get: (key) => state.get(key),
      contains: (key) => state.contains(key),
      entries: () => state.entries(),
      put: refuse,
      putAll: refuse,
      remove: refuse,
      clear: refuse,
    };
    return view;
  }

  #applyToKeyedState(descriptor: StateDescriptor, apply: (key: unknown, state: unknown) => void): void {
    const { keyedState, runtimeContext, operatorName } = this.context;
    if (!keyedState) throw withoutKey(operatorName, 'applyToKeyedState()');
    const state = runtimeContext.getState(descriptor as never);
    try {
      for (const key of keyedState.getKeys(descriptor.name)) {
        keyedState.setCurrentKey(key);
        apply(key, state);
      }
    } finally {
      keyedState.clearCurrentKey();
    }
  }
}
