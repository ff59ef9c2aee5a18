/**
 * The operators of one task, wired: chained operators call each other, edges to other tasks go through routers. Code generated
 * for the chain takes the place of the calls where it can; it does the same.
 *
 * Values are fixed when they are emitted: an edge to another task copies; inside the chain a copy is made unless object
 * reuse is on, the value is a primitive, or the producer is a source whose records nobody else holds. A consumer that
 * reads at once and keeps nothing (print) needs no copy either.
 */
import type { SourceSpec } from '../../api/operator-specs.ts';
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
import { hasSeveralChained, type PlannedEdge, type PlannedOperator, type PlannedTarget, selectsByKey } from './chain-plan.ts';
import { generateChain } from './generated/generated-driver.ts';
import { createRouter, type RouteRecord } from './record-router.ts';

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
      emitsOwned: emitsOwnedValues(node),
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

function emitsOwnedValues({ spec }: StreamNode): boolean {
  if (spec.type === 'source') return (spec as SourceSpec).source.emitsFreshRecords === true;
  return spec.type === 'source-function';
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
  const collect = (targets: readonly PlannedTarget[]): RouteRecord => {
    const fixFirst = !objectReuse && !producer.emitsOwned && hasSeveralChained(targets);
    // A key selector sees the value too, and may keep it.
    const isOwned = (producer.emitsOwned || fixFirst) && !targets.some((target) => target.kind === 'edge' && selectsByKey(target));
    const routes = targets.map((target, position) => {
      if (target.kind === 'edge') return createRouter(target);
      const mayTakeOver = isOwned && position === targets.length - 1;
      return chainedRoute(producer, all[target.to] as WiredOperator, objectReuse || mayTakeOver);
    });
    return fixFirst ? copying(producer.cloner, collectTo(routes)) : collectTo(routes);
  };
  const { targets } = producer;
  const tags = new Set(targets.flatMap(({ tag }) => (tag === undefined ? [] : [tag])));
  const to = (wanted: string | undefined): PlannedTarget[] => targets.filter(({ tag }) => tag === wanted);
  return new ChainOutput(
    collect(to(undefined)),
    new Map(Array.from(tags, (tag) => [tag, collect(to(tag))])),
    targets.map((target) => (target.kind === 'edge' ? edgeEvents(target) : chainedEvents(all[target.to] as WiredOperator))),
  );
}

function edgeEvents({ partition }: PlannedEdge): EventTarget {
  return {
    watermark: (timestamp) => partition.broadcastEvent({ kind: 'watermark', timestamp }),
    status: (idle) => partition.broadcastEvent({ kind: 'watermark-status', idle }),
  };
}

function chainedEvents({ operator }: WiredOperator): EventTarget {
  return {
    watermark: (timestamp) => operator.processWatermark?.(timestamp),
    status: (idle) => operator.processWatermarkStatus?.(idle),
  };
}

function chainedRoute(producer: WiredOperator, { node, operator, keepsNothing }: WiredOperator, handsOver: boolean): RouteRecord {
  const process = operator.processElement?.bind(operator);
  if (!process) throw new BugError(`${node.name} takes no input`);
  return handsOver || keepsNothing ? process : copying(producer.cloner, process);
}

interface EventTarget {
  watermark(timestamp: number): void;
  status(idle: boolean): void;
}

class ChainOutput implements Output {
  /** Replaced where code is generated. */
  collect: RouteRecord;
  readonly #side: ReadonlyMap<string, RouteRecord>;
  readonly #targets: readonly EventTarget[];

  constructor(collect: RouteRecord, side: ReadonlyMap<string, RouteRecord>, targets: readonly EventTarget[]) {
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
function collectTo(routes: readonly RouteRecord[]): RouteRecord {
  const [first, second, ...others] = routes;
  if (!first) return () => {};
  if (!second) return first;
  if (others.length === 0) {
    return (value, timestamp) => {
      first(value, timestamp);
      second(value, timestamp);
    };
  }
  return (value, timestamp) => {
    for (const route of routes) route(value, timestamp);
  };
}
