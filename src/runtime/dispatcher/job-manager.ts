/** The JobManager's components, wired: Dispatcher, ResourceManager, blob store, and the sessions of its TaskManagers. */
import { join } from 'node:path';
import type { Configuration } from '../../config/configuration.ts';
import { UserError } from '../../shared/errors.ts';
import { type FencingToken, randomHex } from '../../shared/ids.ts';
import type { Logger } from '../../shared/logger.ts';
import type { Clock } from '../../shared/time.ts';
import type { Leadership } from '../ha/high-availability.ts';
import { internalTls } from '../internal-sockets.ts';
import { ResourceManager, type ResourceManagerDriver, standaloneDriver } from '../resourcemanager/resource-manager.ts';
import { listenRpc, openRpc, type RpcServer } from '../rpc/connection.ts';
import { frameSize } from '../rpc/frame-size.ts';
import type { TaskExecutorGateway } from '../rpc/gateways.ts';
import { BlobStore } from './blob-store.ts';
import { Dispatcher, type DispatcherOptions } from './dispatcher.ts';
import { TaskManagerSession } from './task-manager-session.ts';

export interface JobManagerOptions {
  readonly config: Configuration;
  readonly clock: Clock;
  readonly log: Logger;
  readonly driver: ResourceManagerDriver;
  readonly temporaryDirectory: string;
  readonly onShutDown: () => void;
  /** Under high availability: what was recorded, and the proof that this process may act. */
  readonly leadership?: Leadership | undefined;
  readonly keepsResults?: boolean | undefined;
  /** Where the job's user code runs, and programs that are run here. */
  createUserCode(blobs: BlobStore): DispatcherOptions['createUserCode'];
  createPrograms(jobManager: { readonly dispatcher: Dispatcher; readonly blobs: BlobStore }): DispatcherOptions['programs'];
}

export class JobManager {
  readonly dispatcher: Dispatcher;
  readonly blobs: BlobStore;
  readonly resourceManager: ResourceManager;
  readonly #options: JobManagerOptions;
  readonly #fencing: FencingToken;
  #server: RpcServer | undefined;

  constructor(options: JobManagerOptions) {
    this.#options = options;
    const { config, clock, log, leadership } = options;
    this.#fencing = leadership?.fencing ?? randomHex(16);
    this.blobs = new BlobStore(join(options.temporaryDirectory), leadership?.blobs);
    this.resourceManager = new ResourceManager({
      clock,
      log: log.of('ResourceManager'),
      driver: options.driver,
      slotTimeoutMs: config.get('slot.request.timeout'),
      idleTimeoutMs: options.driver === standaloneDriver ? undefined : config.get('resourcemanager.taskmanager-timeout'),
      spreadEvenly: config.get('taskmanager.load-balance.mode') === 'SLOTS' || config.get('cluster.evenly-spread-out-slots'),
      fencing: this.#fencing,
    });
    this.dispatcher = new Dispatcher({
      config,
      clock,
      log: log.of('Dispatcher'),
      resourceManager: this.resourceManager,
      blobs: this.blobs,
      temporaryDirectory: options.temporaryDirectory,
      fencing: this.#fencing,
      createUserCode: options.createUserCode(this.blobs),
      programs: {
        run: (request, signal) => programs.run(request, signal),
        plan: (request, signal) => programs.plan(request, signal),
        close: () => programs.close(),
      },
      onShutDown: options.onShutDown,
      leadership,
      keepsResults: options.keepsResults,
    });
    const programs = options.createPrograms(this);
  }

  /** Accepts TaskManagers. Throws UserError('PORT_TAKEN'). */
  async listen(host: string, port: number): Promise<number> {
    const maxFrameBytes = frameSize(this.#options.config);
    const tls = internalTls(this.#options.config, 'akka.ssl.enabled');
    try {
      this.#server = await listenRpc(
        host,
        port,
        (socket) => {
          const connection = openRpc<TaskExecutorGateway>(
            socket,
            gatewayOf(() => session),
            maxFrameBytes,
          );
          const session = this.openSession(connection.remote as unknown as TaskExecutorGateway, () => connection.close());
          connection.onClose(() => session.lost('its connection was closed.'));
        },
        tls,
      );
    } catch (error) {
      throw listenError(error, host, port, 'jobmanager.rpc.port');
    }
    return this.#server.port;
  }

  /** The session of a TaskManager that is reached through `taskExecutor`. */
  openSession(taskExecutor: TaskExecutorGateway, disconnect: () => void): TaskManagerSession {
    const { config, clock, log } = this.#options;
    return new TaskManagerSession({
      dispatcher: this.dispatcher,
      resourceManager: this.resourceManager,
      blobs: this.blobs,
      clock,
      log: log.of('ResourceManager'),
      fencing: this.#fencing,
      heartbeatIntervalMs: config.get('heartbeat.interval'),
      heartbeatTimeoutMs: config.get('heartbeat.timeout'),
      taskExecutor,
      disconnect,
    });
  }

  async close(): Promise<void> {
    await this.dispatcher.close();
    await this.#server?.close();
    this.blobs.close();
  }
}

/** The session is made after its connection; calls only come later. */
function gatewayOf(session: () => TaskManagerSession): object {
  const names = [
    'registerTaskManager',
    'heartbeatFromTaskManager',
    'updateTaskExecutionState',
    'slotLost',
    'sendOperatorEventToCoordinator',
    'acknowledgeCheckpoint',
    'declineCheckpoint',
    'readBlob',
  ] as const;
  return Object.fromEntries(
    names.map((name) => [name, (request: never) => (session()[name] as (request: never) => Promise<unknown>)(request)]),
  );
}

export function listenError(error: unknown, host: string, port: number, key: string): unknown {
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'EADDRINUSE') {
    return new UserError('PORT_TAKEN', {
      problem: `Port ${port} on ${host} is taken by another process.`,
      found: `The port comes from ${key}.`,
      tryNext: ['Stop the other process (is a cluster running already? stop-cluster.sh), or set another port.'],
    });
  }
  if (code !== 'EADDRNOTAVAIL' && code !== 'ENOTFOUND' && code !== 'EACCES') return error;
  return new UserError('CANNOT_LISTEN', {
    problem: `Cannot listen on ${host}:${port}: ${(error as Error).message}`,
    found: `The port comes from ${key}.`,
    tryNext: [code === 'EACCES' ? 'Ports below 1024 need privileges: set another port.' : 'The address must be one of this machine.'],
  });
}
