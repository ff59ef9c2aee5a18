/**
 * Copies records by code made for their shape, which gives what {@link cloneValue} gives. A value of another kind, or of a
 * shape that is not met often, is copied by plain steps.
 */
import { cloneValue } from './clone.ts';
import { compileFunction } from './generated-code.ts';
import { unsupported } from './value-codec.ts';

/** Undefined when the value is no plain object of the shape. */
type CloneShape = (value: unknown) => object | undefined;

/** Shapes of one place in a program; those beyond are copied by plain steps. */
const maxShapes = 4;
const widestShape = 64;
/** Code is made for shapes that are more than an exception. */
const recordsBeforeCode = 16;

export class ShapeCloner {
  readonly #shapes: CloneShape[] = [];
  #first: CloneShape = () => undefined;
  #byPlainSteps = 0;

  clone(value: unknown): unknown {
    if (typeof value !== 'object' || value === null)
      return typeof value === 'function' || typeof value === 'symbol' ? cloneValue(value) : value;
    return this.#first(value) ?? this.#other(value);
  }

  #other(value: object): unknown {
    for (let index = 1; index < this.#shapes.length; index++) {
      const clone = (this.#shapes[index] as CloneShape)(value);
      if (clone) return clone;
    }
    if (++this.#byPlainSteps === recordsBeforeCode && this.#shapes.length < maxShapes) this.#learn(value);
    return cloneValue(value);
  }

  #learn(value: object): void {
    this.#byPlainSteps = 0;
    if (Object.getPrototypeOf(value) !== Object.prototype) return;
    const fields = Object.keys(value);
    if (fields.length === 0 || fields.length > widestShape || fields.includes('__proto__')) return;
    const clone = compileFunction<(...bindings: unknown[]) => CloneShape>(['plain', 'fields', 'cloneField'], code(fields), 'clone');
    if (!clone) return;
    this.#shapes.push(clone(Object.prototype, fields, cloneField));
    this.#first = this.#shapes[0] as CloneShape;
  }
}

function cloneField(value: unknown, field: string): unknown {
  switch (typeof value) {
    case 'object':
      return cloneValue(value, 1);
    case 'function':
    case 'symbol':
      throw unsupported(value, `.${field}`);
    default:
      return value;
  }
}

function code(fields: readonly string[]): string {
  const name = (index: number): string => JSON.stringify(fields[index]);
  const reads = fields.map(
    (_, index) => `let x${index} = v[${name(index)}];
if (typeof x${index} !== "number" && typeof x${index} !== "string") x${index} = cloneField(x${index}, ${name(index)});`,
  );
  const copies = fields.map((_, index) => `${name(index)}: x${index}`);
  // `__proto__` is read as an ordinary property: an inline cache answers it, where getPrototypeOf would be called.
  return `return function clone(v) {
if (v.__proto__ !== plain) return undefined;
let i = 0;
for (const field in v) if (field !== fields[i++]) return undefined;
if (i !== ${fields.length}) return undefined;
${reads.join('\n')}
return { ${copies.join(', ')} };
};`;
}
