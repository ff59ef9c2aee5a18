/** A stream that goes to every subtask, to change a state that the elements of another stream are looked up in. */
// biome-ignore-all lint/suspicious/noExplicitAny: the erased side of generic transformations
import { type DataStream, KeyedStream, SingleOutputStreamOperator } from './data-stream.ts';
import {
  type BroadcastStateDeclarations,
  broadcastDescriptors,
  type DeclaredBroadcastProcess,
  type NothingDeclared,
  type SideDeclarations,
  type SideStreams,
  type StateDeclarations,
  withDeclarations,
  withSideStreams,
} from './declared-state.ts';
import { refuseAsync, refuseKeyedParts } from './function-checks.ts';
import type { BroadcastProcessFunction } from './functions.ts';
import type { MapStateDescriptor } from './state.ts';

/** `D`: the broadcast states, where they were declared as a literal. */
export class BroadcastStream<T, D extends BroadcastStateDeclarations = NothingDeclared> {
  readonly stream: DataStream<T>;
  readonly states: readonly MapStateDescriptor<any, any>[];
  readonly declared: D;

  /** `stream`: to all subtasks already. */
  constructor(stream: DataStream<T>, descriptors: readonly MapStateDescriptor<any, any>[], declared: D) {
    this.stream = stream;
    this.states = [...descriptors, ...broadcastDescriptors(declared)];
    this.declared = declared;
  }
}

export class BroadcastConnectedStream<A, B, D extends BroadcastStateDeclarations = NothingDeclared, K = never> {
  readonly #elements: DataStream<A>;
  readonly #broadcast: BroadcastStream<B, D>;

  constructor(elements: DataStream<A>, broadcast: BroadcastStream<B, D>) {
    this.#elements = elements;
    this.#broadcast = broadcast;
  }

  process<R, O extends SideDeclarations, S extends StateDeclarations = NothingDeclared>(
    processFunction: DeclaredBroadcastProcess<K, A, B, R, D, S, O> & { readonly side: O },
  ): SingleOutputStreamOperator<R> & SideStreams<O>;
  process<R, S extends StateDeclarations = NothingDeclared>(
    processFunction: DeclaredBroadcastProcess<K, A, B, R, D, S>,
  ): SingleOutputStreamOperator<R>;
  process<R>(processFunction: BroadcastProcessFunction<A, B, R, K>): SingleOutputStreamOperator<R>;
  process(processFunction: object): SingleOutputStreamOperator<unknown> {
    const elements = this.#elements;
    const keySelector = elements instanceof KeyedStream ? elements.keySelector : undefined;
    const { stream, states, declared } = this.#broadcast;
    refuseAsync(processFunction, 'processElement');
    refuseAsync(processFunction, 'processBroadcastElement');
    if (!keySelector) refuseKeyedParts(processFunction);
    const spec = {
      type: 'broadcast-process',
      function: withDeclarations(processFunction, declared),
      states,
      keyed: keySelector !== undefined,
    };
    const result = new SingleOutputStreamOperator<unknown>(
      elements.environment,
      elements.environment.builder.physical(
        keySelector ? 'Keyed Broadcast Process' : 'Broadcast Process',
        spec,
        [elements.transformation, stream.transformation],
        keySelector ? { keySelectors: [keySelector, undefined] } : {},
      ),
    );
    return withSideStreams(result, processFunction);
  }
}
