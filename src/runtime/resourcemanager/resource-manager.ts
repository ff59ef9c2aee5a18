/**
 * Matches the slots TaskManagers offer with the slots jobs want. Requests wait in order; a driver (one per deployment) may
 * start workers for what is missing.
 */
import { UserError } from '../../shared/errors.ts';
import { type AllocationId, type FencingToken, type JobId, randomHex, type TaskManagerId } from '../../shared/ids.ts';
import type { Logger } from '../../shared/logger.ts';
import type { Clock } from '../../shared/time.ts';
import type { MetricDump, TaskExecutorGateway, TaskLocation, TaskManagerInfo, TaskManagerRegistration } from '../rpc/gateways.ts';

/** How workers come and go: nothing to do when people start them (standalone), containers elsewhere. */
export interface ResourceManagerDriver {
  /** Slots that are wanted and not there. Called when the number changes, also to 0. */
  requestWorkers(missingSlots: number): void;
  workerRegistered(taskManagerId: TaskManagerId): void;
  /** It is silent, or its connection was closed: whatever is left of it is of no use. */
  workerLost(taskManagerId: TaskManagerId): void;
  /** The worker has had no allocated slot for the idle time, and is no longer registered. */
  releaseWorker(taskManagerId: TaskManagerId): void;
}

export const standaloneDriver: ResourceManagerDriver = { requestWorkers() {}, workerRegistered() {}, workerLost() {}, releaseWorker() {} };

export interface RegisteredTaskManager {
  readonly registration: TaskManagerRegistration;
  readonly gateway: TaskExecutorGateway;
  readonly slots: Map<number, { allocationId: AllocationId; jobId: JobId } | undefined>;
  lastHeartbeat: number;
  metrics: MetricDump;
  /** How often one of its slots was given away. */
  allocations: number;
}

export interface AllocatedSlot {
  readonly allocationId: AllocationId;
  readonly taskManager: RegisteredTaskManager;
  readonly location: TaskLocation;
}

interface Request {
  readonly jobId: JobId;
  readonly resolve: (slot: AllocatedSlot) => void;
  readonly reject: (error: unknown) => void;
  cancelTimeout: () => void;
}

export interface ResourceManagerOptions {
  readonly clock: Clock;
  readonly log: Logger;
  readonly driver: ResourceManagerDriver;
  readonly slotTimeoutMs: number;
  /** Workers without a job go back to the driver after this time; undefined: they stay. */
  readonly idleTimeoutMs?: number | undefined;
  /** A job's tasks go to as many TaskManagers as there are, instead of as few as hold them. */
  readonly spreadEvenly?: boolean | undefined;
  readonly fencing: FencingToken;
}

/** A request that is served at once says nothing. */
const tellAfterMs = 1000;

export class ResourceManager {
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #driver: ResourceManagerDriver;
  readonly #slotTimeoutMs: number;
  readonly #spreadEvenly: boolean;
  readonly #fencing: FencingToken;
  readonly #taskManagers = new Map<TaskManagerId, RegisteredTaskManager>();
  readonly #waiting: Request[] = [];
  readonly #idleTimeoutMs: number | undefined;
  #willTell = false;
  /** What the driver was told last. */
  #missing = 0;

  constructor(options: ResourceManagerOptions) {
    this.#clock = options.clock;
    this.#log = options.log;
    this.#driver = options.driver;
    this.#slotTimeoutMs = options.slotTimeoutMs;
    this.#idleTimeoutMs = options.idleTimeoutMs;
    this.#spreadEvenly = options.spreadEvenly ?? false;
    this.#fencing = options.fencing;
  }

  register(registration: TaskManagerRegistration, gateway: TaskExecutorGateway): RegisteredTaskManager {
    const taskManager: RegisteredTaskManager = {
      registration,
      gateway,
      slots: new Map(registration.slots.map((slot) => [slot.slotIndex, undefined])),
      lastHeartbeat: this.#clock.now(),
      metrics: {},
      allocations: 0,
    };
    this.#taskManagers.set(registration.taskManagerId, taskManager);
    this.#log.info(`TaskManager ${registration.taskManagerId} registered with ${registration.slots.length} slot(s).`);
    this.#driver.workerRegistered(registration.taskManagerId);
    this.#serve();
    this.#watchIdle(taskManager);
    return taskManager;
  }

  unregister(taskManagerId: TaskManagerId): void {
    if (this.#taskManagers.delete(taskManagerId)) this.#log.info(`TaskManager ${taskManagerId} is gone.`);
  }

  /** As {@link unregister}; and if it still runs somewhere, it shall not. */
  lost(taskManagerId: TaskManagerId): void {
    this.unregister(taskManagerId);
    this.#driver.workerLost(taskManagerId);
  }

  get(taskManagerId: TaskManagerId): RegisteredTaskManager | undefined {
    return this.#taskManagers.get(taskManagerId);
  }

  get all(): RegisteredTaskManager[] {
    return [...this.#taskManagers.values()];
  }

  info(): TaskManagerInfo[] {
    return this.all.map(({ registration, slots, lastHeartbeat, metrics }) => ({
      ...registration,
      lastHeartbeat,
      freeSlots: [...slots.values()].filter((slot) => slot === undefined).length,
      allocatedTo: [...slots.values()].flatMap((slot) => (slot ? [slot.jobId] : [])),
      metrics,
    }));
  }

  get waitingRequests(): number {
    return this.#waiting.length;
  }

  /** Rejects with UserError('NO_RESOURCE_AVAILABLE') after the slot timeout. */
  requestSlot(jobId: JobId): Promise<AllocatedSlot> {
    return new Promise((resolve, reject) => {
      this.#enqueue({ jobId, resolve, reject, cancelTimeout: () => {} });
    });
  }

  #enqueue(request: Request): void {
    request.cancelTimeout = this.#clock.schedule(this.#slotTimeoutMs, () => this.#expire(request));
    this.#waiting.push(request);
    this.#serve();
    if (this.#waiting.length > 0) this.#tellOfWaiting();
  }

  /** Once in a while, not for each of many requests. */
  #tellOfWaiting(): void {
    if (this.#willTell) return;
    this.#willTell = true;
    this.#clock.schedule(tellAfterMs, () => {
      this.#willTell = false;
      for (const [jobId, requests] of Map.groupBy(this.#waiting, (request) => request.jobId))
        this.#log.warn(
          `Job ${jobId} waits for ${requests.length} more slot(s), up to ${this.#slotTimeoutMs} ms (slot.request.timeout). ${this.#describeSlots()}`,
        );
    });
  }

  #describeSlots(): string {
    const total = this.all.reduce((sum, taskManager) => sum + taskManager.slots.size, 0);
    const free = this.all.reduce((sum, { slots }) => sum + [...slots.values()].filter((slot) => slot === undefined).length, 0);
    return `The cluster has ${this.#taskManagers.size} TaskManager(s) with ${total} slot(s), ${free} of them free.`;
  }

  /** Requests of the job that still wait are rejected. */
  cancelRequests(jobId: JobId, cause: unknown): void {
    for (const request of this.#waiting.filter((waiting) => waiting.jobId === jobId)) {
      this.#remove(request);
      request.reject(cause);
    }
    this.#tellDriver();
  }

  releaseSlot(slot: AllocatedSlot): void {
    const { slots } = slot.taskManager;
    for (const [index, held] of slots) if (held?.allocationId === slot.allocationId) slots.set(index, undefined);
    this.#serve();
    this.#watchIdle(slot.taskManager);
  }

  /** A worker that stays idle for the whole time is given back. */
  #watchIdle(taskManager: RegisteredTaskManager): void {
    const idleTimeoutMs = this.#idleTimeoutMs;
    if (idleTimeoutMs === undefined || !isIdle(taskManager)) return;
    const allocations = taskManager.allocations;
    this.#clock.schedule(idleTimeoutMs, () => {
      const { taskManagerId } = taskManager.registration;
      if (!isIdle(taskManager) || taskManager.allocations !== allocations || this.#taskManagers.get(taskManagerId) !== taskManager) return;
      this.#log.info(
        `TaskManager ${taskManagerId} has been idle for ${idleTimeoutMs} ms (resourcemanager.taskmanager-timeout) and is released.`,
      );
      this.unregister(taskManagerId);
      this.#driver.releaseWorker(taskManagerId);
    });
  }

  #serve(): void {
    for (const request of [...this.#waiting]) {
      const free = this.#freeSlot();
      if (!free) break;
      this.#remove(request);
      this.#allocate(request, free.taskManager, free.slotIndex);
    }
    this.#tellDriver();
  }

  #tellDriver(): void {
    if (this.#waiting.length === this.#missing) return;
    this.#missing = this.#waiting.length;
    this.#driver.requestWorkers(this.#missing);
  }

  /** Fills one TaskManager after the other, in the order they came; or, to spread evenly, takes the one with most free slots. */
  #freeSlot(): { taskManager: RegisteredTaskManager; slotIndex: number } | undefined {
    let best: { taskManager: RegisteredTaskManager; slotIndex: number; free: number } | undefined;
    for (const taskManager of this.#taskManagers.values()) {
      const free = [...taskManager.slots].filter(([, slot]) => slot === undefined);
      if (free.length === 0 || (best && (!this.#spreadEvenly || free.length <= best.free))) continue;
      best = { taskManager, slotIndex: (free[0] as [number, undefined])[0], free: free.length };
    }
    return best;
  }

  #allocate(request: Request, taskManager: RegisteredTaskManager, slotIndex: number): void {
    const allocationId = randomHex(16);
    taskManager.allocations++;
    taskManager.slots.set(slotIndex, { allocationId, jobId: request.jobId });
    taskManager.gateway.requestSlot({ slotIndex, jobId: request.jobId, allocationId, fencing: this.#fencing }).then(
      (location) => request.resolve({ allocationId, taskManager, location }),
      (error: unknown) => {
        taskManager.slots.set(slotIndex, undefined);
        // A TaskManager that died before it answered says nothing about the others.
        if (this.#taskManagers.get(taskManager.registration.taskManagerId) === taskManager) request.reject(error);
        else this.#enqueue(request);
      },
    );
  }

  #expire(request: Request): void {
    if (!this.#waiting.includes(request)) return;
    this.#remove(request);
    this.#tellDriver();
    request.reject(
      new UserError('NO_RESOURCE_AVAILABLE', {
        problem: `NoResourceAvailableException: Could not acquire the minimum required resources: no slot came free within ${this.#slotTimeoutMs} ms.`,
        found: this.#describeSlots(),
        tryNext: [
          'Start another TaskManager: bin/taskmanager.sh start',
          'Raise taskmanager.numberOfTaskSlots, or lower the parallelism (-p).',
          'Raise slot.request.timeout to wait longer.',
        ],
      }),
    );
  }

  #remove(request: Request): void {
    request.cancelTimeout();
    const index = this.#waiting.indexOf(request);
    if (index >= 0) this.#waiting.splice(index, 1);
  }
}

function isIdle({ slots }: RegisteredTaskManager): boolean {
  return [...slots.values()].every((slot) => slot === undefined);
}
