/**
 * What the JobMaster tells the job's tasks. Messages to one task arrive in the order of these calls: they go over one
 * connection. An attempt that is gone is told nothing.
 */
import type { ExecutionAttemptId, FencingToken, JobVertexId, OperatorId } from '../../shared/ids.ts';
import type { CheckpointedTasks } from '../checkpoint/checkpoint-participants.ts';
import type { Execution, ExecutionGraph } from '../executiongraph/execution-graph.ts';
import type { CheckpointOptions, OperatorEvent, TaskExecutorGateway } from '../rpc/gateways.ts';
import type { Scheduler } from '../scheduler/scheduler.ts';

export class TaskMessages implements CheckpointedTasks {
  readonly #graph: ExecutionGraph;
  readonly #scheduler: Scheduler;
  readonly #fencing: FencingToken;

  constructor(graph: ExecutionGraph, scheduler: Scheduler, fencing: FencingToken) {
    this.#graph = graph;
    this.#scheduler = scheduler;
    this.#fencing = fencing;
  }

  tasksOf(vertexId: JobVertexId): readonly Execution[] {
    return this.#graph.executionsOf(vertexId);
  }

  /** Rejects when the event did not arrive. */
  async sendEvent({ attemptId }: Execution, operatorId: OperatorId, event: OperatorEvent): Promise<void> {
    await this.#to(attemptId)?.sendOperatorEventToTask({ attemptId, operatorId, event, fencing: this.#fencing });
  }

  async trigger(attemptId: ExecutionAttemptId, checkpointId: number, timestamp: number, options: CheckpointOptions): Promise<void> {
    await this.#to(attemptId)?.triggerCheckpoint({ attemptId, checkpointId, timestamp, options, fencing: this.#fencing });
  }

  notifyComplete(attemptId: ExecutionAttemptId, checkpointId: number, subsumedId: number | undefined): void {
    const told = this.#to(attemptId)?.notifyCheckpointComplete({ attemptId, checkpointId, subsumedId, fencing: this.#fencing });
    told?.catch(() => {});
  }

  notifyAborted(attemptId: ExecutionAttemptId, checkpointId: number, latestCompletedId: number | undefined): void {
    const told = this.#to(attemptId)?.notifyCheckpointAborted({ attemptId, checkpointId, latestCompletedId, fencing: this.#fencing });
    told?.catch(() => {});
  }

  #to(attemptId: ExecutionAttemptId): TaskExecutorGateway | undefined {
    const execution = this.#graph.execution(attemptId);
    return execution && !execution.isTerminal ? this.#scheduler.gatewayOf(execution) : undefined;
  }
}
