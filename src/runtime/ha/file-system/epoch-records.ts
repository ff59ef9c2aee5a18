/**
 * The records of one leadership: small named files in a directory of its own, which begins as a copy of the last leader's.
 *
 * Keeps true, against a former leader that goes on after it was overtaken: it writes into its own directory, and looks at the
 * claims after each write. Either it sees the new claim, and the write does not count; or the write was there before the
 * claim, and the copy has it.
 */
import { copyFile, mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { epochName } from '../../../config/high-availability/leader-files.ts';
import { ExternalError } from '../../../shared/errors.ts';
import { LeadershipLostError } from '../high-availability.ts';
import { clusterFiles, writeText } from './cluster-files.ts';
import { storageError } from './epochs.ts';

const formatVersion = 1;
const completeMark = '.complete';

export interface EpochRecordsOptions {
  readonly cluster: string;
  readonly epoch: number;
  readonly isCurrent: () => boolean;
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
    const records = new EpochRecords(options);
    const directory = directoryOf(options.cluster, options.epoch);
    try {
      await mkdir(directory, { recursive: true });
      const former = await lastComplete(options.cluster, options.epoch);
      for (const name of former === undefined ? [] : await recordNames(former)) {
        await copyFile(join(former as string, name), join(directory, name));
      }
      await clusterFiles.syncDirectory(directory);
      await writeText(join(directory, completeMark), '');
      records.#requireLeadership();
      await removeOthers(options.cluster, options.epoch);
    } catch (error) {
      throw error instanceof LeadershipLostError ? error : storageError(directory, error);
    }
    return records;
  }

  /** Durable, and certain to be seen by the next leader, when it resolves. */
  async put(name: string, value: unknown): Promise<void> {
    await this.#write(() => writeText(join(this.#directory, name), encode(value)));
  }

  async remove(name: string): Promise<void> {
    await this.#write(async () => {
      await rm(join(this.#directory, name), { force: true });
      await clusterFiles.syncDirectory(this.#directory);
    });
  }

  /** Undefined when there is none. Throws ExternalError('HA_RECORD_DAMAGED'). */
  async get<T>(name: string): Promise<T | undefined> {
    const path = join(this.#directory, name);
    try {
      return decode(await readFile(path, 'utf8'), path) as T;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
  }

  /** Names that begin with `prefix`, in order. */
  async names(prefix: string): Promise<string[]> {
    return (await recordNames(this.#directory)).filter((name) => name.startsWith(prefix)).sort();
  }

  async #write(work: () => Promise<void>): Promise<void> {
    this.#requireLeadership();
    try {
      await work();
    } catch (error) {
      // The next leader removes the directories of former ones.
      this.#requireLeadership();
      throw storageError(this.#directory, error);
    }
    this.#requireLeadership();
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

async function lastComplete(cluster: string, before: number): Promise<string | undefined> {
  const names = (await readdir(join(cluster, 'records'))).filter((name) => /^\d{19}$/.test(name) && Number(name) < before).sort();
  for (const name of names.reverse()) {
    const directory = join(cluster, 'records', name);
    if ((await readdir(directory)).includes(completeMark)) return directory;
  }
  return undefined;
}

async function removeOthers(cluster: string, epoch: number): Promise<void> {
  for (const name of await readdir(join(cluster, 'records')))
    if (/^\d{19}$/.test(name) && Number(name) < epoch) await rm(join(cluster, 'records', name), { recursive: true, force: true });
}

async function recordNames(directory: string): Promise<string[]> {
  return (await readdir(directory)).filter((name) => !name.startsWith('.') && !name.endsWith('.tmp'));
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
