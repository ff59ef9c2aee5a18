/**
 * Leader election by numbered claims. Whoever creates the file of the next number leads; creation is atomic, so there is one
 * winner. A claim may be made when the present leader has released its own, when its process is gone from this machine, or
 * when it has not renewed its lease for the lease time, as the claimant's own clock sees it.
 *
 * A leader that was only slow is not trusted to notice: every record it makes is checked against the claims after it was
 * written (see {@link EpochRecords}), so that a stopped process that goes on later changes nothing.
 */
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { link, readFile, rm, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { epochName, epochsDirectory, highestEpoch } from '../../../config/high-availability/leader-files.ts';
import { ExternalError } from '../../../shared/errors.ts';
import { randomHex } from '../../../shared/ids.ts';
import { readProcessStat } from '../../../shared/process-stat.ts';
import type { Clock } from '../../../shared/time.ts';
import { clusterFiles, writeText } from './cluster-files.ts';

interface Claim {
  readonly host: string;
  readonly pid: number;
  /** In the kernel's ticks since boot; undefined where the kernel does not tell. */
  readonly startTime: string | undefined;
  readonly token: string;
}

export interface EpochsOptions {
  readonly cluster: string;
  readonly clock: Clock;
  readonly leaseTimeoutMs: number;
}

export class Epochs {
  readonly #options: EpochsOptions;
  readonly #directory: string;

  constructor(options: EpochsOptions) {
    this.#options = options;
    this.#directory = epochsDirectory(options.cluster);
  }

  /** Resolves with the number of the claim that was won. Throws ExternalError('HA_STORAGE') when the directory cannot be used. */
  async claim(signal: AbortSignal, onWaiting: () => void = () => {}): Promise<number> {
    this.#makeDirectory();
    let waits = false;
    const observed = { epoch: 0, lease: '', since: this.#options.clock.monotonic() };
    for (;;) {
      signal.throwIfAborted();
      const highest = highestEpoch(this.#options.cluster);
      if (highest === 0 || (await this.#isFree(highest, observed))) {
        if (await this.#tryClaim(highest + 1)) return highest + 1;
        continue;
      }
      if (!waits) onWaiting();
      waits = true;
      await this.#pause(this.#options.leaseTimeoutMs / 10, signal);
    }
  }

  isCurrent(epoch: number): boolean {
    return highestEpoch(this.#options.cluster) === epoch;
  }

  async renew(epoch: number): Promise<void> {
    await writeFile(this.#file(epoch, 'lease'), randomHex(8));
  }

  async release(epoch: number): Promise<void> {
    await writeFile(this.#file(epoch, 'released'), '');
  }

  /** Claims before this one mean nothing any more. */
  forgetBefore(epoch: number): void {
    for (const name of readdirSync(this.#directory)) {
      const number = /^(\d{19})/.exec(name)?.[1];
      if (number !== undefined && Number(number) < epoch) rmSync(join(this.#directory, name), { force: true });
    }
  }

  async #isFree(epoch: number, observed: { epoch: number; lease: string; since: number }): Promise<boolean> {
    if ((await this.#read(epoch, 'released')) !== undefined) return true;
    const claim = this.#parse(await this.#read(epoch, ''));
    if (claim && claim.host === hostname() && !isAlive(claim)) return true;
    const lease = (await this.#read(epoch, 'lease')) ?? '';
    const now = this.#options.clock.monotonic();
    if (observed.epoch !== epoch || observed.lease !== lease) Object.assign(observed, { epoch, lease, since: now });
    return now - observed.since >= this.#options.leaseTimeoutMs;
  }

  /** `link` is atomic and fails when the name is there: two processes never win the same number. */
  async #tryClaim(epoch: number): Promise<boolean> {
    const claim: Claim = { host: hostname(), pid: process.pid, startTime: readProcessStat(process.pid)?.startTime, token: randomHex(8) };
    const temporary = join(this.#directory, `.claim-${claim.token}`);
    await writeText(clusterFiles, temporary, JSON.stringify(claim));
    try {
      await link(temporary, this.#file(epoch, ''));
      await this.renew(epoch);
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
      throw storageError(this.#directory, error);
    } finally {
      await rm(temporary, { force: true });
    }
  }

  #parse(text: string | undefined): Claim | undefined {
    try {
      return text === undefined ? undefined : (JSON.parse(text) as Claim);
    } catch {
      return undefined;
    }
  }

  async #read(epoch: number, kind: string): Promise<string | undefined> {
    try {
      return await readFile(this.#file(epoch, kind), 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw storageError(this.#directory, error);
    }
  }

  #file(epoch: number, kind: string): string {
    return join(this.#directory, kind === '' ? epochName(epoch) : `${epochName(epoch)}.${kind}`);
  }

  #makeDirectory(): void {
    try {
      mkdirSync(this.#directory, { recursive: true });
    } catch (error) {
      throw storageError(this.#directory, error);
    }
  }

  #pause(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const cancel = this.#options.clock.schedule(ms, () => {
        signal.removeEventListener('abort', aborted);
        resolve();
      });
      const aborted = (): void => {
        cancel();
        reject(signal.reason);
      };
      signal.addEventListener('abort', aborted, { once: true });
    });
  }
}

/** A process id may belong to somebody else by now; the time of its start tells. */
function isAlive({ pid, startTime }: Claim): boolean {
  const stat = readProcessStat(pid);
  // A zombie holds nothing any more.
  if (startTime !== undefined) return stat?.startTime === startTime && stat.state !== 'Z';
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}

export function storageError(path: string, error: unknown): ExternalError {
  return new ExternalError('HA_STORAGE', {
    problem: `The high-availability storage at ${path} cannot be used: ${error instanceof Error ? error.message : String(error)}`,
    tryNext: ['Check that the directory of high-availability.storageDir exists, can be written, and has room.'],
    retriable: true,
    cause: error,
  });
}
