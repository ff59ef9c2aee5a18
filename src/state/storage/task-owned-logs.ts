/** Logs of operators under `taskowned/`, or inside their handles where no checkpoint directory is set. */
import type { TaskOwnedLog, TaskOwnedLogs } from '../../api/functions.ts';
import { Configuration } from '../../config/configuration.ts';
import { fileSystemOf, pathIn } from '../../shared/file-system/file-system.ts';
import type { JobId } from '../../shared/ids.ts';
import { ByteWriter } from '../../types/byte-writer.ts';
import { decodeValue, writeValue } from '../../types/value-codec.ts';
import type { StreamHandle } from '../snapshot/handles.ts';
import { readStreamHeader, streamHeaderBytes, writeStreamHeader } from '../snapshot/stream-header.ts';
import { jobDirectory, taskOwnedDirectory } from './checkpoint-paths.ts';
import type { CheckpointLocation, CheckpointStreams } from './checkpoint-streams.ts';
import { readStateBackend } from './state-backend-settings.ts';
import { readStreamSizes } from './stream-sizes.ts';

export class StreamedTaskOwnedLogs implements TaskOwnedLogs {
  readonly #streams: CheckpointStreams;
  readonly #jobId: JobId;
  readonly #configuration: Readonly<Record<string, string>>;
  #location: CheckpointLocation | undefined;

  constructor(streams: CheckpointStreams, jobId: JobId, configuration: Readonly<Record<string, string>>) {
    this.#streams = streams;
    this.#jobId = jobId;
    this.#configuration = configuration;
  }

  async write(records: readonly unknown[]): Promise<TaskOwnedLog> {
    this.#location ??= taskOwnedLocation(this.#jobId, Configuration.of(this.#configuration));
    const { directory } = this.#location;
    if (directory !== undefined) {
      const { fileSystem, path } = fileSystemOf(directory);
      await fileSystem.makeDirectory(path);
    }
    const output = this.#streams.create(this.#location);
    try {
      output.write(encodeLog(records));
      const handle = (await output.close()) as StreamHandle;
      if (handle.kind === 'bytes') return { path: null, size: handle.bytes.length, bytes: handle.bytes, checksum: handle.checksum };
      const path = handle.kind === 'file' ? handle.path : pathIn(directory as string, handle.name);
      return { path, size: handle.size, bytes: null, checksum: handle.checksum };
    } catch (error) {
      await output.abort();
      throw error;
    }
  }

  async read({ path, size, bytes, checksum }: TaskOwnedLog): Promise<unknown[]> {
    const handle: StreamHandle =
      path === null ? { kind: 'bytes', bytes: bytes as Uint8Array, checksum } : { kind: 'file', path, size, checksum };
    return decodeLog(await this.#streams.read(handle, undefined));
  }

  async delete(log: TaskOwnedLog): Promise<void> {
    if (log.path === null) return;
    const { fileSystem, path } = fileSystemOf(log.path);
    await fileSystem.remove(path);
  }
}

function encodeLog(records: readonly unknown[]): Uint8Array {
  const writer = new ByteWriter();
  writeStreamHeader(writer, 'write-ahead records');
  writeValue(writer, records);
  return new Uint8Array(writer.written());
}

function decodeLog(bytes: Uint8Array): unknown[] {
  readStreamHeader(bytes, 'write-ahead records');
  return decodeValue(bytes.subarray(streamHeaderBytes)) as unknown[];
}

function taskOwnedLocation(jobId: JobId, config: Configuration): CheckpointLocation {
  const backend = readStateBackend(config);
  const ofJob = backend.storage === 'filesystem' ? jobDirectory(backend, jobId) : undefined;
  return { directory: ofJob === undefined ? undefined : taskOwnedDirectory(ofJob), ...readStreamSizes(config) };
}
