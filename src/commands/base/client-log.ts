/**
 * The log of the command line: each call with what it printed, and the stacks that the terminal is spared. Its name and place
 * are Flink's. Nothing depends on it: a directory that cannot be written costs only the log.
 */
import { mkdirSync, openSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Configuration } from '../../config/configuration.ts';
import { clientLogPath, daemonPlace } from '../../deployment/daemon/daemon-place.ts';
import { rotateOutput } from '../../deployment/daemon/log-rotation.ts';
import { installationRoot } from '../../shared/installation.ts';
import { fileLogger, type Logger } from '../../shared/logger.ts';

const largestBytes = 1 << 20;

export class ClientLog {
  readonly #early: ((log: Logger) => void)[] = [];
  #log: Logger | undefined;

  info(line: string): void {
    this.#entry((log) => log.info(line));
  }

  warn(line: string): void {
    this.#entry((log) => log.warn(line));
  }

  error(message: string, error: unknown): void {
    this.#entry((log) => log.error(message, error));
  }

  /** `name` is the part of the file's name that tells the programs apart. What was said before goes in first. */
  open(name: string, environment: Readonly<Record<string, string | undefined>>, configuration: Configuration): void {
    if (this.#log) return;
    try {
      const path = clientLogPath(daemonPlace(environment, configuration, installationRoot()), name);
      mkdirSync(dirname(path), { recursive: true });
      if ((statSync(path, { throwIfNoEntry: false })?.size ?? 0) > largestBytes) rotateOutput(path, 1);
      this.#log = fileLogger(openSync(path, 'a'), 'INFO').of('CliFrontend');
    } catch {
      return;
    }
    for (const entry of this.#early.splice(0)) entry(this.#log);
  }

  #entry(entry: (log: Logger) => void): void {
    if (this.#log) entry(this.#log);
    else this.#early.push(entry);
  }
}
