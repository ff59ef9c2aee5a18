/** What every JobManager process runs, whatever it is started for: Dispatcher, ResourceManager and REST. */
import { join } from 'node:path';
import type { Configuration } from '../../config/configuration.ts';
import { deriveJobManagerProcess } from '../../config/memory/process-memory.ts';
import { startRestServer } from '../../rest/rest-server.ts';
import { JobManager } from '../../runtime/dispatcher/job-manager.ts';
import { processMetrics } from '../../runtime/metrics/process-metrics.ts';
import { standaloneDriver } from '../../runtime/resourcemanager/resource-manager.ts';
import { installationRoot } from '../../shared/installation.ts';
import { systemClock } from '../../shared/time.ts';
import type { ProcessContext, RunningProcess } from './process-frame.ts';
import { ProgramRunner } from './program-runner.ts';
import { type TemporaryDirectory, temporaryDirectory } from './temporary-directory.ts';
import { JobUserCodeThread, type UserCodeWorkerOptions } from './user-code-worker.ts';

/** Of a cluster that nobody else can reach. */
const loopback = 'localhost';

/** Options of a JobManager's process, and the keys that they set. */
export const jobManagerFlags = {
  '--host': 'jobmanager.rpc.address',
  '-h': 'jobmanager.rpc.address',
  '--webui-port': 'rest.port',
  '-r': 'rest.port',
} as const;

export interface RunningJobManager extends RunningProcess {
  readonly jobManager: JobManager;
  /** How user code is run beside it. */
  readonly userCode: UserCodeWorkerOptions;
  readonly temporaryDirectory: string;
}

/** Whoever starts it says when the process is ready. */
export async function startJobManager(context: ProcessContext): Promise<RunningJobManager> {
  const directory = temporaryDirectory(context.config, 'jobmanager');
  try {
    return await startServices(context, directory);
  } catch (error) {
    directory.remove();
    throw error;
  }
}

async function startServices(context: ProcessContext, directory: TemporaryDirectory): Promise<RunningJobManager> {
  const { config, log } = context;
  const workers = workerOptions(context);
  const jobManager = new JobManager({
    config,
    clock: systemClock,
    log,
    driver: standaloneDriver,
    temporaryDirectory: directory.path,
    onShutDown: () => {
      log.info('The cluster is shut down by request.');
      context.end(0);
    },
    createUserCode: (blobs) => (jobGraph, listener) => new JobUserCodeThread(workers, blobs, jobGraph, listener),
    createPrograms: ({ dispatcher }) =>
      new ProgramRunner({
        entry: join(installationRoot(), 'dist', 'program-process.js'),
        userCode: workers,
        dispatcher,
        temporaryDirectory: directory.path,
        timeoutMs: config.get('web.timeout'),
        maxPrograms: config.get('rest.server.numThreads'),
      }),
  });
  const bindHost = config.get('jobmanager.bind-host') ?? config.get('jobmanager.rpc.address') ?? loopback;
  const rpcPort = config.get('jobmanager.rpc.bind-port') ?? config.get('jobmanager.rpc.port');
  await jobManager.listen(bindHost, rpcPort);
  log.info(`TaskManagers register at ${bindHost}:${rpcPort}.`);
  const rest = await startRestServer({
    config,
    dispatcher: jobManager.dispatcher,
    uploadDirectory: directory.path,
    log: log.of('RestServer'),
    clock: systemClock,
    logFiles: { log: context.logFile, stdout: context.stdoutFile },
    processMetrics,
  });
  log.info(`Rest endpoint listening at ${rest.url}`);
  return {
    jobManager,
    userCode: workers,
    temporaryDirectory: directory.path,
    close: async () => {
      await rest.close();
      await jobManager.close();
      directory.remove();
    },
  };
}

function workerOptions(context: ProcessContext): UserCodeWorkerOptions {
  return {
    entry: join(installationRoot(), 'dist', 'user-code-thread.js'),
    heapLimitMb: userCodeHeapMb(context.config),
    logFile: context.logFile,
    logLevel: context.logLevel,
  };
}

/** Half of the JobManager's heap for the user code of each job: several jobs seldom need it at once. */
function userCodeHeapMb(config: Configuration): number {
  return Math.max(64, Math.floor(deriveJobManagerProcess(config).memory.heap / 2 ** 20 / 2));
}
