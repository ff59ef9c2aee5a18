/**
 * A TaskManager's main thread: offers its slots, hands tasks to the slots' threads, passes their news on, and reclaims what
 * dead threads leave. Records never come here.
 */
import { freemem, totalmem } from 'node:os';
import { Configuration } from '../../config/configuration.ts';
import type { TaskManagerProcess } from '../../config/memory/process-memory.ts';
import type { JobGraph } from '../../graph/job-graph.ts';
import { BugError } from '../../shared/assert.ts';
import { ExternalError, type SerializedError, serializeError, UserError } from '../../shared/errors.ts';
import type { AllocationId, ExecutionAttemptId, FencingToken, JobId, TaskManagerId } from '../../shared/ids.ts';
import { type LogFiles, type LogPieceRequest, listLogs, readLogPiece } from '../../shared/log-files.ts';
import type { Logger } from '../../shared/logger.ts';
import { systemClock } from '../../shared/time.ts';
import { profileThisThread } from '../metrics/cpu-profile.ts';
import { addProfile, emptyFlameGraph, type FlameGraphNode } from '../metrics/flame-graph.ts';
import type { ReportedGroup } from '../metrics/metric-group.ts';
import { type ProfilingInfo, ProfilingService, profilingSettings } from '../metrics/profiling-service.ts';
import { SourcePositions } from '../metrics/source-positions.ts';
import { dumpSampleMs, type ThreadInfo, threadInfo } from '../metrics/thread-dump.ts';
import { TaskManagerNetworkMemory, type TaskNeeds } from '../network/memory/network-memory.ts';
import { bufferSettings } from '../network/memory/segments.ts';
import type {
  AccumulatorReport,
  JobManagerGateway,
  MetricDump,
  OperatorEvent,
  TaskDeploymentDescriptor,
  TaskExecutorGateway,
  TaskLocation,
  TaskManagerRegistration,
} from '../rpc/gateways.ts';
import { channelKey, type SharedChannels } from '../task/task-host.ts';
import { ArtifactCache } from './artifact-cache.ts';
import { MemoryWatch } from './memory-watch.ts';
import { SlotThread } from './slot-thread.ts';
import { TaskManagerMetrics } from './task-manager-metrics.ts';
import { TaskSlot, type TaskSlotListener } from './task-slot.ts';

export interface TaskExecutorOptions {
  readonly config: Configuration;
  readonly taskManagerId: TaskManagerId;
  readonly process: TaskManagerProcess;
  /** How other TaskManagers reach this one. */
  readonly host: string;
  /** Where slots listen; undefined: this is the only TaskManager. */
  readonly bindHost?: string | undefined;
  /** The module of a slot's thread. */
  readonly slotThreadEntry: string;
  /** False in an embedded cluster, whose slots share the heap settings of their process. */
  readonly limitHeaps: boolean;
  readonly temporaryDirectory: string;
  readonly logFiles: LogFiles;
  readonly logLevel: string;
  readonly log: Logger;
  /** Only the death of the process frees a slot: its thread hangs in a system call, or the configuration wants it so. */
  readonly onFatalError: (message: string) => void;
}

interface KnownJob {
  readonly jobGraph: JobGraph;
  /** The program, once it is here. */
  readonly artifactDirectory: Promise<string>;
  /** Attempts named in deployments, own ones and peers: whose rings may exist. */
  readonly attempts: Set<ExecutionAttemptId>;
}

export class TaskExecutor implements TaskExecutorGateway {
  readonly #options: TaskExecutorOptions;
  readonly #memory: TaskManagerNetworkMemory;
  readonly #slots: readonly TaskSlot[];
  readonly #artifacts: ArtifactCache;
  readonly #memoryWatch: MemoryWatch | undefined;
  readonly #metrics: TaskManagerMetrics;
  readonly #profiling: ProfilingService;
  readonly #jobs = new Map<JobId, KnownJob>();
  #jobManager: JobManagerGateway | undefined;
  #fencing: FencingToken | undefined;
  /** Grows whenever a JobManager comes or goes: what an earlier one asked for is nobody's business any more. */
  #session = 0;

  constructor(options: TaskExecutorOptions) {
    this.#options = options;
    const { slots, memory } = options.process;
    this.#memory = new TaskManagerNetworkMemory(memory.network, slots, bufferSettings(options.config));
    this.#artifacts = new ArtifactCache(options.temporaryDirectory);
    this.#metrics = new TaskManagerMetrics({
      taskManagerId: options.taskManagerId,
      host: options.host,
      sizes: memory,
      slotThreads: () => this.#slots.map((slot) => slot.thread),
      network: this.#memory,
    });
    this.#profiling = new ProfilingService({
      ...profilingSettings(options.config, options.temporaryDirectory),
      processName: options.taskManagerId,
      clock: systemClock,
      threads: () => [
        { name: 'main', profile: profileThisThread },
        ...this.#slots.map((slot) => ({ name: `slot ${slot.index}`, profile: (durationMs: number) => slot.thread.profile(durationMs) })),
      ],
    });
    this.#slots = Array.from(
      { length: slots },
      (_, index) => new TaskSlot(index, (listener, onDeath) => this.#startThread(index, listener, onDeath), this.#slotListener()),
    );
    this.#memoryWatch = options.limitHeaps ? this.#watchMemory() : undefined;
  }

  get taskManagerId(): TaskManagerId {
    return this.#options.taskManagerId;
  }

  /** What to register with; resolves once every slot's thread listens. */
  async registration(): Promise<TaskManagerRegistration> {
    const { taskManagerId, host, process: sizes } = this.#options;
    const ports = await Promise.all(this.#slots.map((slot) => slot.ready()));
    return {
      taskManagerId,
      host,
      pid: process.pid,
      dataPort: ports[0] ?? 0,
      slots: ports.map((dataPort, slotIndex) => ({ slotIndex, dataPort })),
      hardware: {
        cpuCores: navigator.hardwareConcurrency,
        physicalMemory: totalmem(),
        freeMemory: freemem(),
        managedMemory: sizes.memory.managed,
      },
      memoryConfiguration: memoryConfiguration(sizes),
    };
  }

  /** The JobManager accepted the registration. */
  connected(jobManager: JobManagerGateway, fencing: FencingToken): void {
    this.#session++;
    this.#jobManager = jobManager;
    this.#fencing = fencing;
  }

  /** The JobManager is gone: nobody can use what the tasks do from now on. */
  async disconnected(reason: string): Promise<void> {
    this.#session++;
    this.#jobManager = undefined;
    this.#fencing = undefined;
    const busy = this.#slots.filter((slot) => slot.allocation !== undefined);
    if (busy.length > 0) this.#options.log.warn(`${reason} The tasks of ${busy.length} slot(s) are stopped.`);
    await Promise.all(busy.map((slot) => slot.free()));
    for (const jobId of [...this.#jobs.keys()]) this.#forgetIfUnused(jobId);
  }

  heartbeat(): { taskManagerId: TaskManagerId; freeSlots: number; accumulators: AccumulatorReport[]; metrics: MetricDump } {
    return {
      taskManagerId: this.taskManagerId,
      freeSlots: this.#slots.filter((slot) => slot.allocation === undefined).length,
      accumulators: this.#slots.flatMap((slot) => slot.accumulators),
      metrics: this.#metrics.dump(),
    };
  }

  async requestSlot(request: {
    slotIndex: number;
    jobId: JobId;
    allocationId: AllocationId;
    fencing: FencingToken;
  }): Promise<TaskLocation> {
    this.#checkFencing(request.fencing);
    const slot = this.#slots[request.slotIndex];
    if (!slot) throw new BugError(`there is no slot ${request.slotIndex}`);
    const session = this.#session;
    const dataPort = await slot.ready();
    if (session !== this.#session)
      throw new ExternalError('JOB_MANAGER_GONE', { problem: 'The JobManager that asked for the slot is gone.', retriable: true });
    if (slot.allocation && slot.allocation.allocationId !== request.allocationId)
      throw new BugError(`slot ${slot.index} is allocated to job ${slot.allocation.jobId}`);
    slot.allocation = { allocationId: request.allocationId, jobId: request.jobId };
    return { taskManagerId: this.taskManagerId, host: this.#options.host, slotIndex: slot.index, dataPort };
  }

  async freeSlot(request: { allocationId: AllocationId; reason: string; fencing: FencingToken }): Promise<void> {
    this.#checkFencing(request.fencing);
    const slot = this.#slots.find((candidate) => candidate.allocation?.allocationId === request.allocationId);
    if (!slot?.allocation) return;
    const { jobId } = slot.allocation;
    this.#options.log.info(`Slot ${slot.index} is freed: ${request.reason}.`);
    const freed = slot.free();
    this.#forgetIfUnused(jobId);
    await freed;
  }

  async prepareJob(request: { jobGraph: JobGraph; fencing: FencingToken }): Promise<void> {
    this.#checkFencing(request.fencing);
    const { jobGraph } = request;
    if (this.#jobs.has(jobGraph.jobId)) return;
    const jobManager = this.#requireJobManager();
    const artifactDirectory = this.#artifacts.directory(jobGraph.program.artifact as string, (piece) => jobManager.readBlob(piece));
    const job = { jobGraph, artifactDirectory, attempts: new Set<ExecutionAttemptId>() };
    this.#jobs.set(jobGraph.jobId, job);
    // The tasks that wait for it fail by it, and the next deployment fetches it again.
    artifactDirectory.catch(() => {
      if (this.#jobs.get(jobGraph.jobId) === job) this.#jobs.delete(jobGraph.jobId);
    });
  }

  async submitTask(request: { descriptor: TaskDeploymentDescriptor; fencing: FencingToken }): Promise<void> {
    this.#checkFencing(request.fencing);
    const { descriptor } = request;
    const { attemptId, jobId, vertex, subtaskIndex } = descriptor;
    const slot = this.#slots.find((candidate) => candidate.allocation?.allocationId === descriptor.allocationId);
    const job = this.#jobs.get(jobId);
    if (!slot || !job) throw new BugError(`the slot of ${attemptId} is not allocated here`);
    this.#metrics.attemptSubmitted(descriptor, job.jobGraph.name);
    slot.attemptSubmitted(attemptId, jobId, `${vertex.name} (${subtaskIndex + 1}/${vertex.parallelism})`);
    void this.#deploy(descriptor, slot, job).catch((error: unknown) => slot.attemptRefused(attemptId, serializeError(error)));
  }

  /** Behind the acceptance: the program may be long in coming, and the slot's thread be busy with its other tasks. */
  async #deploy(descriptor: TaskDeploymentDescriptor, slot: TaskSlot, job: KnownJob): Promise<void> {
    const { jobGraph } = job;
    const { attemptId } = descriptor;
    const artifactDirectory = await job.artifactDirectory;
    if (!slot.canStart(attemptId)) return;
    const channels = await this.#sharedChannels(descriptor, slot.index, job);
    if (!slot.canStart(attemptId)) {
      this.#memory.drop(attemptId);
      return;
    }
    const { gateway } = slot.thread;
    const prepared = slot.markPrepared(jobGraph.jobId) ? gateway.prepareJob({ jobGraph, artifactDirectory }) : undefined;
    await Promise.all([prepared, gateway.submitTask({ descriptor, channels })]);
  }

  async cancelTask(request: { attemptId: ExecutionAttemptId; fencing: FencingToken }): Promise<void> {
    this.#checkFencing(request.fencing);
    const slot = this.#slotOf(request.attemptId);
    if (!slot) return;
    const job = this.#jobs.get(slot.allocation?.jobId ?? '');
    const config = job ? Configuration.of(job.jobGraph.configuration) : this.#options.config;
    void slot.cancel(request.attemptId, config.get('task.cancellation.timeout'));
  }

  async sendOperatorEventToTask(request: {
    attemptId: ExecutionAttemptId;
    operatorId: string;
    event: OperatorEvent;
    fencing: FencingToken;
  }): Promise<void> {
    this.#checkFencing(request.fencing);
    const { attemptId, operatorId, event } = request;
    this.#tell(this.#slotOf(attemptId)?.thread.gateway.operatorEvent({ attemptId, operatorId, event }));
  }

  async triggerCheckpoint(request: Parameters<TaskExecutorGateway['triggerCheckpoint']>[0]): Promise<void> {
    this.#checkFencing(request.fencing);
    const { attemptId, checkpointId, timestamp, options } = request;
    this.#tell(this.#slotOf(attemptId)?.thread.gateway.triggerCheckpoint({ attemptId, checkpointId, timestamp, options }));
  }

  async notifyCheckpointComplete(request: Parameters<TaskExecutorGateway['notifyCheckpointComplete']>[0]): Promise<void> {
    this.#checkFencing(request.fencing);
    const { attemptId, checkpointId, subsumedId } = request;
    this.#tell(this.#slotOf(attemptId)?.thread.gateway.notifyCheckpointComplete({ attemptId, checkpointId, subsumedId }));
  }

  async notifyCheckpointAborted(request: Parameters<TaskExecutorGateway['notifyCheckpointAborted']>[0]): Promise<void> {
    this.#checkFencing(request.fencing);
    const { attemptId, checkpointId, latestCompletedId } = request;
    this.#tell(this.#slotOf(attemptId)?.thread.gateway.notifyCheckpointAborted({ attemptId, checkpointId, latestCompletedId }));
  }

  async requestLogList(): Promise<{ name: string; size: number; mtime: number }[]> {
    return listLogs(this.#options.logFiles);
  }

  readLogPiece(request: LogPieceRequest): Promise<Uint8Array> {
    return readLogPiece(this.#options.logFiles, request);
  }

  async requestThreadDump(): Promise<ThreadInfo[]> {
    const positions = new SourcePositions();
    const main = profileThisThread(dumpSampleMs).then((profile) => threadInfo('main', profile, positions));
    const slots = this.#slots.map(async (slot) => {
      const profile = await slot.thread.profile(dumpSampleMs);
      return threadInfo(`slot ${slot.index}`, profile, positions, [`tasks: ${slot.taskNames.join(', ') || 'none'}`]);
    });
    return Promise.all([main, ...slots]);
  }

  async requestFlameGraph(request: Parameters<TaskExecutorGateway['requestFlameGraph']>[0]): Promise<FlameGraphNode> {
    const { attemptIds, kind, durationMs } = request;
    const positions = new SourcePositions();
    const root = emptyFlameGraph();
    const slots = this.#slots.filter((slot) => attemptIds.some((attemptId) => slot.hasAttempt(attemptId)));
    await Promise.all(
      slots.map(async (slot) => {
        const profile = await slot.thread.profile(durationMs);
        if (profile) addProfile(root, profile, kind, attemptIds, positions);
      }),
    );
    return root;
  }

  async startProfiling(request: { mode: string; seconds: number }): Promise<ProfilingInfo> {
    return this.#profiling.start(request);
  }

  async listProfilings(): Promise<ProfilingInfo[]> {
    return this.#profiling.list();
  }

  readProfilePiece(request: { name: string; offset: number; length: number }): Promise<Uint8Array> {
    return this.#profiling.readPiece(request);
  }

  /** For reporters. */
  metricGroups(): ReportedGroup[] {
    return this.#metrics.groups();
  }

  async requestMetrics(): Promise<MetricDump> {
    return this.#metrics.dump();
  }

  async close(): Promise<void> {
    this.#memoryWatch?.close();
    await Promise.all(this.#slots.map((slot) => slot.close()));
    this.#artifacts.close();
  }

  #startThread(
    slotIndex: number,
    listener: ConstructorParameters<typeof SlotThread>[0]['listener'],
    onDeath: (cause: SerializedError) => void,
  ): SlotThread {
    const { config, process: sizes, taskManagerId, host, bindHost, slotThreadEntry, limitHeaps, logFiles, logLevel } = this.#options;
    const fixedPort = config.get('taskmanager.data.port');
    return new SlotThread({
      entry: slotThreadEntry,
      limits: limitHeaps ? sizes.slotLimits.resourceLimits : undefined,
      listener,
      onDeath,
      data: {
        configuration: config.toRecord(),
        taskManagerId,
        slotIndex,
        host,
        bindHost,
        dataPort: fixedPort === 0 ? 0 : fixedPort + slotIndex,
        memory: this.#memory.forSlots(),
        heapLimitBytes: limitHeaps ? sizes.slotLimits.heapBytes : undefined,
        logFile: logFiles.log,
        logLevel,
      },
    });
  }

  #watchMemory(): MemoryWatch {
    const { config, process: sizes, log } = this.#options;
    const watch = new MemoryWatch({
      slots: this.#slots,
      slotHeapBytes: sizes.slotLimits.heapBytes,
      processBytes: sizes.memory.process,
      reportIntervalMs: config.get('taskmanager.debug.memory.log') ? config.get('taskmanager.debug.memory.log-interval') : undefined,
      log: log.of('MemoryWatch'),
    });
    watch.start();
    return watch;
  }

  #slotListener(): TaskSlotListener {
    const { log } = this.#options;
    return {
      taskStateChanged: (update) => {
        if (update.state === 'FAILED') log.warn(`${update.attemptId} failed: ${update.error?.message ?? ''}`);
        void this.#jobManager?.updateTaskExecutionState(update).catch(() => {});
      },
      operatorEvent: (request) =>
        void this.#jobManager
          ?.sendOperatorEventToCoordinator(request)
          .catch((error: unknown) => this.#failInstead(request.attemptId, error)),
      acknowledgeCheckpoint: (ack) =>
        void this.#jobManager?.acknowledgeCheckpoint(ack).catch((error: unknown) => this.#declineInstead(ack, error)),
      declineCheckpoint: (decline) => this.#decline(decline),
      reported: (reports) => this.#metrics.reported(reports),
      attemptEnded: (attemptId, finished) => {
        this.#metrics.attemptEnded(attemptId);
        // The other end of a failed attempt's channel is cancelled with it, whether it was deployed or not.
        if (finished) this.#memory.release(attemptId);
        else this.#memory.drop(attemptId);
      },
      slotLost: (slot, { allocationId, jobId }, cause) => {
        log.warn(`Slot ${slot.index} was lost: ${cause.message}`);
        this.#forgetIfUnused(jobId);
        void this.#jobManager?.slotLost({ taskManagerId: this.taskManagerId, allocationId, cause }).catch(() => {});
        if (cause.code === 'SLOT_OUT_OF_MEMORY' && this.#options.config.get('taskmanager.jvm-exit-on-oom'))
          this.#options.onFatalError(`Slot ${slot.index} ran out of memory, and taskmanager.jvm-exit-on-oom is true.`);
      },
      unkillable: (slot) =>
        this.#options.onFatalError(
          `Slot ${slot.index} cannot be stopped: its thread hangs in a system call (tasks: ${slot.taskNames.join(', ') || 'none'}).`,
        ),
    };
  }

  #decline(decline: Parameters<JobManagerGateway['declineCheckpoint']>[0]): void {
    void this.#jobManager?.declineCheckpoint(decline).catch(() => {});
  }

  /** A coordinator that lacks an event cannot go on rightly; a lost connection ends its tasks anyway. */
  #failInstead(attemptId: ExecutionAttemptId, error: unknown): void {
    const cause = serializeError(error);
    if (cause.code === 'RPC_FRAME_TOO_LARGE') void this.#slotOf(attemptId)?.kill(cause);
  }

  /** State that lies in the acknowledgement may be too much for a message; a lost connection needs no answer. */
  #declineInstead({ jobId, attemptId, checkpointId }: Parameters<JobManagerGateway['acknowledgeCheckpoint']>[0], error: unknown): void {
    const cause = serializeError(error);
    if (cause.code === 'RPC_FRAME_TOO_LARGE')
      this.#decline({ jobId, attemptId, checkpointId, reason: 'CHECKPOINT_ASYNC_EXCEPTION', cause });
  }

  /** The task's channels to and from other slots. */
  async #sharedChannels(descriptor: TaskDeploymentDescriptor, slotIndex: number, job: KnownJob): Promise<SharedChannels> {
    const needs = this.#networkNeeds(descriptor, slotIndex);
    for (const { producer, consumer } of needs.rings) job.attempts.add(producer).add(consumer);
    try {
      return this.#memory.allocate(needs);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
    }
    // What belongs to slots that are being freed is back as soon as their threads have ended.
    await Promise.all(this.#slots.filter((slot) => slot.allocation === undefined).map((slot) => slot.ready()));
    return this.#memory.allocate(needs);
  }

  #networkNeeds(descriptor: TaskDeploymentDescriptor, slotIndex: number): TaskNeeds {
    const { attemptId, inputGates, resultPartitions } = descriptor;
    const isHere = (end: TaskLocation): boolean => end.taskManagerId === this.taskManagerId;
    const isOwn = (end: TaskLocation): boolean => isHere(end) && end.slotIndex === slotIndex;
    const ins = inputGates.flatMap(({ edgeId, channels }) =>
      channels
        .filter(({ producer }) => isHere(producer) && !isOwn(producer))
        .map(({ producerAttemptId: producer }) => ({ key: channelKey(producer, edgeId, attemptId), producer, consumer: attemptId })),
    );
    const outs = resultPartitions.flatMap(({ edgeId, subpartitions }) =>
      subpartitions
        .filter(({ consumer }) => isHere(consumer) && !isOwn(consumer))
        .map(({ consumerAttemptId: consumer }) => ({ key: channelKey(attemptId, edgeId, consumer), producer: attemptId, consumer })),
    );
    return {
      attempt: attemptId,
      rings: [...ins, ...outs],
      partitions: resultPartitions
        .map(({ edgeId, subpartitions }) => ({
          edgeId,
          channels: subpartitions.filter(({ consumer }) => !isOwn(consumer)).length,
          neighbours: subpartitions.flatMap(({ consumer, consumerAttemptId }) =>
            isHere(consumer) && !isOwn(consumer) ? [consumerAttemptId] : [],
          ),
        }))
        .filter(({ channels }) => channels > 0),
      gates: inputGates
        .map(({ edgeId, channels }) => ({ edgeId, channels: channels.filter(({ producer }) => !isHere(producer)).length }))
        .filter(({ channels }) => channels > 0),
    };
  }

  /** Nobody waits for a thread to take a message: it may be busy with user code, and a thread that dies takes its attempts along. */
  #tell(taken: Promise<void> | undefined): void {
    taken?.catch(() => {});
  }

  #slotOf(attemptId: ExecutionAttemptId): TaskSlot | undefined {
    return this.#slots.find((slot) => slot.hasAttempt(attemptId));
  }

  /** A job without a slot here is over, as far as this TaskManager knows. */
  #forgetIfUnused(jobId: JobId): void {
    if (this.#slots.some((slot) => slot.allocation?.jobId === jobId)) return;
    this.#memory.forget(this.#jobs.get(jobId)?.attempts ?? []);
    this.#jobs.delete(jobId);
  }

  #requireJobManager(): JobManagerGateway {
    if (this.#jobManager) return this.#jobManager;
    throw new ExternalError('NO_JOBMANAGER', { problem: 'The TaskManager is not connected to a JobManager.', retriable: true });
  }

  #checkFencing(fencing: FencingToken): void {
    if (fencing === this.#fencing) return;
    throw new ExternalError('STALE_LEADER', {
      problem: 'The call came from a JobManager that is not the leader any more.',
      retriable: false,
    });
  }
}

function memoryConfiguration({ memory }: TaskManagerProcess): Record<string, number> {
  return {
    frameworkHeap: memory.frameworkHeap,
    taskHeap: memory.taskHeap,
    frameworkOffHeap: memory.frameworkOffHeap,
    taskOffHeap: memory.taskOffHeap,
    networkMemory: memory.network,
    managedMemory: memory.managed,
    jvmMetaspace: memory.metaspace,
    jvmOverhead: memory.overhead,
    totalFlinkMemory: memory.flink,
    totalProcessMemory: memory.process,
  };
}
