/**
 * A TaskManager process: production tasks, each on a thread of its own, behind the calls that a JobManager makes. When it loses
 * its JobManager it ends its tasks and looks for the leader, as a real one does.
 */

import type { JobGraph } from '../../../src/graph/job-graph.ts';
import type { ReplayableProgram } from '../../../src/program/program.ts';
import type { JobManagerGateway, TaskExecutorGateway } from '../../../src/runtime/rpc/gateways.ts';
import { StreamTask } from '../../../src/runtime/task/stream-task.ts';
import { noChannels, type SlotRuntimeListener } from '../../../src/runtime/task/task-host.ts';
import { ExternalError } from '../../../src/shared/errors.ts';
import { FileCheckpointStreams } from '../../../src/state/storage/file-checkpoint-streams.ts';
import { codecs } from '../../../src/types/codecs.ts';
import type { DataPlane } from './data-plane.ts';
import type { Host } from './host.ts';
import type { Chance } from './random.ts';
import type { Watch } from './watch.ts';
import type { Connection } from './wire.ts';

export interface MessageFaults {
  /** Of a message that may get lost: notifications, acknowledgements, declines. */
  lossRate: number;
  duplicateRate: number;
}

export interface TaskManagerOptions {
  readonly id: string;
  readonly slots: number;
  readonly host: Host;
  readonly chance: Chance;
  readonly faults: MessageFaults;
  readonly dataPlane: DataPlane;
  readonly watch: Watch;
  readonly replay: ReplayableProgram['replay'];
  /** Opens a session with the present leader; undefined while nobody leads. */
  readonly connect: (taskManager: TaskManager) => Session | undefined;
}

export interface Session {
  readonly connection: Connection;
  readonly jobManager: Host;
  readonly gateway: JobManagerGateway;
}

interface RunningTask {
  readonly task: StreamTask;
  readonly allocationId: string;
  isScheduled: boolean;
  partitions: { flush(): void }[];
}

export class TaskManager {
  readonly id: string;
  readonly host: Host;
  readonly #options: TaskManagerOptions;
  readonly #slots: ({ allocationId: string } | undefined)[];
  readonly #tasks = new Map<string, RunningTask>();
  readonly #whenEnded = new Map<string, () => void>();
  #jobGraph: JobGraph | undefined;
  #session: Session | undefined;
  #fencing: string | undefined;
  #isConnecting = false;

  constructor(options: TaskManagerOptions) {
    this.id = options.id;
    this.host = options.host;
    this.#options = options;
    this.#slots = Array.from({ length: options.slots }, () => undefined);
  }

  /** Has to be called in one of the host's events. */
  async start(): Promise<void> {
    if (this.#isConnecting) return;
    this.#isConnecting = true;
    this.#options.watch.note(`${this.id} looks for a leader; ${this.#tasks.size} tasks end first`);
    await this.#endTasks([...this.#tasks.keys()]);
    this.#slots.fill(undefined);
    const session = this.#options.connect(this);
    if (session) await this.#register(session).catch(() => session.connection.close());
    this.#isConnecting = false;
    if (!this.#session) this.host.after(this.#options.chance.duration(1, 20), () => void this.start());
  }

  /** Those that run here. */
  get attempts(): string[] {
    return [...this.#tasks.keys()];
  }

  get connection(): Connection | undefined {
    return this.#session?.connection;
  }

  /** What the JobManager at the other end of the session calls. */
  gatewayFor(session: () => Session): TaskExecutorGateway {
    const call = <T>(work: () => Promise<T>): Promise<T> => {
      const { connection, jobManager } = session();
      return connection.call(jobManager, this.host, work);
    };
    const bestEffort = (work: () => void): Promise<void> => {
      const { chance, faults } = this.#options;
      const { connection } = session();
      if (chance.happens(faults.lossRate)) return Promise.reject(new Error('lost'));
      if (chance.happens(faults.duplicateRate)) connection.postLate(this.host, work);
      if (chance.happens(faults.duplicateRate)) connection.postLate(this.host, work);
      else connection.post(this.host, work);
      return Promise.resolve();
    };
    const { watch } = this.#options;
    const gateway: Partial<TaskExecutorGateway> = {
      requestSlot: (request) => {
        watch.note(`${this.id} is asked for slot ${request.slotIndex}`);
        return call(async () => this.#requestSlot(request));
      },
      freeSlot: (request) => call(() => this.#freeSlot(request)),
      prepareJob: ({ jobGraph, fencing }) =>
        call(async () => {
          this.#checkFencing(fencing);
          this.#jobGraph = jobGraph;
        }),
      submitTask: (request) => {
        watch.deployed(request.descriptor, request.fencing);
        return call(async () => this.#submitTask(request));
      },
      cancelTask: ({ attemptId, fencing }) =>
        call(async () => {
          this.#checkFencing(fencing);
          this.#tasks.get(attemptId)?.task.cancel();
        }),
      sendOperatorEventToTask: ({ attemptId, operatorId, event, fencing }) =>
        call(async () => {
          this.#checkFencing(fencing);
          this.#tasks.get(attemptId)?.task.handleOperatorEvent(operatorId, event);
        }),
      triggerCheckpoint: ({ attemptId, checkpointId, timestamp, options, fencing }) => {
        watch.triggered(attemptId, checkpointId, options);
        return call(async () => {
          this.#checkFencing(fencing);
          this.#tasks.get(attemptId)?.task.triggerCheckpoint({ checkpointId, timestamp, options });
        });
      },
      notifyCheckpointComplete: ({ attemptId, checkpointId, fencing }) => {
        watch.saidComplete(attemptId, checkpointId);
        return bestEffort(() => {
          if (fencing === this.#fencing) this.#tasks.get(attemptId)?.task.notifyCheckpointComplete(checkpointId);
        });
      },
      notifyCheckpointAborted: ({ attemptId, checkpointId, latestCompletedId, fencing }) => {
        watch.saidAborted(attemptId, checkpointId, latestCompletedId);
        return bestEffort(() => {
          if (fencing === this.#fencing) this.#tasks.get(attemptId)?.task.notifyCheckpointAborted(checkpointId, latestCompletedId);
        });
      },
    };
    return gateway as TaskExecutorGateway;
  }

  async #register(session: Session): Promise<void> {
    const { connection, gateway } = session;
    connection.onClose(this.host, () => this.#disconnected(session));
    const { fencing, heartbeatIntervalMs, heartbeatTimeoutMs } = await gateway.registerTaskManager({
      taskManagerId: this.id,
      host: this.id,
      pid: 1,
      dataPort: 0,
      slots: this.#slots.map((_, slotIndex) => ({ slotIndex, dataPort: 0 })),
      hardware: { cpuCores: 1, physicalMemory: 0, freeMemory: 0, managedMemory: 0 },
      memoryConfiguration: {},
    });
    this.#options.watch.note(`${this.id} is connected`);
    this.#session = session;
    this.#fencing = fencing;
    let lastAnswer = this.host.clock.now();
    const beat = (): void => {
      if (this.#session !== session) return;
      if (this.host.clock.now() - lastAnswer > heartbeatTimeoutMs) {
        connection.close();
        return;
      }
      gateway.heartbeatFromTaskManager({ taskManagerId: this.id, freeSlots: 0, accumulators: [], metrics: {} }).then(
        () => {
          lastAnswer = this.host.clock.now();
        },
        () => {},
      );
      this.host.after(heartbeatIntervalMs, beat);
    };
    beat();
  }

  #disconnected(session: Session): void {
    if (this.#session !== session) return;
    this.#session = undefined;
    this.#fencing = undefined;
    void this.start();
  }

  #requestSlot({ slotIndex, allocationId, fencing }: Parameters<TaskExecutorGateway['requestSlot']>[0]) {
    this.#checkFencing(fencing);
    const held = this.#slots[slotIndex];
    if (held && held.allocationId !== allocationId) throw new Error(`slot ${slotIndex} is allocated`);
    this.#slots[slotIndex] = { allocationId };
    return { taskManagerId: this.id, host: this.id, slotIndex, dataPort: 0 };
  }

  async #freeSlot({ allocationId, fencing }: Parameters<TaskExecutorGateway['freeSlot']>[0]): Promise<void> {
    this.#checkFencing(fencing);
    const index = this.#slots.findIndex((slot) => slot?.allocationId === allocationId);
    if (index < 0) return;
    await this.#endTasks([...this.#tasks].filter(([, task]) => task.allocationId === allocationId).map(([attemptId]) => attemptId));
    if (this.#slots[index]?.allocationId === allocationId) this.#slots[index] = undefined;
  }

  async #endTasks(attemptIds: readonly string[]): Promise<void> {
    await Promise.all(
      attemptIds.map(
        (attemptId) =>
          new Promise<void>((resolve) => {
            this.#whenEnded.set(attemptId, resolve);
            this.#tasks.get(attemptId)?.task.cancel();
            if (!this.#tasks.has(attemptId)) resolve();
          }),
      ),
    );
  }

  #submitTask({ descriptor, fencing }: Parameters<TaskExecutorGateway['submitTask']>[0]): void {
    this.#checkFencing(fencing);
    const { attemptId, allocationId } = descriptor;
    if (!this.#slots.some((slot) => slot?.allocationId === allocationId)) throw new Error(`the slot of ${attemptId} is not allocated here`);
    const { dataPlane, replay } = this.#options;
    const network = dataPlane.networkOf(this.host);
    const task = new StreamTask({
      descriptor,
      jobGraph: this.#jobGraph as JobGraph,
      program: { replay },
      channels: noChannels,
      network: {
        createInputGate: network.createInputGate,
        createResultPartition: (options) => {
          const partition = network.createResultPartition(options);
          running.partitions.push(partition);
          return partition;
        },
      },
      codecs,
      streams: new FileCheckpointStreams(),
      listener: this.#listener(),
      clock: this.host.clock,
      wake: () => this.#wake(running),
      onTerminal: () => {
        this.#tasks.delete(attemptId);
        this.#options.watch.attemptEnded(attemptId);
        this.#whenEnded.get(attemptId)?.();
        this.#whenEnded.delete(attemptId);
      },
    });
    const running: RunningTask = { task, allocationId, isScheduled: false, partitions: [] };
    this.#tasks.set(attemptId, running);
    this.#options.watch.attemptBegun(attemptId);
    void task.start();
  }

  #wake(running: RunningTask): void {
    if (running.isScheduled) return;
    running.isScheduled = true;
    this.host.after(this.#options.chance.duration(0, 0.3), () => {
      running.isScheduled = false;
      if (!running.task.isRunnable) return;
      running.task.runSlice(this.host.clock.monotonic() + this.#options.chance.duration(0.02, 0.4));
      if (running.task.isTerminal) return;
      for (const partition of running.partitions) partition.flush();
      if (running.task.isRunnable) this.#wake(running);
    });
  }

  #listener(): SlotRuntimeListener {
    const { watch } = this.#options;
    const { chance, faults } = this.#options;
    const send = (work: (gateway: JobManagerGateway) => Promise<void>): void => {
      if (this.#session) void work(this.#session.gateway).catch(() => {});
    };
    const bestEffort = (work: (gateway: JobManagerGateway) => Promise<void>): void => {
      if (chance.happens(faults.lossRate)) return;
      send(work);
      if (chance.happens(faults.duplicateRate)) this.host.after(chance.duration(0, 80), () => send(work));
    };
    return {
      taskStateChanged: (update) => {
        if (update.error) watch.failed(update.attemptId, update.error);
        send((gateway) => gateway.updateTaskExecutionState(update));
      },
      operatorEvent: (event) => send((gateway) => gateway.sendOperatorEventToCoordinator(event)),
      acknowledgeCheckpoint: (ack) => bestEffort((gateway) => gateway.acknowledgeCheckpoint(ack)),
      declineCheckpoint: (decline) => bestEffort((gateway) => gateway.declineCheckpoint(decline)),
      report: () => {},
      slotFailed: () => {},
    };
  }

  #checkFencing(fencing: string): void {
    if (fencing !== this.#fencing)
      throw new ExternalError('STALE_LEADER', { problem: 'The call came from a JobManager that does not lead.', retriable: false });
  }
}
