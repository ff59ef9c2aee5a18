/** Accumulators as REST shows them: name, type, and the value as text. */
import { accumulatorResult } from '../../api/accumulators.ts';
import { toTaggedJson } from '../messages/tagged-json.ts';

export interface AccumulatorView {
  readonly name: string;
  readonly type: string;
  readonly value: string;
}

export function accumulatorViews(accumulators: Readonly<Record<string, { type: string; value: unknown }>>): AccumulatorView[] {
  return Object.entries(accumulators).map(([name, { type, value }]) => ({ name, type, value: valueText(accumulatorResult(type, value)) }));
}

function valueText(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(toTaggedJson(value));
}
