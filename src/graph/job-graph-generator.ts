/** StreamGraph → JobGraph: chains become vertices, the edges between them get numbers. Plain data comes out. */
import { Configuration } from '../config/configuration.ts';
import { type JobVertexId, newJobId } from '../shared/ids.ts';
import { weirVersion } from '../shared/installation.ts';
import { couldChain } from './chaining.ts';
import { fingerprint } from './fingerprint.ts';
import type { ChainEdge, ChainedOperator, JobEdge, JobGraph, JobOutput, JobVertex, ProgramDescriptor } from './job-graph.ts';
import type { StreamEdge, StreamGraph, StreamNode } from './stream-graph.ts';

export interface JobGraphOptions {
  readonly program: ProgramDescriptor;
  readonly jobId?: string | undefined;
  readonly restore?: JobGraph['restore'];
}

export function generateJobGraph(graph: StreamGraph, options: JobGraphOptions): JobGraph {
  const chains = buildChains(graph);
  const edges = crossEdges(graph, chains);
  return {
    formatVersion: 1,
    weirVersion: weirVersion(),
    jobId: options.jobId ?? newJobId(),
    name: graph.jobName,
    jobType: graph.jobType,
    vertices: topological(chains, edges).map((chain) => vertexOf(chain, edges)),
    configuration: graph.configuration,
    program: options.program,
    fingerprint: fingerprint(graph),
    ...(options.restore ? { restore: options.restore } : {}),
  };
}

/** Nodes of one task; [0] is the head. */
type Chain = StreamNode[];

/** A vertex is called by the operator id of its chain's head. */
function vertexId(chain: Chain): JobVertexId {
  return (chain[0] as StreamNode).operatorId as string;
}

function buildChains(graph: StreamGraph): Map<number, Chain> {
  const byId = new Map(graph.nodes.map((node) => [node.id, node]));
  const chainingEnabled = Configuration.of(graph.configuration).get('pipeline.operator-chaining.enabled');
  const chainOf = new Map<number, Chain>();
  for (const node of graph.nodes) {
    const source = byId.get(node.inputs[0]?.sourceId ?? -1);
    const upstream = source && couldChain(node, source, chainingEnabled) ? chainOf.get(source.id) : undefined;
    const chain = upstream ?? [];
    chain.push(node);
    chainOf.set(node.id, chain);
  }
  return chainOf;
}

interface CrossEdge {
  readonly edgeId: string;
  readonly edge: StreamEdge;
  readonly source: Chain;
  readonly target: Chain;
}

function crossEdges(graph: StreamGraph, chains: ReadonlyMap<number, Chain>): CrossEdge[] {
  const edges: CrossEdge[] = [];
  for (const node of graph.nodes) {
    const target = chains.get(node.id) as Chain;
    node.inputs.forEach((edge, index) => {
      const source = chains.get(edge.sourceId) as Chain;
      if (source !== target) edges.push({ edgeId: `${edge.sourceId}-${node.id}-${index}`, edge, source, target });
    });
  }
  return edges;
}

function topological(chains: ReadonlyMap<number, Chain>, edges: readonly CrossEdge[]): Chain[] {
  const ordered: Chain[] = [];
  const visit = (chain: Chain): void => {
    if (ordered.includes(chain)) return;
    for (const edge of edges) if (edge.target === chain) visit(edge.source);
    if (!ordered.includes(chain)) ordered.push(chain);
  };
  for (const chain of chains.values()) visit(chain);
  return ordered;
}

function vertexOf(chain: Chain, edges: readonly CrossEdge[]): JobVertex {
  const head = chain[0] as StreamNode;
  const outgoing = edges.filter((edge) => edge.source === chain);
  return {
    id: vertexId(chain),
    name: chainName(head, chain),
    parallelism: head.parallelism,
    maxParallelism: head.maxParallelism,
    maxParallelismExplicit: head.maxParallelismExplicit,
    slotSharingGroup: head.slotSharingGroup,
    operators: chain.map(operatorOf),
    chainEdges: chain.slice(1).map((node) => chainEdge(node, chain)),
    inputs: edges.filter((edge) => edge.target === chain).map((edge) => jobEdge(edge, edges)),
    outputs: outgoing.map((edge) => jobOutput(edge, chain)),
  };
}

function operatorOf(node: StreamNode): ChainedOperator {
  return {
    operatorId: node.operatorId,
    streamNodeId: node.id,
    name: node.name,
    ...(node.description === undefined ? {} : { description: node.description }),
    ...(node.uid === undefined ? {} : { uid: node.uid }),
    ...(node.uidHash === undefined ? {} : { uidHash: node.uidHash }),
    type: node.spec.type,
    bufferTimeoutMs: node.bufferTimeoutMs,
  };
}

function chainEdge(node: StreamNode, chain: Chain): ChainEdge {
  const edge = node.inputs[0] as StreamEdge;
  const from = chain.findIndex((candidate) => candidate.id === edge.sourceId);
  return { from, to: chain.indexOf(node), ...(edge.outputTag === undefined ? {} : { outputTag: edge.outputTag }) };
}

function jobEdge(cross: CrossEdge, edges: readonly CrossEdge[]): JobEdge {
  const siblings = edges.filter((edge) => edge.source === cross.source);
  return {
    edgeId: cross.edgeId,
    sourceVertexId: vertexId(cross.source),
    sourceOutputIndex: siblings.indexOf(cross),
    inputIndex: cross.edge.inputIndex,
    partitioner: cross.edge.partitioner.kind,
  };
}

function jobOutput(cross: CrossEdge, chain: Chain): JobOutput {
  const operatorIndex = chain.findIndex((node) => node.id === cross.edge.sourceId);
  return {
    edgeId: cross.edgeId,
    targetVertexId: vertexId(cross.target),
    operatorIndex,
    ...(cross.edge.outputTag === undefined ? {} : { outputTag: cross.edge.outputTag }),
    partitioner: cross.edge.partitioner.kind,
    ...(cross.edge.partitionNodeId === undefined ? {} : { partitionNodeId: cross.edge.partitionNodeId }),
    bufferTimeoutMs: (chain[operatorIndex] as StreamNode).bufferTimeoutMs,
  };
}

/** `A -> B -> (C, D)`, as Flink writes chains. */
function chainName(node: StreamNode, chain: Chain): string {
  const next = chain.filter((candidate) => candidate !== node && candidate.inputs[0]?.sourceId === node.id);
  if (next.length === 0) return node.name;
  const names = next.map((candidate) => chainName(candidate, chain));
  return names.length === 1 ? `${node.name} -> ${names[0]}` : `${node.name} -> (${names.join(', ')})`;
}
