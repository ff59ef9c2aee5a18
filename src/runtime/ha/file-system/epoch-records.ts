/**
 * The records of one leadership: small named files in a directory of its own, which begins as a copy of the last leader's.
 *
 * Keeps true, against a former leader that goes on after it was overtaken: it writes into its own directory, and looks at the
 * claims after each write. Either it sees no new claim, and the copy has what it wrote; or it sees one, and has to leave open
 * whether the copy was made before its write or behind it.
 */
import { basename, join } from 'node:path';
import { crc32 } from 'node:zlib';
import { epochName } from '../../../config/high-availability/leader-files.ts';
import { ExternalError } from '../../../shared/errors.ts';
import { failpoint } from '../../../shared/failpoint.ts';
import type { FileSystem } from '../../../shared/file-system/file-system.ts';
import { writeDurably } from '../../../shared/file-system/write-durably.ts';
import { UncertainRecordError } from '../../checkpoint/completed-checkpoint-store.ts';
import { LeadershipLostError } from '../high-availability.ts';
import { writeText } from './cluster-files.ts';
import { storageError } from './epochs.ts';

const formatVersion = 1;
const completeMark = '.complete';

export interface EpochRecordsOptions {
  readonly cluster: string;
  readonly files: FileSystem;
  readonly epoch: number;
  readonly isCurrent: () => boolean;
  /** Resolves when a storage that failed is to be tried again. */
  readonly pause: (error: unknown) => Promise<void>;
  /** Leadership is gone: told before the call rejects. */
  readonly onLost: () => void;
}

export class EpochRecords {
  readonly #options: EpochRecordsOptions;
  readonly #directory: string;

  private constructor(options: EpochRecordsOptions) {
    this.#options = options;
    this.#directory = directoryOf(options.cluster, options.epoch);
  }

  /** Takes over what the last complete leadership recorded. */
  static async begin(options: EpochRecordsOptions): Promise<EpochRecords> {
    const { cluster, epoch, files } = options;
    const records = new EpochRecords(options);
    const directory = directoryOf(cluster, epoch);
    try {
      await files.makeDirectory(directory);
      const former = await lastComplete(files, cluster, epoch);
      for (const name of former === undefined ? [] : await recordNames(files, former)) {
        await writeDurably(files, join(directory, name), await files.read(join(former as string, name)));
      }
      await writeText(files, join(directory, completeMark), '');
      records.#requireLeadership();
      await removeOthers(files, cluster, epoch);
    } catch (error) {
      throw error instanceof LeadershipLostError ? error : storageError(directory, error);
    }
    return records;
  }

  /**
   * Durable, and certain to be seen by the next leader, when it resolves. Rejects with {@link UncertainRecordError} when the
   * next leader may see it all the same, and otherwise when it certainly will not.
   */
  async put(name: string, value: unknown): Promise<void> {
    const { files } = this.#options;
    this.#requireLeadership();
    try {
      await writeText(files, join(this.#directory, name), encode(value));
      failpoint('leadership.written', name);
    } catch (error) {
      await this.#takeBack(name);
      throw storageError(this.#directory, error);
    }
    this.#requireLeadershipStill();
  }

  async remove(name: string): Promise<void> {
    this.#requireLeadership();
    try {
      await this.#remove(name);
    } catch (error) {
      // The next leader removes the directories of former ones.
      this.#requireLeadership();
      throw storageError(this.#directory, error);
    }
    this.#requireLeadership();
  }

  /** Undefined when there is none. Throws ExternalError('HA_RECORD_DAMAGED'). */
  async get<T>(name: string): Promise<T | undefined> {
    const path = join(this.#directory, name);
    try {
      return decode(Buffer.from(await this.#options.files.read(path)).toString('utf8'), path) as T;
    } catch (error) {
      if (error instanceof ExternalError) throw error;
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw storageError(path, error);
    }
  }

  /** Names that begin with `prefix`, in order. */
  async names(prefix: string): Promise<string[]> {
    try {
      return (await recordNames(this.#options.files, this.#directory)).filter((name) => name.startsWith(prefix)).sort();
    } catch (error) {
      throw storageError(this.#directory, error);
    }
  }

  /**
   * A write that failed may have got as far as its name. As long as nobody knows, nothing may be built on either answer, so this
   * goes on until it is gone, or until another process leads.
   */
  async #takeBack(name: string): Promise<void> {
    for (;;) {
      try {
        await this.#remove(name);
        return;
      } catch (error) {
        await this.#options.pause(error);
      } finally {
        this.#requireLeadershipStill();
      }
    }
  }

  async #remove(name: string): Promise<void> {
    const { files } = this.#options;
    await files.remove(join(this.#directory, name));
    await files.syncDirectory(this.#directory);
  }

  /** Behind a write: the next leader may have copied it before it was looked for. */
  #requireLeadershipStill(): void {
    try {
      this.#requireLeadership();
    } catch (cause) {
      throw new UncertainRecordError('another JobManager leads the cluster; it may have seen the last record', { cause });
    }
  }

  #requireLeadership(): void {
    if (this.#options.isCurrent()) return;
    this.#options.onLost();
    throw new LeadershipLostError(`another JobManager leads the cluster; nothing is recorded under epoch ${this.#options.epoch} any more`);
  }
}

function directoryOf(cluster: string, epoch: number): string {
  return join(cluster, 'records', epochName(epoch));
}

async function lastComplete(files: FileSystem, cluster: string, before: number): Promise<string | undefined> {
  for (const { name, directory } of (await epochDirectories(files, cluster)).reverse()) {
    if (Number(name) < before && (await namesIn(files, directory)).includes(completeMark)) return directory;
  }
  return undefined;
}

async function removeOthers(files: FileSystem, cluster: string, epoch: number): Promise<void> {
  for (const { name, directory } of await epochDirectories(files, cluster)) if (Number(name) < epoch) await files.remove(directory);
}

/** Oldest first. */
async function epochDirectories(files: FileSystem, cluster: string): Promise<{ name: string; directory: string }[]> {
  const names = (await namesIn(files, join(cluster, 'records'))).filter((name) => /^\d{19}$/.test(name)).sort();
  return names.map((name) => ({ name, directory: join(cluster, 'records', name) }));
}

async function recordNames(files: FileSystem, directory: string): Promise<string[]> {
  return (await namesIn(files, directory)).filter((name) => !name.startsWith('.') && !name.endsWith('.tmp'));
}

async function namesIn(files: FileSystem, directory: string): Promise<string[]> {
  return (await files.list(directory)).map(({ path }) => basename(path));
}

/** JSON that a person can read, with a checksum over its body. */
function encode(value: unknown): string {
  const body = JSON.stringify(value);
  return `{"weir":"high-availability","version":${formatVersion},"checksum":${crc32(body)},"body":${body}}`;
}

function decode(text: string, path: string): unknown {
  let record: { weir?: unknown; version?: unknown; checksum?: unknown; body?: unknown };
  try {
    record = JSON.parse(text) as typeof record;
  } catch (error) {
    throw damaged(path, 'it is no JSON', error);
  }
  if (record.weir !== 'high-availability') throw damaged(path, 'it was not written by Weir');
  if (record.version !== formatVersion)
    throw damaged(path, `it has format version ${String(record.version)}, and this Weir reads ${formatVersion}`);
  if (record.checksum !== crc32(JSON.stringify(record.body))) throw damaged(path, 'its checksum differs');
  return record.body;
}

function damaged(path: string, found: string, cause?: unknown): ExternalError {
  return new ExternalError('HA_RECORD_DAMAGED', {
    problem: `The high-availability record ${path} cannot be read: ${found}.`,
    tryNext: ['Start the job again from its newest checkpoint: flink run -s <checkpoint directory>'],
    retriable: false,
    cause,
  });
}
