/**
 * Files that are appended to: which lines have come since the last look. Only whole lines are handed out, each once; a line that is
 * still being written waits for its end.
 */
import { type FileStatus, fileSystemOf } from '../../shared/file-system/file-system.ts';
import type { FileSplit } from './file-splits.ts';

const newline = 10;
const chunkBytes = 64 * 1024;

/** What is stored in checkpoints. */
export interface GrowingFilesState {
  /** Up to which byte each file has been handed out. */
  readonly ends: readonly (readonly [path: string, end: number])[];
  /** Ranges handed out so far: their numbers make the ids of splits unique. */
  readonly ranges: number;
}

export class GrowingFiles {
  readonly #ends: Map<string, number>;
  #ranges: number;

  constructor(stored: GrowingFilesState | undefined) {
    this.#ends = new Map(stored?.ends);
    this.#ranges = stored?.ranges ?? 0;
  }

  /** A file that is shorter than before was emptied, and begins anew. One that cannot be read just now has its turn next time. */
  newLines(files: readonly FileStatus[]): FileSplit[] {
    const splits: FileSplit[] = [];
    for (const { path, size } of files) {
      const known = this.#ends.get(path) ?? 0;
      const start = size < known ? 0 : known;
      const end = endOfLastLine(path, start, size);
      if (end === undefined) continue;
      if (end > start) splits.push({ splitId: `${path}:${start}#${this.#ranges++}`, path, start, end, aligned: true });
      this.#ends.set(path, end);
    }
    return splits;
  }

  state(): GrowingFilesState {
    return { ends: [...this.#ends], ranges: this.#ranges };
  }
}

/** Behind the last line feed of these bytes; `start` when there is none, undefined when the file cannot be read. */
function endOfLastLine(given: string, start: number, end: number): number | undefined {
  if (start === end) return end;
  const { fileSystem, path } = fileSystemOf(given);
  const { blocking } = fileSystem;
  try {
    const file = blocking.openRead(path);
    try {
      const chunk = Buffer.allocUnsafe(chunkBytes);
      for (let to = end; to > start; ) {
        const from = Math.max(start, to - chunkBytes);
        const piece = chunk.subarray(0, to - from);
        const at = piece.subarray(0, blocking.read(file, piece, from)).lastIndexOf(newline);
        if (at >= 0) return from + at + 1;
        to = from;
      }
      return start;
    } finally {
      blocking.close(file);
    }
  } catch {
    return undefined;
  }
}
