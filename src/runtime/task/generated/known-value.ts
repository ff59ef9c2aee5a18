/** What is known, while code is made, about the value that a variable will hold. */
import type { RecordPart } from '../../operators/function-facts.ts';

export interface KnownValue {
  readonly name: string;
  readonly isPrimitive: boolean;
  /** Nobody else holds it. */
  readonly isOwned: boolean;
  /** All its fields are primitive. */
  readonly isFlat: boolean;
  /** An operator before this one may still hold it: code that is not known to only read must get a copy. */
  readonly isShared: boolean;
  /** The names of its fields, in order, when it is a plain object with just these. */
  readonly fields: readonly string[] | undefined;
}

export function unknownValue(name: string, isOwned: boolean): KnownValue {
  return { name, isPrimitive: false, isOwned, isFlat: false, isShared: false, fields: undefined };
}

export function primitiveValue(name: string): KnownValue {
  return { name, isPrimitive: true, isOwned: true, isFlat: true, isShared: false, fields: undefined };
}

/** A literal whose fields are primitive. */
export function flatRecord(name: string, fields: readonly string[]): KnownValue {
  return { name, isPrimitive: false, isOwned: true, isFlat: true, isShared: false, fields };
}

/** Code that only reads a record may still keep what is inside a field. */
export function afterReading(value: KnownValue): KnownValue {
  return value.isFlat ? value : { ...value, isOwned: false };
}

/** Code that does as it likes may keep the record and change it. */
export function afterAnything(value: KnownValue): KnownValue {
  return value.isPrimitive ? value : { ...unknownValue(value.name, false), isShared: value.isShared };
}

/** State holds it, and the next call of a function may change it. */
export function heldByState(value: KnownValue): KnownValue {
  return value.isPrimitive ? value : { ...value, isOwned: false, isShared: true };
}

export interface ResolvedField {
  readonly field: string;
  readonly isPrimitive: boolean;
}

/**
 * The fields that an object literal ends up with; undefined when a spread value is not known well enough. `input` is the
 * record that the literal's function was given, if that function only reads it.
 */
export function resolveFields(parts: readonly RecordPart[], input: KnownValue | undefined): ResolvedField[] | undefined {
  const known = input?.isFlat ? input.fields : undefined;
  const fields = new Map<string, boolean>();
  for (const part of parts) {
    if ('spread' in part) {
      if (part.spread !== 0 || !known) return undefined;
      for (const field of known) fields.set(field, true);
    } else {
      // A name that is no field of its own may be a method of all objects.
      const copiesField = part.reads?.position === 0 && known?.includes(part.reads.field) === true;
      fields.set(part.field, part.isPrimitive || copiesField);
    }
  }
  return Array.from(fields, ([field, isPrimitive]) => ({ field, isPrimitive }));
}

/** An expression for a copy of a flat record. */
export function literalText(name: string, fields: readonly string[]): string {
  const quoted = fields.map((field) => JSON.stringify(field));
  return `{ ${quoted.map((field) => `${field}: ${name}[${field}]`).join(', ')} }`;
}
