/**
 * A random graph as plain data: what the program builds, what the oracle computes, and what a failing test prints. Only
 * steps whose results do not depend on the order in which channels are read are drawn.
 */
import { Random } from './random.ts';

export type Stream = { readonly node: number; readonly side: boolean };

/** How records choose the subtask of the node; undefined: forward, or rebalance where the parallelism differs. */
export type Via = undefined | 'forward' | 'rebalance' | 'rescale' | 'shuffle' | 'global' | 'broadcast' | 'custom';

interface Step {
  readonly inputs: readonly Stream[];
  readonly via: Via;
  readonly parallelism: number;
  /** Slot sharing group, where groups are used. */
  readonly group: number;
  readonly salt: number;
  /** Which of the equivalent ways of writing the step is taken. */
  readonly style: number;
}

export interface SourceNode extends Omit<Step, 'inputs' | 'via'> {
  readonly kind: 'source';
  readonly source: 'collection' | 'generator' | 'async generator' | 'source function' | 'splits';
  readonly records: number;
  readonly disorder: number;
  readonly watermarks: 'none' | 'periodic' | 'punctuated';
}

export interface StatelessNode extends Step {
  readonly kind: 'map' | 'filter' | 'flat map' | 'split' | 'co-map' | 'co-flat-map';
}

export interface KeyedNode extends Step {
  readonly kind: 'rolling' | 'window' | 'co-window';
  readonly key: number;
  readonly windowMs: number;
  readonly state: 'value' | 'list' | 'map';
}

export type PlanNode = SourceNode | StatelessNode | KeyedNode;

export interface Plan {
  readonly seed: number;
  readonly nodes: readonly PlanNode[];
  readonly outputs: readonly Stream[];
  readonly bufferTimeoutMs: number;
}

export const keyKinds = 7;
const mostRecords = 6000;

export function planGraph(seed: number): Plan {
  const random = new Random(seed);
  const drawing = new Drawing(random);
  for (let sources = 1 + random.below(3); sources > 0; sources--) drawing.addSource();
  for (let steps = 2 + random.below(9); steps > 0; steps--) drawing.addStep();
  return { seed, nodes: drawing.nodes, outputs: drawing.outputs(), bufferTimeoutMs: random.oneOf([-1, 0, 1, 100]) };
}

interface Drawn {
  readonly stream: Stream;
  /** At most. */
  readonly records: number;
  /** The time of each record is known. It is not where numbers are given out in the order of arrival. */
  readonly timed: boolean;
  used: boolean;
}

class Drawing {
  readonly nodes: PlanNode[] = [];
  readonly #random: Random;
  readonly #streams: Drawn[] = [];

  constructor(random: Random) {
    this.#random = random;
  }

  addSource(): void {
    const random = this.#random;
    const source = random.oneOf(['collection', 'generator', 'async generator', 'source function', 'splits', 'splits'] as const);
    const records = random.oneOf([0, 1, 20, 200, 200, 1500]);
    this.nodes.push({
      kind: 'source',
      source,
      records,
      disorder: random.oneOf([0, 50, 400]),
      watermarks: random.oneOf(['none', 'periodic', 'punctuated', 'punctuated']),
      parallelism: source === 'splits' ? 1 + random.below(3) : 1,
      group: random.below(3),
      salt: random.below(2 ** 30),
      style: random.below(4),
    });
    this.#add(false, records, true);
  }

  addStep(): void {
    const random = this.#random;
    const kind = random.oneOf([
      'map',
      'map',
      'filter',
      'flat map',
      'flat map',
      'split',
      'co-map',
      'co-flat-map',
      'rolling',
      'window',
      'window',
      'co-window',
    ] as const);
    const two = kind === 'co-map' || kind === 'co-flat-map' || kind === 'co-window';
    const inputs = two ? [this.#take(), this.#take()] : Array.from({ length: random.once(4) ? 2 : 1 }, () => this.#take());
    const keyed = kind === 'rolling' || kind === 'window' || kind === 'co-window';
    const common = {
      inputs: inputs.map(({ stream }) => stream),
      ...this.#placement(inputs[0]?.stream as Stream, keyed || two || inputs.length > 1),
      salt: random.below(2 ** 30),
      style: random.below(6),
    };
    let records = inputs.reduce((sum, input) => sum + input.records, 0);
    if (common.via === 'broadcast') records *= common.parallelism;
    if (kind === 'flat map' || kind === 'co-flat-map') records *= 3;
    const timed = inputs.every((input) => input.timed);
    if (records > mostRecords || ((kind === 'window' || kind === 'co-window') && !timed)) return;
    for (const input of inputs) input.used = true;
    if (kind === 'rolling' || kind === 'window' || kind === 'co-window') {
      this.nodes.push({
        kind,
        ...common,
        via: undefined,
        key: random.below(keyKinds),
        windowMs: random.oneOf([10, 100, 1000]),
        state: random.oneOf(['value', 'list', 'map']),
      });
    } else this.nodes.push({ kind, ...common });
    this.#add(false, records, timed && kind !== 'rolling');
    if (kind === 'split' || kind === 'window') this.#add(true, records, timed);
  }

  outputs(): Stream[] {
    return this.#streams.filter(({ used }) => !used || this.#random.once(6)).map(({ stream }) => stream);
  }

  #placement(input: Stream, partitioned: boolean): { parallelism: number; group: number; via: Via } {
    const random = this.#random;
    const upstream = this.nodes[input.node] as PlanNode;
    // Often as the input is, so that there is something to chain.
    if (!partitioned && random.below(5) < 3)
      return { parallelism: upstream.parallelism, group: upstream.group, via: random.once(4) ? 'forward' : undefined };
    const via = partitioned
      ? undefined
      : random.oneOf<Via>([undefined, 'rebalance', 'rescale', 'shuffle', 'global', 'broadcast', 'custom']);
    return { parallelism: 1 + random.below(3), group: random.below(3), via };
  }

  #take(): Drawn {
    const unused = this.#streams.filter(({ used }) => !used);
    return this.#random.oneOf(unused.length > 0 && !this.#random.once(3) ? unused : this.#streams);
  }

  #add(side: boolean, records: number, timed: boolean): void {
    this.#streams.push({ stream: { node: this.nodes.length - 1, side }, records, timed, used: false });
  }
}
