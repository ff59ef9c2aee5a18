/**
 * The contract of codecs: how values become bytes and back, on edges and in state alike.
 *
 * A {@link BatchEncoder} belongs to one output channel and gathers records by column; a {@link BatchDecoder} belongs to
 * the matching input channel. What records look like is inferred and sent in-band, once per channel: the decoder needs all
 * batches of its encoder, in order, and nothing else. Encoding copies: nothing the program does to a record after `add` shows.
 */
import type { RecordColumns } from './columns/record-columns.ts';
import type { TypeInfo } from './type-info.ts';

export interface BatchEncoder {
  /** Records gathered and not yet taken. */
  readonly count: number;
  /** Rough bytes gathered, to flush wide records early. */
  readonly sizeBytes: number;
  /**
   * Copies the record into the columns. Throws UserError('UNSUPPORTED_VALUE') naming the path for what no codec can carry.
   * With `fields` (always the same list) the caller knows that it is a plain object with exactly these, in this order.
   */
  add(value: unknown, timestamp: number, fields?: readonly string[]): void;
  /** Adds rows at once. The encoder must be empty. */
  addColumns(columns: RecordColumns, rows: number, timestamps: Float64Array | undefined): void;
  /** Bytes of all gathered records, valid until the next call on this encoder; the encoder is empty afterwards. */
  take(): Uint8Array;
}

export interface BatchDecoder {
  /** Reads the next batch made by `take`; the bytes may lie in shared memory and may be reused when this returns. */
  decode(bytes: Uint8Array): DecodedBatch;
}

/** A fresh object per record: the engine made it, so the consumer may keep or change it. */
export interface DecodedBatch {
  /** How many records. */
  readonly count: number;
  /** To be asked for before the next batch of the channel is read. */
  readonly values: readonly unknown[];
  /** The same records, where they are plain objects with the same fields. Either these or the values are to be used. */
  readonly columns: RecordColumns | undefined;
  /** Undefined when no record of the batch has a timestamp. */
  readonly timestamps: Float64Array | undefined;
}

export interface CodecFactory {
  /** `channels`: so many encoders share what one may take for dictionaries. */
  createEncoder(options: { operatorName: string; type?: TypeInfo | undefined; channels?: number }): BatchEncoder;
  createDecoder(options: { operatorName: string }): BatchDecoder;
  /** A generated deep copy for values on same-thread edges and between chained operators. */
  createCloner(options: { operatorName: string; type?: TypeInfo | undefined }): (value: unknown) => unknown;
}
