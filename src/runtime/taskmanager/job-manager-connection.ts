/**
 * Keeps a TaskManager registered: finds the JobManager, registers, beats, and starts over when the connection is lost or
 * falls silent. Gives up when no JobManager accepts it for `taskmanager.registration.timeout`.
 */
import type { Configuration } from '../../config/configuration.ts';
import { clusterDirectory, highAvailabilityMode, highestEpoch, readLeaderAddress } from '../../config/high-availability/leader-files.ts';
import { ExternalError } from '../../shared/errors.ts';
import type { Logger } from '../../shared/logger.ts';
import { within } from '../../shared/time.ts';
import { internalTls } from '../internal-sockets.ts';
import { connectRpc, openRpc, type RpcConnection } from '../rpc/connection.ts';
import type { JobManagerGateway } from '../rpc/gateways.ts';
import type { TaskExecutor } from './task-executor.ts';

export interface JobManagerConnectionOptions {
  readonly config: Configuration;
  readonly taskExecutor: TaskExecutor;
  readonly log: Logger;
  readonly maxFrameBytes: number;
  /** Called at the first registration. */
  readonly onRegistered: () => void;
  readonly onGiveUp: (cause: Error) => void;
}

export class JobManagerConnection {
  readonly #options: JobManagerConnectionOptions;
  /** Directory of the highly available cluster; undefined: the JobManager has a fixed address. */
  readonly #cluster: string | undefined;
  #epoch = 0;
  #closed = false;
  #connection: RpcConnection<JobManagerGateway> | undefined;
  #wakeUp: (() => void) | undefined;

  constructor(options: JobManagerConnectionOptions) {
    this.#options = options;
    this.#cluster = highAvailabilityMode(options.config) === 'none' ? undefined : clusterDirectory(options.config);
  }

  /** Runs until {@link close}, or until it gives up. */
  async run(): Promise<void> {
    try {
      while (!this.#closed) await this.#session();
    } catch (error) {
      if (!this.#closed) this.#options.onGiveUp(error as Error);
    }
  }

  close(): void {
    this.#closed = true;
    this.#connection?.close();
    this.#wakeUp?.();
  }

  /** One registration, until it is lost. */
  async #session(): Promise<void> {
    const { taskExecutor, log, onRegistered } = this.#options;
    const connection = await this.#register();
    if (this.#closed || !connection) return connection?.close();
    onRegistered();
    const reason = await this.#beat(connection);
    connection.close();
    if (this.#closed) return;
    log.warn(`The connection to the JobManager is lost: ${reason}`);
    await taskExecutor.disconnected('The JobManager is gone.');
  }

  /** Tries with growing pauses. Throws ExternalError('REGISTRATION_TIMEOUT'). */
  async #register(): Promise<RegisteredConnection | undefined> {
    const { config, log } = this.#options;
    const giveUpAt = performance.now() + config.get('taskmanager.registration.timeout');
    const longestPause = config.get('cluster.registration.max-timeout');
    let pauseMs = config.get('cluster.registration.initial-timeout');
    let told = '';
    while (!this.#closed) {
      try {
        return await this.#attempt();
      } catch (error) {
        const { message } = error as Error;
        if (message !== told) log.info(`No JobManager at ${this.#address()} yet: ${message}`);
        told = message;
        if (performance.now() > giveUpAt) throw this.#timeout(message);
      }
      await this.#pause(pauseMs);
      pauseMs = Math.min(longestPause, pauseMs * 2);
    }
    return undefined;
  }

  async #attempt(): Promise<RegisteredConnection> {
    const { config, taskExecutor, maxFrameBytes, log } = this.#options;
    const registration = await taskExecutor.registration();
    const leader = this.#findJobManager();
    const socket = await connectRpc(leader.host, leader.port, config.get('pekko.tcp.timeout'), internalTls(config, 'akka.ssl.enabled'));
    const connection = openRpc<JobManagerGateway>(socket, taskExecutor, maxFrameBytes);
    // Later silence is for heartbeats to notice.
    const answerMs = config.get('cluster.registration.max-timeout');
    let isConnected = false;
    try {
      const jobManager = connection.remote as unknown as JobManagerGateway;
      const accepted = await within(answerMs, jobManager.registerTaskManager(registration));
      if (!accepted) throw new Error(`it did not answer within ${answerMs} ms.`);
      taskExecutor.connected(jobManager, accepted.fencing);
      isConnected = true;
      const firstBeat = jobManager.heartbeatFromTaskManager(taskExecutor.heartbeat()).then(() => true);
      if (!(await within(answerMs, firstBeat))) throw new Error(`it did not answer within ${answerMs} ms.`);
      this.#connection = connection;
      this.#epoch = leader.epoch;
      log.info(`Registered with the JobManager at ${this.#address()}.`);
      return Object.assign(connection, accepted);
    } catch (error) {
      connection.close();
      // It may have taken slots already.
      if (isConnected) await taskExecutor.disconnected('The JobManager is gone.');
      throw error;
    }
  }

  /** Resolves with the reason when the JobManager is lost. */
  #beat(connection: RegisteredConnection): Promise<string> {
    const { taskExecutor } = this.#options;
    const jobManager = connection.remote as unknown as JobManagerGateway;
    return new Promise((resolve) => {
      let lastAnswer = performance.now();
      const timer = setInterval(
        () => {
          if (this.#isOvertaken()) {
            clearInterval(timer);
            resolve('another JobManager leads the cluster.');
            return;
          }
          if (performance.now() - lastAnswer > connection.heartbeatTimeoutMs) {
            clearInterval(timer);
            resolve('it did not answer heartbeats.');
            return;
          }
          jobManager.heartbeatFromTaskManager(taskExecutor.heartbeat()).then(
            () => {
              lastAnswer = performance.now();
            },
            () => {},
          );
        },
        Math.min(connection.heartbeatIntervalMs, reportIntervalMs),
      );
      connection.onClose((error) => {
        clearInterval(timer);
        resolve(error.message);
      });
    });
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wakeUp = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  /** Under high availability the leader says where it is. */
  #findJobManager(): { readonly host: string; readonly port: number; readonly epoch: number } {
    const { config } = this.#options;
    if (this.#cluster === undefined)
      return { host: config.get('jobmanager.rpc.address') ?? 'localhost', port: config.get('jobmanager.rpc.port'), epoch: 0 };
    const leader = readLeaderAddress(this.#cluster);
    if (!leader) throw new Error('no JobManager leads the cluster');
    return { host: leader.rpcHost, port: leader.rpcPort, epoch: leader.epoch };
  }

  #isOvertaken(): boolean {
    return this.#cluster !== undefined && highestEpoch(this.#cluster) !== this.#epoch;
  }

  #address(): string {
    const { config } = this.#options;
    if (this.#cluster !== undefined) return this.#cluster;
    return `${config.get('jobmanager.rpc.address') ?? 'localhost'}:${config.get('jobmanager.rpc.port')}`;
  }

  #timeout(found: string): ExternalError {
    return new ExternalError('REGISTRATION_TIMEOUT', {
      problem: `No JobManager at ${this.#address()} accepted this TaskManager within ${this.#options.config.get('taskmanager.registration.timeout')} ms.`,
      found,
      tryNext: ['Start the JobManager: jobmanager.sh start', 'Check jobmanager.rpc.address and jobmanager.rpc.port.'],
      retriable: true,
    });
  }
}

/** Beats also carry counters for the web page, which would look dead at Flink's interval of ten seconds. */
const reportIntervalMs = 2000;

type RegisteredConnection = RpcConnection<JobManagerGateway> & {
  readonly heartbeatIntervalMs: number;
  readonly heartbeatTimeoutMs: number;
};
