/** Lines into files, without checkpoint guarantees: one file at parallelism 1, else a directory with a file per subtask. */
import { basename, join } from 'node:path';
import type { TextFileSinkOptions } from '../../api/connector-registry.ts';
import type { Sink, SinkWriter } from '../../api/sink.ts';
import { UserError } from '../../shared/errors.ts';
import { type BlockingFileSystem, fileSystemOf } from '../../shared/file-system/file-system.ts';
import { renderValue } from '../../shared/render-value.ts';

const flushBytes = 64 * 1024;

export function textFileSink(given: string, options: TextFileSinkOptions): Sink<unknown, never, never> {
  const { fileSystem: system, path } = fileSystemOf(given);
  const fileSystem = system.blocking;
  return {
    createWriter(context): SinkWriter<unknown, never, never> {
      const target = context.parallelism === 1 ? path : join(path, String(context.subtaskIndex + 1));
      // A later attempt finds the file of the one before.
      const overwrite = options.overwrite || context.attemptNumber > 0;
      if (!overwrite && fileSystem.status(target)) {
        throw new UserError('OUTPUT_EXISTS', {
          problem: `File or directory already exists: ${target}. Existing files and directories are not overwritten in NO_OVERWRITE mode.`,
          tryNext: ['Use OVERWRITE mode, or another path.'],
        });
      }
      const former = fileSystem.status(path);
      if (former && (context.parallelism === 1 || !former.isDirectory)) fileSystem.remove(path);
      else if (former && context.subtaskIndex === 0) removeFilesOfMoreSubtasks(fileSystem, path, context.parallelism);
      return new TextFileWriter(fileSystem, fileSystem.openWrite(target), options);
    },
  };
}

/** What a job of higher parallelism wrote there is no part of this output. */
function removeFilesOfMoreSubtasks(fileSystem: BlockingFileSystem, directory: string, parallelism: number): void {
  for (const { path } of fileSystem.listFiles(directory))
    if (/^\d+$/.test(basename(path)) && Number(basename(path)) > parallelism) fileSystem.remove(path);
}

class TextFileWriter implements SinkWriter<unknown, never, never> {
  readonly #fileSystem: BlockingFileSystem;
  #file: number | undefined;
  readonly #render: (value: unknown) => string;
  readonly #delimiter: string;
  #lines: string[] = [];
  #bytes = 0;

  constructor(fileSystem: BlockingFileSystem, file: number, options: TextFileSinkOptions) {
    this.#fileSystem = fileSystem;
    this.#file = file;
    this.#render = options.render ?? renderValue;
    this.#delimiter = options.delimiter ?? '\n';
  }

  write(value: unknown): void {
    const line = this.#render(value);
    this.#lines.push(line);
    this.#bytes += line.length + this.#delimiter.length;
    if (this.#bytes >= flushBytes) this.flush();
  }

  flush(): void {
    if (this.#lines.length === 0 || this.#file === undefined) return;
    this.#fileSystem.write(this.#file, Buffer.from(this.#lines.join(this.#delimiter) + this.#delimiter));
    this.#lines = [];
    this.#bytes = 0;
  }

  close(): void {
    if (this.#file === undefined) return;
    this.flush();
    this.#fileSystem.close(this.#file);
    this.#file = undefined;
  }
}
