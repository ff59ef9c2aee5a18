/**
 * Jobs that have ended, for those who ask about them: at most `jobstore.max-capacity`, each for `jobstore.expiration-time`, the
 * newest in memory up to `jobstore.cache-size` and the others in files. The oldest go first.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { deserialize, serialize } from 'node:v8';
import type { Configuration } from '../../config/configuration.ts';
import type { JobId } from '../../shared/ids.ts';
import type { Clock } from '../../shared/time.ts';
import type { ArchivedExecutionGraph, JobOverview, JobResult } from '../rpc/gateways.ts';

export interface EndedJob {
  readonly overview: JobOverview;
  readonly archive: ArchivedExecutionGraph;
  readonly result: JobResult;
}

interface StoredJob {
  readonly overview: JobOverview;
  readonly bytes: number;
  /** Undefined: in its file. */
  content: Buffer | undefined;
  readonly stopExpiry: () => void;
}

export class JobStore {
  readonly #parentDirectory: string;
  readonly #clock: Clock;
  readonly #capacity: number;
  readonly #expirationMs: number;
  readonly #cacheBytes: number;
  /** Oldest first. */
  readonly #jobs = new Map<JobId, StoredJob>();
  /** Made when the first job has to leave memory. */
  #directory: string | undefined;
  /** Oldest first. */
  readonly #inMemory = new Set<JobId>();
  #bytesInMemory = 0;

  constructor(config: Configuration, clock: Clock, parentDirectory: string) {
    this.#parentDirectory = parentDirectory;
    this.#clock = clock;
    this.#capacity = config.get('jobstore.max-capacity');
    this.#expirationMs = config.get('jobstore.expiration-time') * 1000;
    this.#cacheBytes = config.get('jobstore.cache-size');
  }

  put(job: EndedJob): void {
    const { jobId } = job.overview;
    this.#remove(jobId);
    const content = serialize(job);
    const stopExpiry = this.#clock.schedule(this.#expirationMs, () => this.#remove(jobId));
    this.#jobs.set(jobId, { overview: job.overview, bytes: content.length, content, stopExpiry });
    this.#inMemory.add(jobId);
    this.#bytesInMemory += content.length;
    for (const oldest of this.#jobs.keys()) {
      if (this.#jobs.size <= this.#capacity) break;
      this.#remove(oldest);
    }
    this.#spill();
  }

  has(jobId: JobId): boolean {
    return this.#jobs.has(jobId);
  }

  /** Oldest first. */
  overviews(): JobOverview[] {
    return [...this.#jobs.values()].map((job) => job.overview);
  }

  get(jobId: JobId): EndedJob | undefined {
    const job = this.#jobs.get(jobId);
    return job && (deserialize(job.content ?? readFileSync(this.#file(jobId))) as EndedJob);
  }

  close(): void {
    for (const job of this.#jobs.values()) job.stopExpiry();
    this.#jobs.clear();
    if (this.#directory !== undefined) rmSync(this.#directory, { recursive: true, force: true });
  }

  #spill(): void {
    for (const jobId of this.#inMemory) {
      if (this.#bytesInMemory <= this.#cacheBytes) return;
      const job = this.#jobs.get(jobId) as StoredJob;
      writeFileSync(this.#file(jobId), job.content as Buffer);
      this.#forgetContent(jobId, job);
    }
  }

  #remove(jobId: JobId): void {
    const job = this.#jobs.get(jobId);
    if (!job) return;
    job.stopExpiry();
    this.#jobs.delete(jobId);
    if (job.content) this.#forgetContent(jobId, job);
    else rmSync(this.#file(jobId), { force: true });
  }

  #forgetContent(jobId: JobId, job: StoredJob): void {
    job.content = undefined;
    this.#inMemory.delete(jobId);
    this.#bytesInMemory -= job.bytes;
  }

  #file(jobId: JobId): string {
    if (this.#directory === undefined) {
      mkdirSync(this.#parentDirectory, { recursive: true });
      this.#directory = mkdtempSync(join(this.#parentDirectory, 'weir-ended-jobs-'));
    }
    return join(this.#directory, jobId);
  }
}
