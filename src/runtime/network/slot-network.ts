/**
 * The data plane of one slot thread: makes result partitions and input gates over the right transport (same thread,
 * shared-memory ring, TCP), and lets the slot's loop sleep on one doorbell.
 */

import type { SerializedError } from '../../shared/errors.ts';
import type { ExecutionAttemptId } from '../../shared/ids.ts';
import type { TypeInfo } from '../../types/type-info.ts';
import type { InputGateDescriptor, ResultPartitionDescriptor, TaskLocation } from '../rpc/gateways.ts';
import type { SharedChannels } from '../task/task-host.ts';
import type { InputGate, ResultPartitionWriter } from './channel.ts';

export interface ResultPartitionOptions {
  readonly descriptor: ResultPartitionDescriptor;
  readonly producerAttemptId: ExecutionAttemptId;
  readonly operatorName: string;
  /** -1: only full batches; 0: after each record. */
  readonly bufferTimeoutMs: number;
  /** Same-thread edges may hand over the object itself. */
  readonly objectReuse: boolean;
  readonly type?: TypeInfo | undefined;
  readonly channels: SharedChannels;
  /** Called when `isAvailable` turned false. */
  readonly onUnavailable: () => void;
  /** Called when `isAvailable` turned true again. */
  readonly onAvailable: () => void;
  readonly onError: (error: Error) => void;
}

export interface InputGateOptions {
  /** In the order of the vertex's inputs; channels are numbered through over all of them. */
  readonly descriptors: readonly InputGateDescriptor[];
  readonly consumerAttemptId: ExecutionAttemptId;
  readonly operatorName: string;
  readonly channels: SharedChannels;
  /** Called when `hasData` turned true. */
  readonly onData: () => void;
  readonly onError: (error: Error) => void;
}

/** What is open now: nothing, when no task is there. */
export interface NetworkUsage {
  readonly gates: number;
  readonly partitions: number;
  /** Channels of one thread with one end only. */
  readonly halfOpenChannels: number;
  /** Connections that other TaskManagers opened. */
  readonly connections: number;
}

export interface SlotNetwork {
  /** Where other slots find this one. */
  readonly location: TaskLocation;
  createResultPartition(options: ResultPartitionOptions): ResultPartitionWriter;
  createInputGate(options: InputGateOptions): InputGate;
  /** Looks at the shared rings whose doorbell rang; cheap when none did. Called by the slot's loop at every turn. */
  poll(): void;
  /** Flushes channels whose buffer timeout passed; returns ms until the next one is due, or Infinity. */
  flushDue(nowMs: number): number;
  /** Resolves when work arrived from another thread. At most one call at a time. */
  sleep(): Promise<void>;
  readonly usage: NetworkUsage;
  peerLost(attemptIds: readonly ExecutionAttemptId[], cause: SerializedError): void;
  close(): Promise<void>;
}
