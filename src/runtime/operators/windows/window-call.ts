/** Calls the program's window function: one small adapter per form, with the context that it may ask. */
import type { Collector, OutputTagLike } from '../../../api/functions.ts';
import type { KeyedStateAccess, NamespacedState } from '../../../api/operators.ts';
import type { State, StateDescriptor } from '../../../api/state.ts';
import type { KeyedStateStore, ProcessWindowContext } from '../../../api/windows/functions.ts';
import type { Window } from '../../../api/windows/window.ts';
import type { WindowSpec } from '../../../api/windows/window-spec.ts';
import { UserError } from '../../../shared/errors.ts';
import { methodOf } from '../user-function.ts';

type Results = Iterable<unknown> | void;
export type CallWindow = (key: unknown, window: Window, elements: readonly unknown[], out: Collector<unknown>) => Results;

/** Undefined: the contents are the result. */
export function windowCall(spec: WindowSpec, context: WindowFunctionContext): CallWindow | undefined {
  switch (spec.form) {
    case 'value':
      return undefined;
    case 'process': {
      const process = methodOf<(key: unknown, context: object, elements: unknown, out: unknown) => Results>(spec.function, 'process');
      return (key, _window, elements, out) => process(key, context, elements, out);
    }
    case 'process-all': {
      const process = methodOf<(context: object, elements: unknown, out: unknown) => Results>(spec.function, 'process');
      return (_key, _window, elements, out) => process(context, elements, out);
    }
    case 'apply':
      return methodOf<CallWindow>(spec.function, 'apply');
    case 'apply-all': {
      const apply = methodOf<(window: Window, elements: unknown, out: unknown) => Results>(spec.function, 'apply');
      return (_key, window, elements, out) => apply(window, elements, out);
    }
    case 'co-group': {
      const coGroup = methodOf<(first: unknown, second: unknown, out: unknown) => Results>(spec.function, 'coGroup');
      return (_key, _window, elements, out) => coGroup(sideOf(elements, 0), sideOf(elements, 1), out);
    }
    case 'join': {
      const join = methodOf<(first: unknown, second: unknown) => unknown>(spec.function, 'join');
      return (_key, _window, elements) => joined(elements, join);
    }
    case 'flat-join': {
      const join = methodOf<(first: unknown, second: unknown, out: unknown) => Results>(spec.function, 'join');
      return (_key, _window, elements, out) => flatJoined(elements, join, out);
    }
  }
}

type Sided = readonly [side: number, value: unknown];

function sideOf(elements: readonly unknown[], side: number): unknown[] {
  return (elements as readonly Sided[]).filter((element) => element[0] === side).map((element) => element[1]);
}

function* joined(elements: readonly unknown[], join: (first: unknown, second: unknown) => unknown): Generator<unknown> {
  const seconds = sideOf(elements, 1);
  if (seconds.length === 0) return;
  for (const first of sideOf(elements, 0)) for (const second of seconds) yield join(first, second);
}

function* flatJoined(
  elements: readonly unknown[],
  join: (first: unknown, second: unknown, out: unknown) => Results,
  out: unknown,
): Generator<unknown> {
  const seconds = sideOf(elements, 1);
  if (seconds.length === 0) return;
  for (const first of sideOf(elements, 0)) {
    for (const second of seconds) {
      const results = join(first, second, out);
      if (results) yield* results;
    }
  }
}

export interface WindowContextFacts {
  readonly operatorName: string;
  readonly keyedState: KeyedStateAccess;
  readonly isMerging: boolean;
  readonly emitSide: (tag: string, value: unknown, timestamp: number) => void;
  readonly processingTime: () => number;
  readonly watermark: () => number;
}

/** What a function may ask while it looks at a window; the operator sets which one. */
export class WindowFunctionContext implements ProcessWindowContext<Window> {
  readonly #facts: WindowContextFacts;
  readonly #windowState: NamespacedStateStore;
  #window!: Window;
  #namespace: unknown;

  constructor(facts: WindowContextFacts) {
    this.#facts = facts;
    this.#windowState = new NamespacedStateStore(facts.keyedState, () => this.#namespace);
  }

  set(window: Window, namespace: unknown): void {
    this.#window = window;
    this.#namespace = namespace;
  }

  window(): Window {
    return this.#window;
  }

  currentProcessingTime(): number {
    return this.#facts.processingTime();
  }

  currentWatermark(): number {
    return this.#facts.watermark();
  }

  windowState(): KeyedStateStore {
    if (!this.#facts.isMerging) return this.#windowState;
    throw new UserError('NO_WINDOW_STATE', {
      problem: `Operator '${this.#facts.operatorName}': per-window state is not allowed when using merging windows (sessions).`,
      tryNext: ['Use globalState(), which belongs to the key.'],
    });
  }

  globalState(): KeyedStateStore {
    const { keyedState } = this.#facts;
    const get = (descriptor: StateDescriptor): never => keyedState.getState(descriptor) as never;
    return { getState: get, getListState: get, getMapState: get, getReducingState: get, getAggregatingState: get };
  }

  output<X>(tag: OutputTagLike<X>, value: X): void {
    this.#facts.emitSide(tag.id, value, this.#window.maxTimestamp());
  }
}

/** State of the namespace in hand: one handle for each name, turned to the namespace when it is asked for. */
export class NamespacedStateStore implements KeyedStateStore {
  readonly #keyedState: KeyedStateAccess;
  readonly #namespace: () => unknown;
  readonly #handles = new Map<string, NamespacedState>();

  constructor(keyedState: KeyedStateAccess, namespace: () => unknown) {
    this.#keyedState = keyedState;
    this.#namespace = namespace;
  }

  handle(descriptor: StateDescriptor): NamespacedState<State> {
    let handle = this.#handles.get(descriptor.name);
    if (!handle) {
      handle = this.#keyedState.getNamespacedState(descriptor);
      this.#handles.set(descriptor.name, handle);
    }
    handle.setNamespace(this.#namespace());
    return handle;
  }

  getState = (descriptor: StateDescriptor): never => this.handle(descriptor) as never;
  getListState = (descriptor: StateDescriptor): never => this.handle(descriptor) as never;
  getMapState = (descriptor: StateDescriptor): never => this.handle(descriptor) as never;
  getReducingState = (descriptor: StateDescriptor): never => this.handle(descriptor) as never;
  getAggregatingState = (descriptor: StateDescriptor): never => this.handle(descriptor) as never;
}
