/**
 * Which attempts take part in a checkpoint: who is triggered, who has to acknowledge, who is told of completion, who has
 * finished. Pure. With all tasks alive the sources are triggered; once some have finished, whoever has no running producer is.
 */
import type { JobGraph, JobVertex } from '../../graph/job-graph.ts';
import type { ExecutionAttemptId, JobVertexId } from '../../shared/ids.ts';
import type { ExecutionState } from '../rpc/gateways.ts';
import { producersOf } from '../scheduler/channel-wiring.ts';
import { CheckpointFailure } from './checkpoint-failure-reason.ts';

/** One subtask as it is now. */
export interface PlannedTask {
  readonly attemptId: ExecutionAttemptId;
  readonly vertex: JobVertex;
  readonly subtaskIndex: number;
  readonly state: ExecutionState;
  readonly taskName: string;
  /** It had finished in the checkpoint it was restored from: it runs as a stub, without state. */
  readonly isStub: boolean;
}

export interface CheckpointPlan<Task extends PlannedTask = PlannedTask> {
  readonly toTrigger: readonly Task[];
  /** Those who acknowledge, and are told when the checkpoint is complete. */
  readonly running: readonly Task[];
  /** Those without state: finished now, or before the restore. */
  readonly finished: readonly Task[];
  readonly fullyFinished: ReadonlySet<JobVertexId>;
}

/** Throws CheckpointFailure('NOT_ALL_REQUIRED_TASKS_RUNNING'). */
export function planCheckpoint<Task extends PlannedTask>(
  jobGraph: JobGraph,
  tasksOf: (vertexId: JobVertexId) => readonly Task[],
  options: { readonly afterTasksFinish: boolean },
): CheckpointPlan<Task> {
  const all = jobGraph.vertices.flatMap((vertex) => tasksOf(vertex.id));
  const finished = all.filter(hasFinished);
  if (all.some(hasEnded) && !options.afterTasksFinish) {
    throw notRunning('Some tasks have finished, and execution.checkpointing.checkpoints-after-tasks-finish is off.');
  }
  const running = all.filter((task) => !hasEnded(task));
  if (running.length === 0) throw notRunning('All tasks have finished.');
  const notReady = running.find(({ state }) => state !== 'RUNNING');
  if (notReady) throw notRunning(`${notReady.taskName} is ${notReady.state}.`);
  return {
    toTrigger: running.filter((task) => !hasRunningProducer(task, tasksOf)),
    running,
    finished,
    fullyFinished: new Set(jobGraph.vertices.filter((vertex) => tasksOf(vertex.id).every(hasFinished)).map((vertex) => vertex.id)),
  };
}

function hasEnded({ state }: PlannedTask): boolean {
  return state === 'FINISHED';
}

function hasFinished(task: PlannedTask): boolean {
  return hasEnded(task) || task.isStub;
}

function hasRunningProducer<Task extends PlannedTask>(task: Task, tasksOf: (vertexId: JobVertexId) => readonly Task[]): boolean {
  return task.vertex.inputs.some(({ sourceVertexId, partitioner }) => {
    const producers = tasksOf(sourceVertexId);
    return producersOf(partitioner, task.subtaskIndex, producers.length, task.vertex.parallelism).some(
      (index) => !hasEnded(producers[index] as Task),
    );
  });
}

function notRunning(detail: string): CheckpointFailure {
  return new CheckpointFailure('NOT_ALL_REQUIRED_TASKS_RUNNING', { detail });
}
