/** The stream graph as JSON, in the form of Flink's `getExecutionPlan`: one node for each step, before chaining. */
import { shipStrategy } from './json-plan.ts';
import type { StreamEdge, StreamGraph, StreamNode } from './stream-graph.ts';

export interface StreamingPlan {
  readonly nodes: readonly StreamingPlanNode[];
}

export interface StreamingPlanNode {
  readonly id: number;
  readonly type: string;
  readonly pact: 'Data Source' | 'Data Sink' | 'Operator';
  readonly contents: string;
  readonly parallelism: number;
  readonly predecessors?: readonly { readonly id: number; readonly ship_strategy: string; readonly side: 'second' }[];
}

export function streamingPlan(graph: StreamGraph): StreamingPlan {
  const withConsumers = new Set(graph.nodes.flatMap((node) => node.inputs.map((edge) => edge.sourceId)));
  return { nodes: graph.nodes.map((node) => planNode(node, withConsumers.has(node.id))) };
}

function planNode(node: StreamNode, hasConsumers: boolean): StreamingPlanNode {
  return {
    id: node.id,
    type: node.name,
    pact: node.inputs.length === 0 ? 'Data Source' : hasConsumers ? 'Operator' : 'Data Sink',
    contents: node.description ?? node.name,
    parallelism: node.parallelism,
    ...(node.inputs.length === 0 ? {} : { predecessors: node.inputs.map(predecessor) }),
  };
}

function predecessor({ sourceId, partitioner }: StreamEdge): { id: number; ship_strategy: string; side: 'second' } {
  return { id: sourceId, ship_strategy: shipStrategy(partitioner.kind), side: 'second' };
}
