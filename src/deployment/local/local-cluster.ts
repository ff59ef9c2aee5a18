/**
 * A cluster inside the process of `flink run -t local`: the components of a JobManager, and for each job a TaskManager with
 * as many slots as the job needs. Slots are threads, as in a real TaskManager, but nothing listens on any port.
 */
import { join } from 'node:path';
import type { Configuration } from '../../config/configuration.ts';
import { deriveTaskManagerProcess } from '../../config/memory/process-memory.ts';
import type { JobGraph } from '../../graph/job-graph.ts';
import { JobManager } from '../../runtime/dispatcher/job-manager.ts';
import { standaloneDriver } from '../../runtime/resourcemanager/resource-manager.ts';
import type { JobResult } from '../../runtime/rpc/gateways.ts';
import { requiredSlots } from '../../runtime/scheduler/slot-sharing.ts';
import { TaskExecutor } from '../../runtime/taskmanager/task-executor.ts';
import { UserError } from '../../shared/errors.ts';
import type { JobId } from '../../shared/ids.ts';
import { installationRoot } from '../../shared/installation.ts';
import type { Logger } from '../../shared/logger.ts';
import { systemClock } from '../../shared/time.ts';
import { temporaryDirectory } from '../process/temporary-directory.ts';
import { JobUserCodeThread } from '../process/user-code-worker.ts';

/** Heap of each thread that runs user code for the JobManager, in MiB. */
const userCodeHeapMb = 512;
const networkBytesPerSlot = 16 * 2 ** 20;
const leastNetworkBytes = 64 * 2 ** 20;

export class LocalCluster {
  readonly #config: Configuration;
  readonly #log: Logger;
  readonly #jobManager: JobManager;
  readonly #directory: ReturnType<typeof temporaryDirectory>;
  readonly #taskExecutors = new Map<JobId, { executor: TaskExecutor; stop(): void }>();

  constructor(config: Configuration, log: Logger) {
    this.#config = config;
    this.#log = log;
    this.#directory = temporaryDirectory(config, 'local');
    process.once('exit', this.#directory.remove);
    const workers = { entry: builtModule('user-code-thread'), heapLimitMb: userCodeHeapMb, logLevel: 'WARN' };
    const unsupported = async (): Promise<never> => {
      throw new UserError('NOT_IN_LOCAL_CLUSTER', { problem: 'A local cluster runs the program of its own command only.' });
    };
    this.#jobManager = new JobManager({
      config,
      clock: systemClock,
      log,
      driver: standaloneDriver,
      temporaryDirectory: this.#directory.path,
      onShutDown: () => {},
      createUserCode: (blobs) => (jobGraph, listener) => new JobUserCodeThread(workers, blobs, jobGraph, listener),
      createPrograms: () => ({ run: unsupported, plan: unsupported, close: () => {} }),
    });
  }

  get dispatcher(): JobManager['dispatcher'] {
    return this.#jobManager.dispatcher;
  }

  async submit(jobGraph: JobGraph, artifactPath: string): Promise<void> {
    await this.dispatcher.putBlob(artifactPath);
    await this.#startTaskManager(jobGraph);
    await this.dispatcher.submitJob(jobGraph);
  }

  /** Resolves when the job has ended. */
  async whenDone(jobId: JobId): Promise<JobResult> {
    const master = this.dispatcher.master(jobId);
    const result = master ? await master.whenDone() : ((await this.dispatcher.requestJobResult(jobId)) as JobResult);
    const taskManager = this.#taskExecutors.get(jobId);
    this.#taskExecutors.delete(jobId);
    taskManager?.stop();
    return result;
  }

  async close(): Promise<void> {
    await this.#jobManager.close();
    for (const { stop } of this.#taskExecutors.values()) stop();
    process.off('exit', this.#directory.remove);
    this.#directory.remove();
  }

  async #startTaskManager(jobGraph: JobGraph): Promise<void> {
    const slots = requiredSlots(jobGraph).length;
    const executor = new TaskExecutor({
      config: this.#config,
      taskManagerId: `local-${jobGraph.jobId}`,
      process: deriveTaskManagerProcess(localMemory(this.#config, slots)),
      host: 'localhost',
      slotThreadEntry: builtModule('slot-thread'),
      limitHeaps: false,
      temporaryDirectory: this.#directory.path,
      logFiles: {},
      logLevel: 'WARN',
      log: this.#log.of('TaskExecutor'),
      onFatalError: (message) => this.#log.error(message),
    });
    const session = this.#jobManager.openSession(executor, () => {});
    const { fencing, heartbeatIntervalMs } = await session.registerTaskManager(await executor.registration());
    executor.connected(session, fencing);
    await session.heartbeatFromTaskManager(executor.heartbeat());
    const beat = setInterval(() => void session.heartbeatFromTaskManager(executor.heartbeat()), heartbeatIntervalMs);
    this.#taskExecutors.set(jobGraph.jobId, {
      executor,
      stop: () => {
        clearInterval(beat);
        session.lost('its job is over.');
        void executor.close();
      },
    });
  }
}

/** The process's own heap is the limit; what is configured for TaskManager processes does not apply. */
function localMemory(config: Configuration, slots: number): Configuration {
  const network = Math.max(leastNetworkBytes, slots * networkBytesPerSlot);
  return config.with({
    'taskmanager.memory.process.size': undefined,
    'taskmanager.memory.flink.size': undefined,
    'taskmanager.numberOfTaskSlots': slots,
    'taskmanager.memory.task.heap.size': `${slots * 256}m`,
    'taskmanager.memory.managed.size': '128m',
    'taskmanager.memory.network.min': `${network}b`,
    'taskmanager.memory.network.max': `${network}b`,
    'taskmanager.memory.jvm-overhead.min': '0b',
    'taskmanager.memory.jvm-overhead.max': '1t',
  });
}

function builtModule(name: string): string {
  return join(installationRoot(), 'dist', `${name}.js`);
}
