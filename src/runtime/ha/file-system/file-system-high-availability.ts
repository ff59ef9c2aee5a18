/** High availability on a directory that all JobManagers of a cluster share. Layout: docs/formats/high-availability.md. */
import { readFile, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Configuration } from '../../../config/configuration.ts';
import { addressFile, clusterDirectory, type LeaderAddress } from '../../../config/high-availability/leader-files.ts';
import type { JobGraph } from '../../../graph/job-graph.ts';
import type { FileSystem } from '../../../shared/file-system/file-system.ts';
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
const storageRetryMs = 1000;

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
    const leadership = new FileSystemLeadership({ cluster: this.#cluster, files: clusterFiles, epoch, epochs, log: this.#log });
    await leadership.begin(this.#clock, this.#leaseTimeoutMs / renewalsPerLease);
    return leadership;
  }
}

export interface FileSystemLeadershipOptions {
  readonly cluster: string;
  readonly files: FileSystem;
  readonly epoch: number;
  readonly epochs: Pick<Epochs, 'isCurrent' | 'renew' | 'release' | 'forgetBefore'>;
  readonly log: Logger;
}

/** A claim that was won. */
export class FileSystemLeadership implements Leadership {
  readonly fencing: FencingToken;
  readonly lost: Promise<string>;
  readonly blobs: BlobArchive;
  readonly #options: FileSystemLeadershipOptions;
  readonly #lose: (reason: string) => void;
  #records!: EpochRecords;
  #jobs!: JobRecords;
  #stopRenewing: () => void = () => {};
  #over = false;

  constructor(options: FileSystemLeadershipOptions) {
    this.#options = options;
    this.fencing = `${options.epoch}-${randomHex(12)}`;
    const { promise, resolve } = Promise.withResolvers<string>();
    this.lost = promise;
    this.#lose = (reason) => {
      this.#over = true;
      this.#stopRenewing();
      resolve(reason);
    };
    this.blobs = new BlobDirectory(options.files, join(options.cluster, 'blobs'));
  }

  get jobs(): JobRecords {
    return this.#jobs;
  }

  async begin(clock: Clock, renewEveryMs: number): Promise<void> {
    const { cluster, files, epoch, epochs, log } = this.#options;
    this.#renewLater(clock, renewEveryMs);
    this.#records = await EpochRecords.begin({
      cluster,
      files,
      epoch,
      isCurrent: () => !this.#over && epochs.isCurrent(epoch),
      pause: (error) => {
        log.warn(`A record may or may not be in ${cluster}. Until that is certain, its job waits.`, error);
        return new Promise((resolve) => clock.schedule(storageRetryMs, resolve));
      },
      onLost: () => this.#lose('another JobManager leads the cluster.'),
    });
    this.#jobs = new RecordedJobs(this.#records);
    epochs.forgetBefore(epoch);
  }

  async publishAddress(address: Omit<LeaderAddress, 'epoch'>): Promise<void> {
    const { cluster, files, epoch } = this.#options;
    await writeText(files, addressFile(cluster, epoch), JSON.stringify(address));
  }

  checkpointsOf(jobId: JobId): CompletedCheckpointRecords {
    return new RecordedCheckpoints(this.#records, jobId, this.#options.log);
  }

  checkpointIdsOf(jobId: JobId): CheckpointIdCounter {
    return new RecordedCheckpointIds(this.#records, jobId);
  }

  async release(): Promise<void> {
    this.#stopRenewing();
    if (this.#over) return;
    this.#over = true;
    await this.#options.epochs.release(this.#options.epoch);
  }

  #renewLater(clock: Clock, everyMs: number): void {
    this.#stopRenewing = clock.schedule(everyMs, () => void this.#renew(clock, everyMs));
  }

  /** A storage that fails for a moment is no reason to stop: whoever takes over will be seen. */
  async #renew(clock: Clock, everyMs: number): Promise<void> {
    const { epochs, epoch, log } = this.#options;
    try {
      if (!epochs.isCurrent(epoch)) {
        this.#lose('another JobManager leads the cluster.');
        return;
      }
      await epochs.renew(epoch);
    } catch (error) {
      log.warn('The lease of the leadership could not be renewed.', error);
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
  readonly #files: FileSystem;
  readonly #directory: string;

  constructor(files: FileSystem, directory: string) {
    this.#files = files;
    this.#directory = directory;
  }

  async put(key: BlobKey, file: string): Promise<void> {
    const target = this.#file(key);
    try {
      await this.#files.makeDirectory(this.#directory);
      if (await this.#files.status(target)) return;
      await writeDurably(this.#files, target, await readFile(file), `${target}.${randomHex(6)}.tmp`);
    } catch (error) {
      throw storageError(this.#directory, error);
    }
  }

  async fetch(key: BlobKey, target: string): Promise<boolean> {
    if (!(await this.#files.status(this.#file(key)))) return false;
    await writeFile(target, await this.#files.read(this.#file(key)));
    return true;
  }

  async retain(keys: ReadonlySet<BlobKey>): Promise<void> {
    if (!(await this.#files.status(this.#directory))) return;
    for (const { path } of await this.#files.list(this.#directory)) {
      const key = /^([0-9a-f]{64})\.tgz$/.exec(basename(path))?.[1];
      if (key === undefined || !keys.has(key)) await this.#files.remove(path);
    }
  }

  #file(key: BlobKey): string {
    return join(this.#directory, `${key}.tgz`);
  }
}
