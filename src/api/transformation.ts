/**
 * What the program said, step by step. Only `src/api` creates transformations; `src/graph` translates them and
 * `src/runtime/operators` turns an {@link OperatorSpec} into a running operator.
 */

import type { TypeInfo } from '../types/type-info.ts';
import type { KeySelectorFn } from './functions.ts';

export interface OperatorSpec {
  /** Names the builder in the runtime's operator registry: `map`, `filter`, `source`, `keyed-process`, `sink-writer`, … */
  readonly type: string;
  /** Functions and settings of the operator; their shape is fixed per `type` in `operator-specs.ts`. */
  readonly [setting: string]: unknown;
}

export type ChainingStrategy = 'always' | 'never' | 'head';

/** Settings every physical step has. They stay mutable until `execute`, because the API sets them fluently. */
export interface OperatorSettings {
  name: string;
  description?: string | undefined;
  uid?: string | undefined;
  uidHash?: string | undefined;
  parallelism?: number | undefined;
  maxParallelism?: number | undefined;
  slotSharingGroup?: string | undefined;
  chaining: ChainingStrategy;
  bufferTimeoutMs?: number | undefined;
}

/** A step that becomes a stream node. */
export interface PhysicalTransformation extends OperatorSettings {
  readonly kind: 'physical';
  readonly id: number;
  readonly spec: OperatorSpec;
  /** One entry per input of the operator: none for a source, two for connected streams. */
  readonly inputs: readonly Transformation[];
  /** Key selectors per input, when the inputs are keyed. */
  readonly keySelectors?: readonly (KeySelectorFn | undefined)[] | undefined;
  /** Parallelism is 1 and cannot be changed (global windows, non-parallel sources). */
  forceNonParallel?: boolean | undefined;
  outputType?: TypeInfo | undefined;
  /** Where in the user's program it was made, `file:line:column`; for messages. */
  readonly location?: string | undefined;
}

export interface UnionTransformation {
  readonly kind: 'union';
  readonly id: number;
  readonly inputs: readonly Transformation[];
}

export interface SideOutputTransformation {
  readonly kind: 'side-output';
  readonly id: number;
  readonly input: Transformation;
  readonly tag: string;
}

export interface PartitionTransformation {
  readonly kind: 'partition';
  readonly id: number;
  readonly input: Transformation;
  readonly partitioner: Partitioner;
}

export type Partitioner =
  | { readonly kind: 'forward' | 'rescale' | 'rebalance' | 'shuffle' | 'broadcast' | 'global' }
  | { readonly kind: 'hash'; readonly keySelector: KeySelectorFn }
  | { readonly kind: 'custom'; readonly keySelector: KeySelectorFn; readonly choose: (key: never, partitions: number) => number };

export type Transformation = PhysicalTransformation | UnionTransformation | SideOutputTransformation | PartitionTransformation;
