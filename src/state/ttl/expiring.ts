/** A value of keyed state with the time from which its life is counted: what state with a time to live holds. */
import { registerClass } from '../../types/class-codecs.ts';
import type { TypeInfo } from '../../types/type-info.ts';

/** Frozen: it is in stored state. */
const className = 'weir.Expiring';

export class Expiring {
  value: unknown;
  /** Of the last access that counts, processing time. */
  at: number;

  constructor(value: unknown, at: number) {
    this.value = value;
    this.at = at;
  }
}

registerClass(Expiring, {
  name: className,
  toPlain: ({ at, value }) => [at, value],
  fromPlain: ([at, value]: [number, unknown]) => new Expiring(value, at),
});

/** The type under which such state is stored. */
export function expiringType(type: TypeInfo | undefined): TypeInfo {
  return { kind: 'class', className, ...(type ? { elements: [type] } : {}) };
}

export function isExpiringType(type: TypeInfo | undefined): boolean {
  return type?.kind === 'class' && type.className === className;
}
