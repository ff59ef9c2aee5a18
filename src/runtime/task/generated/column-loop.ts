/**
 * The loop over a batch that came as columns: each record is made where it is processed. Where the chain's functions only read
 * fields, V8 sees that no record leaves the loop and makes none. One loop per shape of columns, so that each read has one form.
 */
import type { KeySelectorFn } from '../../../api/functions.ts';
import { MIN_TIMESTAMP } from '../../../shared/time.ts';
import type { HeapKeyedStateBackend } from '../../../state/keyed/heap-keyed-state-backend.ts';
import { type Column, type ColumnShape, cellText, recordAt, recordText } from '../../../types/columns/record-columns.ts';
import type { EmissionFlow } from '../chain-driver.ts';
import { locateRefused } from '../record-router.ts';
import { Bindings } from './bindings.ts';
import { canLookAhead, keyText, lookAheadText } from './route-text.ts';

export type ProcessColumns = (columns: readonly Column[], timestamps: Float64Array | undefined, index: number, end: number) => number;

export interface ColumnLoopOptions {
  readonly shape: ColumnShape;
  /** `at`: position among the records of this call. */
  readonly record: (value: unknown, timestamp: number, at: number) => void;
  readonly flow: EmissionFlow;
  readonly keyedState: HeapKeyedStateBackend | undefined;
  readonly keySelector: KeySelectorFn | undefined;
  readonly operatorName: string;
}

export function columnLoopText({ shape, record, flow, keyedState, keySelector, operatorName }: ColumnLoopOptions): {
  text: string;
  bindings: Bindings;
} {
  const bindings = new Bindings();
  const names = shape.fields.map((_, index) => `c${index}`);
  const recordOf = (row: string): string =>
    recordText(
      shape.fields,
      names.map((name, index) => cellText(shape.types[index], name, row)),
    );
  const process = bindings.name(record, 'record');
  const flowName = bindings.name(flow, 'flow');
  const loop = (timestamp: string): string =>
    `while (index < end) {\n${process}(${recordOf('index')}, ${timestamp}, index - from); index++;\nif (${flowName}.paused || ${flowName}.interrupted > 0) break;\n}`;
  const isExpected = keyedState !== undefined && keySelector !== undefined && canLookAhead(keySelector);
  const expect = isExpected ? lookAheadText(bindings.name(keyedState, 'keyed'), keyText(keySelector, recordOf('i'), bindings)) : '';
  const located = locateRefused(operatorName, keyedState);
  const locate = bindings.name(
    (error: unknown, columns: readonly Column[], row: number) => located(error, recordAt({ shape, columns }, row)),
    'locate',
  );
  const body =
    `const [${names.join(', ')}] = columns;\nconst from = index;\n${expect}try {\nif (timestamps === undefined) ${loop(String(MIN_TIMESTAMP))}\n` +
    `else ${loop('timestamps[index]')}\n} catch (error) { throw ${locate}(error, columns, index); }\nreturn index;`;
  return {
    text: `"use strict";\n${bindings.declarations()}\nreturn function columns(columns, timestamps, index, end) {\n${body}\n};`,
    bindings,
  };
}
