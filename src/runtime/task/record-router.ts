/** Chooses the subpartition of each record: one small function per partitioner, made once per edge. */
import type { Partitioner } from '../../api/transformation.ts';
import { UserError } from '../../shared/errors.ts';
import type { HeapKeyedStateBackend } from '../../state/keyed/heap-keyed-state-backend.ts';
import { keyGroupOf, operatorIndexForKeyGroup } from '../../types/key-groups.ts';
import { hashKey } from '../../types/key-hash.ts';
import type { ResultPartitionWriter } from '../network/channel.ts';

export type RouteRecord = (value: unknown, timestamp: number) => void;

export interface RouteOptions {
  readonly partitioner: Partitioner;
  readonly partition: ResultPartitionWriter;
  readonly maxParallelism: number;
  readonly operatorName: string;
  readonly random: () => number;
}

export function createRouter(options: RouteOptions): RouteRecord {
  const { partitioner, partition } = options;
  const count = partition.writers.length;
  switch (partitioner.kind) {
    case 'forward':
    case 'global':
      return (value, timestamp) => partition.emit(value, timestamp, 0);
    case 'broadcast':
      return (value, timestamp) => partition.broadcast(value, timestamp);
    case 'rebalance':
    case 'rescale':
      return roundRobin(partition, count, Math.floor(options.random() * count));
    case 'shuffle':
      return (value, timestamp) => partition.emit(value, timestamp, Math.floor(options.random() * count));
    case 'hash':
      return byKey(options, partitioner.keySelector);
    case 'custom':
      return byChoice(options, partitioner.keySelector, partitioner.choose as (key: unknown, partitions: number) => number);
  }
}

function roundRobin(partition: ResultPartitionWriter, count: number, start: number): RouteRecord {
  let next = start;
  return (value, timestamp) => {
    partition.emit(value, timestamp, next);
    next = next + 1 === count ? 0 : next + 1;
  };
}

function byKey(options: RouteOptions, selector: (value: never) => unknown): RouteRecord {
  const { partition, maxParallelism, operatorName } = options;
  const count = partition.writers.length;
  const keyOf = selector as (value: unknown) => unknown;
  if (count === 1) {
    // One consumer: the key is still checked there, before it touches state.
    return (value, timestamp) => partition.emit(value, timestamp, 0);
  }
  const hash = hashOf(operatorName);
  return (value, timestamp) => {
    const keyGroup = keyGroupOf(hash(keyOf(value), value), maxParallelism);
    partition.emit(value, timestamp, operatorIndexForKeyGroup(keyGroup, count, maxParallelism));
  };
}

/** The hash of a record's key; what cannot be a key is refused with the operator and the record. */
export function hashOf(operatorName: string): (key: unknown, value: unknown) => number {
  return (key, value) => {
    try {
      return hashKey(key);
    } catch (error) {
      throw locateKeyError(error, operatorName, value);
    }
  };
}

function byChoice(
  options: RouteOptions,
  selector: (value: never) => unknown,
  choose: (key: unknown, partitions: number) => number,
): RouteRecord {
  const { partition, operatorName } = options;
  const count = partition.writers.length;
  const check = checkChoice(operatorName, count);
  return (value, timestamp) => {
    const index = choose((selector as (value: unknown) => unknown)(value), count);
    partition.emit(value, timestamp, check(index));
  };
}

/** Gives the index back when it is one. */
export function checkChoice(operatorName: string, count: number): (index: number) => number {
  return (index) => {
    if (Number.isInteger(index) && index >= 0 && index < count) return index;
    throw new UserError('BAD_PARTITION', {
      problem: `Operator '${operatorName}': the custom partitioner chose ${String(index)}; it must be a whole number from 0 to ${count - 1}.`,
    });
  };
}

export function locateKeyError(error: unknown, operatorName: string, value: unknown): unknown {
  if (!(error instanceof UserError) || error.code !== 'INVALID_KEY') return error;
  return new UserError(error.code, {
    ...error.facts,
    problem: `Operator '${operatorName}': ${error.facts.problem}`,
    found: `The record: ${shown(value)}. ${error.facts.found ?? ''}`,
  });
}

/** What to throw for something that was thrown while a record was processed. */
export function locateRefused(
  operatorName: string,
  keyedState: HeapKeyedStateBackend | undefined,
): (error: unknown, value: unknown) => unknown {
  return (error, value) => (keyedState?.hasRefused(error) ? locateKeyError(error, operatorName, value) : error);
}

function shown(value: unknown): string {
  try {
    return JSON.stringify(value)?.slice(0, 500) ?? String(value);
  } catch {
    return String(value);
  }
}
