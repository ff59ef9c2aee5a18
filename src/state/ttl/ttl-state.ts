/** Makes handles of state with a time to live, over the state of any backend. */
import type { KeyedStateAccess } from '../../api/operators.ts';
import type { AggregatingState, ListState, MapState, ReducingState, State, StateDescriptor, ValueState } from '../../api/state.ts';
import { ttlConfigOf } from '../../api/state-ttl-config.ts';
import { Expiring, expiringType, isExpiringType } from './expiring.ts';
import { IncrementalCleanup } from './incremental-cleanup.ts';
import { type Lifetime, TtlAccumulating, type TtlHandle, TtlList, TtlMap, TtlValue } from './ttl-handles.ts';

/**
 * The handle for a descriptor. State that was stored with a time to live and is asked for without one keeps its values for ever.
 * `now`: processing time.
 */
export function openKeyedState(keyedState: KeyedStateAccess, descriptor: StateDescriptor, now: () => number): unknown {
  const ttl = descriptor.ttl === undefined ? undefined : ttlConfigOf(descriptor.ttl);
  const isLimited = ttl?.isEnabled === true;
  if (!isLimited && !isExpiringType(keyedState.storedTypeOf(descriptor.name))) return keyedState.getState(descriptor);
  const lifetime = isLimited ? ttl : undefined;
  const handle = handleOf(keyedState, descriptor, lifetime, now);
  if (lifetime?.filtersSnapshots) keyedState.filterSnapshots(descriptor.name, (stored) => !isOver(handle, stored, now()));
  if (lifetime && lifetime.cleanupSize > 0) new IncrementalCleanup(keyedState, descriptor.name, handle, lifetime, now).start();
  return handle;
}

function isOver(handle: TtlHandle<State>, stored: unknown, now: number): boolean {
  return stored instanceof Expiring && handle.isOver(stored, now);
}

function handleOf(keyedState: KeyedStateAccess, descriptor: StateDescriptor, ttl: Lifetime, now: () => number): TtlHandle<State> {
  const { name } = descriptor;
  const type = expiringType(descriptor.type);
  const alive = (stored: unknown): Expiring | undefined => {
    const expiring = stored instanceof Expiring ? stored : new Expiring(stored, now());
    return ttl && expiring.at + ttl.ttlMs <= now() ? undefined : expiring;
  };
  switch (descriptor.kind) {
    case 'value':
      return new TtlValue(keyedState.getState({ kind: 'value', name, type }) as ValueState<unknown>, descriptor, ttl, now);
    case 'list':
      return new TtlList(keyedState.getState({ kind: 'list', name, type }) as ListState<unknown>, ttl, now);
    case 'map':
      return new TtlMap(
        keyedState.getState({ kind: 'map', name, type, keyType: descriptor.keyType }) as MapState<unknown, unknown>,
        ttl,
        now,
      );
    case 'reducing': {
      const reduce = (former: unknown, added: Expiring): Expiring => {
        const before = alive(former);
        return before === undefined ? added : new Expiring(descriptor.reduce(before.value, added.value), added.at);
      };
      const inner = keyedState.getState({ kind: 'reducing', name, type, reduce }) as ReducingState<unknown>;
      return new TtlAccumulating(inner, { resultOf: (value) => value, first: (expiring) => expiring }, ttl, now);
    }
    case 'aggregating': {
      const add = (added: Expiring | First, former: unknown): Expiring => {
        if (added instanceof First) return added.expiring;
        const before = former === undefined ? undefined : alive(former);
        return new Expiring(descriptor.add(added.value, before === undefined ? descriptor.createAccumulator() : before.value), added.at);
      };
      const inner = keyedState.getState({
        kind: 'aggregating',
        name,
        type,
        createAccumulator: () => undefined,
        add,
        getResult: (stored) => stored,
      }) as AggregatingState<unknown, unknown>;
      return new TtlAccumulating(inner, { resultOf: descriptor.getResult, first: (expiring) => new First(expiring) }, ttl, now);
    }
  }
}

/** What an aggregate begins with, instead of a value that is added to it. */
class First {
  readonly expiring: Expiring;

  constructor(expiring: Expiring) {
    this.expiring = expiring;
  }
}
