/**
 * Containers as local processes: each in a session of its own, with a working directory that holds what was shipped, and a
 * log directory that outlives it. A container above its size is killed; one that ends takes all it started with it.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { constants, copyFileSync, cpSync, mkdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import { extract } from 'tar';
import type { Logger } from '../../../shared/logger.ts';
import type { Clock } from '../../../shared/time.ts';
import {
  type ApplicationId,
  type ContainerId,
  type ContainerLaunchContext,
  type ContainerStatus,
  exitStatus,
  type LocalResource,
  type Resource,
} from '../protocol/records.ts';
import { excessOf } from './memory-limit.ts';
import { logDirectory, workingDirectory, type YarnPlace } from './place.ts';
import { processTrees } from './process-tree.ts';
import type { YarnSettings } from './settings.ts';

export interface NodeManagerOptions {
  readonly place: YarnPlace;
  readonly settings: YarnSettings;
  readonly clock: Clock;
  readonly log: Logger;
  /** What every container finds in its environment. */
  readonly baseEnvironment: Readonly<Record<string, string>>;
  completed(status: ContainerStatus): void;
}

interface RunningContainer {
  readonly containerId: ContainerId;
  readonly resource: Resource;
  readonly child: ChildProcess;
  readonly pid: number;
  readonly logDirectory: string;
  /** Why it is being killed. */
  ending: { readonly exitStatus: number; readonly diagnostics: string } | undefined;
}

export interface ContainerStart {
  readonly applicationId: ApplicationId;
  readonly containerId: ContainerId;
  readonly resource: Resource;
  readonly launch: ContainerLaunchContext;
}

export class NodeManager {
  readonly nodeId = `${hostname()}:0`;
  readonly #options: NodeManagerOptions;
  readonly #running = new Map<ContainerId, RunningContainer>();
  /** Killed before they ran. */
  readonly #unwanted = new Map<ContainerId, { readonly exitStatus: number; readonly diagnostics: string }>();
  #stopMonitor: () => void = () => {};

  constructor(options: NodeManagerOptions) {
    this.#options = options;
    this.#monitorLater();
  }

  /** Resolves when the process runs, or when the failure to start it has been reported as its end. */
  async start(container: ContainerStart): Promise<void> {
    const { place, log, completed } = this.#options;
    const { applicationId, containerId, launch } = container;
    const directory = workingDirectory(place, applicationId, containerId);
    const logs = logDirectory(place, applicationId, containerId);
    try {
      mkdirSync(directory, { recursive: true, mode: 0o710 });
      mkdirSync(logs, { recursive: true, mode: 0o710 });
      for (const [name, resource] of Object.entries(launch.localResources)) await localise(join(directory, name), resource);
      const unwanted = this.#unwanted.get(containerId);
      if (unwanted) {
        this.#unwanted.delete(containerId);
        completed({ containerId, ...unwanted });
        return;
      }
      this.#spawn(container, directory, logs);
    } catch (error) {
      log.warn(`Container ${containerId} could not be started.`, error);
      completed({
        containerId,
        exitStatus: -1000,
        diagnostics: `Container ${containerId} could not be started: ${(error as Error).message}`,
      });
    }
  }

  /** SIGTERM, and SIGKILL soon afterwards. The end is reported as ever. */
  stop(containerId: ContainerId, status: number, diagnostics: string): void {
    const container = this.#running.get(containerId);
    if (!container) {
      this.#unwanted.set(containerId, { exitStatus: status, diagnostics });
      return;
    }
    if (container.ending) return;
    container.ending = { exitStatus: status, diagnostics };
    signal(container.pid, 'SIGTERM');
    this.#options.clock.schedule(this.#options.settings.killDelayMs, () => {
      if (this.#running.has(containerId)) signal(container.pid, 'SIGKILL');
    });
  }

  /** Kills everything and waits for its end. */
  async close(): Promise<void> {
    this.#stopMonitor();
    const ends = [...this.#running.values()].map(({ child }) => new Promise<void>((resolve) => child.once('exit', () => resolve())));
    for (const containerId of this.#running.keys()) this.stop(containerId, exitStatus.byResourceManager, 'The resource manager ends.');
    await Promise.all(ends);
  }

  #spawn({ applicationId, containerId, resource, launch }: ContainerStart, directory: string, logs: string): void {
    const { baseEnvironment, log } = this.#options;
    const expand = (text: string): string => text.replaceAll('<LOG_DIR>', logs);
    const environment = {
      ...baseEnvironment,
      ...Object.fromEntries(Object.entries(launch.environment).map(([name, value]) => [name, expand(value)])),
      CONTAINER_ID: containerId,
      LOCAL_DIRS: join(this.#options.place.appcache, applicationId),
      LOG_DIRS: logs,
      NM_HOST: hostname(),
      NM_PORT: '0',
      NM_HTTP_PORT: '0',
      PWD: directory,
    };
    const child = spawn('/bin/sh', ['-c', expand(launch.command)], { cwd: directory, env: environment, detached: true, stdio: 'ignore' });
    const { pid } = child;
    child.on('error', (error) => log.warn(`Container ${containerId}: ${error.message}`));
    if (pid === undefined) throw new Error('no process could be made');
    const container: RunningContainer = { containerId, resource, child, pid, logDirectory: logs, ending: undefined };
    this.#running.set(containerId, container);
    log.info(`Container ${containerId} runs as process ${pid}, with ${resource.memoryMb} MB.`);
    child.once('exit', (code, signalName) => this.#exited(container, code, signalName));
  }

  #exited(container: RunningContainer, code: number | null, signalName: NodeJS.Signals | null): void {
    const { containerId, pid, ending } = container;
    // What it started and left shares its group.
    signal(pid, 'SIGKILL');
    this.#running.delete(containerId);
    const status = code ?? 128 + (signalNumbers[signalName ?? 'SIGKILL'] ?? 9);
    this.#options.log.info(`Container ${containerId} has ended with ${status}.`);
    this.#options.completed({ containerId, ...(ending ?? { exitStatus: status, diagnostics: diagnosticsOf(container, status) }) });
  }

  #monitorLater(): void {
    this.#stopMonitor = this.#options.clock.schedule(this.#options.settings.monitorIntervalMs, () => {
      this.#monitor();
      this.#monitorLater();
    });
  }

  #monitor(): void {
    const { settings, log } = this.#options;
    if (this.#running.size === 0 || !(settings.checksPhysicalMemory || settings.checksVirtualMemory)) return;
    const trees = processTrees([...this.#running.values()].map(({ pid }) => pid));
    for (const container of this.#running.values()) {
      if (container.ending) continue;
      const excess = excessOf(container, trees.get(container.pid) ?? [], settings);
      if (!excess) continue;
      log.warn(excess.diagnostics);
      this.stop(container.containerId, excess.exitStatus, excess.diagnostics);
    }
  }
}

const signalNumbers: Partial<Record<NodeJS.Signals, number>> = { SIGHUP: 1, SIGINT: 2, SIGABRT: 6, SIGKILL: 9, SIGSEGV: 11, SIGTERM: 15 };

/** To the whole group. */
function signal(pid: number, name: 'SIGTERM' | 'SIGKILL'): void {
  try {
    process.kill(-pid, name);
  } catch {
    // Nobody of it is left.
  }
}

async function localise(target: string, { source, type }: LocalResource): Promise<void> {
  mkdirSync(dirname(target), { recursive: true });
  if (type === 'ARCHIVE') {
    mkdirSync(target, { recursive: true });
    await extract({ file: source, cwd: target, strict: true });
  } else if (statSync(source).isDirectory()) cpSync(source, target, { recursive: true });
  else copyFileSync(source, target, constants.COPYFILE_FICLONE);
}

const shownBytes = 4096;

/** YARN's words for a container that ended by itself, or was killed by somebody else. */
function diagnosticsOf({ containerId, logDirectory: logs }: RunningContainer, status: number): string {
  if (status === 0) return '';
  if (status === 137 || status === 143)
    return `Container killed on request. Exit code is ${status}\nContainer exited with a non-zero exit code ${status}`;
  const lines = ['Exception from container-launch.', `Container id: ${containerId}`, `Exit code: ${status}`];
  const end = lastBytes([join(logs, 'jobmanager.err'), join(logs, 'taskmanager.err')]);
  return [
    ...lines,
    '',
    `Container exited with a non-zero exit code ${status}.${end === '' ? '' : ` Last ${shownBytes} bytes of stderr :\n${end}`}`,
  ].join('\n');
}

function lastBytes(files: readonly string[]): string {
  for (const file of files) {
    try {
      return readFileSync(file, 'utf8').slice(-shownBytes).trimEnd();
    } catch {
      // It writes elsewhere.
    }
  }
  return '';
}

export function removeDirectory(path: string): void {
  rmSync(path, { recursive: true, force: true, maxRetries: 3 });
}
