/**
 * Type information: how a program declares what its values look like, when it wants to. Without a declaration codecs
 * are inferred from the values. `Types.*` in `types.ts` builds these; codecs are made from them in `codec.ts`.
 */
export interface TypeInfo<T = unknown> {
  readonly kind:
    | 'inferred'
    | 'boolean'
    | 'int'
    | 'double'
    | 'bigint'
    | 'string'
    | 'bytes'
    | 'date'
    | 'list'
    | 'map'
    | 'set'
    | 'record'
    | 'tuple'
    | 'class'
    | 'any';
  readonly elements?: readonly TypeInfo[] | undefined;
  readonly fields?: Readonly<Record<string, TypeInfo>> | undefined;
  readonly nullable?: boolean | undefined;
  readonly className?: string | undefined;
  /** Only for the compiler: carries T. */
  readonly __type?: T | undefined;
}
