/**
 * The JobManager's end of one TaskManager: registration, heartbeats, news of tasks. When it is lost, by a closed connection
 * or by silence, its slots are gone for every job.
 */

import { ExternalError, serializeError } from '../../shared/errors.ts';
import type { FencingToken, JobId, TaskManagerId } from '../../shared/ids.ts';
import type { Logger } from '../../shared/logger.ts';
import type { Clock } from '../../shared/time.ts';
import type { RegisteredTaskManager, ResourceManager } from '../resourcemanager/resource-manager.ts';
import type { JobManagerGateway, TaskExecutorGateway, TaskManagerRegistration } from '../rpc/gateways.ts';
import type { BlobStore } from './blob-store.ts';
import type { Dispatcher } from './dispatcher.ts';

export interface TaskManagerSessionOptions {
  readonly dispatcher: Dispatcher;
  readonly resourceManager: ResourceManager;
  readonly blobs: BlobStore;
  readonly clock: Clock;
  readonly log: Logger;
  readonly fencing: FencingToken;
  readonly heartbeatIntervalMs: number;
  readonly heartbeatTimeoutMs: number;
  readonly taskExecutor: TaskExecutorGateway;
  /** Ends the connection; {@link TaskManagerSession.lost} follows or has happened. */
  readonly disconnect: () => void;
}

export class TaskManagerSession implements JobManagerGateway {
  readonly #options: TaskManagerSessionOptions;
  /** Until its first beat. */
  #accepted: TaskManagerRegistration | undefined;
  #registered: RegisteredTaskManager | undefined;
  #stopWatch: (() => void) | undefined;
  #closed = false;

  constructor(options: TaskManagerSessionOptions) {
    this.#options = options;
  }

  async registerTaskManager(
    registration: TaskManagerRegistration,
  ): Promise<{ fencing: FencingToken; heartbeatIntervalMs: number; heartbeatTimeoutMs: number }> {
    const { fencing, heartbeatIntervalMs, heartbeatTimeoutMs } = this.#options;
    this.#accepted = registration;
    return { fencing, heartbeatIntervalMs, heartbeatTimeoutMs };
  }

  async heartbeatFromTaskManager(heartbeat: Parameters<JobManagerGateway['heartbeatFromTaskManager']>[0]): Promise<void> {
    // Its slots may be requested as soon as they are known, and it has to know the fencing token by then: its first beat proves that.
    if (this.#accepted) this.#register(this.#accepted);
    if (!this.#registered) return;
    this.#registered.lastHeartbeat = this.#options.clock.now();
    this.#registered.metrics = heartbeat.metrics;
    for (const report of heartbeat.accumulators) for (const master of this.#options.dispatcher.masters) master.report(report);
  }

  async updateTaskExecutionState(update: Parameters<JobManagerGateway['updateTaskExecutionState']>[0]): Promise<void> {
    this.#master(update.jobId)?.updateState(update);
  }

  async slotLost({ allocationId, cause }: Parameters<JobManagerGateway['slotLost']>[0]): Promise<void> {
    for (const master of this.#options.dispatcher.masters) master.slotsLost([allocationId], cause);
  }

  async sendOperatorEventToCoordinator(request: Parameters<JobManagerGateway['sendOperatorEventToCoordinator']>[0]): Promise<void> {
    this.#master(request.jobId)?.eventFromTask(request.attemptId, request.operatorId, request.subtaskIndex, request.event);
  }

  async acknowledgeCheckpoint(ack: Parameters<JobManagerGateway['acknowledgeCheckpoint']>[0]): Promise<void> {
    this.#master(ack.jobId)?.acknowledgeCheckpoint(ack);
  }

  async declineCheckpoint(decline: Parameters<JobManagerGateway['declineCheckpoint']>[0]): Promise<void> {
    this.#master(decline.jobId)?.declineCheckpoint(decline);
  }

  async readBlob({ key, offset, length }: Parameters<JobManagerGateway['readBlob']>[0]): Promise<Uint8Array> {
    return this.#options.blobs.read(key, offset, length);
  }

  /** The connection is closed. */
  lost(reason: string): void {
    this.#closed = true;
    this.#stopWatch?.();
    const registered = this.#registered;
    this.#registered = undefined;
    if (!registered) return;
    const id = registered.registration.taskManagerId;
    if (this.#options.resourceManager.get(id) !== registered) return;
    this.#forget(id, reason);
    this.#options.resourceManager.lost(id);
  }

  #register(registration: TaskManagerRegistration): void {
    const { resourceManager, taskExecutor } = this.#options;
    this.#accepted = undefined;
    if (this.#closed) return;
    // The same process came back before the loss of its last connection was noticed.
    if (resourceManager.get(registration.taskManagerId)) this.#forget(registration.taskManagerId, 'it registered anew.');
    this.#registered = resourceManager.register(registration, taskExecutor);
    this.#watchSilence();
  }

  #forget(id: TaskManagerId, reason: string): void {
    const { resourceManager, dispatcher, log } = this.#options;
    const registration = resourceManager.get(id)?.registration;
    log.warn(`TaskManager ${id} is lost: ${reason}`);
    resourceManager.unregister(id);
    const cause = serializeError(
      new ExternalError('TASKMANAGER_LOST', {
        problem: `The TaskManager ${id} is lost: ${reason}`,
        found: registration && `It was process ${registration.pid} on ${registration.host}.`,
        tryNext: ['Look at the end of its .log and .out files: V8 writes there when a process runs out of heap.'],
        retriable: true,
      }),
    );
    for (const master of dispatcher.masters) master.taskManagerLost(id, cause);
  }

  #watchSilence(): void {
    const { clock, heartbeatIntervalMs, heartbeatTimeoutMs, disconnect } = this.#options;
    this.#stopWatch = clock.schedule(heartbeatIntervalMs, () => {
      const registered = this.#registered;
      if (!registered) return;
      if (clock.now() - registered.lastHeartbeat > heartbeatTimeoutMs) {
        this.lost(`The heartbeat of TaskManager with id ${registered.registration.taskManagerId} timed out.`);
        disconnect();
      } else {
        this.#watchSilence();
      }
    });
  }

  #master(jobId: JobId): ReturnType<Dispatcher['master']> {
    return this.#options.dispatcher.master(jobId);
  }
}
