/** The objects that generated code works with: each gets a name, and reaches the code as a constant of its outermost function. */
export class Bindings {
  readonly #names = new Map<unknown, string>();
  readonly values: unknown[] = [];

  /** The same name for the same value. */
  name(value: unknown, hint: string): string {
    const known = this.#names.get(value);
    if (known !== undefined) return known;
    const name = `${hint}${this.values.length}`;
    this.#names.set(value, name);
    this.values.push(value);
    return name;
  }

  /** To stand first in the code, which gets `values` as its parameter `bindings`. */
  declarations(): string {
    return this.values.length === 0 ? '' : `const [${[...this.#names.values()].join(', ')}] = bindings;`;
  }
}
