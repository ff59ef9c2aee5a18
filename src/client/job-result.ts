/** What `flink run` prints when an attached job has finished. */

export interface FinishedJob {
  readonly jobId: string;
  readonly netRuntimeMs: number;
  /** Values and their type names, by accumulator. */
  readonly accumulators: readonly { readonly name: string; readonly type: string; readonly value: unknown }[];
}

export function renderJobResult(job: FinishedJob): string[] {
  const lines = ['Program execution finished', `Job with JobID ${job.jobId} has finished.`, `Job Runtime: ${job.netRuntimeMs} ms`];
  if (job.accumulators.length > 0) lines.push('Accumulator Results: ', ...job.accumulators.map(accumulatorLine));
  lines.push('');
  return lines;
}

function accumulatorLine({ name, type, value }: FinishedJob['accumulators'][number]): string {
  const size = sizeOf(value);
  if (size !== undefined) return `- ${name} (${type}) [${size} elements]`;
  return `- ${name} (${type}): ${typeof value === 'string' ? value : JSON.stringify(value)}`;
}

/** Number of elements, for what has elements. */
function sizeOf(value: unknown): number | undefined {
  if (Array.isArray(value)) return value.length;
  return typeof value === 'object' && value !== null ? Object.keys(value).length : undefined;
}
