/** A JobManager process: the production Dispatcher with all behind it, on records of the production high-availability store. */
import type { Configuration } from '../../../src/config/configuration.ts';
import type { JobGraph } from '../../../src/graph/job-graph.ts';
import type { ReplayableProgram } from '../../../src/program/program.ts';
import type { BlobStore } from '../../../src/runtime/dispatcher/blob-store.ts';
import { Dispatcher } from '../../../src/runtime/dispatcher/dispatcher.ts';
import { TaskManagerSession } from '../../../src/runtime/dispatcher/task-manager-session.ts';
import { FileSystemLeadership } from '../../../src/runtime/ha/file-system/file-system-high-availability.ts';
import { ResourceManager, standaloneDriver } from '../../../src/runtime/resourcemanager/resource-manager.ts';
import type { JobManagerGateway } from '../../../src/runtime/rpc/gateways.ts';
import type { Logger } from '../../../src/shared/logger.ts';
import type { Disk } from './disk.ts';
import type { Host } from './host.ts';
import type { Chance } from './random.ts';
import type { Session, TaskManager } from './task-manager.ts';
import { UserCodeThread } from './user-code-thread.ts';
import type { VirtualTime } from './virtual-time.ts';
import { Connection } from './wire.ts';

export interface JobManagerOptions {
  readonly config: Configuration;
  readonly time: VirtualTime;
  readonly chance: Chance;
  readonly host: Host;
  readonly disk: Disk;
  readonly log: Logger;
  readonly epoch: number;
  readonly isCurrent: (epoch: number) => boolean;
  readonly replay: ReplayableProgram['replay'];
}

export const clusterDirectory = '/ha';
const heartbeatIntervalMs = 40;
const heartbeatTimeoutMs = 160;

export class JobManager {
  readonly host: Host;
  readonly #options: JobManagerOptions;
  readonly #leadership: FileSystemLeadership;
  /** With TaskManagers, open or closed. */
  readonly connections: Connection[] = [];
  #dispatcher: Dispatcher | undefined;
  #resourceManager: ResourceManager | undefined;

  constructor(options: JobManagerOptions) {
    const { host, disk, epoch, isCurrent, log } = options;
    this.host = host;
    this.#options = options;
    this.#leadership = new FileSystemLeadership({
      cluster: clusterDirectory,
      files: disk,
      epoch,
      epochs: { isCurrent, renew: async () => {}, release: async () => {}, forgetBefore: () => {} },
      log,
    });
    // A process that does not lead any more ends itself.
    void this.#leadership.lost.then(() => {
      host.kill();
      for (const connection of this.connections) connection.close();
    });
  }

  get dispatcher(): Dispatcher | undefined {
    return this.#dispatcher;
  }

  /** Has to be called in one of the host's events. `submit`: a job that no leader has accepted so far. */
  async start(submit: JobGraph | undefined): Promise<void> {
    const { config, host, log, time, chance, replay } = this.#options;
    const { clock } = host;
    await this.#leadership.begin(clock, 50);
    const { fencing } = this.#leadership;
    const resourceManager = new ResourceManager({ clock, log, driver: standaloneDriver, slotTimeoutMs: 100_000, fencing });
    const unsupported = async (): Promise<never> => Promise.reject(new Error('no programs here'));
    const dispatcher = new Dispatcher({
      config,
      clock,
      random: chance.share,
      log,
      resourceManager,
      blobs: { recover: async () => true } as unknown as BlobStore,
      temporaryDirectory: '/nowhere',
      fencing,
      createUserCode: (_jobGraph, listener) => new UserCodeThread({ time, chance, host, replay }, listener),
      programs: { run: unsupported, plan: unsupported, close: () => {} },
      onShutDown: () => host.kill(),
      leadership: this.#leadership,
    });
    await dispatcher.recoverJobs();
    if (submit && dispatcher.masters.length === 0) await dispatcher.submitJob(submit);
    this.#resourceManager = resourceManager;
    this.#dispatcher = dispatcher;
  }

  /** From the event of a TaskManager that found this leader. */
  connect(taskManager: TaskManager): Session | undefined {
    const { time, chance, log } = this.#options;
    if (!this.#dispatcher || this.host.state === 'dead') return undefined;
    const connection = new Connection(time, chance, [this.host, taskManager.host]);
    this.connections.push(connection);
    let session: Session | undefined;
    const remote = new TaskManagerSession({
      dispatcher: this.#dispatcher,
      resourceManager: this.#resourceManager as ResourceManager,
      blobs: undefined as unknown as BlobStore,
      clock: this.host.clock,
      log,
      fencing: this.#leadership.fencing,
      heartbeatIntervalMs,
      heartbeatTimeoutMs,
      taskExecutor: taskManager.gatewayFor(() => session as Session),
      disconnect: () => connection.close(),
    });
    connection.onClose(this.host, () => remote.lost('its connection was closed.'));
    const names = [
      'registerTaskManager',
      'heartbeatFromTaskManager',
      'updateTaskExecutionState',
      'sendOperatorEventToCoordinator',
      'acknowledgeCheckpoint',
      'declineCheckpoint',
    ] as const;
    const gateway = Object.fromEntries(
      names.map((name) => [
        name,
        (request: never) =>
          connection.call(taskManager.host, this.host, () => (remote[name] as (request: never) => Promise<unknown>)(request)),
      ]),
    );
    session = { connection, jobManager: this.host, gateway: gateway as unknown as JobManagerGateway };
    return session;
  }
}
