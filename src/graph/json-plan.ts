/** The JSON plan: what `flink info` prints and the dashboard draws. */
import type { JobGraph, JobVertex, PartitionerKind } from './job-graph.ts';

export interface JsonPlan {
  readonly jid: string;
  readonly name: string;
  readonly type: string;
  readonly nodes: readonly JsonPlanNode[];
}

export interface JsonPlanNode {
  readonly id: string;
  readonly parallelism: number;
  readonly operator: string;
  readonly operator_strategy: string;
  readonly description: string;
  readonly inputs?: readonly { readonly num: number; readonly id: string; readonly ship_strategy: string; readonly exchange: string }[];
  readonly optimizer_properties: Readonly<Record<string, never>>;
}

export function jsonPlan(graph: JobGraph): JsonPlan {
  return { jid: graph.jobId, name: graph.name, type: graph.jobType, nodes: [...graph.vertices].reverse().map(planNode) };
}

function planNode(vertex: JobVertex): JsonPlanNode {
  return {
    id: vertex.id,
    parallelism: vertex.parallelism,
    operator: '',
    operator_strategy: '',
    description: escapeHtml(
      vertex.operators.map((operator, index) => `${index === 0 ? '' : '+- '}${operator.description ?? operator.name}`).join('\n'),
    ),
    ...(vertex.inputs.length === 0
      ? {}
      : {
          inputs: vertex.inputs.map((edge, num) => ({
            num,
            id: edge.sourceVertexId,
            ship_strategy: shipStrategy(edge.partitioner),
            exchange: 'pipelined_bounded',
          })),
        }),
    optimizer_properties: {},
  };
}

export function shipStrategy(partitioner: PartitionerKind): string {
  return partitioner.toUpperCase();
}

function escapeHtml(text: string): string {
  const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;', '\\': '&#92;' };
  return text.replace(/[&<>"'\\]/g, (character) => entities[character] as string).replaceAll('\n', '<br/>');
}
