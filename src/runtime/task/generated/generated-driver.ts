/** Turns the text of a chain into code and puts it in place of the plain calls. */
import type { DecodedBatch } from '../../../types/codec.ts';
import type { ColumnShape } from '../../../types/columns/record-columns.ts';
import type { ChainDriver } from '../chain-driver.ts';
import type { ChainPlan, PlannedOperator } from '../chain-plan.ts';
import { chainText } from './chain-text.ts';
import { columnLoopText, type ProcessColumns } from './column-loop.ts';
import { raiseInliningBudget } from './inlining-budget.ts';

type Collect = (value: unknown, timestamp: number) => void;
type ProcessValues = (values: ArrayLike<unknown>, timestamps: Float64Array | undefined, index: number, end: number) => number;

interface InputCode {
  readonly values: ProcessValues;
  /** One record. */
  readonly record: (value: unknown, timestamp: number, at: number) => void;
}

interface ChainCode {
  readonly inputs: readonly InputCode[];
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
  const text = withName(body, name);
  const compiled = compile<ChainCode>(text);
  if (!compiled) return undefined;
  raiseInliningBudget();
  const code = compiled(bindings.values);
  for (const [index, { fusion }] of plan.operators.entries()) {
    const collector = code.collectors[index];
    if (fusion?.kind === 'collecting' && collector) fusion.collector.collect = collector;
    if (fusion?.kind === 'source' && code.range) fusion.output.collectRange = code.range;
  }
  const inputs = code.inputs.map((input, index) => new GeneratedInput(input, plan, index, name));
  return { driver: new GeneratedDriver(inputs), text, collect: code.collect };
}

function withName(body: string, name: string): string {
  return `${body}\n//# sourceURL=weir-chain/${encodeURIComponent(name)}`;
}

function compile<T>(text: string): ((bindings: readonly unknown[]) => T) | undefined {
  try {
    return new Function('bindings', text) as (bindings: readonly unknown[]) => T;
  } catch (error) {
    // Node.js was told so: --disallow-code-generation-from-strings.
    if (error instanceof EvalError) return undefined;
    throw error;
  }
}

/** Code is made for shapes that are more than an exception. */
const rowsBeforeCode = 32;
/** Shapes of one input beyond which records are made first. */
const mostLoops = 16;

class GeneratedInput {
  readonly #code: InputCode;
  readonly #plan: ChainPlan;
  readonly #index: number;
  readonly #name: string;
  /** By types and fields: channels have shapes of their own that may be alike. */
  readonly #loops = new Map<string, ProcessColumns>();
  #lastShape: ColumnShape | undefined;
  #lastLoop: ProcessColumns | undefined;
  #rowsSeen = 0;

  constructor(code: InputCode, plan: ChainPlan, index: number, name: string) {
    this.#code = code;
    this.#plan = plan;
    this.#index = index;
    this.#name = name;
  }

  process(batch: DecodedBatch, index: number, end: number): number {
    const { columns, timestamps } = batch;
    if (columns !== undefined) {
      const loop = columns.shape === this.#lastShape ? this.#lastLoop : this.#loopFor(columns.shape, index, end);
      if (loop !== undefined) return loop(columns.columns, timestamps, index, end);
    }
    return this.#code.values(batch.values, timestamps, index, end);
  }

  #loopFor(shape: ColumnShape, index: number, end: number): ProcessColumns | undefined {
    this.#rowsSeen += end - index;
    if (this.#rowsSeen < rowsBeforeCode) return undefined;
    const key = `${shape.types} ${JSON.stringify(shape.fields)}`;
    let loop = this.#loops.get(key);
    if (!loop && this.#loops.size < mostLoops) {
      loop = this.#makeLoop(shape);
      this.#loops.set(key, loop);
    }
    this.#lastShape = shape;
    this.#lastLoop = loop;
    return loop;
  }

  #makeLoop(shape: ColumnShape): ProcessColumns {
    const { flow, keyedState, operators } = this.#plan;
    const { node } = operators[0] as PlannedOperator;
    const keySelector = node.keySelectors[this.#index];
    const { text, bindings } = columnLoopText({ shape, record: this.#code.record, flow, keyedState, keySelector, operatorName: node.name });
    const name = `${this.#name}/input ${this.#index}/columns ${this.#loops.size}`;
    const made = compile<ProcessColumns>(withName(text, name));
    return (made as NonNullable<typeof made>)(bindings.values);
  }
}

class GeneratedDriver implements ChainDriver {
  readonly #first: GeneratedInput | undefined;
  readonly #second: GeneratedInput | undefined;

  constructor(inputs: readonly GeneratedInput[]) {
    this.#first = inputs[0];
    this.#second = inputs[1];
  }

  process(input: number, batch: DecodedBatch, index: number, end: number): number {
    return ((input === 0 ? this.#first : this.#second) as GeneratedInput).process(batch, index, end);
  }
}
