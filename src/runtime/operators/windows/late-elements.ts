/** Elements that no window takes, and errors about one. */
import type { OperatorContext, Output } from '../../../api/operators.ts';
import { UserError } from '../../../shared/errors.ts';
import { renderValue } from '../../../shared/render-value.ts';

/** To the side output for late elements, or dropped and counted. */
export class LateElements {
  readonly #output: Output;
  readonly #tag: string | undefined;
  readonly #dropped: { inc(by?: number): void };

  constructor(context: OperatorContext, output: Output, tag: string | undefined) {
    this.#output = output;
    this.#tag = tag;
    this.#dropped = context.runtimeContext.metrics.counter('numLateRecordsDropped');
  }

  add(element: unknown, timestamp: number): void {
    if (this.#tag === undefined) this.#dropped.inc();
    else this.#output.collectSide(this.#tag, element, timestamp);
  }
}

/** The operator's name and the record, with an error about its window. */
export function locatedWindowError(error: unknown, operatorName: string, element: unknown): unknown {
  if (!(error instanceof UserError)) return error;
  return new UserError(error.code, {
    ...error.facts,
    problem: `Operator '${operatorName}': ${error.facts.problem}`,
    found: `The record: ${renderValue(element).slice(0, 500)}`,
  });
}
