/**
 * A checkpoint that was begun: gathers the acknowledgements of tasks and coordinators until it is complete or given up.
 *
 *   triggering → waiting → completing → completed
 *        any of the first three → aborted
 */
import type { JobGraph } from '../../graph/job-graph.ts';
import type { ExecutionAttemptId, OperatorId } from '../../shared/ids.ts';
import { weirVersion } from '../../shared/installation.ts';
import type { TaskStateSnapshot } from '../../state/snapshot/handles.ts';
import { CheckpointFailure } from './checkpoint-failure-reason.ts';
import type { CheckpointPlan, PlannedTask } from './checkpoint-plan.ts';
import type { CheckpointProperties } from './checkpoint-properties.ts';
import type { CheckpointedOperator, CheckpointedSubtask, CheckpointMetadata } from './metadata/checkpoint-metadata.ts';
import type { CheckpointTarget } from './storage/checkpoint-storage.ts';

export type AcknowledgeResult = 'success' | 'duplicate' | 'unknown' | 'ended';

export interface PendingCheckpointOptions<Task extends PlannedTask> {
  readonly checkpointId: number;
  readonly timestamp: number;
  readonly jobGraph: JobGraph;
  readonly plan: CheckpointPlan<Task>;
  readonly properties: CheckpointProperties;
  /** Operators with a coordinator beside the JobManager. */
  readonly coordinated: readonly OperatorId[];
}

export class PendingCheckpoint<Task extends PlannedTask = PlannedTask> {
  readonly checkpointId: number;
  readonly timestamp: number;
  readonly plan: CheckpointPlan<Task>;
  readonly properties: CheckpointProperties;
  /** Known once its directory is there. */
  target: CheckpointTarget | undefined;
  readonly #jobGraph: JobGraph;
  readonly #tasks: ReadonlyMap<ExecutionAttemptId, Task>;
  readonly #missing: Set<ExecutionAttemptId>;
  readonly #missingCoordinators: Set<OperatorId>;
  readonly #states = new Map<OperatorId, Map<number, CheckpointedSubtask>>();
  readonly #coordinatorStates = new Map<OperatorId, Uint8Array>();
  readonly #abort = Promise.withResolvers<never>();
  #phase: 'triggering' | 'waiting' | 'completing' | 'completed' | 'aborted' = 'triggering';

  constructor(options: PendingCheckpointOptions<Task>) {
    this.checkpointId = options.checkpointId;
    this.timestamp = options.timestamp;
    this.plan = options.plan;
    this.properties = options.properties;
    this.#jobGraph = options.jobGraph;
    this.#tasks = new Map(options.plan.running.map((task) => [task.attemptId, task]));
    this.#missing = new Set(this.#tasks.keys());
    this.#missingCoordinators = new Set(options.coordinated);
    this.#abort.promise.catch(() => {});
  }

  /** Rejects when the checkpoint is given up: nothing further is to be awaited for it. */
  get aborted(): Promise<never> {
    return this.#abort.promise;
  }

  get hasEnded(): boolean {
    return this.#phase === 'completed' || this.#phase === 'aborted';
  }

  get isCompleting(): boolean {
    return this.#phase === 'completing';
  }

  /** Everything is here, and all tasks had been told to begin. */
  get isFullyAcknowledged(): boolean {
    return this.#phase === 'waiting' && this.#missing.size === 0 && this.#missingCoordinators.size === 0;
  }

  /** Names of tasks that have not acknowledged. */
  get missing(): string[] {
    return [...this.#missing].map((attemptId) => this.#tasks.get(attemptId)?.taskName ?? attemptId);
  }

  isMissing(attemptId: ExecutionAttemptId): boolean {
    return this.#missing.has(attemptId);
  }

  triggersSent(): void {
    if (this.#phase === 'triggering') this.#phase = 'waiting';
  }

  acknowledge(attemptId: ExecutionAttemptId, state: TaskStateSnapshot): AcknowledgeResult {
    if (this.hasEnded) return 'ended';
    const task = this.#tasks.get(attemptId);
    if (!task) return 'unknown';
    if (!this.#missing.delete(attemptId)) return 'duplicate';
    for (const [operatorId, { keyed, operator }] of Object.entries(state))
      this.#subtasksOf(operatorId).set(task.subtaskIndex, { finished: false, keyed, operator });
    return 'success';
  }

  acknowledgeCoordinator(operatorId: OperatorId, state: Uint8Array): void {
    if (this.#missingCoordinators.delete(operatorId)) this.#coordinatorStates.set(operatorId, state);
  }

  /** From here on nothing but its own end ends it. */
  beginCompleting(): void {
    this.#phase = 'completing';
  }

  complete(): void {
    this.#phase = 'completed';
  }

  abort(failure: CheckpointFailure): void {
    this.#phase = 'aborted';
    this.#abort.reject(failure);
  }

  /** Throws CheckpointFailure('PARTIAL_FINISH_NOT_SUPPORTED'). */
  metadata(): CheckpointMetadata {
    return {
      checkpointId: this.checkpointId,
      jobId: this.#jobGraph.jobId,
      jobName: this.#jobGraph.name,
      timestamp: this.timestamp,
      weirVersion: weirVersion(),
      properties: this.properties,
      operators: this.#jobGraph.vertices.flatMap((vertex) => {
        const finished = this.plan.finished.filter((task) => task.vertex.id === vertex.id).map(({ subtaskIndex }) => subtaskIndex);
        const fullyFinished = this.plan.fullyFinished.has(vertex.id);
        return vertex.operators.map(({ operatorId, name, uid }): CheckpointedOperator => {
          const subtasks = fullyFinished ? new Map() : this.#withFinished(operatorId, name, finished);
          return {
            operatorId,
            name,
            uid,
            parallelism: vertex.parallelism,
            maxParallelism: vertex.maxParallelism,
            coordinatorState: fullyFinished ? undefined : this.#coordinatorStates.get(operatorId),
            fullyFinished,
            subtasks,
          };
        });
      }),
    };
  }

  #withFinished(operatorId: OperatorId, name: string, finished: readonly number[]): ReadonlyMap<number, CheckpointedSubtask> {
    const subtasks = new Map(this.#states.get(operatorId));
    if (finished.length === 0) return subtasks;
    const states = [...subtasks.values()].flatMap((subtask) => subtask.operator.flatMap((handle) => Object.entries(handle.states)));
    const union = states.find(([, { mode }]) => mode === 'UNION');
    if (union) throw new CheckpointFailure('PARTIAL_FINISH_NOT_SUPPORTED', { detail: `It is '${name}', with the state '${union[0]}'.` });
    for (const index of finished) subtasks.set(index, { finished: true, keyed: [], operator: [] });
    return subtasks;
  }

  #subtasksOf(operatorId: OperatorId): Map<number, CheckpointedSubtask> {
    let subtasks = this.#states.get(operatorId);
    if (!subtasks) {
      subtasks = new Map();
      this.#states.set(operatorId, subtasks);
    }
    return subtasks;
  }
}
