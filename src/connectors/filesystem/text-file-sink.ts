/** Lines into files, without checkpoint guarantees: one file at parallelism 1, else a directory with a file per subtask. */
import { join } from 'node:path';
import type { Sink, SinkWriter } from '../../api/sink.ts';
import { UserError } from '../../shared/errors.ts';
import { type BlockingFileSystem, fileSystemOf } from '../../shared/file-system/file-system.ts';
import { renderValue } from '../../shared/render-value.ts';

const flushBytes = 64 * 1024;

export function textFileSink(given: string, options: { overwrite: boolean }): Sink<unknown, never, never> {
  return {
    createWriter(context): SinkWriter<unknown, never, never> {
      const { fileSystem: system, path } = fileSystemOf(given);
      const fileSystem = system.blocking;
      const target = context.parallelism === 1 ? path : join(path, String(context.subtaskIndex + 1));
      if (!options.overwrite && fileSystem.status(target)) {
        throw new UserError('OUTPUT_EXISTS', {
          problem: `File or directory already exists: ${target}. Existing files and directories are not overwritten in NO_OVERWRITE mode.`,
          tryNext: ['Use OVERWRITE mode, or another path.'],
        });
      }
      if (context.parallelism === 1) fileSystem.remove(path);
      else if (fileSystem.status(path)?.isDirectory === false) fileSystem.remove(path);
      return new TextFileWriter(fileSystem, fileSystem.openWrite(target));
    },
  };
}

class TextFileWriter implements SinkWriter<unknown, never, never> {
  readonly #fileSystem: BlockingFileSystem;
  #file: number | undefined;
  #lines: string[] = [];
  #bytes = 0;

  constructor(fileSystem: BlockingFileSystem, file: number) {
    this.#fileSystem = fileSystem;
    this.#file = file;
  }

  write(value: unknown): void {
    const line = renderValue(value);
    this.#lines.push(line);
    this.#bytes += line.length + 1;
    if (this.#bytes >= flushBytes) this.flush();
  }

  flush(): void {
    if (this.#lines.length === 0 || this.#file === undefined) return;
    this.#fileSystem.write(this.#file, Buffer.from(`${this.#lines.join('\n')}\n`));
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
