/** Metrics as reporters see them: values under the place they belong to, and the variables that say which one it is. */
import type { MetricDump } from '../rpc/gateways.ts';

export interface ReportedGroup {
  /** Outermost first: `taskmanager`, `job`, `task`, `operator`. */
  readonly scope: readonly string[];
  /** Names as Flink has them, without brackets: `tm_id`, `job_name`, `subtask_index`. */
  readonly variables: Readonly<Record<string, string>>;
  readonly metrics: MetricDump;
}
