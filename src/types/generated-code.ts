/**
 * Makes functions from text. Every text is made different from all others, because V8 lets equal texts share what it learns
 * about the types of their values.
 */
let made = 0;

/** Undefined where this process may not make code from text. */
export function compileFunction<F>(parameters: readonly string[], body: string, name = 'codec'): F | undefined {
  try {
    return new Function(...parameters, `"use strict";\n${body}\n//# sourceURL=weir-${name}/${made++}`) as F;
  } catch (error) {
    // Node.js was told so: --disallow-code-generation-from-strings.
    if (error instanceof EvalError) return undefined;
    throw error;
  }
}
