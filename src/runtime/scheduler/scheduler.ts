/**
 * Gets slots for attempts, sends them to their TaskManagers, and takes them back. Knows nothing of why.
 *
 * Keeps true: a slot is requested once, however many attempts wait for it; it is kept while the job lives, unless it is lost;
 * an attempt that was replaced or cancelled meanwhile is not deployed.
 */
import { ExternalError, type SerializedError, serializeError } from '../../shared/errors.ts';
import type { AllocationId, FencingToken, TaskManagerId } from '../../shared/ids.ts';
import type { Logger } from '../../shared/logger.ts';
import type { Execution, ExecutionGraph } from '../executiongraph/execution-graph.ts';
import type { AllocatedSlot, ResourceManager } from '../resourcemanager/resource-manager.ts';
import type { TaskExecutorGateway } from '../rpc/gateways.ts';
import { deploymentDescriptor } from './deployment.ts';
import { slotName } from './slot-sharing.ts';

export interface SchedulerOptions {
  readonly graph: ExecutionGraph;
  readonly resourceManager: ResourceManager;
  readonly fencing: FencingToken;
  readonly log: Logger;
  /** An attempt could not be started, or its slot is gone. */
  readonly onFailure: (execution: Execution, cause: SerializedError) => void;
  /** An attempt is over that was being cancelled, with its slot. */
  readonly onCancelled: (execution: Execution) => void;
}

export class Scheduler {
  readonly #options: SchedulerOptions;
  readonly #slots = new Map<string, AllocatedSlot>();
  readonly #requested = new Map<string, Promise<AllocatedSlot>>();
  #waiters: { readonly executions: readonly Execution[]; readonly resolve: () => void }[] = [];
  #isReleased = false;

  constructor(options: SchedulerOptions) {
    this.#options = options;
  }

  /** Where an attempt runs; undefined when its slot is gone. */
  gatewayOf(execution: Execution): TaskExecutorGateway | undefined {
    return this.#slots.get(slotNameOf(execution))?.taskManager.gateway;
  }

  /** Brings fresh attempts to their slots. What goes wrong is told to `onFailure`. */
  async deploy(executions: readonly Execution[]): Promise<void> {
    for (const execution of executions) execution.become('SCHEDULED');
    const refused = await this.#acquireSlots(executions);
    this.#failThoseWithoutSlot(executions, refused);
    const ready = executions.filter((execution) => execution.state === 'SCHEDULED');
    for (const execution of ready) execution.location = this.#slotOf(execution).location;
    await this.#prepareTaskManagers(ready).catch((error: unknown) => {
      const first = ready.find((execution) => execution.state === 'SCHEDULED');
      if (first) this.#options.onFailure(first, serializeError(error));
    });
    await Promise.all(ready.map((execution) => this.#submit(execution)));
  }

  /** Attempts that have not begun are cancelled at once, the others by their TaskManager. */
  cancel(executions: readonly Execution[]): void {
    for (const execution of executions) {
      if (execution.isTerminal || execution.state === 'CANCELING') continue;
      if (execution.state === 'CREATED' || execution.state === 'SCHEDULED') {
        execution.become('CANCELED');
        continue;
      }
      execution.become('CANCELING');
      this.cancelOnTaskManager(execution);
    }
    this.stateChanged();
  }

  cancelOnTaskManager(execution: Execution): void {
    const { fencing } = this.#options;
    void this.gatewayOf(execution)
      ?.cancelTask({ attemptId: execution.attemptId, fencing })
      .catch(() => {});
  }

  /** Requests that still wait are withdrawn. */
  cancelRequests(cause: Error): void {
    const { resourceManager, graph } = this.#options;
    resourceManager.cancelRequests(graph.jobGraph.jobId, cause);
  }

  whenTerminal(executions: readonly Execution[]): Promise<void> {
    return new Promise((resolve) => {
      this.#waiters.push({ executions, resolve });
      this.stateChanged();
    });
  }

  /** Some attempt's state changed. */
  stateChanged(): void {
    const ready = this.#waiters.filter(({ executions }) => executions.every(({ isTerminal }) => isTerminal));
    if (ready.length === 0) return;
    this.#waiters = this.#waiters.filter((waiter) => !ready.includes(waiter));
    for (const { resolve } of ready) resolve();
  }

  /** All attempts in these slots are gone. */
  slotsLost(allocationIds: readonly AllocationId[], cause: SerializedError): void {
    const { graph, resourceManager, onFailure, onCancelled } = this.#options;
    const lost = [...this.#slots].filter(([, { allocationId }]) => allocationIds.includes(allocationId));
    for (const [name, slot] of lost) {
      this.#slots.delete(name);
      resourceManager.releaseSlot(slot);
    }
    const names = new Set(lost.map(([name]) => name));
    const victims = graph.executions.filter((execution) => execution.location !== undefined && names.has(slotNameOf(execution)));
    for (const execution of victims) {
      if (execution.isTerminal) continue;
      if (execution.state === 'CANCELING') onCancelled(execution);
      else onFailure(execution, cause);
    }
  }

  taskManagerLost(taskManagerId: TaskManagerId, cause: SerializedError): void {
    const held = [...this.#slots.values()].filter(({ taskManager }) => taskManager.registration.taskManagerId === taskManagerId);
    this.slotsLost(
      held.map(({ allocationId }) => allocationId),
      cause,
    );
  }

  /** The job is over: slots that arrive from now on go back at once. */
  release(reason: string): void {
    this.#isReleased = true;
    for (const slot of this.#slots.values()) this.#giveBack(slot, reason);
    this.#slots.clear();
  }

  /** Each takes what restarts with it along; the others are deployed. */
  #failThoseWithoutSlot(executions: readonly Execution[], refused: ReadonlyMap<string, unknown>): void {
    for (const execution of executions) {
      const name = slotNameOf(execution);
      if (execution.state !== 'SCHEDULED' || this.#slots.has(name)) continue;
      // One that came may have been lost again while the others were awaited.
      this.#options.onFailure(execution, serializeError(refused.get(name) ?? slotGone(execution)));
    }
  }

  /** Resolves when all requests are answered, with the reasons of those that were refused. */
  async #acquireSlots(executions: readonly Execution[]): Promise<ReadonlyMap<string, unknown>> {
    const { log, graph } = this.#options;
    const missing = [...new Set(executions.map(slotNameOf))].filter((name) => !this.#slots.has(name));
    const fresh = missing.filter((name) => !this.#requested.has(name));
    if (fresh.length > 0) log.info(`Job ${graph.jobGraph.jobId} requests ${fresh.length} slot(s).`);
    for (const name of fresh) this.#request(name);
    const refused = new Map<string, unknown>();
    await Promise.all(missing.map((name) => this.#requested.get(name)?.catch((error: unknown) => refused.set(name, error))));
    return refused;
  }

  #request(name: string): void {
    const { resourceManager, graph } = this.#options;
    const request = resourceManager.requestSlot(graph.jobGraph.jobId).then(
      (slot) => {
        this.#requested.delete(name);
        if (this.#isReleased) this.#giveBack(slot, 'the job is over');
        else this.#slots.set(name, slot);
        return slot;
      },
      (error: unknown) => {
        this.#requested.delete(name);
        throw error;
      },
    );
    request.catch(() => {});
    this.#requested.set(name, request);
  }

  #giveBack(slot: AllocatedSlot, reason: string): void {
    const { fencing, resourceManager } = this.#options;
    void slot.taskManager.gateway
      .freeSlot({ allocationId: slot.allocationId, reason, fencing })
      .catch(() => {})
      .then(() => resourceManager.releaseSlot(slot));
  }

  /** At every deployment: a TaskManager forgets a job that holds no slot of it any more. */
  async #prepareTaskManagers(executions: readonly Execution[]): Promise<void> {
    const { graph, fencing } = this.#options;
    const gateways = new Set(executions.map((execution) => this.#slotOf(execution).taskManager.gateway));
    await Promise.all([...gateways].map((gateway) => gateway.prepareJob({ jobGraph: graph.jobGraph, fencing })));
  }

  async #submit(execution: Execution): Promise<void> {
    const { graph, fencing, onFailure } = this.#options;
    const slot = this.#slots.get(slotNameOf(execution));
    if (execution.state !== 'SCHEDULED' || !slot) return;
    execution.become('DEPLOYING');
    try {
      const descriptor = deploymentDescriptor(graph, execution, slot.allocationId);
      await slot.taskManager.gateway.submitTask({ descriptor, fencing });
    } catch (error) {
      if (!execution.isTerminal) onFailure(execution, serializeError(error));
    }
  }

  #slotOf(execution: Execution): AllocatedSlot {
    const slot = this.#slots.get(slotNameOf(execution));
    if (!slot) throw slotGone(execution);
    return slot;
  }
}

function slotNameOf(execution: Execution): string {
  return slotName({ group: execution.vertex.slotSharingGroup, index: execution.subtaskIndex });
}

function slotGone(execution: Execution): ExternalError {
  return new ExternalError('SLOT_LOST', { problem: `The slot of ${execution.taskName} was lost before it was deployed.`, retriable: true });
}
