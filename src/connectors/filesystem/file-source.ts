/**
 * Records of files, line by line: of those that are there, or also of those that come, or also of what is appended to them. Where
 * appending is not followed, a file is read once, when it is found; so it should come under its final name when it is whole.
 */
import { type Duration, durationMs } from '../../api/duration.ts';
import { programPath } from '../../api/program-path.ts';
import type { Source, SourceReader, SourceReaderContext, SplitEnumerator, SplitEnumeratorContext } from '../../api/source.ts';
import { UserError } from '../../shared/errors.ts';
import { type FileStatus, fileSystemOf } from '../../shared/file-system/file-system.ts';
import { SplitAtATimeReader } from '../static-splits.ts';
import { cutFiles, type FileSplit, filesOf, LineRun, nodeEncoding, type TextEncoding } from './file-splits.ts';
import { GrowingFiles, type GrowingFilesState } from './growing-files.ts';

/** Makes records of lines. */
export interface StreamFormat<T> {
  readonly charset?: string | undefined;
  /** Undefined: no record. */
  decode(line: string): T | undefined;
}

/** Each line is a record. */
export class TextLineInputFormat implements StreamFormat<string> {
  readonly charset: string;

  constructor(charset = 'UTF-8') {
    this.charset = charset;
  }

  decode(line: string): string {
    return line;
  }
}

/** Each line that is not empty is a JSON value. */
export class JsonLinesFormat<T> implements StreamFormat<T> {
  decode(line: string): T | undefined {
    if (line.trim() === '') return undefined;
    try {
      return JSON.parse(line) as T;
    } catch (error) {
      throw new UserError('BAD_JSON_LINE', {
        problem: `A line is no JSON: ${(error as Error).message}`,
        found: line.length > 200 ? `${line.slice(0, 200)}…` : line,
        cause: error,
      });
    }
  }
}

interface FileSourceState {
  /** Found and not given to a reader. */
  readonly waiting: readonly FileSplit[];
  /** Paths that were found; only when more are looked for. */
  readonly found: readonly string[];
  /** Only when growing files are followed. */
  readonly growing?: GrowingFilesState | undefined;
}

interface FileSourceOptions<T> {
  readonly format: StreamFormat<T>;
  readonly paths: readonly string[];
  /** Undefined: the files that are there. */
  readonly discoveryIntervalMs?: number | undefined;
  readonly followsGrowth?: boolean | undefined;
}

export class FileSource<T> implements Source<T, FileSplit, FileSourceState> {
  readonly boundedness: 'BOUNDED' | 'CONTINUOUS_UNBOUNDED';
  readonly #options: FileSourceOptions<T>;
  readonly #encoding: TextEncoding;

  constructor(options: FileSourceOptions<T>) {
    this.#options = options;
    this.#encoding = nodeEncoding(options.format.charset ?? 'UTF-8');
    this.boundedness = options.discoveryIntervalMs === undefined ? 'BOUNDED' : 'CONTINUOUS_UNBOUNDED';
  }

  static forRecordStreamFormat<T>(format: StreamFormat<T>, ...paths: readonly string[]): FileSourceBuilder<T> {
    return new FileSourceBuilder(format, paths);
  }

  createEnumerator(context: SplitEnumeratorContext<FileSplit>, checkpoint?: FileSourceState): SplitEnumerator<FileSplit, FileSourceState> {
    return new FileEnumerator(context, this.#options, checkpoint);
  }

  createReader(context: SourceReaderContext): SourceReader<T, FileSplit> {
    const { format } = this.#options;
    return new SplitAtATimeReader(context, (split) => new LineRun<T>(split, this.#encoding, (line) => format.decode(line)));
  }
}

export class FileSourceBuilder<T> {
  readonly #format: StreamFormat<T>;
  readonly #paths: readonly string[];
  #discoveryIntervalMs: number | undefined;
  #followsGrowth = false;

  constructor(format: StreamFormat<T>, paths: readonly string[]) {
    if (paths.length === 0)
      throw new UserError('NO_PATH', { problem: 'FileSource.forRecordStreamFormat(format, …paths): at least one path is wanted.' });
    this.#format = format;
    this.#paths = paths.map(programPath);
    for (const path of this.#paths) fileSystemOf(path);
  }

  /** Looks for new files again and again; the source has no end. */
  monitorContinuously(discoveryInterval: Duration): this {
    this.#discoveryIntervalMs = durationMs(discoveryInterval, 'monitorContinuously');
    this.#followsGrowth = false;
    return this;
  }

  /**
   * As {@link monitorContinuously}, and also reads what is appended to the files: each line when its end is written. The lines of one
   * file are read by one reader, in their order. A file that gets shorter begins anew.
   */
  followGrowth(discoveryInterval: Duration): this {
    this.#discoveryIntervalMs = durationMs(discoveryInterval, 'followGrowth');
    this.#followsGrowth = true;
    return this;
  }

  /** Reads the files that are there when the job starts: the default. */
  processStaticFileSet(): this {
    this.#discoveryIntervalMs = undefined;
    this.#followsGrowth = false;
    return this;
  }

  build(): FileSource<T> {
    return new FileSource({
      format: this.#format,
      paths: this.#paths,
      discoveryIntervalMs: this.#discoveryIntervalMs,
      followsGrowth: this.#followsGrowth,
    });
  }
}

class FileEnumerator implements SplitEnumerator<FileSplit, FileSourceState> {
  readonly #context: SplitEnumeratorContext<FileSplit>;
  readonly #options: FileSourceOptions<unknown>;
  readonly #found: Set<string>;
  readonly #waiting: FileSplit[];
  readonly #idleReaders = new Set<number>();
  readonly #restored: boolean;
  readonly #growing: GrowingFiles | undefined;

  constructor(context: SplitEnumeratorContext<FileSplit>, options: FileSourceOptions<unknown>, checkpoint: FileSourceState | undefined) {
    this.#context = context;
    this.#options = options;
    this.#found = new Set(checkpoint?.found);
    this.#waiting = [...(checkpoint?.waiting ?? [])];
    this.#restored = checkpoint !== undefined;
    this.#growing = options.followsGrowth ? new GrowingFiles(checkpoint?.growing) : undefined;
  }

  start(): void {
    const { discoveryIntervalMs } = this.#options;
    // A path that is not there is an error at once, also for a source that looks again.
    if (!this.#restored) this.#discovered(this.#look());
    if (discoveryIntervalMs === undefined) return;
    this.#context.callAsync(
      () => this.#look(),
      (files, error) => {
        // A directory that cannot be read just now may be there again next time.
        if (error === undefined) this.#discovered(files ?? []);
      },
      discoveryIntervalMs,
    );
  }

  handleSplitRequest(subtaskIndex: number): void {
    const split = this.#takeFor(subtaskIndex);
    if (split) this.#context.assignSplit(split, subtaskIndex);
    else if (this.#options.discoveryIntervalMs === undefined) this.#context.signalNoMoreSplits(subtaskIndex);
    else this.#idleReaders.add(subtaskIndex);
  }

  addSplitsBack(splits: readonly FileSplit[], subtaskIndex: number): void {
    this.#idleReaders.delete(subtaskIndex);
    this.#waiting.unshift(...splits);
    this.#serveIdleReaders();
  }

  addReader(): void {}

  snapshotState(): FileSourceState {
    const found = this.#options.discoveryIntervalMs === undefined ? [] : [...this.#found];
    return { waiting: [...this.#waiting], found, ...(this.#growing ? { growing: this.#growing.state() } : {}) };
  }

  #look(): FileStatus[] {
    const files = this.#options.paths.flatMap(filesOf);
    return this.#growing ? files : files.filter(({ path }) => !this.#found.has(path));
  }

  #discovered(files: readonly FileStatus[]): void {
    if (this.#growing) this.#waiting.push(...this.#growing.newLines(files));
    else {
      const fresh = files.filter(({ path }) => !this.#found.has(path));
      for (const { path } of fresh) this.#found.add(path);
      this.#waiting.push(...cutFiles(fresh, this.#context.currentParallelism()));
    }
    this.#serveIdleReaders();
  }

  /** Of a file that grows, one reader gets all ranges, one after the other. */
  #takeFor(subtaskIndex: number): FileSplit | undefined {
    if (!this.#growing) return this.#waiting.shift();
    const index = this.#waiting.findIndex(({ path }) => readerOf(path, this.#context.currentParallelism()) === subtaskIndex);
    return index < 0 ? undefined : this.#waiting.splice(index, 1)[0];
  }

  #serveIdleReaders(): void {
    for (const subtaskIndex of this.#idleReaders) {
      const split = this.#takeFor(subtaskIndex);
      if (!split) continue;
      this.#idleReaders.delete(subtaskIndex);
      this.#context.assignSplit(split, subtaskIndex);
    }
  }
}

function readerOf(path: string, readers: number): number {
  let hash = 0;
  for (let i = 0; i < path.length; i++) hash = (Math.imul(31, hash) + path.charCodeAt(i)) | 0;
  return (hash >>> 0) % readers;
}
