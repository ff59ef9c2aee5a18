/** A JobMaster alone: its TaskManagers and its user code are lists of what they were told, time is turned by hand. */
import type { JobGraph, JobVertex } from '../../../src/graph/job-graph.ts';
import type { Execution } from '../../../src/runtime/executiongraph/execution-graph.ts';
import { JobMaster } from '../../../src/runtime/jobmaster/job-master.ts';
import { ResourceManager, standaloneDriver } from '../../../src/runtime/resourcemanager/resource-manager.ts';
import type { OperatorEvent, TaskDeploymentDescriptor, TaskExecutorGateway } from '../../../src/runtime/rpc/gateways.ts';
import type { JobUserCode, JobUserCodeListener } from '../../../src/runtime/rpc/job-user-code.ts';
import { serializeError } from '../../../src/shared/errors.ts';
import { registerFileSystem } from '../../../src/shared/file-system/file-system.ts';
import { silentLogger } from '../../../src/shared/logger.ts';
import type { TaskStateSnapshot } from '../../../src/state/snapshot/handles.ts';
import { FaultyFileSystem } from '../../harness/faulty-file-system.ts';
import { ManualClock } from '../../harness/manual-clock.ts';
import { MemoryFileSystem } from '../../harness/memory-file-system.ts';
import { jobId, noMetrics } from '../checkpoint/coordinator-world.ts';

const fencing = 'leader';
let worlds = 0;

/** The job's split enumerators: what they are told, and what the test has them say. */
class RecordedUserCode implements JobUserCode {
  readonly said: string[] = [];
  readonly listener: JobUserCodeListener;
  /** False: the test answers by itself. */
  answersSnapshots = true;
  readonly #operators: readonly string[];

  constructor(operators: readonly string[], listener: JobUserCodeListener) {
    this.#operators = operators;
    this.listener = listener;
  }

  async start(stored: ReadonlyMap<string, Uint8Array>): Promise<void> {
    this.said.push(`start ${[...stored.values()].map((bytes) => bytes.join(',')).join(';') || '-'}`);
  }

  handleEvent(_operatorId: string, subtaskIndex: number, attemptNumber: number, event: OperatorEvent): void {
    this.said.push(`event ${subtaskIndex}.${attemptNumber} ${event.type}`);
  }

  subtaskFailed(_operatorId: string, subtaskIndex: number): void {
    this.said.push(`failed ${subtaskIndex}`);
  }

  subtaskReset(_operatorId: string, subtaskIndex: number, checkpointId: number | undefined): void {
    this.said.push(`reset ${subtaskIndex} to ${checkpointId ?? '-'}`);
  }

  snapshot(checkpointId: number): void {
    this.said.push(`snapshot ${checkpointId}`);
    if (this.answersSnapshots)
      for (const operatorId of this.#operators) this.listener.snapshotTaken(checkpointId, operatorId, Uint8Array.of(checkpointId));
  }

  checkpointCompleted(checkpointId: number): void {
    this.said.push(`completed ${checkpointId}`);
  }

  async reset(stored: ReadonlyMap<string, Uint8Array>): Promise<void> {
    this.said.push(`global reset to ${[...stored.values()].map((bytes) => bytes.join(',')).join(';') || '-'}`);
  }

  async close(): Promise<void> {
    this.said.push('close');
  }
}

export interface JobWorldOptions {
  readonly vertices: readonly JobVertex[];
  readonly configuration?: Readonly<Record<string, string>>;
  readonly taskManagers?: number;
  readonly slotsPerTaskManager?: number;
  readonly restore?: JobGraph['restore'];
  /** Files that outlive a job. */
  readonly memory?: MemoryFileSystem;
}

export class JobWorld {
  readonly clock = new ManualClock();
  readonly memory: MemoryFileSystem;
  readonly files: FaultyFileSystem;
  readonly scheme = `job-world-${worlds++}`;
  readonly resourceManager: ResourceManager;
  readonly master: JobMaster;
  /** What TaskManagers were told, in order. */
  readonly said: string[] = [];
  readonly deployed = new Map<string, TaskDeploymentDescriptor>();
  /** Checkpoints that were to refer to no earlier one. */
  readonly fullTriggers: number[] = [];
  /** Rejects events to tasks while set. */
  losesEvents = false;
  /** Checkpoint triggers are acknowledged by all tasks at once. */
  acknowledges = true;
  #userCode: RecordedUserCode | undefined;
  readonly #slotsPerTaskManager: number;

  constructor(options: JobWorldOptions) {
    this.#slotsPerTaskManager = options.slotsPerTaskManager ?? 1;
    this.memory = options.memory ?? new MemoryFileSystem();
    this.files = new FaultyFileSystem(this.scheme, this.memory);
    registerFileSystem(this.scheme, this.files);
    this.resourceManager = new ResourceManager({
      clock: this.clock,
      log: silentLogger,
      driver: standaloneDriver,
      slotTimeoutMs: 60_000,
      fencing,
    });
    for (let index = 0; index < (options.taskManagers ?? 2); index++) this.addTaskManager(`tm${index}`);
    const operators = options.vertices.flatMap(({ operators: chained }) =>
      chained.filter(({ type }) => type === 'source').map(({ operatorId }) => String(operatorId)),
    );
    this.master = new JobMaster({
      jobGraph: {
        jobId,
        name: 'job',
        jobType: 'STREAMING',
        vertices: options.vertices,
        configuration: {
          'execution.checkpointing.interval': '1000 ms',
          'state.checkpoints.dir': `${this.scheme}:/checkpoints`,
          'state.savepoints.dir': `${this.scheme}:/savepoints`,
          'restart-strategy.type': 'fixed-delay',
          'restart-strategy.fixed-delay.attempts': '3',
          'restart-strategy.fixed-delay.delay': '100 ms',
          ...options.configuration,
        },
        ...(options.restore ? { restore: { ...options.restore, path: `${this.scheme}:${options.restore.path}` } } : {}),
      } as unknown as JobGraph,
      resourceManager: this.resourceManager,
      clock: this.clock,
      // The first periodic checkpoint comes after a whole interval.
      random: () => 0.9999,
      log: silentLogger,
      fencing,
      createUserCode: (_jobGraph, listener) => {
        this.#userCode = new RecordedUserCode(operators, listener);
        return this.#userCode;
      },
      onTerminal: () => {},
    });
  }

  static async running(options: JobWorldOptions): Promise<JobWorld> {
    const world = new JobWorld(options);
    void world.master.start();
    await world.settle();
    await world.runAll();
    return world;
  }

  get userCode(): RecordedUserCode {
    return this.#userCode as RecordedUserCode;
  }

  addTaskManager(id: string): void {
    const registration = {
      taskManagerId: id,
      host: id,
      pid: 1,
      dataPort: 0,
      slots: Array.from({ length: this.#slotsPerTaskManager }, (_, slotIndex) => ({ slotIndex, dataPort: 0 })),
      hardware: { cpuCores: 1, physicalMemory: 0, freeMemory: 0, managedMemory: 0 },
      memoryConfiguration: {},
    };
    this.resourceManager.register(registration, this.#gateway(id));
  }

  loseTaskManager(id: string): void {
    this.resourceManager.unregister(id);
    this.master.taskManagerLost(id, serializeError(new Error(`${id} is lost`)));
  }

  async settle(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
  }

  async advance(ms: number): Promise<void> {
    await this.settle();
    this.clock.advance(ms);
    await this.settle();
  }

  execution(name: string, subtaskIndex = 0): Execution {
    return this.master.graph.executions.find(
      (execution) => execution.vertex.name === name && execution.subtaskIndex === subtaskIndex,
    ) as Execution;
  }

  /** All deployed attempts report that they run. */
  async runAll(): Promise<void> {
    for (const execution of this.master.graph.executions) if (execution.state === 'DEPLOYING') this.report(execution, 'RUNNING');
    await this.settle();
  }

  report(execution: Execution, state: 'RUNNING' | 'FINISHED' | 'CANCELED'): void {
    this.master.updateState({ jobId, attemptId: execution.attemptId, state });
  }

  fail(execution: Execution, error: unknown = new Error('injected')): void {
    this.master.updateState({ jobId, attemptId: execution.attemptId, state: 'FAILED', error: serializeError(error) });
  }

  acknowledge(checkpointId: number, execution: Execution, state: TaskStateSnapshot = {}): void {
    this.master.acknowledgeCheckpoint({ jobId, attemptId: execution.attemptId, checkpointId, state, metrics: noMetrics });
  }

  /** Lets the periodic checkpoint that is due now complete. */
  async takeCheckpoint(): Promise<void> {
    await this.advance(1000);
  }

  /** `name.index.attempt state`, of the present attempts. */
  get states(): string[] {
    return this.master.graph.executions.map(
      ({ vertex, subtaskIndex, attemptNumber, state }) => `${vertex.name}.${subtaskIndex}.${attemptNumber} ${state}`,
    );
  }

  heard(): string[] {
    return this.said.splice(0);
  }

  #nameOf(attemptId: string): string {
    const execution = this.master.graph.execution(attemptId);
    return execution ? `${execution.vertex.name}.${execution.subtaskIndex}.${execution.attemptNumber}` : '?';
  }

  /** Answers as a TaskManager whose tasks do what they are told at once. */
  #gateway(id: string): TaskExecutorGateway {
    const say = (text: string): void => void this.said.push(text);
    const gateway: Partial<TaskExecutorGateway> = {
      requestSlot: async ({ slotIndex }) => ({ taskManagerId: id, host: id, slotIndex, dataPort: 0 }),
      freeSlot: async () => {},
      prepareJob: async () => {},
      submitTask: async ({ descriptor }) => {
        this.deployed.set(descriptor.attemptId, descriptor);
        say(`deploy ${this.#nameOf(descriptor.attemptId)} on ${id}`);
      },
      cancelTask: async ({ attemptId }) => {
        say(`cancel ${this.#nameOf(attemptId)}`);
        const execution = this.master.graph.execution(attemptId);
        if (execution) setImmediate(() => this.report(execution, 'CANCELED'));
      },
      sendOperatorEventToTask: async ({ attemptId, event }) => {
        if (this.losesEvents) throw new Error('lost');
        say(`${event.type} to ${this.#nameOf(attemptId)}`);
      },
      triggerCheckpoint: async ({ attemptId, checkpointId, options }) => {
        if (options.full && !this.fullTriggers.includes(checkpointId)) this.fullTriggers.push(checkpointId);
        say(`trigger ${checkpointId} ${this.#nameOf(attemptId)}`);
        if (!this.acknowledges) return;
        // When the last source has been triggered, all acknowledge.
        const sources = this.master.graph.executions.filter(({ vertex }) => vertex.inputs.length === 0);
        if (sources.at(-1)?.attemptId !== attemptId) return;
        for (const execution of this.master.graph.executions) this.acknowledge(checkpointId, execution);
      },
      notifyCheckpointComplete: async ({ attemptId, checkpointId }) => say(`complete ${checkpointId} ${this.#nameOf(attemptId)}`),
      notifyCheckpointAborted: async ({ attemptId, checkpointId }) => say(`abort ${checkpointId} ${this.#nameOf(attemptId)}`),
    };
    return gateway as TaskExecutorGateway;
  }
}
