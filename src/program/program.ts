/**
 * A program that can be run again: `replay` runs `main(args)` with everything it can observe pinned, and returns the
 * StreamGraph of the submitted `execute` call with fresh function instances.
 */
import type { JobGraph } from '../graph/job-graph.ts';
import type { StreamGraph } from '../graph/stream-graph.ts';

export interface ReplayableProgram {
  /** Throws UserError('GRAPH_MISMATCH') naming the first operator that differs from the submitted graph. */
  replay(): Promise<StreamGraph>;
}

/** Finds the program of a job in this thread. `artifactDirectory` is where the bundle was unpacked. */
export type ProgramLoader = (jobGraph: JobGraph, artifactDirectory: string | undefined) => Promise<ReplayableProgram>;
