/**
 * Imports the module that holds a program. A module that is itself the program (a script) does its work while it is imported,
 * so each run imports it anew; any other is imported once per thread, however many subtasks run there.
 *
 * A script shows itself by executing a job before its import is over, or by having no entry point. Until that is known of a
 * module's first import, further runs of it wait.
 */
import { pathToFileURL } from 'node:url';
import type { ModuleExports } from './entry-point.ts';

export interface EntryImport {
  readonly exports: Promise<ModuleExports>;
  /** To be called when the run executes a job. */
  executedJob(): void;
}

interface KnownModule {
  readonly decided: Promise<boolean>;
  decide(isScript: boolean): void;
}

const known = new Map<string, KnownModule>();
let imports = 0;

/** `hasEntryPoint` tells modules that are called from those that run by themselves. */
export function importEntryModule(path: string, hasEntryPoint: (exports: ModuleExports) => boolean): EntryImport {
  const url = pathToFileURL(path).href;
  const seen = known.get(path);
  if (seen) {
    const anew = async (): Promise<ModuleExports> => importModule((await seen.decided) ? `${url}?run=${++imports}` : url);
    return { exports: anew(), executedJob: () => {} };
  }
  const { promise: decided, resolve: decide } = Promise.withResolvers<boolean>();
  known.set(path, { decided, decide });
  const first = async (): Promise<ModuleExports> => {
    try {
      const exports = await importModule(url);
      decide(!hasEntryPoint(exports));
      return exports;
    } catch (error) {
      // A module that threw is never evaluated again under the same name.
      decide(true);
      throw error;
    }
  };
  return { exports: first(), executedJob: () => decide(true) };
}

export function importModule(url: string): Promise<ModuleExports> {
  return import(url) as Promise<ModuleExports>;
}
