/**
 * Files as splits: cut into byte ranges that readers share. A range owns the lines that begin in it, so its reader skips up to the
 * first line border and reads past its end to finish the last line.
 */
import type { InputStatus, ReaderOutput, SourceSplit } from '../../api/source.ts';
import { UserError } from '../../shared/errors.ts';
import { type BlockingFileSystem, type FileStatus, fileSystemOf } from '../../shared/file-system/file-system.ts';
import { recordsPerPoll, type SplitRun } from '../static-splits.ts';

export interface FileSplit extends SourceSplit {
  readonly path: string;
  readonly start: number;
  readonly end: number;
  /** Lines begin exactly at `start` (a restored position, or the file's begin). */
  readonly aligned: boolean;
}

/** What Node.js decodes byte by byte or as UTF-8: a line feed is one byte in both. */
export type TextEncoding = 'utf8' | 'latin1';

const smallestRange = 1024 * 1024;
const rangesPerReader = 4;
const chunkBytes = 256 * 1024;
const newline = 10;

/** A file, or all files below a directory, hidden ones left out. Throws UserError('FILE_NOT_FOUND'). */
export function filesOf(given: string): FileStatus[] {
  const { fileSystem, path } = fileSystemOf(given);
  const status = fileSystem.blocking.status(path);
  if (status) return status.isDirectory ? fileSystem.blocking.listFiles(path) : [status];
  throw new UserError('FILE_NOT_FOUND', {
    problem: `The given file input path ${given} does not exist.`,
    tryNext: ['Give a path that every TaskManager and the JobManager can read.'],
  });
}

/** A few ranges for each reader, none of them tiny. */
export function cutFiles(files: readonly FileStatus[], readers: number): FileSplit[] {
  const total = files.reduce((sum, file) => sum + file.size, 0);
  const range = Math.max(smallestRange, Math.ceil(total / (readers * rangesPerReader)));
  return files.flatMap((file) => cutFile(file.path, file.size, range));
}

function cutFile(path: string, size: number, range: number): FileSplit[] {
  const splits: FileSplit[] = [];
  for (let start = 0; start < size; start += range) {
    splits.push({ splitId: `${path}:${start}`, path, start, end: Math.min(size, start + range), aligned: start === 0 });
  }
  return splits;
}

/** Reads the lines of one range; a line that `decode` makes nothing of is left out. */
export class LineRun<T> implements SplitRun<T, FileSplit> {
  readonly #split: FileSplit;
  readonly #encoding: TextEncoding;
  readonly #decode: ((line: string) => T | undefined) | undefined;
  readonly #fileSystem: BlockingFileSystem;
  readonly #file: number;
  readonly #chunk = Buffer.allocUnsafe(chunkBytes);
  /** Bytes read and not consumed: chunk[begin..end). */
  #begin = 0;
  #end = 0;
  /** File position of the byte at `#begin`. */
  #position: number;
  #head: Buffer[] = [];
  #skipping: boolean;

  /** Without `decode` the records are the lines themselves. */
  constructor(split: FileSplit, encoding: TextEncoding, decode?: (line: string) => T | undefined) {
    const { fileSystem, path } = fileSystemOf(split.path);
    this.#split = split;
    this.#encoding = encoding;
    this.#decode = decode;
    this.#fileSystem = fileSystem.blocking;
    this.#file = this.#fileSystem.openRead(path);
    // Starting one byte early tells whether a line begins exactly at the start.
    this.#position = split.aligned ? split.start : split.start - 1;
    this.#skipping = !split.aligned;
  }

  next(output: ReaderOutput<T>): InputStatus {
    for (let emitted = 0; emitted < recordsPerPoll; ) {
      if (!this.#skipping && this.#head.length === 0 && this.#position >= this.#split.end) return 'END_OF_INPUT';
      if (this.#begin === this.#end && !this.#fill()) {
        if (this.#head.length > 0) this.#emit(output, this.#line(Buffer.alloc(0)));
        return 'END_OF_INPUT';
      }
      const at = this.#chunk.subarray(0, this.#end).indexOf(newline, this.#begin);
      if (at < 0) {
        this.#keepRest();
        continue;
      }
      const piece = this.#chunk.subarray(this.#begin, at);
      this.#position += at + 1 - this.#begin;
      this.#begin = at + 1;
      if (this.#skipping) {
        this.#skipping = false;
        this.#head = [];
        continue;
      }
      this.#emit(output, this.#line(piece));
      emitted++;
      if (output.isFull) break;
    }
    return 'MORE_AVAILABLE';
  }

  snapshot(): FileSplit {
    const headBytes = this.#head.reduce((sum, piece) => sum + piece.length, 0);
    if (this.#skipping) return this.#split;
    return { ...this.#split, start: this.#position - headBytes, aligned: true };
  }

  close(): void {
    this.#fileSystem.close(this.#file);
  }

  #emit(output: ReaderOutput<T>, line: string): void {
    if (this.#decode === undefined) {
      output.collect(line as T);
      return;
    }
    const record = this.#decode(line);
    if (record !== undefined) output.collect(record);
  }

  #fill(): boolean {
    const read = this.#fileSystem.read(this.#file, this.#chunk, this.#position);
    this.#begin = 0;
    this.#end = read;
    return read > 0;
  }

  #keepRest(): void {
    const rest = this.#chunk.subarray(this.#begin, this.#end);
    this.#position += rest.length;
    if (!this.#skipping) this.#head.push(Buffer.from(rest));
    this.#begin = this.#end;
  }

  #line(tail: Buffer): string {
    let bytes = this.#head.length === 0 ? tail : Buffer.concat([...this.#head, tail]);
    this.#head = [];
    if (bytes.length > 0 && bytes[bytes.length - 1] === 13) bytes = bytes.subarray(0, bytes.length - 1);
    return bytes.toString(this.#encoding);
  }
}

/** Throws UserError('UNKNOWN_CHARSET'). */
export function nodeEncoding(charset: string): TextEncoding {
  const known: Record<string, TextEncoding> = {
    'utf-8': 'utf8',
    utf8: 'utf8',
    'iso-8859-1': 'latin1',
    latin1: 'latin1',
    'us-ascii': 'latin1',
    ascii: 'latin1',
  };
  const encoding = known[charset.toLowerCase()];
  if (encoding) return encoding;
  throw new UserError('UNKNOWN_CHARSET', {
    problem: `The charset '${charset}' is not supported.`,
    tryNext: [`One of: ${Object.keys(known).join(', ')}.`],
  });
}
