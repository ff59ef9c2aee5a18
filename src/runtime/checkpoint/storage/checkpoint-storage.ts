/**
 * Where the checkpoints and savepoints of one job go: makes their directories, publishes them, and owns the job's directory.
 *
 * Keeps true: a checkpoint's directory is there before a task hears of it; when the job is over and nothing is retained,
 * nothing of the job is left.
 */
import { ExternalError, UserError } from '../../../shared/errors.ts';
import { type FileStatus, type FileSystem, fileSystemOf, pathIn } from '../../../shared/file-system/file-system.ts';
import { type JobId, randomHex } from '../../../shared/ids.ts';
import {
  checkpointDirectory,
  checkpointIdOf,
  jobDirectory,
  metadataFile,
  metadataFileName,
  qualified,
  savepointDirectory,
  sharedDirectory,
  taskOwnedDirectory,
} from '../../../state/storage/checkpoint-paths.ts';
import type { CheckpointLocation } from '../../../state/storage/checkpoint-streams.ts';
import type { StateBackendSettings } from '../../../state/storage/state-backend-settings.ts';
import type { StreamSizes } from '../../../state/storage/stream-sizes.ts';
import type { CheckpointPlace } from '../completed-checkpoint.ts';
import { publishMetadata, refuseExisting } from './publish-metadata.ts';

const directoryAttempts = 10;

/** Where one checkpoint goes. */
export interface CheckpointTarget {
  /** What tasks are told. */
  readonly location: CheckpointLocation;
  readonly place: CheckpointPlace;
  /** Durable when it resolves; without a directory there is nothing to publish. */
  publish(metadata: Uint8Array): Promise<void>;
}

export interface CheckpointStorageOptions {
  readonly jobId: JobId;
  readonly backend: StateBackendSettings;
  /** Used when no target is given. */
  readonly savepointDirectory: string | undefined;
  readonly sizes: StreamSizes;
}

export class CheckpointStorage {
  readonly #options: CheckpointStorageOptions;
  /** Undefined: nothing is written for checkpoints. */
  readonly #directory: string | undefined;

  /** Throws UserError('NO_FILE_SYSTEM'). */
  constructor(options: CheckpointStorageOptions) {
    this.#options = options;
    this.#directory = jobDirectory(options.backend, options.jobId);
    if (options.savepointDirectory !== undefined) qualified(options.savepointDirectory, 'state.savepoints.dir');
  }

  /** As Flink calls it in its API. */
  get description(): string {
    return this.#options.backend.storage === 'filesystem' ? 'FileSystemCheckpointStorage' : 'JobManagerCheckpointStorage';
  }

  /** Before the first periodic checkpoint: a directory that cannot be made fails the job now. */
  async prepare(): Promise<void> {
    if (this.#directory === undefined) return;
    const { storage } = this.#options.backend;
    const directories =
      storage === 'filesystem' ? [sharedDirectory(this.#directory), taskOwnedDirectory(this.#directory)] : [this.#directory];
    for (const directory of directories) await makeDirectory(directory, 'state.checkpoints.dir');
  }

  /** Throws UserError('CHECKPOINT_EXISTS'). */
  async forCheckpoint(checkpointId: number): Promise<CheckpointTarget> {
    const directory = this.#directory === undefined ? undefined : checkpointDirectory(this.#directory, checkpointId);
    if (directory !== undefined) {
      await refuseExisting(directory);
      await makeDirectory(directory, 'state.checkpoints.dir');
    }
    return targetIn(directory, this.#location(this.#options.backend.storage === 'filesystem' ? directory : undefined));
  }

  /** Throws UserError('NO_SAVEPOINT_DIRECTORY' | 'NO_FILE_SYSTEM'). */
  requireSavepointDirectory(target: string | undefined): string {
    const base = target ?? this.#options.savepointDirectory;
    if (base === undefined) throw noSavepointDirectory();
    return qualified(base);
  }

  /** In a directory of its own below `target`. */
  async forSavepoint(target: string | undefined): Promise<CheckpointTarget> {
    const base = this.requireSavepointDirectory(target);
    for (let attempt = 1; ; attempt++) {
      const directory = savepointDirectory(base, this.#options.jobId, randomHex(6));
      const { fileSystem, path } = fileSystemOf(directory);
      if (attempt < directoryAttempts && (await fileSystem.status(path))) continue;
      await makeDirectory(directory, target === undefined ? 'state.savepoints.dir' : 'the target directory of the savepoint');
      return targetIn(directory, this.#location(directory));
    }
  }

  /** The highest id in the job's directory, whoever wrote it; 0 when there is none. */
  async highestId(): Promise<number> {
    return Math.max(0, ...(await this.#checkpointDirectories()).map(({ checkpointId }) => checkpointId));
  }

  /**
   * Directories of this job's own checkpoints, which begin with the id `first`, that are not `kept`: what processes left that
   * were killed while they took, recorded or deleted one. As URIs.
   */
  async orphans(first: number, kept: Iterable<number>): Promise<string[]> {
    const wanted = new Set(kept);
    const own = (await this.#checkpointDirectories()).filter(({ checkpointId }) => checkpointId >= first && !wanted.has(checkpointId));
    return own.map(({ checkpointId }) => checkpointDirectory(this.#directory as string, checkpointId));
  }

  /** The job is over: what no retained checkpoint needs goes, and its directory when that leaves it empty. */
  async release(): Promise<void> {
    if (this.#directory === undefined || !this.#options.backend.ownSubdirectory) return;
    const { fileSystem, path } = fileSystemOf(this.#directory);
    let retained = false;
    for (const directory of await this.#checkpointDirectories()) {
      if (await fileSystem.status(metadataFile(directory.path))) retained = true;
      else await fileSystem.remove(directory.path);
    }
    if (!retained) await fileSystem.remove(sharedDirectory(path));
    for (const directory of [sharedDirectory(path), taskOwnedDirectory(path), path]) await removeIfEmpty(fileSystem, directory);
  }

  /** None where the directory is shared with other jobs. */
  async #checkpointDirectories(): Promise<{ readonly path: string; readonly checkpointId: number }[]> {
    if (this.#directory === undefined || !this.#options.backend.ownSubdirectory) return [];
    const { fileSystem, path } = fileSystemOf(this.#directory);
    const entries = await entriesOf(fileSystem, path).catch((error: unknown) => {
      throw directoryFailed(this.#directory as string, 'could not be read', 'state.checkpoints.dir', error);
    });
    return entries.flatMap((entry) => {
      const checkpointId = checkpointIdOf(entry.path);
      return checkpointId === undefined ? [] : [{ path: entry.path, checkpointId }];
    });
  }

  #location(directory: string | undefined): CheckpointLocation {
    return { directory, ...this.#options.sizes };
  }
}

function targetIn(directory: string | undefined, location: CheckpointLocation): CheckpointTarget {
  return {
    location,
    place: { directory, metadataFile: directory === undefined ? undefined : pathIn(directory, metadataFileName), foreign: false },
    async publish(metadata) {
      if (directory !== undefined) await publishMetadata(directory, metadata);
    },
  };
}

export async function removeIfEmpty(fileSystem: FileSystem, path: string): Promise<void> {
  if ((await fileSystem.status(path))?.isDirectory && (await fileSystem.list(path)).length === 0) await fileSystem.remove(path);
}

async function makeDirectory(directory: string, from: string): Promise<void> {
  const { fileSystem, path } = fileSystemOf(directory);
  try {
    await fileSystem.makeDirectory(path);
  } catch (error) {
    throw directoryFailed(directory, 'could not be made', from, error);
  }
}

async function entriesOf(fileSystem: FileSystem, path: string): Promise<FileStatus[]> {
  return (await fileSystem.status(path)) ? fileSystem.list(path) : [];
}

function directoryFailed(directory: string, what: string, from: string, cause: unknown): ExternalError {
  return new ExternalError('CHECKPOINT_DIRECTORY_FAILED', {
    problem: `The directory ${directory} ${what}.`,
    found: `It comes from ${from}. ${cause instanceof Error ? cause.message : String(cause)}`,
    tryNext: ['Use a directory that the JobManager and all TaskManagers may write.'],
    retriable: true,
    cause,
  });
}

function noSavepointDirectory(): UserError {
  return new UserError('NO_SAVEPOINT_DIRECTORY', {
    problem: 'No savepoint location given and no default location configured.',
    tryNext: ['Give a directory with the command, or set state.savepoints.dir.'],
  });
}
