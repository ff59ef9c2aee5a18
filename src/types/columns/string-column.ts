/**
 * Columns of strings: one text of all of them and their lengths; or, where strings repeat, numbers in a dictionary that both
 * ends of the channel build up. The writer tries the dictionary on its first batches and now and then again, and keeps it
 * only while most strings are found in it.
 */
import { corrupt } from '../byte-reader.ts';
import { isLatin1 } from '../byte-writer.ts';
import { flattenString } from '../detach.ts';
import type { ColumnReader } from './column-reader.ts';
import type { ColumnWriter } from './column-writer.ts';

const encoding = { latin1: 0, utf16: 1, dictionary: 2 } as const;

const dictionaryEntries = 16_384;
const leastEntries = 256;
/** Longer strings are not worth a place. */
const longestEntry = 256;
const dictionaryChars = 512 * 1024;
/** A dictionary is judged by the strings of so many batches. */
const trialBatches = 64;
const judgedBatches = 8;
/** Strings that must be found. */
const leastHits = 0.6;
/** Batches without a dictionary before it is tried again; doubled each time in vain. */
const firstPause = 1024;
const longestPause = 65_536;
/** Index of a string that is not in the dictionary: the next of those that follow. */
const notListed = 0;

export class StringColumnWriter {
  #ids: Map<string, number> | undefined = new Map();
  #chars = 0;
  #isReset = true;
  #batches = 0;
  #judgedStrings = 0;
  #judgedHits = 0;
  #pause = firstPause;
  #added: string[] = [];
  #rest: string[] = [];
  #indexes = new Uint16Array(32);
  readonly #mostEntries: number;
  readonly #mostChars: number;

  /** A partition of many channels has a dictionary for each: together they take what one may take alone. */
  constructor(channels: number) {
    this.#mostEntries = Math.max(leastEntries, Math.floor(dictionaryEntries / channels));
    this.#mostChars = Math.floor((dictionaryChars / dictionaryEntries) * this.#mostEntries);
  }

  write(writer: ColumnWriter, strings: readonly string[], rows: number): void {
    this.#batches++;
    if (this.#ids) {
      this.#writeIndexes(writer, this.#ids, strings, rows);
      this.#judge();
      return;
    }
    writeTexts(writer, strings, rows);
    if (this.#batches >= this.#pause) this.#begin();
  }

  #writeIndexes(writer: ColumnWriter, ids: Map<string, number>, strings: readonly string[], rows: number): void {
    const added = this.#added;
    const rest = this.#rest;
    if (this.#indexes.length < rows) this.#indexes = new Uint16Array(2 * rows);
    const indexes = this.#indexes;
    for (let row = 0; row < rows; row++) {
      const string = strings[row] as string;
      indexes[row] = ids.get(string) ?? this.#add(ids, string);
    }
    writer.uint8(encoding.dictionary);
    writer.uint8(this.#isReset ? 1 : 0);
    this.#isReset = false;
    writer.varint(added.length);
    if (added.length > 0) writeTexts(writer, added, added.length);
    writer.varint(rest.length);
    if (rest.length > 0) writeTexts(writer, rest, rest.length);
    writeIndexes(writer, indexes, rows, ids.size < 0xff);
    this.#judgedStrings += rows;
    this.#judgedHits += rows - added.length - rest.length;
    added.length = 0;
    rest.length = 0;
  }

  #add(ids: Map<string, number>, string: string): number {
    if (ids.size >= this.#mostEntries || string.length > longestEntry || this.#chars >= this.#mostChars) {
      this.#rest.push(string);
      return notListed;
    }
    const own = flattenString(string);
    const id = ids.size + 1;
    ids.set(own, id);
    this.#chars += own.length;
    this.#added.push(own);
    return id;
  }

  /** Only the last batches of a trial count: at its beginning everything is new. */
  #judge(): void {
    if (this.#batches === trialBatches - judgedBatches) {
      this.#judgedStrings = 0;
      this.#judgedHits = 0;
    }
    if (this.#batches < trialBatches) return;
    if (this.#judgedHits < leastHits * this.#judgedStrings) {
      this.#ids = undefined;
      this.#pause = Math.min(this.#pause * 2, longestPause);
    } else this.#pause = firstPause;
    this.#batches = 0;
  }

  #begin(): void {
    this.#ids = new Map();
    this.#chars = 0;
    this.#isReset = true;
    this.#batches = 0;
  }
}

export class StringColumnReader {
  #strings: string[] = [];
  readonly #dictionary: string[] = [];
  #lengths = new Int32Array(0);

  /** In memory that the next column read overwrites. */
  read(reader: ColumnReader, rows: number): readonly string[] {
    const kind = reader.uint8();
    if (kind !== encoding.dictionary) return this.#readTexts(reader, kind, rows);
    if (reader.uint8() === 1) this.#dictionary.length = 0;
    const added = reader.varint();
    if (added > 0)
      for (const text of this.#readTexts(reader, reader.uint8(), added).slice(0, added)) this.#dictionary.push(flattenString(text));
    if (this.#dictionary.length > dictionaryEntries) throw corrupt('dictionary size');
    const restCount = reader.varint();
    const rest = restCount > 0 ? this.#readTexts(reader, reader.uint8(), restCount).slice(0, restCount) : [];
    return this.#lookUp(reader, rest, rows);
  }

  #lookUp(reader: ColumnReader, rest: readonly string[], rows: number): readonly string[] {
    const isNarrow = reader.uint8() === 1;
    if (!isNarrow) reader.align();
    reader.need(isNarrow ? rows : rows * 2);
    const start = isNarrow ? reader.position : reader.position >> 1;
    const indexes: Uint8Array | Uint16Array = isNarrow ? reader.buffer : reader.uint16s;
    reader.position += isNarrow ? rows : rows * 2;
    const strings = this.#room(rows);
    const dictionary = this.#dictionary;
    let next = 0;
    for (let row = 0; row < rows; row++) {
      const index = indexes[start + row] as number;
      const string = index === notListed ? rest[next++] : dictionary[index - 1];
      if (string === undefined) throw corrupt('dictionary index');
      strings[row] = string;
    }
    return strings;
  }

  #readTexts(reader: ColumnReader, kind: number, rows: number): readonly string[] {
    if (kind !== encoding.latin1 && kind !== encoding.utf16) throw corrupt(`unknown encoding of strings: ${kind}`);
    const total = this.#readLengths(reader, rows);
    const bytes = kind === encoding.latin1 ? total : total * 2;
    reader.need(bytes);
    const end = reader.position + bytes;
    const text = reader.buffer.toString(kind === encoding.latin1 ? 'latin1' : 'utf16le', reader.position, end);
    reader.position = end;
    const strings = this.#room(rows);
    const lengths = this.#lengths;
    let at = 0;
    for (let row = 0; row < rows; row++) {
      const next = at + (lengths[row] as number);
      strings[row] = text.substring(at, next);
      at = next;
    }
    return strings;
  }

  #readLengths(reader: ColumnReader, rows: number): number {
    const isNarrow = reader.uint8() === 1;
    reader.need(rows);
    if (this.#lengths.length < rows) this.#lengths = new Int32Array(2 * rows);
    const lengths = this.#lengths;
    let total = 0;
    if (isNarrow) {
      const { buffer, position } = reader;
      for (let row = 0; row < rows; row++) {
        const length = buffer[position + row] as number;
        lengths[row] = length;
        total += length;
      }
      reader.position += rows;
      return total;
    }
    for (let row = 0; row < rows; row++) {
      const length = reader.varint();
      reader.need(length);
      lengths[row] = length;
      total += length;
    }
    return total;
  }

  #room(rows: number): string[] {
    if (this.#strings.length < rows) this.#strings = new Array<string>(rows).fill('');
    return this.#strings;
  }
}

function writeTexts(writer: ColumnWriter, strings: readonly string[], rows: number): void {
  const text = (rows === strings.length ? strings : strings.slice(0, rows)).join('');
  // Most texts are ASCII, which is found out fast.
  const latin1 = Buffer.byteLength(text) === text.length || isLatin1(text);
  writer.uint8(latin1 ? encoding.latin1 : encoding.utf16);
  writeLengths(writer, strings, rows);
  const bytes = latin1 ? text.length : text.length * 2;
  writer.reserve(bytes);
  writer.position += writer.buffer.write(text, writer.position, bytes, latin1 ? 'latin1' : 'utf16le');
}

function writeLengths(writer: ColumnWriter, strings: readonly string[], rows: number): void {
  let longest = 0;
  for (let row = 0; row < rows; row++) longest |= (strings[row] as string).length;
  const isNarrow = longest < 0x100;
  writer.uint8(isNarrow ? 1 : 0);
  if (!isNarrow) {
    for (let row = 0; row < rows; row++) writer.varint((strings[row] as string).length);
    return;
  }
  writer.reserve(rows);
  const { buffer, position } = writer;
  for (let row = 0; row < rows; row++) buffer[position + row] = (strings[row] as string).length;
  writer.position += rows;
}

function writeIndexes(writer: ColumnWriter, indexes: Uint16Array, rows: number, isNarrow: boolean): void {
  writer.uint8(isNarrow ? 1 : 0);
  if (!isNarrow) {
    writer.align(rows * 2);
    writer.uint16s.set(indexes.subarray(0, rows), writer.position >> 1);
    writer.position += rows * 2;
    return;
  }
  writer.reserve(rows);
  const { buffer, position } = writer;
  for (let row = 0; row < rows; row++) buffer[position + row] = indexes[row] as number;
  writer.position += rows;
}
