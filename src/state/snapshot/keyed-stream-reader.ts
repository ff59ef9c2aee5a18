/** Reads the keyed-state stream: footer first, then any of its blocks. Damage anywhere is an error, never a wrong entry. */
import { crc32 } from 'node:zlib';
import { ExternalError } from '../../shared/errors.ts';
import { ByteReader } from '../../types/byte-reader.ts';
import type { KeyGroupRange } from '../../types/key-groups.ts';
import { ReadShapes } from '../../types/record-shapes.ts';
import type { TypeInfo } from '../../types/type-info.ts';
import { readValue } from '../../types/value-codec.ts';
import { entryHeads, type SectionHeader, type SectionKind, sectionKinds, trailerBytes, trailerMagic } from './keyed-stream-format.ts';
import { readStreamHeader, streamHeaderBytes } from './stream-header.ts';

export interface StoredBlock {
  readonly section: SectionHeader;
  readonly keyGroup: number;
  readonly entries: number;
  readonly bytes: Uint8Array;
}

export interface KeyedStream {
  readonly maxParallelism: number;
  readonly keyGroups: KeyGroupRange;
  readonly sections: readonly SectionHeader[];
  /** In the order they were written. Checked when they are taken. */
  blocks(): Iterable<StoredBlock>;
}

const kindOf = new Map<number, SectionKind>(Object.entries(sectionKinds).map(([kind, number]) => [number, kind as SectionKind]));

/** Throws ExternalError('STATE_DAMAGED' | 'STATE_TOO_NEW'). */
export function readKeyedStream(bytes: Uint8Array): KeyedStream {
  readStreamHeader(bytes, 'keyed state');
  return undamaged(() => {
    const footer = footerOf(bytes);
    const maxParallelism = footer.varint();
    const keyGroups = { start: footer.varint(), end: footer.varint() };
    const sections = Array.from({ length: count(footer) }, () => readSection(footer));
    const blocks = count(footer);
    const index = footer.position;
    return { maxParallelism, keyGroups, sections, blocks: () => readBlocks(bytes, footer, index, blocks, sections) };
  });
}

/** The entries of one block, one after another. */
export class BlockReader {
  readonly reader: ByteReader;
  key: unknown;
  namespace: unknown;
  /** Key and namespace are those of the entry before. */
  isSame = false;

  constructor(block: StoredBlock) {
    this.reader = new ByteReader(block.bytes);
    this.reader.shapes = new ReadShapes();
  }

  /** Reads key and namespace; what follows is the caller's. False at the end of the block. */
  next(): boolean {
    const { reader } = this;
    if (reader.position === reader.buffer.length) return false;
    const head = reader.uint8();
    this.isSame = head === entryHeads.same;
    switch (head) {
      case entryHeads.same:
        return true;
      case entryHeads.key:
        this.key = readValue(reader);
        this.namespace = undefined;
        return true;
      case entryHeads.keyAndNamespace:
        this.key = readValue(reader);
        this.namespace = readValue(reader);
        return true;
      case entryHeads.sameKeyOtherNamespace:
        this.namespace = readValue(reader);
        return true;
      default:
        throw damaged(`an entry begins with ${head}`);
    }
  }
}

/** Runs a decoding; what a damaged stream makes it throw becomes the one error for that. */
export function undamaged<T>(decode: () => T): T {
  try {
    return decode();
  } catch (error) {
    if (error instanceof ExternalError && error.code === 'CORRUPT_BATCH') throw damaged(error.message, error);
    throw error;
  }
}

function* readBlocks(
  bytes: Uint8Array,
  footer: ByteReader,
  index: number,
  blocks: number,
  sections: readonly SectionHeader[],
): Generator<StoredBlock> {
  const reader = new ByteReader(footer.buffer);
  reader.position = index;
  for (let i = 0; i < blocks; i++) {
    const block = undamaged(() => readBlock(bytes, reader, sections));
    yield block;
  }
}

function readBlock(bytes: Uint8Array, index: ByteReader, sections: readonly SectionHeader[]): StoredBlock {
  const section = sections[index.varint()];
  const keyGroup = index.varint();
  const position = index.varint();
  const length = index.varint();
  const entries = index.varint();
  const checksum = index.int32() >>> 0;
  const block = bytes.subarray(position, position + length);
  if (!section || block.length !== length) throw damaged('its index points outside of it');
  if (crc32(block) !== checksum) throw damaged(`the checksum of the block at ${position} differs`);
  return { section, keyGroup, entries, bytes: block };
}

function footerOf(bytes: Uint8Array): ByteReader {
  const trailer = new ByteReader(bytes.subarray(Math.max(streamHeaderBytes, bytes.length - trailerBytes)));
  const length = trailer.int32();
  const checksum = trailer.int32() >>> 0;
  if (Buffer.from(trailer.bytes(trailerMagic.length)).toString('latin1') !== trailerMagic) throw damaged('its end is missing');
  const end = bytes.length - trailerBytes;
  if (length < 0 || length > end - streamHeaderBytes) throw damaged('its footer is longer than itself');
  const footer = bytes.subarray(end - length, end);
  if (crc32(footer) !== checksum) throw damaged('the checksum of its footer differs');
  return new ByteReader(footer);
}

function readSection(footer: ByteReader): SectionHeader {
  const number = footer.uint8();
  const kind = kindOf.get(number);
  if (!kind) throw damaged(`a section has the unknown kind ${number}`);
  const name = footer.string();
  return { kind, name, type: readValue(footer) as TypeInfo | undefined, keyType: readValue(footer) as TypeInfo | undefined };
}

/** A number of things that each take a byte at least. */
function count(reader: ByteReader): number {
  const number = reader.varint();
  reader.need(number);
  return number;
}

function damaged(found: string, cause?: unknown): ExternalError {
  return new ExternalError('STATE_DAMAGED', {
    problem: `A stream of keyed state is damaged: ${found}.`,
    tryNext: ['Start from another checkpoint or savepoint: flink run -s <path>.'],
    cause,
    retriable: false,
  });
}
