/** What is known of each application, on disk: a resource manager that is started again knows what its predecessors ran. */
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Logger } from '../../../shared/logger.ts';
import type { ApplicationId, ApplicationReport, ApplicationSubmission, AttemptReport } from '../protocol/records.ts';
import { removeDirectory } from './node-manager.ts';
import type { YarnPlace } from './place.ts';

export interface ApplicationRecord {
  readonly submission: ApplicationSubmission;
  readonly report: ApplicationReport;
  readonly attempts: readonly AttemptReport[];
}

export class ApplicationRecords {
  readonly #place: YarnPlace;
  readonly #log: Logger;

  constructor(place: YarnPlace, log: Logger) {
    this.#place = place;
    this.#log = log;
  }

  put(record: ApplicationRecord): void {
    const file = this.#file(record.submission.applicationId);
    writeFileSync(`${file}.tmp`, JSON.stringify(record));
    renameSync(`${file}.tmp`, file);
  }

  /** Oldest first. What cannot be read is left out, and told. */
  load(): ApplicationRecord[] {
    return readdirSync(this.#place.applications)
      .filter((name) => name.endsWith('.json'))
      .flatMap((name) => {
        try {
          return [JSON.parse(readFileSync(join(this.#place.applications, name), 'utf8')) as ApplicationRecord];
        } catch (error) {
          this.#log.warn(`The record ${name} cannot be read.`, error);
          return [];
        }
      })
      .sort((a, b) => a.report.startTime - b.report.startTime);
  }

  forget(id: ApplicationId): void {
    rmSync(this.#file(id), { force: true });
    removeDirectory(join(this.#place.logs, id));
  }

  /** What the client staged is of no use any more; an application master that was killed could not remove it. */
  removeStaged({ applicationId, applicationMaster }: ApplicationSubmission): void {
    const { _FLINK_YARN_FILES: staged } = applicationMaster.environment;
    if (staged === undefined || !staged.endsWith(`/.flink/${applicationId}`)) return;
    removeDirectory(fileURLToPath(staged));
  }

  removeFiles(id: ApplicationId): void {
    removeDirectory(join(this.#place.appcache, id));
  }

  /** Logs of applications that nobody has written to for so long; `kept` still run. */
  removeOldLogs(retentionMs: number, now: number, kept: ReadonlySet<ApplicationId>): void {
    for (const id of readdirSync(this.#place.logs)) {
      const directory = join(this.#place.logs, id);
      if (!kept.has(id) && now - statSync(directory).mtimeMs > retentionMs) removeDirectory(directory);
    }
  }

  /** By container, in the order of their ids. */
  logDirectories(id: ApplicationId): { containerId: string; directory: string }[] {
    const directory = join(this.#place.logs, id);
    if (!existsSync(directory)) return [];
    return readdirSync(directory)
      .sort()
      .map((containerId) => ({ containerId, directory: join(directory, containerId) }));
  }

  #file(id: ApplicationId): string {
    return join(this.#place.applications, `${id}.json`);
  }
}
