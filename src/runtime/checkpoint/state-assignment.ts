/**
 * Which state goes to which subtask when a job starts from a snapshot, or restarts from its own checkpoint. Pure: handles in,
 * handles out; nothing is read.
 *
 * An operator finds its state by its id, then by the hash the program gave with `setUidHash`. Keyed state goes to whoever
 * owns its key groups now, operator state by its redistribution mode.
 */
import type { ChainedOperator, JobGraph, JobVertex } from '../../graph/job-graph.ts';
import { UserError } from '../../shared/errors.ts';
import type { JobVertexId, OperatorId } from '../../shared/ids.ts';
import type { KeyedStateHandle, OperatorSubtaskState } from '../../state/snapshot/handles.ts';
import { type KeyGroupRange, keyGroupRange } from '../../types/key-groups.ts';
import type { TaskRestore } from '../rpc/gateways.ts';
import { type CheckpointedOperator, hasState } from './metadata/checkpoint-metadata.ts';
import { redistributeOperatorState } from './operator-state-redistribution.ts';

/** What is restored, and from where. */
export interface RestoredSnapshot {
  readonly checkpointId: number;
  /** Where relative handles lie. */
  readonly directory: string | undefined;
  readonly operators: readonly CheckpointedOperator[];
}

export interface AssignmentOptions {
  /** How messages call the snapshot. */
  readonly pointer: string;
  /** State without an operator is dropped. */
  readonly allowNonRestoredState: boolean;
}

export interface StateAssignment {
  /** By vertex, one entry per subtask. */
  readonly tasks: ReadonlyMap<JobVertexId, readonly TaskRestore[]>;
  readonly coordinators: ReadonlyMap<OperatorId, Uint8Array>;
  /** Operators of the snapshot that have state and no place to go. */
  readonly dropped: readonly CheckpointedOperator[];
}

/**
 * A program that does not say its max parallelism takes over the stored one. Throws UserError('MAX_PARALLELISM_MISMATCH')
 * when it says another.
 */
export function adoptMaxParallelism(jobGraph: JobGraph, snapshot: RestoredSnapshot, pointer: string): JobGraph {
  const stored = new Map(snapshot.operators.map((operator) => [operator.operatorId, operator]));
  const vertices = jobGraph.vertices.map((vertex) => {
    const states = vertex.operators.flatMap((operator) => storedState(operator, stored) ?? []);
    const adopted = commonMaxParallelism(vertex, states, pointer);
    return adopted === undefined || adopted === vertex.maxParallelism ? vertex : { ...vertex, maxParallelism: adopted };
  });
  return { ...jobGraph, vertices };
}

/** Throws UserError('STATE_WITHOUT_OPERATOR'). The graph's max parallelisms are those of the snapshot. */
export function assignState(jobGraph: JobGraph, snapshot: RestoredSnapshot, options: AssignmentOptions): StateAssignment {
  const stored = new Map(snapshot.operators.map((operator) => [operator.operatorId, operator]));
  const unclaimed = new Set(snapshot.operators.filter(hasState));
  const tasks = new Map<JobVertexId, readonly TaskRestore[]>();
  const coordinators = new Map<OperatorId, Uint8Array>();
  for (const vertex of jobGraph.vertices) {
    const states = new Map<OperatorId, CheckpointedOperator>();
    for (const operator of vertex.operators) {
      const state = storedState(operator, stored);
      if (!state) continue;
      states.set(operator.operatorId, state);
      unclaimed.delete(state);
      if (state.coordinatorState) coordinators.set(operator.operatorId, state.coordinatorState);
    }
    const finished = hadFinished(vertex, [...states.values()], jobGraph, tasks, options.pointer);
    tasks.set(vertex.id, tasksOf(vertex, states, snapshot, finished));
  }
  const dropped = [...unclaimed];
  const homeless = dropped[0];
  if (homeless && !options.allowNonRestoredState) throw withoutOperator(homeless, options.pointer, jobGraph);
  return { tasks, coordinators, dropped };
}

function storedState(operator: ChainedOperator, stored: ReadonlyMap<OperatorId, CheckpointedOperator>): CheckpointedOperator | undefined {
  return (operator.uidHash === undefined ? undefined : stored.get(operator.uidHash)) ?? stored.get(operator.operatorId);
}

/** A vertex that had finished stays so; what feeds it must have finished too, or its records would be lost. */
function hadFinished(
  vertex: JobVertex,
  states: readonly CheckpointedOperator[],
  jobGraph: JobGraph,
  upstream: ReadonlyMap<JobVertexId, readonly TaskRestore[]>,
  pointer: string,
): boolean {
  if (!states.some((state) => state.fullyFinished)) return false;
  const unfinished = states.find((state) => !state.fullyFinished);
  const feeding = vertex.inputs.find(({ sourceVertexId }) => !upstream.get(sourceVertexId)?.[0]?.finished);
  if (!unfinished && !feeding) return true;
  const feedingName = feeding && jobGraph.vertices.find(({ id }) => id === feeding.sourceVertexId)?.name;
  throw new UserError('ILLEGAL_GRAPH_CHANGE', {
    problem: `Illegal JobGraph modification. '${vertex.name}' had finished when ${pointer} was taken, and would be given records again.`,
    found: unfinished
      ? `It is now chained with '${unfinished.name}', which had not.`
      : `It now reads from '${feedingName}', which had not.`,
    tryNext: ['Start from a savepoint that was taken before it finished, or give the operator a new uid to start it empty.'],
  });
}

function tasksOf(
  vertex: JobVertex,
  states: ReadonlyMap<OperatorId, CheckpointedOperator>,
  snapshot: RestoredSnapshot,
  finished: boolean,
): TaskRestore[] {
  const perOperator = new Map([...states].map(([operatorId, state]) => [operatorId, subtaskStates(state, vertex)]));
  return Array.from({ length: vertex.parallelism }, (_, subtaskIndex) => {
    const operators: Record<OperatorId, OperatorSubtaskState> = {};
    for (const [operatorId, subtasks] of perOperator) {
      const state = subtasks[subtaskIndex] as OperatorSubtaskState;
      if (state.keyed.length > 0 || state.operator.length > 0) operators[operatorId] = state;
    }
    return { checkpointId: snapshot.checkpointId, directory: snapshot.directory, operators, finished };
  });
}

function subtaskStates(state: CheckpointedOperator, vertex: JobVertex): OperatorSubtaskState[] {
  const old = Array.from({ length: state.parallelism }, (_, index) => state.subtasks.get(index));
  const operator = redistributeOperatorState(
    old.map((subtask) => subtask?.operator ?? []),
    vertex.parallelism,
  );
  return operator.map((handles, index) => ({ keyed: keyedHandles(old, state, vertex, index), operator: handles }));
}

/** At the same parallelism a subtask gets back what it wrote; otherwise every old handle that has some of its key groups. */
function keyedHandles(
  old: readonly (OperatorSubtaskState | undefined)[],
  state: CheckpointedOperator,
  vertex: JobVertex,
  subtaskIndex: number,
): readonly KeyedStateHandle[] {
  if (state.parallelism === vertex.parallelism) return old[subtaskIndex]?.keyed ?? [];
  const own = keyGroupRange(subtaskIndex, vertex.parallelism, vertex.maxParallelism);
  return old.flatMap((subtask) => subtask?.keyed ?? []).filter(({ keyGroups }) => overlap(keyGroups, own));
}

function overlap(one: KeyGroupRange, other: KeyGroupRange): boolean {
  return one.start <= other.end && other.start <= one.end;
}

/** The stored max parallelism that counts for a vertex: that of its keyed state, if it has some. */
function commonMaxParallelism(vertex: JobVertex, states: readonly CheckpointedOperator[], pointer: string): number | undefined {
  const keyed = states.filter(({ subtasks }) => [...subtasks.values()].some((subtask) => subtask.keyed.length > 0));
  const first = keyed[0] ?? states[0];
  if (!first) return undefined;
  const other = keyed.find(({ maxParallelism }) => maxParallelism !== first.maxParallelism);
  if (other) {
    throw new UserError('MAX_PARALLELISM_MISMATCH', {
      problem: `Failed to rollback to checkpoint/savepoint ${pointer}. The operators chained in '${vertex.name}' were stored with different max parallelisms.`,
      found: `'${first.name}' has ${first.maxParallelism}, '${other.name}' has ${other.maxParallelism}.`,
      tryNext: [`Keep them in separate tasks, as they were: disableChaining() on '${other.name}'.`],
    });
  }
  if (vertex.maxParallelismExplicit) refuseOtherMaxParallelism(vertex, states, pointer);
  if (vertex.parallelism > first.maxParallelism) {
    throw new UserError('MAX_PARALLELISM_EXCEEDED', {
      problem:
        `The state for task ${vertex.name} can not be restored. The maximum parallelism (${first.maxParallelism}) of the restored state is lower ` +
        `than the configured parallelism (${vertex.parallelism}). Please reduce the parallelism of the task to be lower or equal to the maximum parallelism.`,
    });
  }
  return first.maxParallelism;
}

function refuseOtherMaxParallelism(vertex: JobVertex, states: readonly CheckpointedOperator[], pointer: string): void {
  const state = states.find(({ maxParallelism }) => maxParallelism !== vertex.maxParallelism);
  if (!state) return;
  throw new UserError('MAX_PARALLELISM_MISMATCH', {
    problem:
      `Failed to rollback to checkpoint/savepoint ${pointer}. Max parallelism mismatch between checkpoint/savepoint state and new program. ` +
      `Cannot map operator ${state.operatorId} with max parallelism ${state.maxParallelism} to new program with max parallelism ` +
      `${vertex.maxParallelism}. This indicates that the program has been changed in a non-compatible way after the checkpoint/savepoint.`,
    found: `The operator is '${state.name}'. Key groups cannot be renumbered.`,
    tryNext: [`Set its max parallelism to ${state.maxParallelism} (setMaxParallelism, or pipeline.max-parallelism), or do not set it.`],
  });
}

function withoutOperator(operator: CheckpointedOperator, pointer: string, jobGraph: JobGraph): UserError {
  const called = operator.uid === undefined ? `'${operator.name}', which had no uid` : `'${operator.name}' with uid '${operator.uid}'`;
  const candidates = jobGraph.vertices.flatMap(({ operators }) => operators).filter(({ name }) => name === operator.name);
  const renamed = candidates.map(({ uid }) => (uid === undefined ? 'without a uid' : `with uid '${uid}'`));
  return new UserError('STATE_WITHOUT_OPERATOR', {
    problem:
      `Failed to rollback to checkpoint/savepoint ${pointer}. Cannot map checkpoint/savepoint state for operator ${operator.operatorId} to the new ` +
      'program, because the operator is not available in the new program. If you want to allow to skip this, you can set the --allowNonRestoredState option on the CLI.',
    found: `The state is that of ${called}.${renamed.length > 0 ? ` The program has an operator of that name ${renamed.join(' and ')}.` : ''}`,
    tryNext: [
      'Give operators with state a uid(), so that they find it when the program changes.',
      operator.uid === undefined
        ? `Give the operator its old id: setUidHash('${operator.operatorId}')`
        : `Give the operator its uid again: uid('${operator.uid}')`,
    ],
  });
}
