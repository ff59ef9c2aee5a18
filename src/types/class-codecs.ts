/** Classes a program registered for its records: how an instance becomes plain data and back. */
import { UserError } from '../shared/errors.ts';

export interface ClassCodec {
  readonly name: string;
  toPlain(value: object): unknown;
  fromPlain(plain: unknown): object;
}

/** A constructor, whatever its arguments. */
export type AnyClass<T extends object = object> = abstract new (...args: never[]) => T;

const byPrototype = new Map<object, ClassCodec>();
const byName = new Map<string, ClassCodec>();

/** Without `toPlain`/`fromPlain`, own fields are copied and the prototype is put back. */
export function registerClass<T extends object>(
  type: AnyClass<T>,
  options: { name?: string; toPlain?: (value: T) => unknown; fromPlain?: (plain: never) => T } = {},
): void {
  const name = options.name ?? type.name;
  if (!name)
    throw new UserError('CLASS_WITHOUT_NAME', {
      problem: 'A class without a name cannot be registered.',
      tryNext: ["Types.register(MyClass, { name: 'MyClass' })"],
    });
  const prototype = type.prototype as object;
  const codec: ClassCodec = {
    name,
    toPlain: (options.toPlain as ((value: object) => unknown) | undefined) ?? ((value) => ({ ...value })),
    fromPlain:
      (options.fromPlain as ((plain: unknown) => object) | undefined) ??
      ((plain) => Object.assign(Object.create(prototype) as object, plain)),
  };
  byPrototype.set(prototype, codec);
  byName.set(name, codec);
}

export function classCodecOf(value: object): ClassCodec | undefined {
  return byPrototype.get(Object.getPrototypeOf(value) as object);
}

export function classCodecByName(name: string): ClassCodec | undefined {
  return byName.get(name);
}
