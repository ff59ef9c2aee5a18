/**
 * The operators of one task, wired: chained operators call each other, edges to other tasks go through routers.
 *
 * Values are fixed when they are emitted: an edge to another task copies; inside the chain a copy is made unless object
 * reuse is on, the value is a primitive, or the producer is a source, whose records nobody else holds. A consumer that
 * reads at once and keeps nothing (print) needs no copy either.
 */
import type { OperatorContext, Output, StreamOperator } from '../../api/operators.ts';
import type { JobVertex } from '../../graph/job-graph.ts';
import type { StreamGraph, StreamNode } from '../../graph/stream-graph.ts';
import { BugError } from '../../shared/assert.ts';
import type { CodecFactory } from '../../types/codec.ts';
import type { ResultPartitionWriter } from '../network/channel.ts';
import { buildOperator } from '../operators/registry.ts';
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
  createContext(node: StreamNode, operator: StreamOperator): OperatorContext;
}

export class OperatorChain {
  /** In chain order; [0] is the head. */
  readonly operators: readonly ChainedTask[];

  constructor(options: ChainOptions) {
    const nodes = new Map(options.graph.nodes.map((node) => [node.id, node]));
    const built = options.vertex.operators.map((chained) => {
      const node = nodes.get(chained.streamNodeId);
      if (!node) throw new BugError(`replay has no node ${chained.streamNodeId}`);
      return { node, operator: buildOperator(node) };
    });
    this.operators = built;
    built.forEach(({ node, operator }, index) => {
      operator.setup(options.createContext(node, operator), this.#output(index, built, options));
    });
  }

  get head(): StreamOperator {
    return (this.operators[0] as ChainedTask).operator;
  }

  #output(index: number, built: readonly ChainedTask[], options: ChainOptions): Output {
    // Edges first: they copy before a chained consumer can change the value.
    const targets = [...this.#edgeTargets(index, built, options), ...this.#chainedTargets(index, built, options)];
    const main = targets.filter((target) => target.tag === undefined);
    const side = new Map<string, Target[]>();
    for (const target of targets) if (target.tag !== undefined) side.set(target.tag, [...(side.get(target.tag) ?? []), target]);
    return new ChainOutput(collectTo(main), new Map([...side].map(([tag, list]) => [tag, collectTo(list)])), targets);
  }

  #chainedTargets(index: number, built: readonly ChainedTask[], options: ChainOptions): Target[] {
    const producer = built[index] as ChainedTask;
    return options.vertex.chainEdges
      .filter((edge) => edge.from === index)
      .map((edge, position, siblings) => {
        const { operator, node } = built[edge.to] as ChainedTask;
        const process = operator.processElement?.bind(operator);
        if (!process) throw new BugError(`${node.name} takes no input`);
        // With several consumers each but the last needs a copy of its own, whoever made the value.
        const fresh = producersOfFreshValues.has(producer.node.spec.type) && position === siblings.length - 1;
        const copy = !options.objectReuse && !fresh && !consumersThatKeepNothing.has(node.spec.type);
        return {
          tag: edge.outputTag,
          collect: copy ? copying(options.codecs.createCloner({ operatorName: producer.node.name }), process) : process,
          watermark: (timestamp) => operator.processWatermark?.(timestamp),
          status: (idle) => operator.processWatermarkStatus?.(idle),
        };
      });
  }

  #edgeTargets(index: number, built: readonly ChainedTask[], options: ChainOptions): Target[] {
    const { node } = built[index] as ChainedTask;
    return options.vertex.outputs.flatMap((output, outputIndex) => {
      if (output.operatorIndex !== index) return [];
      const partition = options.partitions[outputIndex] as ResultPartitionWriter;
      const partitioner =
        output.partitionNodeId === undefined
          ? { kind: output.partitioner as 'forward' }
          : options.graph.partitioners.get(output.partitionNodeId);
      if (!partitioner) throw new BugError(`replay has no partitioner ${output.partitionNodeId}`);
      const route = createRouter({
        partitioner,
        partition,
        maxParallelism: options.targetMaxParallelism[outputIndex] as number,
        operatorName: node.name,
        random: Math.random,
      });
      return [
        {
          tag: output.outputTag,
          collect: route,
          watermark: (timestamp: number) => partition.broadcastEvent({ kind: 'watermark', timestamp }),
          status: (idle: boolean) => partition.broadcastEvent({ kind: 'watermark-status', idle }),
        },
      ];
    });
  }
}

interface Target {
  readonly tag: string | undefined;
  readonly collect: RouteRecord;
  watermark(timestamp: number): void;
  status(idle: boolean): void;
}

class ChainOutput implements Output {
  readonly collect: RouteRecord;
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
  return (value, timestamp) => process(typeof value === 'object' ? clone(value) : value, timestamp);
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
