/**
 * The JobMaster's view of the job's operator coordinators, which live with the user code: passes events between them and their
 * subtasks, and takes their part of checkpoints.
 *
 * Keeps true: an event goes to the attempt it was meant for or to nobody; what a coordinator sent before its state was taken
 * arrives before the checkpoint's trigger, what it sent afterwards behind it.
 */
import { deserializeError, type SerializedError } from '../../shared/errors.ts';
import type { OperatorId } from '../../shared/ids.ts';
import { CheckpointFailure } from '../checkpoint/checkpoint-failure-reason.ts';
import type { CheckpointedCoordinators } from '../checkpoint/checkpoint-participants.ts';
import type { Execution, ExecutionGraph } from '../executiongraph/execution-graph.ts';
import type { OperatorEvent } from '../rpc/gateways.ts';
import type { JobUserCode, JobUserCodeListener } from '../rpc/job-user-code.ts';
import { EventValve } from './event-valve.ts';

export interface OperatorCoordinatorsOptions {
  readonly graph: ExecutionGraph;
  /** Rejects when the event did not arrive. */
  readonly send: (execution: Execution, operatorId: OperatorId, event: OperatorEvent) => Promise<void>;
  /** An event did not arrive: the attempt cannot be trusted any more. */
  readonly onEventLost: (execution: Execution, error: unknown) => void;
  readonly onFailure: (cause: SerializedError) => void;
}

interface Snapshot {
  readonly checkpointId: number;
  readonly missing: Set<OperatorId>;
  readonly states: Map<OperatorId, Uint8Array>;
  readonly outcome: PromiseWithResolvers<ReadonlyMap<OperatorId, Uint8Array>>;
}

export class OperatorCoordinators implements CheckpointedCoordinators, JobUserCodeListener {
  readonly operatorIds: readonly OperatorId[];
  readonly #options: OperatorCoordinatorsOptions;
  readonly #vertexOf: ReadonlyMap<OperatorId, string>;
  readonly #valves: ReadonlyMap<OperatorId, EventValve>;
  readonly #userCode: JobUserCode;
  #snapshot: Snapshot | undefined;

  constructor(options: OperatorCoordinatorsOptions, createUserCode: (listener: JobUserCodeListener) => JobUserCode) {
    this.#options = options;
    this.#vertexOf = new Map(
      options.graph.jobGraph.vertices.flatMap(({ id, operators }) =>
        operators.filter(({ type }) => type === 'source').map(({ operatorId }) => [operatorId, id] as const),
      ),
    );
    this.operatorIds = [...this.#vertexOf.keys()];
    this.#valves = new Map(this.operatorIds.map((operatorId) => [operatorId, new EventValve()]));
    this.#userCode = createUserCode(this);
  }

  start(stored: ReadonlyMap<OperatorId, Uint8Array>): Promise<void> {
    return this.#userCode.start(stored);
  }

  /** All subtasks restart, and the coordinators with them. */
  reset(stored: ReadonlyMap<OperatorId, Uint8Array>): Promise<void> {
    return this.#userCode.reset(stored);
  }

  close(): Promise<void> {
    return this.#userCode.close();
  }

  /** From a subtask. */
  handleEvent(execution: Execution, operatorId: OperatorId, event: OperatorEvent): void {
    this.#userCode.handleEvent(operatorId, execution.subtaskIndex, execution.attemptNumber, event);
  }

  attemptEnded({ vertex, subtaskIndex }: Execution): void {
    for (const operatorId of this.#of(vertex.id)) this.#userCode.subtaskFailed(operatorId, subtaskIndex);
  }

  /** The subtask restarts alone: its coordinators take back what it was given since that checkpoint. */
  subtaskReset({ vertex, subtaskIndex }: Execution, checkpointId: number | undefined): void {
    for (const operatorId of this.#of(vertex.id)) this.#userCode.subtaskReset(operatorId, subtaskIndex, checkpointId);
  }

  snapshot(checkpointId: number): Promise<ReadonlyMap<OperatorId, Uint8Array>> {
    const snapshot: Snapshot = {
      checkpointId,
      missing: new Set(this.operatorIds),
      states: new Map(),
      outcome: Promise.withResolvers(),
    };
    snapshot.outcome.promise.catch(() => {});
    if (snapshot.missing.size === 0) snapshot.outcome.resolve(snapshot.states);
    this.#snapshot = snapshot;
    this.#userCode.snapshot(checkpointId);
    return snapshot.outcome.promise;
  }

  release(checkpointId: number): void {
    if (this.#snapshot?.checkpointId === checkpointId) this.#snapshot = undefined;
    for (const valve of this.#valves.values()) valve.open();
  }

  notifyComplete(checkpointId: number): void {
    this.#userCode.checkpointCompleted(checkpointId);
  }

  /** A later checkpoint covers what an aborted one would have: nothing to do. */
  notifyAborted(): void {}

  sendEvent(operatorId: OperatorId, subtaskIndex: number, attemptNumber: number, event: OperatorEvent): void {
    this.#valves.get(operatorId)?.send(async () => {
      const { graph, send, onEventLost } = this.#options;
      const vertexId = this.#vertexOf.get(operatorId) as string;
      const execution = graph.subtask({ vertexId, subtaskIndex });
      if (execution.attemptNumber !== attemptNumber || execution.isTerminal) return;
      try {
        await send(execution, operatorId, event);
      } catch (error) {
        if (graph.isCurrent(execution) && !execution.isTerminal) onEventLost(execution, error);
        throw error;
      }
    });
  }

  snapshotTaken(checkpointId: number, operatorId: OperatorId, state: Uint8Array): void {
    const snapshot = this.#snapshot;
    if (snapshot?.checkpointId !== checkpointId) return;
    const shut = this.#valves.get(operatorId)?.shut() ?? Promise.resolve();
    shut.then(
      () => {
        snapshot.states.set(operatorId, state);
        snapshot.missing.delete(operatorId);
        if (snapshot.missing.size === 0) snapshot.outcome.resolve(snapshot.states);
      },
      (error: unknown) => this.#spoil(snapshot, 'An event to a task was lost.', error),
    );
  }

  snapshotFailed(checkpointId: number, _operatorId: OperatorId, cause: SerializedError): void {
    if (this.#snapshot?.checkpointId === checkpointId) this.#spoil(this.#snapshot, cause.message, deserializeError(cause));
  }

  fail(cause: SerializedError): void {
    this.#options.onFailure(cause);
  }

  #spoil(snapshot: Snapshot, detail: string, cause: unknown): void {
    snapshot.outcome.reject(new CheckpointFailure('OPERATOR_COORDINATOR_FAILURE', { detail, cause }));
  }

  #of(vertexId: string): OperatorId[] {
    return this.operatorIds.filter((operatorId) => this.#vertexOf.get(operatorId) === vertexId);
  }
}
