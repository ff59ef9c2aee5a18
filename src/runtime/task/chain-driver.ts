/** Runs the records of a batch through a chain. Two forms give the same results: plain calls, and code generated for the chain. */
import type { StreamOperator } from '../../api/operators.ts';
import type { StreamNode } from '../../graph/stream-graph.ts';
import { MIN_TIMESTAMP } from '../../shared/time.ts';
import type { HeapKeyedStateBackend } from '../../state/keyed/heap-keyed-state-backend.ts';
import type { DecodedBatch } from '../../types/codec.ts';
import { locateKeyError } from './record-router.ts';

/** Whether a chain may go on with its next record: plain fields that are read after each one. */
export interface EmissionFlow {
  /** An output is full, or a promise is awaited. */
  paused: boolean;
  /** Operators with unfinished work. */
  interrupted: number;
}

export interface ChainDriver {
  /**
   * Feeds the batch's records from `index` to before `end` to this input of the head; stops early when the flow says so. Returns the
   * index of the first record that was not taken.
   */
  process(input: number, batch: DecodedBatch, index: number, end: number): number;
}

export interface ChainHead {
  readonly node: StreamNode;
  readonly operator: StreamOperator;
  readonly keyedState: HeapKeyedStateBackend | undefined;
}

/** By plain calls: what generated code is compared with, and what runs where code cannot be generated. */
export class CallingDriver implements ChainDriver {
  readonly #head: ChainHead;
  readonly #flow: EmissionFlow;

  constructor(head: ChainHead, flow: EmissionFlow) {
    this.#head = head;
    this.#flow = flow;
  }

  process(input: number, { values, timestamps }: DecodedBatch, from: number, end: number): number {
    const { node, operator, keyedState } = this.#head;
    const selector = keyedState ? node.keySelectors[input] : undefined;
    const flow = this.#flow;
    let index = from;
    while (index < end) {
      const value = values[index];
      const timestamp = timestamps === undefined ? MIN_TIMESTAMP : (timestamps[index] as number);
      index++;
      if (selector) setKey(keyedState as HeapKeyedStateBackend, selector, value, node.name);
      if (input === 0) (operator.processElement as NonNullable<StreamOperator['processElement']>)(value, timestamp);
      else (operator.processElement2 as NonNullable<StreamOperator['processElement2']>)(value, timestamp);
      if (flow.paused || flow.interrupted > 0) break;
    }
    return index;
  }
}

function setKey(keyed: HeapKeyedStateBackend, selector: (value: never) => unknown, value: unknown, operatorName: string): void {
  try {
    keyed.setCurrentKey((selector as (value: unknown) => unknown)(value));
  } catch (error) {
    throw locateKeyError(error, operatorName, value);
  }
}
