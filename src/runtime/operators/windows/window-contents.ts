/** What is kept of a window's elements, by namespace: all of them, or what they were folded into. */
import type { KeyedStateAccess, NamespacedState } from '../../../api/operators.ts';
import type { AggregatingState, ListState, ReducingState } from '../../../api/state.ts';
import type { AggregateFunction } from '../../../api/windows/functions.ts';
import type { WindowSpec } from '../../../api/windows/window-spec.ts';
import { cloneValue } from '../../../types/clone.ts';
import { aggregateReducer } from '../keyed-operators.ts';
import { methodOf, refusePromise } from '../user-function.ts';

const stateName = 'window-contents';

export interface WindowContentsState {
  setNamespace(namespace: unknown): void;
  /** False when the namespace was empty before; undefined when that is not known. */
  add(value: unknown): boolean | undefined;
  /** What the window function gets; undefined when there is nothing. The function's parameter is `elements` of it. */
  get(): unknown;
  /** Of the values of several namespaces, in this order, as {@link getRaw} gives them: what `get` would give for all of them. */
  combine(parts: readonly unknown[]): unknown;
  /** Undefined when there is nothing. */
  getRaw(): unknown;
  clear(): void;
  mergeNamespaces(target: unknown, sources: Iterable<unknown>): void;
  /** True: `get` gives the elements. False: it gives the one value they were folded into. */
  readonly hasElements: boolean;
}

export function createContents(keyedState: KeyedStateAccess, spec: WindowSpec, operatorName: string): WindowContentsState {
  const { contents } = spec;
  if (contents.kind === 'elements' || spec.evictor) return new ElementContents(keyedState);
  if (contents.kind === 'aggregate') return new AggregateContents(keyedState, contents.aggregate);
  return new ReduceContents(keyedState, contents.kind === 'field' ? fieldReducer(contents) : checkedReduce(contents.reduce, operatorName));
}

/** What elements that were all kept (for an evictor) fold into. */
export function foldOf(spec: WindowSpec): ((elements: readonly unknown[]) => unknown) | undefined {
  const { contents } = spec;
  switch (contents.kind) {
    case 'elements':
      return undefined;
    case 'aggregate': {
      const { aggregate } = contents;
      return (elements) =>
        aggregate.getResult(elements.reduce((accumulator, value) => aggregate.add(value, accumulator), aggregate.createAccumulator()));
    }
    default: {
      const reduce = contents.kind === 'field' ? fieldReducer(contents) : methodOf<Reduce>(contents.reduce, 'reduce');
      return (elements) => elements.map((element) => cloneValue(element)).reduce(reduce);
    }
  }
}

type Reduce = (a: unknown, b: unknown) => unknown;

function fieldReducer({ aggregate, field, first }: Extract<WindowSpec['contents'], { kind: 'field' }>): Reduce {
  return aggregateReducer({ type: 'keyed-aggregate', aggregate, field, first });
}

function checkedReduce(userFunction: unknown, operatorName: string): Reduce {
  const reduce = methodOf<Reduce>(userFunction, 'reduce');
  let isChecked = false;
  return (a, b) => {
    const result = reduce(a, b);
    if (!isChecked) {
      refusePromise(result, operatorName, 'reduce');
      isChecked = true;
    }
    return result;
  };
}

class ElementContents implements WindowContentsState {
  readonly hasElements = true;
  readonly #state: NamespacedState<ListState<unknown>>;

  constructor(keyedState: KeyedStateAccess) {
    this.#state = keyedState.getNamespacedState({ kind: 'list', name: stateName });
  }

  setNamespace(namespace: unknown): void {
    this.#state.setNamespace(namespace);
  }

  /** Adding to a list does not look at it. */
  add(value: unknown): undefined {
    this.#state.add(value);
  }

  get(): readonly unknown[] | undefined {
    const elements = this.#state.get() as readonly unknown[];
    return elements.length === 0 ? undefined : elements;
  }

  getRaw(): readonly unknown[] | undefined {
    return this.get();
  }

  combine(parts: readonly unknown[]): unknown {
    return parts.length === 1 ? parts[0] : (parts as readonly unknown[][]).flat();
  }

  update(elements: readonly unknown[]): void {
    this.#state.update(elements);
  }

  clear(): void {
    this.#state.clear();
  }

  mergeNamespaces(target: unknown, sources: Iterable<unknown>): void {
    this.#state.mergeNamespaces(target, sources);
  }
}

class ReduceContents implements WindowContentsState {
  readonly hasElements = false;
  readonly #state: NamespacedState<ReducingState<unknown>>;
  readonly #reduce: Reduce;

  constructor(keyedState: KeyedStateAccess, reduce: Reduce) {
    this.#state = keyedState.getNamespacedState({ kind: 'reducing', name: stateName, reduce });
    this.#reduce = reduce;
  }

  setNamespace(namespace: unknown): void {
    this.#state.setNamespace(namespace);
  }

  add(value: unknown): boolean {
    const isThere = this.#state.get() !== null;
    this.#state.add(value);
    return isThere;
  }

  get(): unknown {
    return this.#state.get() ?? undefined;
  }

  getRaw(): unknown {
    return this.get();
  }

  combine(parts: readonly unknown[]): unknown {
    return parts.length === 1 ? parts[0] : parts.map(ownCopy).reduce(this.#reduce);
  }

  clear(): void {
    this.#state.clear();
  }

  mergeNamespaces(target: unknown, sources: Iterable<unknown>): void {
    this.#state.mergeNamespaces(target, sources);
  }
}

class AggregateContents implements WindowContentsState {
  readonly hasElements = false;
  readonly #state: NamespacedState<AggregatingState<unknown, unknown>>;
  readonly #aggregate: AggregateFunction<unknown, unknown, unknown>;

  constructor(keyedState: KeyedStateAccess, aggregate: AggregateFunction<unknown, unknown, unknown>) {
    this.#aggregate = aggregate;
    this.#state = keyedState.getNamespacedState({
      kind: 'aggregating',
      name: stateName,
      createAccumulator: () => aggregate.createAccumulator(),
      add: (value, accumulator) => aggregate.add(value, accumulator),
      // What is read is the accumulator itself.
      getResult: (accumulator) => accumulator,
      ...(aggregate.merge ? { merge: (a: unknown, b: unknown) => (aggregate.merge as Reduce)(a, b) } : {}),
    });
  }

  setNamespace(namespace: unknown): void {
    this.#state.setNamespace(namespace);
  }

  add(value: unknown): boolean {
    const isThere = this.#state.get() !== null;
    this.#state.add(value);
    return isThere;
  }

  get(): unknown {
    const accumulator = this.#state.get();
    return accumulator === null ? undefined : this.#aggregate.getResult(accumulator);
  }

  getRaw(): unknown {
    return this.#state.get() ?? undefined;
  }

  combine(parts: readonly unknown[]): unknown {
    const merge = (a: unknown, b: unknown): unknown => (this.#aggregate.merge as Reduce)(a, b);
    return this.#aggregate.getResult(parts.length === 1 ? parts[0] : parts.map(ownCopy).reduce(merge));
  }

  clear(): void {
    this.#state.clear();
  }

  mergeNamespaces(target: unknown, sources: Iterable<unknown>): void {
    this.#state.mergeNamespaces(target, sources);
  }
}

/** Functions may change what they fold; a part belongs to other windows, too. */
function ownCopy(part: unknown): unknown {
  return typeof part === 'object' ? cloneValue(part) : part;
}

export type { ElementContents };
