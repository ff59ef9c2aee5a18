/** Arbitraries of what a record may hold. */
import fc from 'fast-check';

export const scalar = fc.oneof(
  fc.integer(),
  fc.double(),
  fc.string(),
  fc.string({ unit: 'binary' }),
  fc.boolean(),
  fc.bigInt(),
  fc.constantFrom(null, undefined, -0, Number.NaN, '\ud800'),
  fc.date({ noInvalidDate: false }),
  fc.uint8Array(),
  fc.float32Array(),
  fc.bigInt64Array(),
);

export const { value: anyValue } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    scalar,
    fc.array(tie('value')),
    fc.sparseArray(tie('value')),
    fc.dictionary(fc.oneof(fc.string(), fc.constantFrom('__proto__', 'constructor', '0', '7')), tie('value'), { noNullPrototype: true }),
    fc.array(fc.tuple(scalar, tie('value'))).map((pairs) => new Map(pairs)),
    fc.array(scalar).map((elements) => new Set(elements)),
  ),
}));
