/**
 * The contract between a task and the data plane. A task writes records and events to {@link ResultPartitionWriter}s and
 * polls its {@link InputGate}; transports (same thread, shared-memory ring, TCP) are hidden behind them.
 *
 * Keeps true: barriers, watermarks and end markers are stream elements in order with the records, never mails;
 * availability is a fact (a boolean read per record), waiting is a callback; a silent producer is never taken for an ended one.
 */
import type { DecodedBatch } from '../../types/codec.ts';
import type { CheckpointOptions } from '../rpc/gateways.ts';
import type { GatheredColumns } from './gathered-columns.ts';

export type ChannelEvent =
  | { readonly kind: 'watermark'; readonly timestamp: number }
  | { readonly kind: 'watermark-status'; readonly idle: boolean }
  | { readonly kind: 'barrier'; readonly checkpointId: number; readonly timestamp: number; readonly options: CheckpointOptions }
  | { readonly kind: 'cancel-barrier'; readonly checkpointId: number }
  /** No more records; `drain` false when stopped with a savepoint without drain. */
  | { readonly kind: 'end-of-data'; readonly drain: boolean }
  /** Nothing more at all. */
  | { readonly kind: 'end-of-partition' };

/** The way to one subtask of the consumer, for callers that choose it themselves. */
export interface RecordWriter {
  /**
   * As {@link ResultPartitionWriter.emit}. With `fields` (always the same list) the caller knows that the value is a plain
   * object with exactly these, in this order.
   */
  add(value: unknown, timestamp: number, fields?: readonly string[]): void;
  /** The same for a value that nobody else holds: it may be handed over as it is. */
  addOwned(value: unknown, timestamp: number, fields?: readonly string[]): void;
  /** Takes the place of both for records whose fields are known. */
  readonly columns: GatheredColumns;
}

/** One result partition: one edge to all subtasks of the consumer. */
export interface ResultPartitionWriter {
  /** False when some channel has no free buffer: the task must not begin its next record. A plain field read. */
  readonly isAvailable: boolean;
  /**
   * Sends a record to one subpartition; copies the value (or clones it). Never blocks: beyond availability it overflows
   * into memory that is metered, and throws UserError('OUTPUT_OVERFLOW') above the limit.
   */
  emit(value: unknown, timestamp: number, subpartition: number): void;
  /** Encodes once for all subpartitions. */
  broadcast(value: unknown, timestamp: number): void;
  /** Flushes gathered records, then sends the event to every subpartition in order. */
  broadcastEvent(event: ChannelEvent): void;
  /** Sends what is gathered now. */
  flush(): void;
  /** By subpartition. */
  readonly writers: readonly RecordWriter[];
  /** Records emitted; a broadcast one counts once. */
  readonly recordsOut: number;
  readonly bytesOut: number;
  /** From 0 to 1. */
  readonly poolUsage: number;
  close(): void;
}

/** What `InputGate.poll` hands out; the same object is reused by the next call. */
export interface PolledElement {
  /** Index over all channels of all gates of the task. */
  channel: number;
  /** Exactly one of the two is set. */
  batch: DecodedBatch | undefined;
  event: ChannelEvent | undefined;
}

/** All inputs of one task, over all edges. */
export interface InputGate {
  readonly channelCount: number;
  /** Input number (0, or 0 and 1) of a channel. */
  inputIndexOf(channel: number): number;
  /** Next batch or event of any unblocked channel, fair between channels; undefined when nothing is there now. */
  poll(): PolledElement | undefined;
  readonly hasData: boolean;
  /** Alignment: a blocked channel is not polled and gets no new credit. */
  blockChannel(channel: number): void;
  unblockChannel(channel: number): void;
  /** True when every channel delivered end-of-partition. */
  readonly isFinished: boolean;
  readonly bytesIn: number;
  /** From 0 to 1. */
  readonly poolUsage: number;
  close(): void;
}
