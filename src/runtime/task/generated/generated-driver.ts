/** Turns the text of a chain into code and puts it in place of the plain calls. */
import type { ChainDriver, RecordValues } from '../chain-driver.ts';
import type { ChainPlan } from '../chain-plan.ts';
import { chainText } from './chain-text.ts';

type Collect = (value: unknown, timestamp: number) => void;
type ProcessInput = (values: RecordValues, timestamps: Float64Array | undefined, index: number, end: number) => number;

interface ChainCode {
  readonly inputs: readonly ProcessInput[];
  /** By operator; undefined for those that are fused into their producer. */
  readonly collect: readonly (Collect | undefined)[];
  readonly collectors: readonly (((value: unknown) => void) | undefined)[];
  /** Of a head that makes records by number. */
  readonly range: ((from: number, end: number) => number) | undefined;
}

export interface GeneratedChain {
  readonly driver: ChainDriver;
  readonly text: string;
  /** By operator: what its output's `collect` becomes. */
  readonly collect: readonly (Collect | undefined)[];
}

/** Undefined where this process may not make code from text. `name` must be the chain's own: it appears in stack traces and profiles. */
export function generateChain(plan: ChainPlan, name: string): GeneratedChain | undefined {
  const { text: body, bindings } = chainText(plan);
  const text = `${body}\n//# sourceURL=weir-chain/${encodeURIComponent(name)}`;
  const compiled = compile(text);
  if (!compiled) return undefined;
  const code = compiled(bindings.values);
  for (const [index, { fusion }] of plan.operators.entries()) {
    const collector = code.collectors[index];
    if (fusion?.kind === 'collecting' && collector) fusion.collector.collect = collector;
    if (fusion?.kind === 'source' && code.range) fusion.output.collectRange = code.range;
  }
  return { driver: new GeneratedDriver(code.inputs), text, collect: code.collect };
}

function compile(text: string): ((bindings: readonly unknown[]) => ChainCode) | undefined {
  try {
    return new Function('bindings', text) as (bindings: readonly unknown[]) => ChainCode;
  } catch (error) {
    // Node.js was told so: --disallow-code-generation-from-strings.
    if (error instanceof EvalError) return undefined;
    throw error;
  }
}

class GeneratedDriver implements ChainDriver {
  readonly #first: ProcessInput | undefined;
  readonly #second: ProcessInput | undefined;

  constructor(inputs: readonly ProcessInput[]) {
    this.#first = inputs[0];
    this.#second = inputs[1];
  }

  process(input: number, values: RecordValues, timestamps: Float64Array | undefined, index: number, end: number): number {
    return ((input === 0 ? this.#first : this.#second) as ProcessInput)(values, timestamps, index, end);
  }
}
