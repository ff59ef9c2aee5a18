/**
 * The JobManager's process in an application master's container: registers with YARN, gets its TaskManagers from there, runs
 * what the application is for (a session, one job, or a program), and unregisters with how it ended.
 */
import { readFileSync, rmSync } from 'node:fs';
import { resolve } from 'node:path';
import { restoreSettings } from '../../client/restore-settings.ts';
import type { Configuration } from '../../config/configuration.ts';
import { clusterDirectory, highAvailabilityMode } from '../../config/high-availability/leader-files.ts';
import { deriveTaskManagerProcess } from '../../config/memory/process-memory.ts';
import type { JobGraph } from '../../graph/job-graph.ts';
import type { Leadership } from '../../runtime/ha/high-availability.ts';
import { ExternalError } from '../../shared/errors.ts';
import { parsePorts } from '../../shared/ports.ts';
import { systemClock, within } from '../../shared/time.ts';
import { YarnDriver } from '../yarn/application-master/yarn-driver.ts';
import { containerLaunch } from '../yarn/container-launch.ts';
import { yarnPlace } from '../yarn/embedded/place.ts';
import { connectEmbedded } from '../yarn/embedded/socket.ts';
import { attemptOfMaster } from '../yarn/protocol/ids.ts';
import type { YarnProtocols } from '../yarn/protocol/protocols.ts';
import type { FinalStatus } from '../yarn/protocol/records.ts';
import {
  readStagedApplication,
  type StagedApplication,
  stagedApplicationFile,
  stagedJobGraphFile,
  stagedProgramFile,
} from '../yarn/staged-application.ts';
import { Application, jobIdOfCluster } from './application.ts';
import { type RunningJobManager, startJobManager } from './cluster-entrypoint.ts';
import { whileLeading } from './leading.ts';
import { type ProcessContext, type RunningProcess, runProcess } from './process-frame.ts';

/** After the end of a job that a client waits for: it says when it has what it wants; one that has died does not. */
const clientPatienceMs = 10_000;

async function startApplicationMaster(processContext: ProcessContext): Promise<RunningProcess> {
  const staged = readStagedApplication(stagedApplicationFile);
  const config = masterConfiguration(processContext.config);
  const context = { ...processContext, config };
  const connection = await connectEmbedded(yarnPlace(config));
  if (!connection)
    throw new ExternalError('NO_RESOURCE_MANAGER', { problem: 'There is no resource manager to register with.', retriable: false });
  connection.onClose(() => {
    context.log.warn('The resource manager is gone.');
    context.end(1);
  });
  const master = new ApplicationMaster(context, staged, connection.yarn);
  const process = await whileLeading(context, (leadership) => master.serve(leadership));
  return {
    close: async () => {
      await process.close();
      master.removeRecords();
      connection.close();
    },
  };
}

class ApplicationMaster {
  readonly #context: ProcessContext;
  readonly #staged: StagedApplication;
  readonly #yarn: YarnProtocols;
  readonly #attemptId = attemptOfMaster(process.env['CONTAINER_ID'] ?? '');
  #hasFinished = false;
  #application: Application | undefined;

  constructor(context: ProcessContext, staged: StagedApplication, yarn: YarnProtocols) {
    this.#context = context;
    this.#staged = staged;
    this.#yarn = yarn;
  }

  async serve(leadership: Leadership | undefined): Promise<RunningProcess> {
    const { config, log } = this.#context;
    // Somebody ends this cluster, or it leads no more: how its jobs then end is nobody's news.
    let closing = false;
    let running: RunningJobManager | undefined;
    let shutDown: () => void = () => {};
    const shutDownRequested = new Promise<void>((resolve) => {
      shutDown = resolve;
    });
    const driver = this.#driver(() => running?.address);
    const jobManager = await startJobManager(this.#context, {
      leadership,
      keepsResults: this.#staged.target !== 'yarn-session',
      resources: {
        driver,
        rpcPorts: parsePorts(config.get('yarn.application-master.port'), 'yarn.application-master.port'),
        onShutDown: shutDown,
      },
    });
    running = jobManager;
    const end = await this.#begin(jobManager, leadership, shutDownRequested);
    const { restHost, restPort } = jobManager.address;
    const trackingUrl = `http://${restHost}:${restPort}`;
    const { previousContainers } = await this.#yarn.registerApplicationMaster({
      attemptId: this.#attemptId,
      host: restHost,
      rpcPort: restPort,
      trackingUrl,
    });
    log.info(`Registered with YARN as ${this.#attemptId}: ${trackingUrl}`);
    driver.begin(previousContainers);
    this.#context.ready();
    void end().then(async ({ status, diagnostics }) => {
      if (closing) return;
      // Whoever stopped the job asks where its savepoint is.
      await within(clientPatienceMs, jobManager.unreadOutcomes.whenAllRead());
      await this.#finish(status, diagnostics);
    });
    return {
      close: async () => {
        closing = true;
        driver.close();
        // main would take the cancellation of its jobs for a failure.
        await this.#application?.close();
        if (this.#hasFinished) await this.#forgetResults(jobManager);
        await jobManager.close();
      },
    };
  }

  /** What high availability has recorded is of no use to anybody when the application has ended. */
  removeRecords(): void {
    const { config } = this.#context;
    if (!this.#hasFinished || !this.#staged.ownsClusterId || highAvailabilityMode(config) === 'none') return;
    rmSync(clusterDirectory(config), { recursive: true, force: true });
  }

  /** Starts what the application is for, before anybody hears of the cluster. The result waits for its end. */
  async #begin(
    jobManager: RunningJobManager,
    leadership: Leadership | undefined,
    shutDownRequested: Promise<void>,
  ): Promise<() => Promise<Ending>> {
    switch (this.#staged.target) {
      case 'yarn-session':
        return () => shutDownRequested.then(() => shutDownByRequest);
      case 'yarn-per-job':
        return this.#beginJob(jobManager, shutDownRequested);
      case 'yarn-application':
        return this.#beginProgram(jobManager, leadership, shutDownRequested);
    }
  }

  async #beginJob({ jobManager }: RunningJobManager, shutDownRequested: Promise<void>): Promise<() => Promise<Ending>> {
    const { dispatcher } = jobManager;
    const jobGraph = JSON.parse(readFileSync(stagedJobGraphFile, 'utf8')) as JobGraph;
    // An earlier attempt may have submitted it: it goes on by itself.
    if (!dispatcher.hasJob(jobGraph.jobId)) {
      await dispatcher.putBlob(resolve(stagedProgramFile));
      await dispatcher.submitJob(jobGraph);
    } else this.#context.log.info(`Job ${jobGraph.jobId} is known from the previous attempt.`);
    return async () => {
      const whenDone = dispatcher.master(jobGraph.jobId)?.whenDone() ?? dispatcher.requestJobResult(jobGraph.jobId);
      const result = await Promise.race([whenDone, shutDownRequested]);
      if (!result) return shutDownByRequest;
      const { status, failure } = result;
      this.#context.log.info(`Job ${jobGraph.jobId} has ended: ${status}.`);
      if (this.#context.config.get('execution.attached')) {
        await within(clientPatienceMs, shutDownRequested);
      }
      return endingOf(status, failure?.message);
    };
  }

  /** The program was bundled by the client. */
  async #beginProgram(
    { jobManager, userCode, temporaryDirectory }: RunningJobManager,
    leadership: Leadership | undefined,
    shutDownRequested: Promise<void>,
  ): Promise<() => Promise<Ending>> {
    const { config, log } = this.#context;
    const { entryClass, args } = this.#staged.program ?? { entryClass: undefined, args: [] };
    const jobId = jobIdOfCluster(config);
    const application = new Application({
      userCode,
      dispatcher: jobManager.dispatcher,
      log: log.of('Application'),
      onlyJob: leadership && jobId,
      submitted: () => {},
    });
    this.#application = application;
    await application.load({
      artifactPath: resolve(stagedProgramFile),
      entryClass,
      args,
      jobId,
      // They are in the bundle.
      classpaths: [],
      restore: restoreSettings(config),
      detached: config.getOptional('execution.attached') === false,
      configuration: config.toRecord(),
      temporaryDirectory,
    });
    return async () => {
      const outcome = await Promise.race([application.run(), shutDownRequested]);
      if (!outcome) return shutDownByRequest;
      if (!config.get('execution.shutdown-on-application-finish')) await shutDownRequested;
      return endingOf({ SUCCEEDED: 'FINISHED', FAILED: 'FAILED', CANCELED: 'CANCELED' }[outcome.status], outcome.failure);
    };
  }

  async #finish(finalStatus: FinalStatus, diagnostics: string): Promise<void> {
    const { log, end } = this.#context;
    if (this.#hasFinished) return;
    this.#hasFinished = true;
    try {
      await this.#yarn.finishApplicationMaster({ attemptId: this.#attemptId, finalStatus, diagnostics });
      rmSync(this.#staged.stagingDirectory, { recursive: true, force: true });
      log.info(`Unregistered from YARN: ${finalStatus}.`);
      end(0);
    } catch (error) {
      this.#hasFinished = false;
      log.error('The application master could not unregister.', error);
      end(1);
    }
  }

  async #forgetResults({ jobManager }: RunningJobManager): Promise<void> {
    await jobManager.dispatcher
      .forgetResults()
      .catch((error: unknown) => this.#context.log.warn('The application stays on record.', error));
  }

  #driver(address: () => RunningJobManager['address'] | undefined): YarnDriver {
    const { config, log, end } = this.#context;
    const { memory, slots } = deriveTaskManagerProcess(config);
    const vcores = config.get('yarn.containers.vcores');
    return new YarnDriver({
      yarn: this.#yarn,
      attemptId: this.#attemptId,
      clock: systemClock,
      log: log.of('YarnDriver'),
      slotsPerWorker: slots,
      mostSlots: config.get('slotmanager.number-of-slots.max'),
      resource: { memoryMb: Math.ceil(memory.process / 2 ** 20), vcores: vcores > 0 ? vcores : slots },
      heartbeatMs: config.get('yarn.heartbeat.interval') * 1000,
      fastHeartbeatMs: config.get('yarn.heartbeat.container-request-interval'),
      registrationTimeoutMs: config.get('resourcemanager.taskmanager-registration.timeout'),
      mostFailuresPerMinute: config.get('resourcemanager.start-worker.max-failure-rate'),
      pauseMs: config.get('resourcemanager.start-worker.retry-interval'),
      launch: (containerId) => {
        const { rpcHost, rpcPort } = address() ?? { rpcHost: 'localhost', rpcPort: 0 };
        const properties = {
          'jobmanager.rpc.address': rpcHost,
          'jobmanager.rpc.port': String(rpcPort),
          'taskmanager.resource-id': containerId,
          'io.tmp.dirs': config.get('io.tmp.dirs'),
        };
        return containerLaunch({
          daemon: 'taskexecutor',
          installation: this.#staged.installation,
          configuration: config,
          environment: taskManagerEnvironment(),
          localResources: this.#staged.localResources,
          words: Object.entries(properties).flatMap(([key, value]) => ['-D', `${key}=${value}`]),
        });
      },
      lost: (cause) => {
        log.error('YARN does not know this application master any more.', cause);
        end(1);
      },
    });
  }
}

interface Ending {
  readonly status: FinalStatus;
  readonly diagnostics: string;
}

const shutDownByRequest: Ending = { status: 'SUCCEEDED', diagnostics: 'The cluster was shut down by request.' };

/** As Flink tells YARN: what was cancelled was killed. */
function endingOf(status: string, failure: string | undefined): Ending {
  if (status === 'FINISHED') return { status: 'SUCCEEDED', diagnostics: '' };
  return status === 'CANCELED'
    ? { status: 'KILLED', diagnostics: 'The job was cancelled.' }
    : { status: 'FAILED', diagnostics: failure ?? '' };
}

/** Ports are free ones, for many clusters share a machine; temporary files are in the application's own directory. */
function masterConfiguration(config: Configuration): Configuration {
  const { LOCAL_DIRS: localDirectories } = process.env;
  return config.with({
    // The cluster of a job or a program is there for that alone.
    ...(config.get('execution.target') === 'yarn-session' ? {} : { 'web.submit.enable': false }),
    ...(config.has('rest.bind-port') ? {} : { 'rest.bind-port': '0' }),
    ...(config.has('io.tmp.dirs') || localDirectories === undefined ? {} : { 'io.tmp.dirs': localDirectories }),
  });
}

/** Names that the client chose for all containers of the application. */
function taskManagerEnvironment(): Record<string, string> {
  const shared = ['_APP_ID', '_CLIENT_HOME_DIR', '_FLINK_YARN_FILES', 'HADOOP_USER_NAME', 'FLINK_CONF_DIR'];
  return Object.fromEntries(shared.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name] as string]])));
}

// Last: what it starts uses everything above.
await runProcess('YarnApplicationMaster', startApplicationMaster);
