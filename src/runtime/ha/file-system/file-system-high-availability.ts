/** High availability on a directory that all JobManagers of a cluster share. Layout: docs/formats/high-availability.md. */
import { copyFile, mkdir, readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Configuration } from '../../../config/configuration.ts';
import { addressFile, clusterDirectory, type LeaderAddress } from '../../../config/high-availability/leader-files.ts';
import type { JobGraph } from '../../../graph/job-graph.ts';
import { writeDurably } from '../../../shared/file-system/write-durably.ts';
import { type BlobKey, type FencingToken, type JobId, randomHex } from '../../../shared/ids.ts';
import type { Logger } from '../../../shared/logger.ts';
import type { Clock } from '../../../shared/time.ts';
import type { CheckpointIdCounter } from '../../checkpoint/checkpoint-id-counter.ts';
import type { CompletedCheckpointRecords } from '../../checkpoint/completed-checkpoint-store.ts';
import type { JobResult } from '../../rpc/gateways.ts';
import type { BlobArchive, HighAvailability, JobRecords, Leadership } from '../high-availability.ts';
import { RecordedCheckpointIds, RecordedCheckpoints } from './checkpoint-records.ts';
import { clusterFiles, writeText } from './cluster-files.ts';
import { EpochRecords } from './epoch-records.ts';
import { Epochs, storageError } from './epochs.ts';

/** A lease is renewed this many times in its time. */
const renewalsPerLease = 5;

export class FileSystemHighAvailability implements HighAvailability {
  readonly #cluster: string;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #leaseTimeoutMs: number;

  constructor(config: Configuration, clock: Clock, log: Logger) {
    this.#cluster = clusterDirectory(config);
    this.#clock = clock;
    this.#log = log;
    this.#leaseTimeoutMs = config.get('weir.high-availability.lease-timeout');
  }

  async lead(signal: AbortSignal, onWaiting: () => void): Promise<Leadership> {
    const epochs = new Epochs({ cluster: this.#cluster, clock: this.#clock, leaseTimeoutMs: this.#leaseTimeoutMs });
    const epoch = await epochs.claim(signal, onWaiting);
    const leadership = new FileSystemLeadership(this.#cluster, epoch, epochs, this.#log);
    await leadership.begin(this.#clock, this.#leaseTimeoutMs / renewalsPerLease);
    return leadership;
  }
}

class FileSystemLeadership implements Leadership {
  readonly fencing: FencingToken;
  readonly lost: Promise<string>;
  readonly blobs: BlobArchive;
  readonly #cluster: string;
  readonly #epoch: number;
  readonly #epochs: Epochs;
  readonly #log: Logger;
  readonly #lose: (reason: string) => void;
  #records!: EpochRecords;
  #jobs!: JobRecords;
  #stopRenewing: () => void = () => {};
  #over = false;

  constructor(cluster: string, epoch: number, epochs: Epochs, log: Logger) {
    this.#cluster = cluster;
    this.#epoch = epoch;
    this.#epochs = epochs;
    this.#log = log;
    this.fencing = `${epoch}-${randomHex(12)}`;
    const { promise, resolve } = Promise.withResolvers<string>();
    this.lost = promise;
    this.#lose = (reason) => {
      this.#over = true;
      this.#stopRenewing();
      resolve(reason);
    };
    this.blobs = new BlobDirectory(join(cluster, 'blobs'));
  }

  get jobs(): JobRecords {
    return this.#jobs;
  }

  async begin(clock: Clock, renewEveryMs: number): Promise<void> {
    this.#renewLater(clock, renewEveryMs);
    this.#records = await EpochRecords.begin({
      cluster: this.#cluster,
      epoch: this.#epoch,
      isCurrent: () => !this.#over && this.#epochs.isCurrent(this.#epoch),
      onLost: () => this.#lose('another JobManager leads the cluster.'),
    });
    this.#jobs = new RecordedJobs(this.#records);
    this.#epochs.forgetBefore(this.#epoch);
  }

  async publishAddress(address: Omit<LeaderAddress, 'epoch'>): Promise<void> {
    await writeText(addressFile(this.#cluster, this.#epoch), JSON.stringify(address));
  }

  checkpointsOf(jobId: JobId): CompletedCheckpointRecords {
    return new RecordedCheckpoints(this.#records, jobId, this.#log);
  }

  checkpointIdsOf(jobId: JobId): CheckpointIdCounter {
    return new RecordedCheckpointIds(this.#records, jobId);
  }

  async release(): Promise<void> {
    this.#stopRenewing();
    if (this.#over) return;
    this.#over = true;
    await this.#epochs.release(this.#epoch);
  }

  #renewLater(clock: Clock, everyMs: number): void {
    this.#stopRenewing = clock.schedule(everyMs, () => void this.#renew(clock, everyMs));
  }

  /** A storage that fails for a moment is no reason to stop: whoever takes over will be seen. */
  async #renew(clock: Clock, everyMs: number): Promise<void> {
    try {
      if (!this.#epochs.isCurrent(this.#epoch)) {
        this.#lose('another JobManager leads the cluster.');
        return;
      }
      await this.#epochs.renew(this.#epoch);
    } catch (error) {
      this.#log.warn('The lease of the leadership could not be renewed.', error);
    }
    if (!this.#over) this.#renewLater(clock, everyMs);
  }
}

class RecordedJobs implements JobRecords {
  readonly #records: EpochRecords;

  constructor(records: EpochRecords) {
    this.#records = records;
  }

  put(jobGraph: JobGraph): Promise<void> {
    return this.#records.put(`job-${jobGraph.jobId}`, jobGraph);
  }

  list(): Promise<JobGraph[]> {
    return this.#all<JobGraph>('job-');
  }

  putResult(result: JobResult): Promise<void> {
    return this.#records.put(`result-${result.jobId}`, result);
  }

  listResults(): Promise<JobResult[]> {
    return this.#all<JobResult>('result-');
  }

  async remove(jobId: JobId): Promise<void> {
    for (const name of await this.#records.names(`checkpoint-${jobId}-`)) await this.#records.remove(name);
    for (const name of [`checkpoint-ids-${jobId}`, `job-${jobId}`]) await this.#records.remove(name);
  }

  removeResult(jobId: JobId): Promise<void> {
    return this.#records.remove(`result-${jobId}`);
  }

  async #all<T>(prefix: string): Promise<T[]> {
    const found: T[] = [];
    for (const name of await this.#records.names(prefix)) found.push((await this.#records.get<T>(name)) as T);
    return found;
  }
}

class BlobDirectory implements BlobArchive {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  async put(key: BlobKey, file: string): Promise<void> {
    const target = this.#file(key);
    try {
      await mkdir(this.#directory, { recursive: true });
      if (await isThere(target)) return;
      await writeDurably(clusterFiles, target, await readFile(file), `${target}.${randomHex(6)}.tmp`);
    } catch (error) {
      throw storageError(this.#directory, error);
    }
  }

  async fetch(key: BlobKey, target: string): Promise<boolean> {
    if (!(await isThere(this.#file(key)))) return false;
    await copyFile(this.#file(key), target);
    return true;
  }

  async retain(keys: ReadonlySet<BlobKey>): Promise<void> {
    if (!(await isThere(this.#directory))) return;
    for (const name of await readdir(this.#directory)) {
      const key = /^([0-9a-f]{64})\.tgz$/.exec(name)?.[1];
      if (key === undefined || !keys.has(key)) await rm(join(this.#directory, name), { force: true });
    }
  }

  #file(key: BlobKey): string {
    return join(this.#directory, `${key}.tgz`);
  }
}

async function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
