/** Accepts jobs, one JobMaster each, answers about them, and remembers finished ones for a while. */
import type { CollectedBlocks } from '../../api/executor.ts';
import type { Configuration } from '../../config/configuration.ts';
import type { JobGraph } from '../../graph/job-graph.ts';
import { UserError } from '../../shared/errors.ts';
import type { BlobKey, JobId, TaskManagerId } from '../../shared/ids.ts';
import { weirVersion } from '../../shared/installation.ts';
import type { Logger } from '../../shared/logger.ts';
import type { Clock } from '../../shared/time.ts';
import { discardSnapshot } from '../checkpoint/storage/discard-snapshot.ts';
import { loadSnapshot } from '../checkpoint/storage/resolve-pointer.ts';
import { ExecutionGraph } from '../executiongraph/execution-graph.ts';
import { executionStates, isGloballyTerminal } from '../executiongraph/states.ts';
import type { Leadership } from '../ha/high-availability.ts';
import { persistently } from '../ha/persistently.ts';
import { JobCheckpoints } from '../jobmaster/job-checkpoints.ts';
import { JobMaster, type JobMasterOptions } from '../jobmaster/job-master.ts';
import type { ResourceManager } from '../resourcemanager/resource-manager.ts';
import type {
  ArchivedExecutionGraph,
  ClusterOverview,
  DispatcherGateway,
  ExecutionState,
  JobOverview,
  JobResult,
  JobStatus,
  RunProgramRequest,
  TaskExecutorGateway,
  TaskManagerInfo,
} from '../rpc/gateways.ts';
import type { BlobStore } from './blob-store.ts';
import { type EndedJob, JobStore } from './job-store.ts';

export interface DispatcherOptions {
  readonly config: Configuration;
  readonly clock: Clock;
  /** From 0 to below 1; by default the system's. */
  readonly random?: (() => number) | undefined;
  readonly log: Logger;
  readonly resourceManager: ResourceManager;
  readonly blobs: BlobStore;
  readonly temporaryDirectory: string;
  readonly fencing: string;
  readonly createUserCode: JobMasterOptions['createUserCode'];
  /** Runs a program's main beside the JobManager; submits through this dispatcher. */
  readonly programs: {
    run(request: RunProgramRequest, signal?: AbortSignal): Promise<{ jobId: JobId }>;
    plan(request: RunProgramRequest, signal?: AbortSignal): Promise<JobGraph>;
    close(): void;
  };
  readonly onShutDown: () => void;
  /** Jobs outlive this process. */
  readonly leadership?: Leadership | undefined;
  /** How a job ended stays on record until {@link Dispatcher.forgetResults}. */
  readonly keepsResults?: boolean | undefined;
}

export class Dispatcher implements DispatcherGateway {
  readonly #options: DispatcherOptions;
  readonly #running = new Map<JobId, JobMaster>();
  /** Clean-ups of jobs that have ended. */
  readonly #closing = new Set<Promise<void>>();
  readonly #ended: JobStore;
  /** Results on record. */
  readonly #results = new Map<JobId, JobResult>();
  /** Of ended jobs whose collected records have not all been fetched. */
  readonly #collected = new Map<JobId, { readonly master: JobMaster; readonly stopExpiry: () => void }>();
  readonly #shutDown = new AbortController();
  readonly #heartbeats = new Map<JobId, () => void>();

  constructor(options: DispatcherOptions) {
    this.#options = options;
    this.#ended = new JobStore(options.config, options.clock, options.temporaryDirectory);
  }

  async submitJob(jobGraph: JobGraph): Promise<void> {
    this.#checkVersion(jobGraph);
    if (this.hasJob(jobGraph.jobId)) {
      throw new UserError('DUPLICATE_JOB', { problem: `Job has already been submitted: ${jobGraph.jobId}.` });
    }
    await this.#options.leadership?.jobs.put(jobGraph);
    this.#options.log.info(`Received job '${jobGraph.name}' (${jobGraph.jobId}).`);
    this.#run(jobGraph, false);
  }

  /**
   * What an earlier leader left: jobs that run go on, and jobs whose end is known are not run again. Throws when a record, or the
   * program of a job, cannot be read.
   */
  async recoverJobs(): Promise<void> {
    const { leadership, blobs, log } = this.#options;
    if (!leadership) return;
    const jobs = await leadership.jobs.list();
    const results = new Map((await leadership.jobs.listResults()).map((result) => [result.jobId, result]));
    for (const result of results.values()) {
      const jobGraph = jobs.find(({ jobId }) => jobId === result.jobId);
      log.info(`Job ${result.jobId} had ended before${jobGraph ? '; what was left of it is removed' : ''}.`);
      this.#results.set(result.jobId, result);
      const finish = async (): Promise<void> => {
        if (jobGraph) await this.#cleanUpAfter(this.#withDefaults(jobGraph), result, leadership);
        await this.#removeRecords(result.jobId, leadership);
      };
      this.#close(result.jobId, () => this.#persistently(result.jobId, finish));
    }
    const running = jobs.filter((jobGraph) => !results.has(jobGraph.jobId));
    await leadership.blobs.retain(new Set(running.map((jobGraph) => jobGraph.program.artifact as BlobKey)));
    for (const jobGraph of running) {
      const { artifact } = jobGraph.program;
      if (artifact !== undefined && !(await blobs.recover(artifact)))
        log.error(`The program of job ${jobGraph.jobId}, ${artifact}, is gone.`);
      log.info(`Recovered job '${jobGraph.name}' (${jobGraph.jobId}).`);
      this.#run(jobGraph, true);
    }
  }

  /** In the background. */
  #close(jobId: JobId, work: () => Promise<void>): void {
    const closing: Promise<void> = work()
      .catch((error: unknown) => this.#options.log.warn(`What is left of job ${jobId} was not removed.`, error))
      .finally(() => this.#closing.delete(closing));
    this.#closing.add(closing);
  }

  #persistently(jobId: JobId, work: () => Promise<void>): Promise<void> {
    const { clock, log } = this.#options;
    return persistently(`Removing what is left of job ${jobId}`, work, { clock, log, signal: this.#shutDown.signal });
  }

  /** The result last: until then the job is known to be over. */
  async #removeRecords(jobId: JobId, leadership: Leadership): Promise<void> {
    await leadership.jobs.remove(jobId);
    if (!this.#options.keepsResults) await this.#forgetResult(jobId, leadership);
  }

  async #forgetResult(jobId: JobId, leadership: Leadership): Promise<void> {
    await leadership.jobs.removeResult(jobId);
    this.#results.delete(jobId);
  }

  /** Whoever is started next knows nothing of the jobs that have ended. */
  async forgetResults(): Promise<void> {
    const { leadership } = this.#options;
    if (!leadership) return;
    await Promise.all(this.#closing);
    for (const jobId of [...this.#results.keys()]) await this.#forgetResult(jobId, leadership);
  }

  async #cleanUpAfter(jobGraph: JobGraph, { jobId, status, failure }: JobResult, leadership: Leadership): Promise<void> {
    const { clock, log } = this.#options;
    if (jobGraph.jobType === 'BATCH') return;
    const checkpoints = new JobCheckpoints({
      graph: new ExecutionGraph(jobGraph, clock),
      clock,
      random: this.#options.random ?? Math.random,
      log,
      records: leadership.checkpointsOf(jobId),
      ids: leadership.checkpointIdsOf(jobId),
    });
    await checkpoints.cleanUpAfter(status, failure?.code === 'CHECKPOINT_DAMAGED');
  }

  #run(jobGraph: JobGraph, isRecovered: boolean): void {
    const { clock, log, resourceManager, fencing, createUserCode, leadership } = this.#options;
    const { jobId } = jobGraph;
    const master = new JobMaster({
      jobGraph: this.#withDefaults(jobGraph),
      recorded: leadership && { records: leadership.checkpointsOf(jobId), ids: leadership.checkpointIdsOf(jobId), isRecovered },
      beforeCleanUp: async (result) => {
        await leadership?.jobs.putResult(result);
        if (leadership) this.#results.set(jobId, result);
      },
      resourceManager,
      clock,
      random: this.#options.random ?? Math.random,
      log: log.of('JobMaster'),
      fencing,
      createUserCode,
      signal: this.#shutDown.signal,
      onTerminal: (ended) => this.#retire(ended),
    });
    this.#running.set(jobId, master);
    void master.start();
  }

  async putBlob(path: string): Promise<BlobKey> {
    return this.#options.blobs.put(path);
  }

  async listJobs(): Promise<JobOverview[]> {
    return [...[...this.#running.values()].map(overviewOf), ...this.#ended.overviews()];
  }

  async requestJob(jobId: JobId): Promise<ArchivedExecutionGraph> {
    return this.#running.get(jobId)?.archive() ?? this.#require(jobId).archive;
  }

  async requestJobResult(jobId: JobId): Promise<JobResult | undefined> {
    const master = this.#running.get(jobId);
    if (master) return master.result;
    return this.#ended.get(jobId)?.result ?? this.#results.get(jobId) ?? this.#require(jobId).result;
  }

  /** Whether the job runs here, or has ended and is remembered. */
  hasJob(jobId: JobId): boolean {
    return this.#running.has(jobId) || this.#ended.has(jobId) || this.#results.has(jobId);
  }

  async cancelJob(jobId: JobId): Promise<void> {
    const master = this.#running.get(jobId);
    if (master) {
      master.cancel();
      return;
    }
    if (this.#require(jobId).overview.status !== 'CANCELED') this.#requireRunning(jobId);
  }

  async triggerCheckpoint(jobId: JobId, options: { readonly full: boolean }): Promise<number> {
    return this.#requireRunning(jobId).snapshots.checkpoint(options);
  }

  async triggerSavepoint(jobId: JobId, options: { readonly directory: string | undefined; readonly cancelJob: boolean }): Promise<string> {
    return this.#requireRunning(jobId).snapshots.savepoint(options);
  }

  async stopWithSavepoint(jobId: JobId, options: { readonly directory: string | undefined; readonly drain: boolean }): Promise<string> {
    return this.#requireRunning(jobId).snapshots.stop(options);
  }

  async disposeSavepoint(path: string): Promise<void> {
    await discardSnapshot(await loadSnapshot(path));
    this.#options.log.info(`Disposed of the savepoint ${path}.`);
  }

  async clientHeartbeat(jobId: JobId, expiresAtMs: number): Promise<void> {
    const master = this.#running.get(jobId);
    this.#heartbeats.get(jobId)?.();
    if (!master) {
      this.#require(jobId);
      return;
    }
    const cancel = this.#options.clock.schedule(expiresAtMs - this.#options.clock.now(), () => {
      this.#options.log.warn(`The client of job ${jobId} went away; the job is cancelled, as it asked for.`);
      master.cancel();
    });
    this.#heartbeats.set(jobId, cancel);
  }

  async clusterOverview(): Promise<ClusterOverview> {
    const infos = this.#options.resourceManager.info();
    const ended = this.#ended.overviews();
    const count = (status: JobStatus): number => ended.filter((job) => job.status === status).length;
    return {
      taskManagers: infos.length,
      slotsTotal: infos.reduce((sum, info) => sum + info.slots.length, 0),
      slotsAvailable: infos.reduce((sum, info) => sum + info.freeSlots, 0),
      jobsRunning: this.#running.size,
      jobsFinished: count('FINISHED'),
      jobsCancelled: count('CANCELED'),
      jobsFailed: count('FAILED'),
    };
  }

  async taskManagers(): Promise<TaskManagerInfo[]> {
    return this.#options.resourceManager.info();
  }

  taskExecutor(id: TaskManagerId): TaskExecutorGateway | undefined {
    return this.#options.resourceManager.get(id)?.gateway;
  }

  runProgram(request: RunProgramRequest, signal?: AbortSignal): Promise<{ jobId: JobId }> {
    return this.#options.programs.run(request, signal);
  }

  planProgram(request: RunProgramRequest, signal?: AbortSignal): Promise<JobGraph> {
    return this.#options.programs.plan(request, signal);
  }

  async shutDownCluster(): Promise<void> {
    this.#options.onShutDown();
  }

  /** For messages of TaskManagers about their attempts. */
  master(jobId: JobId): JobMaster | undefined {
    return this.#running.get(jobId);
  }

  get masters(): JobMaster[] {
    return [...this.#running.values()];
  }

  /** Also of a job that has just ended: its last collected records are still there. */
  async takeCollected(jobId: JobId, resultId: string, waitMs?: number): Promise<CollectedBlocks> {
    const master = this.#running.get(jobId) ?? this.#collected.get(jobId)?.master;
    const taken = (await master?.takeCollected(resultId, waitMs)) ?? { blocks: [], done: true };
    if (master && !master.hasCollected) this.#forgetCollected(jobId);
    return taken;
  }

  async close(): Promise<void> {
    this.#shutDown.abort();
    this.#options.programs.close();
    if (this.#options.leadership) {
      // The jobs go on under the next leader.
      await Promise.all([...this.#running.values()].map((master) => master.suspend()));
      this.#running.clear();
    }
    for (const master of this.#running.values()) master.cancel();
    await Promise.all([...this.#running.values()].map((master) => master.whenClosed()));
    await Promise.all(this.#closing);
    // What was collected can still be taken; a timer of an hour would keep the process of an embedded cluster alive.
    for (const { stopExpiry } of this.#collected.values()) stopExpiry();
    this.#ended.close();
  }

  #checkVersion(jobGraph: JobGraph): void {
    const [major, minor] = jobGraph.weirVersion.split('.');
    const [ownMajor, ownMinor] = weirVersion().split('.');
    if (major === ownMajor && minor === ownMinor) return;
    throw new UserError('VERSION_MISMATCH', {
      problem: `The job was submitted by Weir ${jobGraph.weirVersion}, and this cluster runs Weir ${weirVersion()}.`,
      tryNext: ['Submit it with the flink command of the cluster’s version.'],
    });
  }

  /** The cluster's configuration is the fall-back for job-scoped keys. */
  #withDefaults(jobGraph: JobGraph): JobGraph {
    return { ...jobGraph, configuration: this.#options.config.with(jobGraph.configuration).toRecord() };
  }

  #retire(master: JobMaster): void {
    const { config, clock, leadership } = this.#options;
    const { jobId } = master;
    this.#running.delete(jobId);
    this.#close(jobId, async () => {
      if ((await master.whenClosed()) && leadership) await this.#persistently(jobId, () => this.#removeRecords(jobId, leadership));
    });
    this.#heartbeats.get(master.jobId)?.();
    this.#ended.put({ overview: overviewOf(master), archive: master.archive(), result: master.result as JobResult });
    if (!master.hasCollected) return;
    const stopExpiry = clock.schedule(config.get('jobstore.expiration-time') * 1000, () => this.#collected.delete(master.jobId));
    this.#collected.set(master.jobId, { master, stopExpiry });
  }

  #forgetCollected(jobId: JobId): void {
    this.#collected.get(jobId)?.stopExpiry();
    this.#collected.delete(jobId);
  }

  #requireRunning(jobId: JobId): JobMaster {
    const master = this.#running.get(jobId);
    if (master) return master;
    const { status } = this.#require(jobId).overview;
    throw new UserError('JOB_ALREADY_TERMINATED', { problem: `Job ${jobId} is already terminated: it is ${status}.` });
  }

  #require(jobId: JobId): EndedJob {
    const job = this.#ended.get(jobId);
    if (job) return job;
    throw new UserError('JOB_NOT_FOUND', { problem: `Job ${jobId} not found` });
  }
}

function overviewOf(master: JobMaster): JobOverview {
  const { graph } = master;
  const tasksByState = Object.fromEntries(executionStates.map((state) => [state, 0])) as Record<ExecutionState, number>;
  for (const execution of graph.executions) tasksByState[execution.state]++;
  return {
    jobId: master.jobId,
    name: graph.jobGraph.name,
    status: graph.status,
    startTime: graph.startTime,
    endTime: isGloballyTerminal(graph.status) ? graph.timestamp(graph.status) : -1,
    lastModification: master.lastModification,
    tasksByState,
  };
}
