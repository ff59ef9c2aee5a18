/** What every JobManager process runs, whatever it is started for: Dispatcher, ResourceManager and REST. */
import { join } from 'node:path';
import type { Configuration } from '../../config/configuration.ts';
import { deriveJobManagerProcess } from '../../config/memory/process-memory.ts';
import { UnreadOutcomes } from '../../rest/async-operations.ts';
import { startRestServer } from '../../rest/rest-server.ts';
import { JobManager } from '../../runtime/dispatcher/job-manager.ts';
import { jobManagerGroups } from '../../runtime/dispatcher/job-manager-metrics.ts';
import type { Leadership } from '../../runtime/ha/high-availability.ts';
import { profileThisThread } from '../../runtime/metrics/cpu-profile.ts';
import { processMetrics } from '../../runtime/metrics/process-metrics.ts';
import { ProfilingService, profilingSettings } from '../../runtime/metrics/profiling-service.ts';
import { startReporters } from '../../runtime/metrics/reporters/start-reporters.ts';
import { type ResourceManagerDriver, standaloneDriver } from '../../runtime/resourcemanager/resource-manager.ts';
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
  /** Of savepoints and the like that were asked for over REST. */
  readonly unreadOutcomes: UnreadOutcomes;
  readonly address: { readonly rpcHost: string; readonly rpcPort: number; readonly restHost: string; readonly restPort: number };
}

/** How a cluster gets its workers, and ends, where people do not see to both. */
export interface ClusterResources {
  readonly driver: ResourceManagerDriver;
  /** The first free one is taken. */
  readonly rpcPorts: readonly number[];
  /** Somebody asked for the end of the cluster. */
  onShutDown(): void;
}

export interface JobManagerStart {
  /** The jobs of earlier leaders go on here. */
  readonly leadership: Leadership | undefined;
  /** See {@link Dispatcher.forgetResults}. */
  readonly keepsResults?: boolean;
  /** Absent: people start TaskManagers and end the cluster. */
  readonly resources?: ClusterResources | undefined;
}

/** Whoever starts it says when the process is ready. */
export async function startJobManager(context: ProcessContext, start: JobManagerStart): Promise<RunningJobManager> {
  const directory = temporaryDirectory(context.config, 'jobmanager');
  try {
    return await startServices(context, directory, start);
  } catch (error) {
    directory.remove();
    throw error;
  }
}

async function startServices(
  context: ProcessContext,
  directory: TemporaryDirectory,
  { leadership, keepsResults, resources }: JobManagerStart,
): Promise<RunningJobManager> {
  const { config, log } = context;
  const workers = workerOptions(context);
  const jobManager = new JobManager({
    config,
    clock: systemClock,
    log,
    driver: resources?.driver ?? standaloneDriver,
    leadership,
    keepsResults,
    temporaryDirectory: directory.path,
    onShutDown: () => {
      log.info('The cluster is shut down by request.');
      if (resources) resources.onShutDown();
      else context.end(0);
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
  const rpcPorts = leadership ? [highlyAvailablePort(config)] : (resources?.rpcPorts ?? [standalonePort(config)]);
  const rpcPort = await listenOnOneOf(jobManager, bindHost, rpcPorts);
  log.info(`TaskManagers register at ${bindHost}:${rpcPort}.`);
  // Before anybody can ask for them.
  await jobManager.dispatcher.recoverJobs();
  const unreadOutcomes = new UnreadOutcomes();
  const rest = await startRestServer({
    config,
    unreadOutcomes,
    dispatcher: jobManager.dispatcher,
    uploadDirectory: directory.path,
    log: log.of('RestServer'),
    clock: systemClock,
    logFiles: { log: context.logFile, stdout: context.stdoutFile },
    profiling: new ProfilingService({
      ...profilingSettings(config, directory.path),
      processName: 'jobmanager',
      clock: systemClock,
      threads: () => [{ name: 'main', profile: profileThisThread }],
    }),
    processMetrics,
  });
  log.info(`Rest endpoint listening at ${rest.url}`);
  const reporters = await startReporters({
    config,
    log: log.of('Reporters'),
    host: bindHost,
    groups: () => jobManagerGroups(jobManager.dispatcher, config.get('jobmanager.rpc.address') ?? loopback, systemClock, processMetrics()),
  });
  const address = {
    rpcHost: config.get('jobmanager.rpc.address') ?? loopback,
    rpcPort,
    restHost: config.get('rest.address') ?? new URL(rest.url).hostname,
    restPort: rest.port,
  };
  await leadership?.publishAddress(address);
  return {
    jobManager,
    userCode: workers,
    temporaryDirectory: directory.path,
    unreadOutcomes,
    address,
    close: async () => {
      reporters.close();
      await rest.close();
      await jobManager.close();
      directory.remove();
    },
  };
}

/** Throws UserError('PORT_TAKEN') of the last one. */
async function listenOnOneOf(jobManager: JobManager, host: string, ports: readonly number[]): Promise<number> {
  for (const port of ports.slice(0, -1)) {
    try {
      return await jobManager.listen(host, port);
    } catch (error) {
      if ((error as { code?: unknown }).code !== 'PORT_TAKEN') throw error;
    }
  }
  return jobManager.listen(host, ports.at(-1) as number);
}

function standalonePort(config: Configuration): number {
  return config.get('jobmanager.rpc.bind-port') ?? config.get('jobmanager.rpc.port');
}

/** Several may run on one machine: any port will do, because it is published. */
function highlyAvailablePort(config: Configuration): number {
  const configured = Number(config.get('high-availability.jobmanager.port').split(/[,-]/)[0]);
  return Number.isInteger(configured) ? configured : 0;
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
