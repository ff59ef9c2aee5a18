/**
 * The `_metadata` file: bytes to content and back (docs/formats/checkpoint-metadata.md). The frame (magic, version, length,
 * checksum) stays what it is in all versions, so that damage and a newer version are told apart.
 */
import { crc32 } from 'node:zlib';
import { assert, BugError } from '../../../shared/assert.ts';
import { ExternalError, UserError } from '../../../shared/errors.ts';
import type { KeyedStateHandle, OperatorStateHandle, RedistributionMode, StreamHandle } from '../../../state/snapshot/handles.ts';
import { ByteReader } from '../../../types/byte-reader.ts';
import { ByteWriter } from '../../../types/byte-writer.ts';
import type { CheckpointProperties } from '../checkpoint-properties.ts';
import type { CheckpointedOperator, CheckpointedSubtask, CheckpointMetadata } from './checkpoint-metadata.ts';

const magic = Buffer.from('WEIRCKPT', 'latin1');
const formatVersion = 1;
const headerBytes = magic.length + 8;
const trailerBytes = 4;
/** First four bytes of a `_metadata` that Apache Flink wrote. */
const flinkMagic = 0x4960672d;

const kinds = ['checkpoint', 'savepoint'] as const;
const stops = [undefined, 'suspend', 'drain'] as const;
const modes: readonly RedistributionMode[] = ['SPLIT', 'UNION', 'BROADCAST'];
const discardEvents = ['SUBSUMED', 'FINISHED', 'CANCELED', 'FAILED', 'SUSPENDED'] as const;

export function encodeMetadata(metadata: CheckpointMetadata): Uint8Array {
  const wrong = inconsistency(metadata);
  assert(wrong === undefined, () => `metadata of checkpoint ${metadata.checkpointId}: ${wrong}`);
  const writer = new ByteWriter();
  writer.bytes(magic);
  writer.int32(formatVersion);
  writer.int32(0);
  writeBody(writer, metadata);
  writer.buffer.writeUInt32LE(writer.position - headerBytes, magic.length + 4);
  const checksum = crc32(writer.written());
  writer.int32(checksum | 0);
  return Uint8Array.prototype.slice.call(writer.written());
}

/**
 * `path` is for the messages. Throws UserError('NOT_A_CHECKPOINT' | 'CHECKPOINT_TOO_NEW') and
 * ExternalError('CHECKPOINT_DAMAGED').
 */
export function decodeMetadata(bytes: Uint8Array, path: string): CheckpointMetadata {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (!buffer.subarray(0, magic.length).equals(magic.subarray(0, buffer.length)) || buffer.length === 0) throw foreign(buffer, path);
  if (buffer.length < headerBytes + trailerBytes) throw damaged(path, `It ends after ${buffer.length} bytes.`);
  const bodyBytes = buffer.readUInt32LE(magic.length + 4);
  const wholeBytes = headerBytes + bodyBytes + trailerBytes;
  if (buffer.length !== wholeBytes) throw damaged(path, `It has ${buffer.length} bytes where its header says ${wholeBytes}.`);
  const end = headerBytes + bodyBytes;
  if (crc32(buffer.subarray(0, end)) !== buffer.readUInt32LE(end)) throw damaged(path, 'Its checksum does not match its content.');
  const version = buffer.readUInt32LE(magic.length);
  if (version !== formatVersion) throw wrongVersion(version, path);
  return checkedBody(buffer.subarray(headerBytes, end), path);
}

function checkedBody(body: Buffer, path: string): CheckpointMetadata {
  let metadata: CheckpointMetadata;
  try {
    const reader = new ByteReader(body);
    metadata = readBody(reader);
    if (reader.position !== body.length) throw new BugError(`${body.length - reader.position} bytes are left over`);
  } catch (error) {
    throw damaged(path, `Its content cannot be read: ${(error as Error).message}`, error);
  }
  const wrong = inconsistency(metadata);
  if (wrong !== undefined) throw damaged(path, `Its content contradicts itself: ${wrong}.`);
  return metadata;
}

function writeBody(writer: ByteWriter, metadata: CheckpointMetadata): void {
  writer.varint(metadata.checkpointId);
  writer.string(metadata.jobId);
  writer.string(metadata.jobName);
  writer.varint(metadata.timestamp);
  writer.string(metadata.weirVersion);
  writeProperties(writer, metadata.properties);
  writeAll(writer, metadata.operators, writeOperator);
}

function readBody(reader: ByteReader): CheckpointMetadata {
  return {
    checkpointId: reader.varint(),
    jobId: reader.string(),
    jobName: reader.string(),
    timestamp: reader.varint(),
    weirVersion: reader.string(),
    properties: readProperties(reader),
    operators: readAll(reader, readOperator),
  };
}

function writeProperties(writer: ByteWriter, properties: CheckpointProperties): void {
  writer.uint8(kinds.indexOf(properties.kind));
  writer.uint8(stops.indexOf(properties.stop));
  writer.uint8(Number(properties.full) | (Number(properties.forced) << 1) | (Number(properties.unclaimed) << 2));
  writer.uint8(discardEvents.reduce((bits, event, index) => bits | (Number(properties.discardWhen[event]) << index), 0));
}

function readProperties(reader: ByteReader): CheckpointProperties {
  const kind = choice(kinds, reader.uint8(), 'kind');
  const stop = choice(stops, reader.uint8(), 'way of stopping');
  const flags = reader.uint8();
  const discard = reader.uint8();
  return {
    kind,
    ...(stop ? { stop } : {}),
    full: (flags & 1) !== 0,
    forced: (flags & 2) !== 0,
    unclaimed: (flags & 4) !== 0,
    discardWhen: Object.fromEntries(
      discardEvents.map((event, index) => [event, (discard & (1 << index)) !== 0]),
    ) as CheckpointProperties['discardWhen'],
  };
}

function writeOperator(writer: ByteWriter, operator: CheckpointedOperator): void {
  writer.bytes(Buffer.from(operator.operatorId, 'hex'));
  writer.string(operator.name);
  writeOptional(writer, operator.uid, (uid) => writer.string(uid));
  writer.varint(operator.parallelism);
  writer.varint(operator.maxParallelism);
  writer.uint8(Number(operator.fullyFinished));
  writeOptional(writer, operator.coordinatorState, (bytes) => writeBytes(writer, bytes));
  writeAll(writer, [...operator.subtasks], (_writer, [index, subtask]) => {
    writer.varint(index);
    writeSubtask(writer, subtask);
  });
}

function readOperator(reader: ByteReader): CheckpointedOperator {
  return {
    operatorId: Buffer.from(reader.bytes(16)).toString('hex'),
    name: reader.string(),
    uid: readOptional(reader, () => reader.string()),
    parallelism: reader.varint(),
    maxParallelism: reader.varint(),
    fullyFinished: readFlag(reader),
    coordinatorState: readOptional(reader, () => readBytes(reader)),
    subtasks: new Map(readAll(reader, () => [reader.varint(), readSubtask(reader)] as const)),
  };
}

function writeSubtask(writer: ByteWriter, subtask: CheckpointedSubtask): void {
  writer.uint8(Number(subtask.finished));
  writeAll(writer, subtask.keyed, writeKeyedHandle);
  writeAll(writer, subtask.operator, writeOperatorHandle);
}

function readSubtask(reader: ByteReader): CheckpointedSubtask {
  return { finished: readFlag(reader), keyed: readAll(reader, readKeyedHandle), operator: readAll(reader, readOperatorHandle) };
}

function writeKeyedHandle(writer: ByteWriter, handle: KeyedStateHandle): void {
  writer.uint8(0);
  writer.varint(handle.keyGroups.start);
  writer.varint(handle.keyGroups.end);
  writeStream(writer, handle.stream);
}

function readKeyedHandle(reader: ByteReader): KeyedStateHandle {
  choice(['keyed'] as const, reader.uint8(), 'keyed state handle');
  const keyGroups = { start: reader.varint(), end: reader.varint() };
  return { kind: 'keyed', keyGroups, stream: readStream(reader) };
}

function writeOperatorHandle(writer: ByteWriter, handle: OperatorStateHandle): void {
  writeAll(writer, Object.entries(handle.states), (_writer, [name, { mode, offsets }]) => {
    writer.string(name);
    writer.uint8(modes.indexOf(mode));
    writeAll(writer, offsets, (_inner, offset) => writer.varint(offset));
  });
  writeStream(writer, handle.stream);
}

function readOperatorHandle(reader: ByteReader): OperatorStateHandle {
  const states = readAll(reader, () => {
    const name = reader.string();
    const mode = choice(modes, reader.uint8(), 'redistribution mode');
    return [name, { mode, offsets: readAll(reader, () => reader.varint()) }] as const;
  });
  return { kind: 'operator', states: Object.fromEntries(states), stream: readStream(reader) };
}

const streamKinds = ['relative', 'file', 'bytes'] as const;

function writeStream(writer: ByteWriter, stream: StreamHandle): void {
  writer.uint8(streamKinds.indexOf(stream.kind));
  if (stream.kind === 'bytes') {
    writeBytes(writer, stream.bytes);
  } else {
    writer.string(stream.kind === 'relative' ? stream.name : stream.path);
    writer.varint(stream.size);
  }
  writer.int32(stream.checksum | 0);
}

function readStream(reader: ByteReader): StreamHandle {
  const kind = choice(streamKinds, reader.uint8(), 'stream handle');
  if (kind === 'bytes') return { kind, bytes: readBytes(reader), checksum: reader.int32() >>> 0 };
  const place = reader.string();
  const size = reader.varint();
  const checksum = reader.int32() >>> 0;
  return kind === 'relative' ? { kind, name: place, size, checksum } : { kind, path: place, size, checksum };
}

function writeAll<T>(writer: ByteWriter, items: readonly T[], write: (writer: ByteWriter, item: T) => void): void {
  writer.varint(items.length);
  for (const item of items) write(writer, item);
}

/** Every item takes a byte at least, so a wild count ends at the end of the bytes. */
function readAll<T>(reader: ByteReader, read: (reader: ByteReader) => T): T[] {
  const count = reader.varint();
  reader.need(count);
  const items: T[] = [];
  for (let i = 0; i < count; i++) items.push(read(reader));
  return items;
}

function writeOptional<T>(writer: ByteWriter, value: T | undefined, write: (value: T) => void): void {
  writer.uint8(Number(value !== undefined));
  if (value !== undefined) write(value);
}

function readOptional<T>(reader: ByteReader, read: () => T): T | undefined {
  return readFlag(reader) ? read() : undefined;
}

function writeBytes(writer: ByteWriter, bytes: Uint8Array): void {
  writer.varint(bytes.length);
  writer.bytes(bytes);
}

function readBytes(reader: ByteReader): Uint8Array {
  return reader.bytes(reader.varint());
}

function readFlag(reader: ByteReader): boolean {
  return choice([false, true], reader.uint8(), 'flag');
}

function choice<T>(values: readonly T[], index: number, what: string): T {
  if (index >= values.length) throw new BugError(`${index} is no ${what}`);
  return values[index] as T;
}

/** What must hold of any metadata, checked before writing and after reading. */
function inconsistency({ operators }: CheckpointMetadata): string | undefined {
  const seen = new Set<string>();
  for (const { operatorId, parallelism, maxParallelism, subtasks, fullyFinished } of operators) {
    const about = `operator ${operatorId}`;
    if (!/^[0-9a-f]{32}$/.test(operatorId)) return `${about} has no valid id`;
    if (seen.has(operatorId)) return `${about} stands there twice`;
    seen.add(operatorId);
    if (parallelism < 1 || parallelism > maxParallelism) return `${about} has parallelism ${parallelism} of ${maxParallelism}`;
    if (fullyFinished && subtasks.size > 0) return `${about} has finished and has state`;
    for (const [index, { keyed }] of subtasks) {
      if (index >= parallelism) return `${about} has a subtask ${index} of ${parallelism}`;
      for (const { keyGroups } of keyed)
        if (keyGroups.start > keyGroups.end || keyGroups.end >= maxParallelism)
          return `${about} has key groups ${keyGroups.start}-${keyGroups.end} of ${maxParallelism}`;
    }
  }
  return undefined;
}

function foreign(buffer: Buffer, path: string): UserError {
  const fromFlink = buffer.length >= 4 && buffer.readUInt32BE(0) === flinkMagic;
  return new UserError('NOT_A_CHECKPOINT', {
    problem: `The file ${path} is no metadata of a Weir checkpoint or savepoint.`,
    found: fromFlink
      ? 'Apache Flink wrote it. Weir cannot read the state of Java programs.'
      : `It starts with ${JSON.stringify(buffer.subarray(0, magic.length).toString('latin1'))}.`,
    tryNext: ['Pass a directory that contains _metadata, for example …/savepoint-1a2b3c-… or …/<job id>/chk-42.'],
  });
}

function damaged(path: string, found: string, cause?: unknown): ExternalError {
  return new ExternalError('CHECKPOINT_DAMAGED', {
    problem: `The checkpoint metadata ${path} is damaged.`,
    found,
    tryNext: ['Restore the file from a copy, or start from another savepoint or retained checkpoint: flink run -s <path>'],
    retriable: false,
    cause,
  });
}

function wrongVersion(version: number, path: string): UserError {
  return new UserError('CHECKPOINT_TOO_NEW', {
    problem: `The checkpoint metadata ${path} has format version ${version}; this version of Weir reads ${formatVersion}.`,
    tryNext: ['Run the job on a cluster with the version of Weir that wrote it, or a newer one.'],
  });
}
