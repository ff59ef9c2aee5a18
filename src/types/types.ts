/** `Types.*`: how a program declares what its values are, where it wants more than inference. */
import { registerClass } from './class-codecs.ts';
import type { TypeInfo } from './type-info.ts';

type Infer<T> = T extends TypeInfo<infer V> ? V : never;

const simple = <T>(kind: TypeInfo['kind']): TypeInfo<T> => ({ kind });

export const Types = {
  BOOLEAN: simple<boolean>('boolean'),
  INT: simple<number>('int'),
  LONG: simple<number>('int'),
  DOUBLE: simple<number>('double'),
  BIG_INT: simple<bigint>('bigint'),
  STRING: simple<string>('string'),
  BYTES: simple<Uint8Array>('bytes'),
  DATE: simple<Date>('date'),
  GENERIC: simple<unknown>('any'),
  LIST: <T>(element: TypeInfo<T>): TypeInfo<T[]> => ({ kind: 'list', elements: [element] }),
  SET: <T>(element: TypeInfo<T>): TypeInfo<Set<T>> => ({ kind: 'set', elements: [element] }),
  MAP: <K, V>(key: TypeInfo<K>, value: TypeInfo<V>): TypeInfo<Map<K, V>> => ({ kind: 'map', elements: [key, value] }),
  TUPLE: <const E extends readonly TypeInfo[]>(...elements: E): TypeInfo<{ -readonly [I in keyof E]: Infer<E[I]> }> => ({
    kind: 'tuple',
    elements,
  }),
  RECORD: <F extends Readonly<Record<string, TypeInfo>>>(fields: F): TypeInfo<{ [K in keyof F]: Infer<F[K]> }> => ({
    kind: 'record',
    fields,
  }),
  /** Lets instances of a class travel; registers it for this process. */
  register: registerClass,
};
