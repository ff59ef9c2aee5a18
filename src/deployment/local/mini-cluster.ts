/**
 * A whole cluster in one process and on one thread: the same Dispatcher, JobMaster and tasks, wired by direct calls. Programs
 * are this process's own functions, so a debugger and a closure over a test's array just work.
 */
import { tmpdir } from 'node:os';
import type { RecordedJob } from '../../api/executor.ts';
import { restoreSettings } from '../../client/restore-settings.ts';
import { Configuration } from '../../config/configuration.ts';
import type { JobGraph } from '../../graph/job-graph.ts';
import { generateJobGraph } from '../../graph/job-graph-generator.ts';
import type { StreamGraph } from '../../graph/stream-graph.ts';
import { generateStreamGraph } from '../../graph/stream-graph-generator.ts';
import { isLiteral, withOwnFunctions } from '../../program/own-functions.ts';
import type { ReplayableProgram } from '../../program/program.ts';
import { BlobStore } from '../../runtime/dispatcher/blob-store.ts';
import { Dispatcher } from '../../runtime/dispatcher/dispatcher.ts';
import type { Execution } from '../../runtime/executiongraph/execution-graph.ts';
import { emptyFlameGraph } from '../../runtime/metrics/flame-graph.ts';
import { createSlotNetwork } from '../../runtime/network/create-slot-network.ts';
import type { SlotNetwork } from '../../runtime/network/slot-network.ts';
import { ResourceManager, standaloneDriver } from '../../runtime/resourcemanager/resource-manager.ts';
import type { TaskExecutorGateway } from '../../runtime/rpc/gateways.ts';
import { SourceCoordinators } from '../../runtime/source/job-user-code.ts';
import { SlotRuntime, type SlotUsage } from '../../runtime/task/slot-runtime.ts';
import { noChannels } from '../../runtime/task/task-host.ts';
import { UserError } from '../../shared/errors.ts';
import { type AllocationId, type JobId, randomHex } from '../../shared/ids.ts';
import { type Logger, silentLogger } from '../../shared/logger.ts';
import { type Clock, systemClock } from '../../shared/time.ts';
import { FileCheckpointStreams } from '../../state/storage/file-checkpoint-streams.ts';
import { codecs } from '../../types/codecs.ts';
import { codecsEverywhere } from '../../types/codecs-everywhere.ts';

export interface MiniClusterOptions {
  readonly config: Configuration;
  readonly slots: number;
  readonly clock?: Clock | undefined;
  readonly log?: Logger | undefined;
}

export class MiniCluster implements AsyncDisposable {
  readonly dispatcher: Dispatcher;
  readonly #programs: Map<JobId, ReplayableProgram>;
  readonly #runtime: SlotRuntime;
  readonly #blobs: BlobStore;

  private constructor(dispatcher: Dispatcher, programs: Map<JobId, ReplayableProgram>, runtime: SlotRuntime, blobs: BlobStore) {
    this.dispatcher = dispatcher;
    this.#programs = programs;
    this.#runtime = runtime;
    this.#blobs = blobs;
  }

  static async start(options: MiniClusterOptions): Promise<MiniCluster> {
    const { config } = options;
    const clock = options.clock ?? systemClock;
    const log = options.log ?? silentLogger;
    const programs = new Map<JobId, ReplayableProgram>();
    const fencing = randomHex(16);
    const resourceManager = new ResourceManager({
      clock,
      log: log.of('ResourceManager'),
      driver: standaloneDriver,
      slotTimeoutMs: config.get('slot.request.timeout'),
      fencing,
    });
    const blobs = new BlobStore(tmpdir());
    const programOf = (jobGraph: JobGraph): ReplayableProgram => programs.get(jobGraph.jobId) as ReplayableProgram;
    const unsupported = async (): Promise<never> => {
      throw new UserError('NOT_IN_EMBEDDED_CLUSTER', { problem: 'An embedded cluster runs the programs of its own process only.' });
    };
    const dispatcher = new Dispatcher({
      config,
      clock,
      log,
      resourceManager,
      blobs,
      temporaryDirectory: tmpdir(),
      fencing,
      createUserCode: (jobGraph, listener) => new SourceCoordinators(programOf(jobGraph), listener),
      programs: { run: unsupported, plan: unsupported, close: () => {} },
      onShutDown: () => {},
    });
    const edgeCodecs = config.get('weir.codec.everywhere') ? codecsEverywhere(codecs) : codecs;
    const network = await createSlotNetwork({
      config,
      clock,
      codecs: edgeCodecs,
      location: { taskManagerId: 'local', host: 'localhost', slotIndex: 0 },
      ownsAllSlots: true,
    });
    const runtime = new SlotRuntime({
      config,
      network,
      clock,
      warn: (message) => log.of('Task').warn(message),
      codecs,
      streams: new FileCheckpointStreams(),
      loadProgram: async (jobGraph) => programOf(jobGraph),
      listener: {
        taskStateChanged: (update) => dispatcher.master(update.jobId)?.updateState(update),
        operatorEvent: ({ jobId, attemptId, operatorId, subtaskIndex, event }) =>
          dispatcher.master(jobId)?.eventFromTask(attemptId, operatorId, subtaskIndex, event),
        acknowledgeCheckpoint: (ack) => dispatcher.master(ack.jobId)?.acknowledgeCheckpoint(ack),
        declineCheckpoint: (decline) => dispatcher.master(decline.jobId)?.declineCheckpoint(decline),
        report: ({ accumulators }) => {
          for (const report of accumulators) for (const master of dispatcher.masters) master.report(report);
        },
        slotFailed: (cause) => {
          for (const master of dispatcher.masters) master.failJob(cause);
        },
      },
    });
    resourceManager.register(
      {
        taskManagerId: 'local',
        host: 'localhost',
        pid: process.pid,
        dataPort: 0,
        slots: Array.from({ length: options.slots }, (_, slotIndex) => ({ slotIndex, dataPort: 0 })),
        hardware: { cpuCores: 1, physicalMemory: 0, freeMemory: 0, managedMemory: 0 },
        memoryConfiguration: {},
      },
      localTaskExecutor(runtime, network, (jobId) => programs.delete(jobId)),
    );
    return new MiniCluster(dispatcher, programs, runtime, blobs);
  }

  /** Submits what a program recorded; its functions stay where they are. */
  async submit(job: RecordedJob): Promise<JobId> {
    const streamGraph = generateStreamGraph(job);
    refuseSharedInstances(streamGraph);
    const jobGraph = generateJobGraph(streamGraph, {
      restore: restoreSettings(Configuration.of(job.configuration)),
      program: {
        entryModule: '',
        args: [],
        executeIndex: 0,
        earlierResults: [],
        pinned: { timeMs: 0, randomSeed: '', timeZone: '', workingDirectory: '', environment: {}, once: {}, configuration: {} },
      },
    });
    this.#programs.set(jobGraph.jobId, { replay: async () => withOwnFunctions(streamGraph) });
    await this.dispatcher.submitJob(jobGraph);
    return jobGraph.jobId;
  }

  /** What jobs have open now: nothing, when none is there. */
  get usage(): SlotUsage & { readonly programs: number } {
    return { programs: this.#programs.size, ...this.#runtime.usage };
  }

  /** No job is being deployed, and no task has anything to do. */
  get isIdle(): boolean {
    const isSettled = (execution: Execution): boolean => execution.state === 'RUNNING' || execution.isTerminal;
    return (
      this.#runtime.isIdle &&
      this.dispatcher.masters.every((master) => master.result !== undefined || master.graph.executions.every(isSettled))
    );
  }

  /** Every task fails with this error. */
  failTasks(error: Error): void {
    this.#runtime.failAll(error);
  }

  async close(): Promise<void> {
    await this.dispatcher.close();
    await this.#runtime.close();
    this.#blobs.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

function localTaskExecutor(runtime: SlotRuntime, network: SlotNetwork, onJobOver: (jobId: JobId) => void): TaskExecutorGateway {
  const nothing = async (): Promise<never[]> => [];
  const unprofiled = async (): Promise<never> => {
    throw new UserError('NOT_IN_EMBEDDED_CLUSTER', { problem: 'An embedded cluster is profiled with its own process.' });
  };
  const allocations = new Map<AllocationId, JobId>();
  return {
    requestSlot: async ({ slotIndex, jobId, allocationId }) => {
      allocations.set(allocationId, jobId);
      return { ...network.location, slotIndex };
    },
    freeSlot: async ({ allocationId }) => {
      const jobId = allocations.get(allocationId);
      allocations.delete(allocationId);
      if (jobId === undefined || [...allocations.values()].includes(jobId)) return;
      runtime.forgetJob(jobId);
      onJobOver(jobId);
    },
    prepareJob: ({ jobGraph }) => runtime.prepareJob({ jobGraph, artifactDirectory: undefined }),
    submitTask: ({ descriptor }) => runtime.submitTask({ descriptor, channels: noChannels }),
    cancelTask: async ({ attemptId }) => runtime.cancelTask(attemptId),
    sendOperatorEventToTask: async (request) => runtime.operatorEvent(request),
    triggerCheckpoint: async (request) => runtime.triggerCheckpoint(request),
    notifyCheckpointComplete: async (request) => runtime.notifyCheckpointComplete(request),
    notifyCheckpointAborted: async (request) => runtime.notifyCheckpointAborted(request),
    requestLogList: nothing,
    readLogPiece: async () => new Uint8Array(),
    requestThreadDump: nothing,
    requestFlameGraph: async () => emptyFlameGraph(),
    startProfiling: unprofiled,
    listProfilings: nothing,
    readProfilePiece: unprofiled,
    requestMetrics: async () => ({}),
  };
}

/** On one thread, parallel subtasks would share the fields of one function object. */
function refuseSharedInstances(graph: StreamGraph): void {
  for (const node of graph.nodes) {
    const userFunction = node.spec['function'];
    if (node.parallelism === 1 || typeof userFunction !== 'object' || userFunction === null || isLiteral(userFunction)) continue;
    const prototype = Object.getPrototypeOf(userFunction) as object;
    throw new UserError('SHARED_INSTANCE', {
      problem: `'${node.name}' runs ${node.parallelism} times on one thread and would share one instance of ${prototype.constructor.name}.`,
      found: node.location,
      tryNext: [
        'Set its parallelism to 1, use a plain function, or submit the program with flink run, where each subtask gets its own instance.',
      ],
    });
  }
}
