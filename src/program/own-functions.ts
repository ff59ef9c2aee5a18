/** On one thread a replay is the program's own graph, so what an attempt changes must be its own. */
import type { StreamGraph } from '../graph/stream-graph.ts';

/** Each attempt of each subtask gets function literals of its own: `this` is not shared, and nothing survives a restart. */
export function withOwnFunctions(graph: StreamGraph): StreamGraph {
  return {
    ...graph,
    nodes: graph.nodes.map((node) => {
      const userFunction = node.spec['function'];
      return isLiteral(userFunction) ? { ...node, spec: { ...node.spec, function: { ...userFunction } } } : node;
    }),
  };
}

export function isLiteral(value: unknown): value is object {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}
