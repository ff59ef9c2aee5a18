/** State descriptors in Flink's class form; a literal `{ kind: 'value', name: 'total' }` is the same thing. */
import type { TypeInfo } from '../types/type-info.ts';
import type * as state from './state.ts';
import type { StateTtl } from './state-ttl-config.ts';

abstract class Descriptor {
  ttl: StateTtl | undefined = undefined;

  /** Values that are not used for that long are gone: a duration, options, or a `StateTtlConfig`. */
  enableTimeToLive(ttl: StateTtl): this {
    this.ttl = ttl;
    return this;
  }
}

export class ValueStateDescriptor<T> extends Descriptor implements state.ValueStateDescriptor<T> {
  readonly kind = 'value';
  readonly name: string;
  readonly type: TypeInfo<T> | undefined;
  readonly defaultValue: (() => T) | undefined;

  constructor(name: string, type?: TypeInfo<T>, defaultValue?: () => T) {
    super();
    this.name = name;
    this.type = type;
    this.defaultValue = defaultValue;
  }
}

export class ListStateDescriptor<T> extends Descriptor implements state.ListStateDescriptor<T> {
  readonly kind = 'list';
  readonly name: string;
  readonly type: TypeInfo<T> | undefined;

  constructor(name: string, type?: TypeInfo<T>) {
    super();
    this.name = name;
    this.type = type;
  }
}

export class MapStateDescriptor<K, V> extends Descriptor implements state.MapStateDescriptor<K, V> {
  readonly kind = 'map';
  readonly name: string;
  readonly keyType: TypeInfo<K> | undefined;
  readonly type: TypeInfo<V> | undefined;

  constructor(name: string, keyType?: TypeInfo<K>, type?: TypeInfo<V>) {
    super();
    this.name = name;
    this.keyType = keyType;
    this.type = type;
  }
}

export class ReducingStateDescriptor<T> extends Descriptor implements state.ReducingStateDescriptor<T> {
  readonly kind = 'reducing';
  readonly name: string;
  readonly reduce: (a: T, b: T) => T;
  readonly type: TypeInfo<T> | undefined;

  constructor(name: string, reduce: (a: T, b: T) => T, type?: TypeInfo<T>) {
    super();
    this.name = name;
    this.reduce = reduce;
    this.type = type;
  }
}

/** `aggregate` in Flink's method names: createAccumulator, add(value, accumulator), getResult, merge. */
export class AggregatingStateDescriptor<IN, ACC, OUT> extends Descriptor implements state.AggregatingStateDescriptor<IN, ACC, OUT> {
  readonly kind = 'aggregating';
  readonly name: string;
  readonly type: TypeInfo<ACC> | undefined;
  readonly createAccumulator: () => ACC;
  readonly add: (value: IN, accumulator: ACC) => ACC;
  readonly getResult: (accumulator: ACC) => OUT;
  readonly merge: ((a: ACC, b: ACC) => ACC) | undefined;

  constructor(
    name: string,
    aggregate: {
      createAccumulator(): ACC;
      add(value: IN, accumulator: ACC): ACC;
      getResult(accumulator: ACC): OUT;
      merge?(a: ACC, b: ACC): ACC;
    },
    type?: TypeInfo<ACC>,
  ) {
    super();
    this.name = name;
    this.type = type;
    this.createAccumulator = () => aggregate.createAccumulator();
    this.add = (value, accumulator) => aggregate.add(value, accumulator);
    this.getResult = (accumulator) => aggregate.getResult(accumulator);
    this.merge = aggregate.merge ? (a, b) => (aggregate.merge as (a: ACC, b: ACC) => ACC)(a, b) : undefined;
  }
}
