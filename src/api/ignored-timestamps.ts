/**
 * A classic mistake: `stream.assignTimestampsAndWatermarks(…)` gives a new stream, and the program goes on with the old one. Nothing
 * fails then, and no event-time timer ever fires.
 */
import type { PhysicalTransformation, Transformation } from './transformation.ts';

/** A sentence for each step that assigns timestamps for nobody. */
export function ignoredTimestamps(transformations: readonly Transformation[]): string[] {
  const read = new Set(transformations.flatMap((step) => ('inputs' in step ? step.inputs : [step.input])));
  return transformations
    .filter((step): step is PhysicalTransformation => step.kind === 'physical' && step.spec.type === 'timestamps-and-watermarks')
    .filter((step) => !read.has(step))
    .map(
      ({ location }) =>
        `assignTimestampsAndWatermarks()${location ? ` at ${location}` : ''} has no effect: use the stream that it returns, the one it was called on stays as it is.`,
    );
}
