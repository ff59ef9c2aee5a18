/** Transformations → StreamGraph: virtual steps become edges, defaults are filled in, and what cannot run is refused with its place. */
import type { CachedFile } from '../api/distributed-cache.ts';
import type { Partitioner, PhysicalTransformation, Transformation } from '../api/transformation.ts';
import { Configuration } from '../config/configuration.ts';
import { UserError } from '../shared/errors.ts';
import { defaultMaxParallelism } from '../types/key-groups.ts';
import { couldChain } from './chaining.ts';
import { assignOperatorIds } from './operator-ids.ts';
import type { StreamEdge, StreamGraph, StreamNode } from './stream-graph.ts';

export interface RecordedProgram {
  readonly transformations: readonly Transformation[];
  readonly jobName: string | undefined;
  readonly cachedFiles?: Readonly<Record<string, CachedFile>> | undefined;
  readonly configuration: Readonly<Record<string, string>>;
}

/** Throws UserError naming operator and source position. */
export function generateStreamGraph(program: RecordedProgram): StreamGraph {
  const config = Configuration.of(program.configuration);
  const physical = program.transformations.filter((transformation) => transformation.kind === 'physical');
  const partitioners = new Map<number, Partitioner>();
  for (const transformation of program.transformations) {
    if (transformation.kind === 'partition') partitioners.set(transformation.id, transformation.partitioner);
  }
  const drafts = new Map<number, DraftNode>();
  for (const transformation of physical) drafts.set(transformation.id, draftNode(transformation, config, drafts));
  const nodes = [...drafts.values()];
  requireUids(nodes, config);
  const batch = runsAsBatch(config, physical);
  const withIds = identify(nodes, config.get('pipeline.operator-chaining.enabled'));
  return {
    jobName: program.jobName ?? config.getText('pipeline.name') ?? 'Flink Streaming Job',
    jobType: batch ? 'BATCH' : 'STREAMING',
    nodes: withIds,
    partitioners,
    cachedFiles: program.cachedFiles ?? {},
    // AUTOMATIC is decided here, once for all who ask.
    configuration: config.has('execution.runtime-mode')
      ? { ...program.configuration, 'execution.runtime-mode': batch ? 'BATCH' : 'STREAMING' }
      : program.configuration,
  };
}

type DraftNode = Omit<StreamNode, 'operatorId'>;

function draftNode(transformation: PhysicalTransformation, config: Configuration, drafts: ReadonlyMap<number, DraftNode>): DraftNode {
  const parallelism = transformation.forceNonParallel ? 1 : (transformation.parallelism ?? config.get('parallelism.default'));
  const maxParallelism = transformation.maxParallelism ?? explicitMaxParallelism(config);
  if (maxParallelism !== undefined && parallelism > maxParallelism) {
    throw new UserError('PARALLELISM_ABOVE_MAX', {
      problem: `'${transformation.name}' has parallelism ${parallelism}, more than its max parallelism ${maxParallelism}.`,
      found: transformation.location,
      tryNext: [`setMaxParallelism(${parallelism}) or more`],
    });
  }
  const inputs = transformation.inputs.flatMap((input, inputIndex) => edgesOf(input, transformation, inputIndex, parallelism, drafts));
  const inputGroups = new Set(inputs.map((edge) => drafts.get(edge.sourceId)?.slotSharingGroup));
  const inherited = inputGroups.size === 1 ? ([...inputGroups][0] as string) : 'default';
  return {
    id: transformation.id,
    name: transformation.name,
    description: transformation.description,
    uid: transformation.uid,
    uidHash: transformation.uidHash,
    spec: transformation.spec,
    parallelism,
    maxParallelism: maxParallelism ?? defaultMaxParallelism(parallelism),
    maxParallelismExplicit: maxParallelism !== undefined,
    slotSharingGroup: transformation.slotSharingGroup ?? inherited,
    chaining: transformation.chaining,
    bufferTimeoutMs: transformation.bufferTimeoutMs ?? bufferTimeoutMs(config),
    keySelectors: transformation.keySelectors ?? [],
    inputs,
    location: transformation.location,
  };
}

/** -1: buffers leave when they are full. */
function bufferTimeoutMs(config: Configuration): number {
  return config.get('execution.buffer-timeout.enabled') ? config.get('execution.buffer-timeout.interval') : -1;
}

function explicitMaxParallelism(config: Configuration): number | undefined {
  const value = config.getOptional('pipeline.max-parallelism');
  return value === undefined || value < 1 ? undefined : value;
}

/** Follows virtual steps up to the physical ones; a union gives several edges. */
function edgesOf(
  input: Transformation,
  target: PhysicalTransformation,
  inputIndex: number,
  parallelism: number,
  drafts: ReadonlyMap<number, DraftNode>,
): StreamEdge[] {
  switch (input.kind) {
    case 'physical':
      return [implicitEdge(input, target, inputIndex, parallelism, drafts)];
    case 'union':
      return input.inputs.flatMap((part) => edgesOf(part, target, inputIndex, parallelism, drafts));
    case 'side-output':
      return edgesOf(input.input, target, inputIndex, parallelism, drafts).map((edge) => ({ ...edge, outputTag: input.tag }));
    case 'partition':
      return edgesOf(input.input, target, inputIndex, parallelism, drafts).map((edge) => {
        refuseUnevenForward(input.partitioner, edge, target, parallelism, drafts);
        return { ...edge, partitioner: input.partitioner, partitionNodeId: input.id };
      });
  }
}

/** Same parallelism: forward; otherwise rebalance. */
function implicitEdge(
  source: PhysicalTransformation,
  target: PhysicalTransformation,
  inputIndex: number,
  parallelism: number,
  drafts: ReadonlyMap<number, DraftNode>,
): StreamEdge {
  const kind = drafts.get(source.id)?.parallelism === parallelism ? 'forward' : 'rebalance';
  return { sourceId: source.id, targetId: target.id, inputIndex, partitioner: { kind } };
}

function refuseUnevenForward(
  partitioner: Partitioner,
  edge: StreamEdge,
  target: PhysicalTransformation,
  parallelism: number,
  drafts: ReadonlyMap<number, DraftNode>,
): void {
  const source = drafts.get(edge.sourceId);
  if (partitioner.kind !== 'forward' || !source || source.parallelism === parallelism) return;
  throw new UserError('UNEVEN_FORWARD', {
    problem: `Forward partitioning does not allow change of parallelism: '${source.name}' runs ${source.parallelism} times, '${target.name}' ${parallelism} times.`,
    found: target.location,
    tryNext: ['Use rescale() or rebalance() there, or give both the same parallelism.'],
  });
}

function requireUids(nodes: readonly DraftNode[], config: Configuration): void {
  if (config.get('pipeline.auto-generate-uids')) return;
  const missing = nodes.find((node) => node.uid === undefined && node.uidHash === undefined);
  if (!missing) return;
  throw new UserError('MISSING_UID', {
    problem: `Auto generated UIDs have been disabled but no UID or hash has been assigned to operator ${missing.name}`,
    found: missing.location,
    tryNext: [`.uid('…') behind the step that makes '${missing.name}'`],
  });
}

function identify(nodes: readonly DraftNode[], chainingEnabled: boolean): StreamNode[] {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const outputs = new Map<number, number>();
  for (const node of nodes) {
    const source = byId.get(node.inputs[0]?.sourceId ?? -1);
    if (source && couldChain(node, source, chainingEnabled)) outputs.set(source.id, (outputs.get(source.id) ?? 0) + 1);
  }
  const ids = assignOperatorIds(
    nodes.map((node) => ({
      id: node.id,
      name: node.name,
      uid: node.uid,
      uidHash: node.uidHash,
      inputs: node.inputs.map((edge) => edge.sourceId),
      chainableOutputs: outputs.get(node.id) ?? 0,
    })),
  );
  return nodes.map((node) => ({ ...node, operatorId: ids.get(node.id) as string }));
}

function runsAsBatch(config: Configuration, physical: readonly PhysicalTransformation[]): boolean {
  const mode = config.get('execution.runtime-mode');
  if (mode === 'STREAMING') return false;
  const unbounded = physical.find((transformation) => transformation.inputs.length === 0 && !isBounded(transformation));
  if (mode === 'AUTOMATIC') return unbounded === undefined;
  if (!unbounded) return true;
  throw new UserError('UNBOUNDED_BATCH', {
    problem: `execution.runtime-mode is BATCH, and '${unbounded.name}' is an unbounded source.`,
    found: unbounded.location,
    tryNext: ['Use STREAMING or AUTOMATIC, or bound the source.'],
  });
}

function isBounded(transformation: PhysicalTransformation): boolean {
  return (transformation.spec['source'] as { boundedness?: string } | undefined)?.boundedness === 'BOUNDED';
}
