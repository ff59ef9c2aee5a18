/**
 * The operators of one task, wired: chained operators call each other, edges to other tasks go through routers. Code generated
 * for the chain takes the place of the calls where it can; it does the same.
 *
 * Values are fixed when they are emitted: an edge to another task copies; inside the chain a copy is made unless object
 * reuse is on, the value is a primitive, or the producer is a source, whose records nobody else holds. A consumer that
 * reads at once and keeps nothing (print) needs no copy either.
 */
import type { OperatorContext, Output, StreamOperator } from '../../api/operators.ts';
import type { JobVertex } from '../../graph/job-graph.ts';
import type { StreamGraph, StreamNode } from '../../graph/stream-graph.ts';
import { BugError } from '../../shared/assert.ts';
import type { HeapKeyedStateBackend } from '../../state/keyed/heap-keyed-state-backend.ts';
import type { CodecFactory } from '../../types/codec.ts';
import type { ResultPartitionWriter } from '../network/channel.ts';
import { fusionOf } from '../operators/fusion.ts';
import { buildOperator } from '../operators/registry.ts';
import { CallingDriver, type ChainDriver, type EmissionFlow } from './chain-driver.ts';
import type { PlannedOperator, PlannedTarget } from './chain-plan.ts';
import { generateChain } from './generated/generated-driver.ts';
import { createRouter, type RouteRecord } from './record-router.ts';

const producersOfFreshValues = new Set(['source']);
const consumersThatKeepNothing = new Set(['print']);

export interface ChainedTask {
  readonly node: StreamNode;
  readonly operator: StreamOperator;
}

export interface ChainOptions {
  readonly vertex: JobVertex;
  readonly graph: StreamGraph;
  /** Same order as `vertex.outputs`. */
  readonly partitions: readonly ResultPartitionWriter[];
  /** max parallelism of the consumer of each output. */
  readonly targetMaxParallelism: readonly number[];
  readonly codecs: CodecFactory;
  readonly objectReuse: boolean;
  readonly flow: EmissionFlow;
  /** What the code of this chain is called; undefined: plain calls. */
  readonly codeName: string | undefined;
  /** Told the code. */
  readonly onCode?: ((text: string) => void) | undefined;
  createContext(node: StreamNode, operator: StreamOperator): OperatorContext;
  /** Of the head, once its context was made. */
  headState(): HeapKeyedStateBackend | undefined;
}

export class OperatorChain {
  /** In chain order; [0] is the head. */
  readonly operators: readonly ChainedTask[];
  readonly driver: ChainDriver;

  constructor(options: ChainOptions) {
    const nodes = new Map(options.graph.nodes.map((node) => [node.id, node]));
    const built = options.vertex.operators.map((chained) => {
      const node = nodes.get(chained.streamNodeId);
      if (!node) throw new BugError(`replay has no node ${chained.streamNodeId}`);
      return { node, operator: buildOperator(node) };
    });
    this.operators = built;
    const planned = built.map(({ node, operator }, index) => ({
      node,
      operator,
      targets: targetsOf(index, node, options),
      emitsOwned: producersOfFreshValues.has(node.spec.type),
      keepsNothing: consumersThatKeepNothing.has(node.spec.type),
      cloner: options.codecs.createCloner({ operatorName: node.name }),
    }));
    const outputs = planned.map((operator) => outputOf(operator, planned, options.objectReuse));
    for (const [index, { node, operator }] of built.entries())
      operator.setup(options.createContext(node, operator), outputs[index] as ChainOutput);
    this.driver = this.#generate(planned, outputs, options) ?? this.#call(options);
  }

  get head(): StreamOperator {
    return (this.operators[0] as ChainedTask).operator;
  }

  #call(options: ChainOptions): ChainDriver {
    return new CallingDriver({ ...(this.operators[0] as ChainedTask), keyedState: options.headState() }, options.flow);
  }

  #generate(planned: readonly WiredOperator[], outputs: readonly ChainOutput[], options: ChainOptions): ChainDriver | undefined {
    if (options.codeName === undefined) return undefined;
    const { flow, objectReuse } = options;
    const operators = planned.map((operator): PlannedOperator => ({ ...operator, fusion: fusionOf(operator.operator) }));
    const generated = generateChain({ operators, flow, objectReuse, keyedState: options.headState() }, options.codeName);
    if (!generated) return undefined;
    options.onCode?.(generated.text);
    for (const [index, collect] of generated.collect.entries()) if (collect) (outputs[index] as ChainOutput).collect = collect;
    return generated.driver;
  }
}

/** A planned operator whose context is not there yet. */
type WiredOperator = Omit<PlannedOperator, 'fusion'>;

/** Edges first: they copy before a chained consumer can change the value. */
function targetsOf(index: number, node: StreamNode, options: ChainOptions): PlannedTarget[] {
  const { vertex, graph, partitions, targetMaxParallelism } = options;
  const edges = vertex.outputs.flatMap((output, outputIndex): PlannedTarget[] => {
    if (output.operatorIndex !== index) return [];
    const partitioner =
      output.partitionNodeId === undefined ? { kind: output.partitioner as 'forward' } : graph.partitioners.get(output.partitionNodeId);
    if (!partitioner) throw new BugError(`replay has no partitioner ${output.partitionNodeId}`);
    return [
      {
        kind: 'edge',
        tag: output.outputTag,
        partition: partitions[outputIndex] as ResultPartitionWriter,
        partitioner,
        maxParallelism: targetMaxParallelism[outputIndex] as number,
        operatorName: node.name,
        random: Math.random,
      },
    ];
  });
  const chained = vertex.chainEdges
    .filter((edge) => edge.from === index)
    .map((edge): PlannedTarget => ({ kind: 'chained', tag: edge.outputTag, to: edge.to }));
  return [...edges, ...chained];
}

/** The output of an operator by plain calls. */
function outputOf(producer: WiredOperator, all: readonly WiredOperator[], objectReuse: boolean): ChainOutput {
  const targets = producer.targets.map((target, position) =>
    target.kind === 'edge'
      ? edgeTarget(target)
      : chainedTarget(producer, all[target.to] as WiredOperator, target.tag, objectReuse, position === producer.targets.length - 1),
  );
  const main = targets.filter((target) => target.tag === undefined);
  const side = new Map<string, Target[]>();
  for (const target of targets) if (target.tag !== undefined) side.set(target.tag, [...(side.get(target.tag) ?? []), target]);
  return new ChainOutput(collectTo(main), new Map([...side].map(([tag, list]) => [tag, collectTo(list)])), targets);
}

function edgeTarget(edge: Extract<PlannedTarget, { kind: 'edge' }>): Target {
  const { partition, tag } = edge;
  return {
    tag,
    collect: createRouter(edge),
    watermark: (timestamp) => partition.broadcastEvent({ kind: 'watermark', timestamp }),
    status: (idle) => partition.broadcastEvent({ kind: 'watermark-status', idle }),
  };
}

function chainedTarget(
  producer: WiredOperator,
  { node, operator, keepsNothing }: WiredOperator,
  tag: string | undefined,
  objectReuse: boolean,
  isLast: boolean,
): Target {
  const process = operator.processElement?.bind(operator);
  if (!process) throw new BugError(`${node.name} takes no input`);
  // With several consumers each but the last needs a copy of its own, whoever made the value.
  const copy = !objectReuse && !(producer.emitsOwned && isLast) && !keepsNothing;
  return {
    tag,
    collect: copy ? copying(producer.cloner, process) : process,
    watermark: (timestamp) => operator.processWatermark?.(timestamp),
    status: (idle) => operator.processWatermarkStatus?.(idle),
  };
}

interface Target {
  readonly tag: string | undefined;
  readonly collect: RouteRecord;
  watermark(timestamp: number): void;
  status(idle: boolean): void;
}

class ChainOutput implements Output {
  /** Replaced where code is generated. */
  collect: RouteRecord;
  readonly #side: ReadonlyMap<string, RouteRecord>;
  readonly #targets: readonly Target[];

  constructor(collect: RouteRecord, side: ReadonlyMap<string, RouteRecord>, targets: readonly Target[]) {
    this.collect = collect;
    this.#side = side;
    this.#targets = targets;
  }

  collectSide(tag: string, value: unknown, timestamp: number): void {
    this.#side.get(tag)?.(value, timestamp);
  }

  emitWatermark(timestamp: number): void {
    for (const target of this.#targets) target.watermark(timestamp);
  }

  emitWatermarkStatus(idle: boolean): void {
    for (const target of this.#targets) target.status(idle);
  }
}

function copying(clone: (value: unknown) => unknown, process: RouteRecord): RouteRecord {
  return (value, timestamp) => process(typeof value === 'number' || typeof value === 'string' ? value : clone(value), timestamp);
}

/** No loop where there is one target. */
function collectTo(targets: readonly Target[]): RouteRecord {
  if (targets.length === 0) return () => {};
  const first = (targets[0] as Target).collect;
  if (targets.length === 1) return first;
  if (targets.length === 2) {
    const second = (targets[1] as Target).collect;
    return (value, timestamp) => {
      first(value, timestamp);
      second(value, timestamp);
    };
  }
  return (value, timestamp) => {
    for (const target of targets) target.collect(value, timestamp);
  };
}
