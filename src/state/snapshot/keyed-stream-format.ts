/**
 * The names and numbers of the keyed-state stream (docs/formats/keyed-state.md), the same for every backend: what one backend
 * wrote, another one restores.
 *
 *     header | blocks | footer | trailer
 *
 * A block holds entries of one section (a state, or one domain of a timer service) and one key group, and can be read on its
 * own. The footer lists the sections and says where each block lies.
 */
import type { TypeInfo } from '../../types/type-info.ts';

/** Frozen: these numbers are in stored streams. */
export const sectionKinds = {
  value: 1,
  list: 2,
  map: 3,
  reducing: 4,
  aggregating: 5,
  'event-time-timers': 6,
  'processing-time-timers': 7,
} as const;

export type SectionKind = keyof typeof sectionKinds;

export interface SectionHeader {
  readonly kind: SectionKind;
  /** Of the state, or of the timer service. */
  readonly name: string;
  /** As the program declared them, or undefined: values describe themselves. */
  readonly type: TypeInfo | undefined;
  readonly keyType: TypeInfo | undefined;
}

/** How an entry says which key and namespace it belongs to. Frozen. */
export const entryHeads = {
  key: 0,
  keyAndNamespace: 1,
  /** Key and namespace (or its absence) are those of the entry before, in this block. */
  same: 2,
  sameKeyOtherNamespace: 3,
} as const;

export const trailerMagic = 'WEIRKEND';
/** int32 footer length, uint32 footer checksum, magic. */
export const trailerBytes = 16;
