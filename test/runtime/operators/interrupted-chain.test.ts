/** Operators that stop anywhere and are resumed emit what an undisturbed chain does: nothing lost, doubled or overtaken. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Collector } from '../../../src/api/functions.ts';
import type { OperatorContext, Output, StreamOperator } from '../../../src/api/operators.ts';
import { FlatMapOperator, MapOperator, ProcessOperator } from '../../../src/runtime/operators/stateless-operators.ts';
import { SinkFunctionOperator } from '../../../src/runtime/sink/sink-operators.ts';

type Kind = 'collector' | 'generator' | 'array' | 'process' | 'map';

/** Each kind with what it does to one number. */
const expand = (n: number): number[] => Array.from({ length: n % 4 }, (_, i) => n * 3 + i);

function makeOperator(kind: Kind): StreamOperator {
  switch (kind) {
    case 'collector':
      return new FlatMapOperator({
        type: 'flat-map',
        function: (n: number, out: Collector<number>) => {
          for (const result of expand(n)) out.collect(result);
        },
      });
    case 'generator':
      return new FlatMapOperator({ type: 'flat-map', function: (n: number) => expand(n).values() });
    case 'array':
      return new FlatMapOperator({ type: 'flat-map', function: expand });
    case 'process':
      return new ProcessOperator({
        type: 'process',
        function: {
          *processElement(n: number) {
            yield* expand(n);
          },
        },
      });
    case 'map':
      return new MapOperator({ type: 'map', function: (n: number) => n + 1 });
  }
}

const apply = (kind: Kind, n: number): number[] => (kind === 'map' ? [n + 1] : expand(n));

type Input = { readonly record: number } | { readonly watermark: number };

/** Plays the task: takes the next input when nothing is paused or left over, resumes the most downstream operator first. */
class Play {
  readonly seen: string[] = [];
  readonly #operators: readonly StreamOperator[];
  readonly #pending: StreamOperator[] = [];
  readonly #waiting = new Set<Promise<unknown>>();
  readonly #pauses: Iterator<boolean>;
  readonly #slices: Iterator<boolean>;
  #full = false;

  constructor(operators: readonly StreamOperator[], pauses: Iterator<boolean>, slices: Iterator<boolean>) {
    this.#operators = operators;
    this.#pauses = pauses;
    this.#slices = slices;
    operators.forEach((operator, index) => {
      operator.setup(this.#context(), this.#output(operators[index + 1]));
    });
  }

  async run(inputs: readonly Input[]): Promise<void> {
    for (const input of inputs) {
      await this.#settle();
      const head = this.#operators[0] as StreamOperator;
      if ('record' in input) head.processElement?.(input.record, 7);
      else head.processWatermark?.(input.watermark);
    }
    await this.#settle();
  }

  async #settle(): Promise<void> {
    for (;;) {
      await Promise.all(this.#waiting);
      this.#full = false;
      const deepest = this.#pending.toSorted((a, b) => this.#operators.indexOf(b) - this.#operators.indexOf(a))[0];
      if (!deepest) return;
      this.#pending.splice(this.#pending.indexOf(deepest), 1);
      if (!deepest.resume?.()) this.#resumeLater(deepest);
    }
  }

  #resumeLater(operator: StreamOperator): void {
    if (!this.#pending.includes(operator)) this.#pending.push(operator);
  }

  #output(next: StreamOperator | undefined): Output {
    return {
      collect: (value, timestamp) => {
        if (next) next.processElement?.(value, timestamp);
        else {
          this.seen.push(`${String(value)}@${timestamp}`);
          this.#full ||= this.#pauses.next().value as boolean;
        }
      },
      collectSide: () => {},
      emitWatermark: (timestamp) => {
        if (next) next.processWatermark?.(timestamp);
        else this.seen.push(`watermark ${timestamp}`);
      },
      emitWatermarkStatus: () => {},
    };
  }

  #context(): OperatorContext {
    const play = this;
    return {
      operatorName: 'test',
      configuration: {},
      get isPaused() {
        return play.#full || play.#waiting.size > 0;
      },
      isSliceOver: () => play.#slices.next().value as boolean,
      resumeLater: (operator: StreamOperator) => play.#resumeLater(operator),
      waitFor: (promise: Promise<unknown>) => {
        play.#waiting.add(promise);
        void promise.then(() => play.#waiting.delete(promise));
      },
    } as unknown as OperatorContext;
  }
}

const kinds = fc.array(fc.constantFrom<Kind>('collector', 'generator', 'array', 'process', 'map'), { minLength: 1, maxLength: 4 });
const inputs = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: fc.record({ record: fc.nat({ max: 11 }) }) },
    { weight: 1, arbitrary: fc.record({ watermark: fc.nat() }) },
  ),
  { maxLength: 12 },
);

/** Endless: the drawn pattern, over and over. */
function* repeat(pattern: readonly boolean[]): Generator<boolean> {
  for (;;) yield* pattern.length > 0 ? pattern : [false];
}

function expected(chain: readonly Kind[], given: readonly Input[]): string[] {
  return given.flatMap((input) => {
    if ('watermark' in input) return [`watermark ${input.watermark}`];
    return chain.reduce<number[]>((values, kind) => values.flatMap((n) => apply(kind, n)), [input.record]).map((n) => `${n}@7`);
  });
}

test('whatever the pauses of the output', async () => {
  await fc.assert(
    fc.asyncProperty(kinds, inputs, fc.array(fc.boolean()), fc.array(fc.boolean()), async (chain, given, pauses, slices) => {
      const play = new Play(chain.map(makeOperator), repeat(pauses), repeat(slices));
      await play.run(given);
      expect(play.seen).toEqual(expected(chain, given));
    }),
    { numRuns: 500 },
  );
});

test('a sink that awaits its writes gets one record at a time, in order', async () => {
  await fc.assert(
    fc.asyncProperty(kinds, inputs, async (chain, given) => {
      const written: string[] = [];
      let open = 0;
      const sink = new SinkFunctionOperator({
        type: 'sink-function',
        function: {
          invoke: async (value: unknown) => {
            expect(++open).toBe(1);
            await new Promise((resolve) => setImmediate(resolve));
            open--;
            written.push(`${String(value)}@7`);
          },
        },
      });
      await new Play([...chain.map(makeOperator), sink], repeat([]), repeat([])).run(given);
      expect(written).toEqual(expected(chain, given).filter((line) => !line.startsWith('watermark')));
    }),
    { numRuns: 50 },
  );
});
