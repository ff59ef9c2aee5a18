/**
 * Sinks that were declared and that no `execute` has taken: most often a forgotten `execute()`. Kept under a global symbol,
 * because the program's copy of this module and the command line's may be two.
 */
import type { JobBuilder } from './job-builder.ts';

const key = Symbol.for('weir.job-builders');
const registry = globalThis as unknown as Record<symbol, Set<JobBuilder> | undefined>;

export function rememberBuilder(builder: JobBuilder): void {
  registry[key] ??= new Set();
  registry[key].add(builder);
}

export function forgetBuilder(builder: JobBuilder): void {
  registry[key]?.delete(builder);
}

export function unexecutedSteps(): { name: string; location: string | undefined }[] {
  const builders = [...(registry[key] ?? [])];
  return builders
    .flatMap((builder) => builder.transformations)
    .filter((step) => step.kind === 'physical')
    .filter((step) => /^(sink|print|collect)/.test(step.spec.type))
    .map((step) => ({ name: step.name, location: step.location }));
}
