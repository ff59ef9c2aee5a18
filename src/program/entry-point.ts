/**
 * Which function of a module is the program. In order: `-c name`; `weir.entry` of package.json; the default export; an
 * export called `main`; else the module itself, which builds and executes its graph when it is imported.
 */
import { UserError } from '../shared/errors.ts';

export type ModuleExports = Readonly<Record<string, unknown>>;

export type EntryPoint =
  | { readonly kind: 'function'; readonly name: string; run(args: readonly string[]): unknown }
  /** Importing the module ran the program; of what it exports, these could be called. */
  | { readonly kind: 'module'; readonly callable: readonly string[] };

export function resolveEntryPoint(
  exports: ModuleExports,
  options: { entryClass?: string | undefined; entryExport?: string | undefined; displayName: string },
): EntryPoint {
  const wanted = options.entryClass ?? options.entryExport;
  if (wanted !== undefined) return namedEntry(exports, wanted, options.displayName);
  for (const name of ['default', 'main']) {
    const run = callableEntry(exports[name]);
    if (run) return { kind: 'function', name, run };
  }
  return { kind: 'module', callable: callableExports(exports) };
}

function namedEntry(exports: ModuleExports, wanted: string, displayName: string): EntryPoint {
  const simpleName = wanted.split('.').at(-1) as string;
  const value = exports[wanted] ?? exports[simpleName];
  if (value === undefined) {
    const available = callableExports(exports);
    throw new UserError('NO_ENTRY_POINT', {
      problem: `The program's entry point class '${wanted}' was not found in the jar file.`,
      found: available.length > 0 ? `${displayName} exports: ${available.join(', ')}.` : `${displayName} exports nothing that can be run.`,
      tryNext: available.length > 0 ? [`-c ${available[0]}`] : [`Export it: export function ${simpleName}(args: string[]) { … }`],
    });
  }
  const run = callableEntry(value);
  if (!run) {
    throw new UserError('NO_ENTRY_POINT', {
      problem: 'The given program class does not have a main(String[]) method.',
      found: `'${wanted}' of ${displayName} is ${value === null ? 'null' : `a ${typeof value}`}.`,
      tryNext: ['Export a function, or a class or object with a static main(args).'],
    });
  }
  return { kind: 'function', name: wanted, run };
}

/** Names of the exports that could be a program. */
function callableExports(exports: ModuleExports): string[] {
  return Object.keys(exports).filter((name) => callableEntry(exports[name]));
}

/** A function `(args) => …`, or anything with a method `main(args)`; a class without a static main is not callable. */
function callableEntry(value: unknown): ((args: readonly string[]) => unknown) | undefined {
  if (value === null || (typeof value !== 'function' && typeof value !== 'object')) return undefined;
  const main = (value as { main?: unknown }).main;
  if (typeof main === 'function') return (args) => main.call(value, args);
  if (typeof value !== 'function' || /^class\b/.test(Function.prototype.toString.call(value))) return undefined;
  return (args) => (value as (args: readonly string[]) => unknown)(args);
}
