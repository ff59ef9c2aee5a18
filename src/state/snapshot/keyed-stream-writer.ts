/**
 * Writes the keyed-state stream. Entries come in any order of keys; each goes to the block of its section and key group, and
 * a block leaves when it is full, so that memory is bounded whatever the size of the state.
 */
import { crc32 } from 'node:zlib';
import { UserError } from '../../shared/errors.ts';
import { renderValue } from '../../shared/render-value.ts';
import { ByteWriter } from '../../types/byte-writer.ts';
import { type KeyGroupRange, keyGroupOf } from '../../types/key-groups.ts';
import { hashKey } from '../../types/key-hash.ts';
import { BlockShapes, RecordShapes } from '../../types/record-shapes.ts';
import type { TypeInfo } from '../../types/type-info.ts';
import { writeValue } from '../../types/value-codec.ts';
import type { CheckpointOutputStream } from '../storage/checkpoint-streams.ts';
import type { KeyedStateHandle } from './handles.ts';
import { entryHeads, type SectionHeader, type SectionKind, sectionKinds, trailerMagic } from './keyed-stream-format.ts';
import { streamHeaderBytes, writeStreamHeader } from './stream-header.ts';

const blockBytes = 32 * 1024;
/** All blocks together: above it, blocks leave before they are full. */
const budgetBytes = 8 * 1024 * 1024;
const none = Symbol('no key');

export interface KeyedStreamOptions {
  readonly operatorName: string;
  readonly keyGroups: KeyGroupRange;
  readonly maxParallelism: number;
}

export class StreamSection implements SectionHeader {
  readonly index: number;
  readonly kind: SectionKind;
  readonly name: string;
  readonly type: TypeInfo | undefined;
  readonly keyType: TypeInfo | undefined;
  /** By key group, counted from the first of the range. */
  readonly blocks: (Block | undefined)[] = [];

  constructor(index: number, header: SectionHeader) {
    this.index = index;
    this.kind = header.kind;
    this.name = header.name;
    this.type = header.type;
    this.keyType = header.keyType;
  }
}

class Block {
  readonly keyGroup: number;
  readonly writer = new ByteWriter(256);
  entries = 0;
  key: unknown = none;
  namespace: unknown = none;

  constructor(keyGroup: number, shapes: RecordShapes) {
    this.keyGroup = keyGroup;
    this.writer.shapes = new BlockShapes(shapes);
  }
}

export class KeyedStreamWriter {
  readonly #options: KeyedStreamOptions;
  readonly #output: CheckpointOutputStream;
  readonly #sections: StreamSection[] = [];
  readonly #shapes = new RecordShapes();
  readonly #index = new ByteWriter(1024);
  #blocks = 0;
  /** Position in the stream. */
  #position = 0;
  #gatheredBytes = 0;
  #key: unknown = none;
  #keyGroup = 0;
  #block: Block | undefined;

  constructor(output: CheckpointOutputStream, options: KeyedStreamOptions) {
    this.#output = output;
    this.#options = options;
  }

  section(header: SectionHeader): StreamSection {
    const section = new StreamSection(this.#sections.length, header);
    this.#sections.push(section);
    return section;
  }

  /** Begins an entry: the caller writes what follows key and namespace to the returned writer, then calls {@link endEntry}. */
  beginEntry(section: StreamSection, key: unknown, namespace: unknown): ByteWriter {
    const block = this.#blockOf(section, key);
    const { writer } = block;
    this.#gatheredBytes -= writer.position;
    if (block.key === key && block.namespace === namespace) writer.uint8(entryHeads.same);
    else if (block.key === key && namespace !== undefined) {
      writer.uint8(entryHeads.sameKeyOtherNamespace);
      writeValue(writer, namespace);
    } else {
      writer.uint8(namespace === undefined ? entryHeads.key : entryHeads.keyAndNamespace);
      writeValue(writer, key);
      if (namespace !== undefined) writeValue(writer, namespace);
    }
    block.key = key;
    block.namespace = namespace;
    block.entries++;
    this.#block = block;
    return writer;
  }

  endEntry(section: StreamSection): void {
    const block = this.#block as Block;
    this.#gatheredBytes += block.writer.position;
    if (block.writer.position >= blockBytes || this.#gatheredBytes > budgetBytes) this.#flush(section, block);
  }

  /** A block of another stream, as it is. */
  writeBlock(section: StreamSection, keyGroup: number, entries: number, bytes: Uint8Array): void {
    this.#write(section, keyGroup, entries, new Uint8Array(bytes));
  }

  /** Writes what is gathered, block by block, so that the caller can pause between two. */
  *flushAll(): Generator<void> {
    for (const section of this.#sections) {
      for (const block of section.blocks) {
        if (!block || block.entries === 0) continue;
        this.#flush(section, block);
        yield;
      }
    }
  }

  /** Undefined when no entry was written. */
  async close(): Promise<KeyedStateHandle | undefined> {
    if (this.#blocks > 0) this.#output.write(this.#footer());
    const stream = await this.#output.close();
    return stream && { kind: 'keyed', keyGroups: this.#options.keyGroups, stream };
  }

  #blockOf(section: StreamSection, key: unknown): Block {
    const { keyGroups, maxParallelism } = this.#options;
    // The entries of a key come one after another.
    if (this.#key !== key) {
      this.#keyGroup = keyGroupOf(hashKey(key), maxParallelism);
      this.#key = key;
      if (this.#keyGroup < keyGroups.start || this.#keyGroup > keyGroups.end) throw this.#foreignKey(key);
    }
    const slot = this.#keyGroup - keyGroups.start;
    const known = section.blocks[slot];
    if (known) return known;
    while (section.blocks.length <= slot) section.blocks.push(undefined);
    const block = new Block(this.#keyGroup, this.#shapes);
    section.blocks[slot] = block;
    return block;
  }

  #flush(section: StreamSection, block: Block): void {
    const { writer } = block;
    this.#gatheredBytes -= writer.position;
    this.#write(section, block.keyGroup, block.entries, new Uint8Array(writer.written()));
    writer.clear();
    (writer.shapes as BlockShapes).clear();
    block.entries = 0;
    block.key = none;
    block.namespace = none;
  }

  #write(section: StreamSection, keyGroup: number, entries: number, bytes: Uint8Array): void {
    if (this.#position === 0) {
      const header = new ByteWriter(streamHeaderBytes);
      writeStreamHeader(header, 'keyed state');
      this.#output.write(header.written());
      this.#position = streamHeaderBytes;
    }
    this.#output.write(bytes);
    const index = this.#index;
    index.varint(section.index);
    index.varint(keyGroup);
    index.varint(this.#position);
    index.varint(bytes.length);
    index.varint(entries);
    index.int32(crc32(bytes) | 0);
    this.#position += bytes.length;
    this.#blocks++;
  }

  #footer(): Uint8Array {
    const writer = new ByteWriter(this.#index.position + 4096);
    const { keyGroups, maxParallelism } = this.#options;
    writer.varint(maxParallelism);
    writer.varint(keyGroups.start);
    writer.varint(keyGroups.end);
    writer.varint(this.#sections.length);
    for (const section of this.#sections) {
      writer.uint8(sectionKinds[section.kind]);
      writer.string(section.name);
      writeValue(writer, plain(section.type));
      writeValue(writer, plain(section.keyType));
    }
    writer.varint(this.#blocks);
    writer.bytes(this.#index.written());
    const length = writer.position;
    const checksum = crc32(writer.written());
    writer.int32(length);
    writer.int32(checksum | 0);
    writer.bytes(Buffer.from(trailerMagic, 'latin1'));
    return writer.written();
  }

  #foreignKey(key: unknown): UserError {
    const { operatorName, keyGroups } = this.#options;
    return new UserError('KEY_OUTSIDE_RANGE', {
      problem: `Operator '${operatorName}': there is state for the key ${renderValue(key)}, which belongs to another subtask.`,
      found: `It is in key group ${this.#keyGroup}; this subtask has ${keyGroups.start} to ${keyGroups.end}.`,
      tryNext: [
        'Make the key selector give the same key for the same record at all times and in all processes: no clock, no random numbers, no changed record.',
        'With a stream that was declared as keyed already, check that it really is partitioned by that key.',
      ],
    });
  }
}

/** Type information without what only the compiler sees. */
function plain(type: TypeInfo | undefined): unknown {
  return type === undefined ? undefined : (JSON.parse(JSON.stringify(type)) as unknown);
}
