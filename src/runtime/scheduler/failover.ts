/**
 * What happens when a task or the job fails: asks the restart strategy, cancels what must restart together, waits for the
 * delay and for the end of the cancelled attempts, and starts new ones from the newest checkpoint.
 *
 * Keeps true: when failures overlap, a subtask restarts for the newest of them only (each decision gives its subtasks a new
 * version, and a restart leaves out those whose version has changed); the job is RUNNING again when nothing waits any more.
 */
import { type SerializedError, serializeError } from '../../shared/errors.ts';
import { failpoint } from '../../shared/failpoint.ts';
import type { Logger } from '../../shared/logger.ts';
import type { Clock } from '../../shared/time.ts';
import type { Execution, ExecutionGraph, SubtaskId } from '../executiongraph/execution-graph.ts';
import type { JobStatus } from '../rpc/gateways.ts';
import { pipelinedRegions } from './pipelined-regions.ts';
import type { RestartStrategy } from './restart-strategy.ts';
import type { Scheduler } from './scheduler.ts';

export interface FailoverOptions {
  readonly graph: ExecutionGraph;
  readonly scheduler: Scheduler;
  readonly strategy: RestartStrategy;
  /** `full`: whatever fails, everything restarts. */
  readonly scope: 'region' | 'full';
  readonly clock: Clock;
  readonly log: Logger;
  /** Gives the fresh attempts what they start from. `isGlobal`: the whole job restarts, coordinators included. */
  readonly restore: (executions: readonly Execution[], isGlobal: boolean) => Promise<void>;
  readonly become: (status: JobStatus) => void;
  /** For a failure that a restart alone would not mend: true when it will now. */
  readonly mend: () => boolean;
  /** No restart: the job fails for good. */
  readonly onGivenUp: (cause: SerializedError, reason: 'not-recoverable' | 'suppressed') => void;
}

/** Nothing that a restart could mend: the state it would start from is damaged. */
const notRecoverable = new Set(['STATE_DAMAGED', 'STATE_MISSING', 'CHECKPOINT_DAMAGED']);

export class Failover {
  readonly #options: FailoverOptions;
  readonly #regionOf = new Map<string, readonly SubtaskId[]>();
  readonly #versions = new Map<string, number>();
  /** Subtasks that wait for a restart. */
  readonly #waiting = new Set<string>();
  readonly #delays = new Set<() => void>();
  #isStopped = false;

  constructor(options: FailoverOptions) {
    this.#options = options;
    for (const region of pipelinedRegions(options.graph.jobGraph)) for (const subtask of region) this.#regionOf.set(keyOf(subtask), region);
  }

  /** The attempt is in its final state already. */
  taskFailed(execution: Execution, cause: SerializedError): void {
    const { scope } = this.#options;
    const subtask = { vertexId: execution.vertex.id, subtaskIndex: execution.subtaskIndex };
    if (scope === 'full') this.#handle(cause, this.#all(), false, execution);
    else this.#handle(cause, this.#regionOf.get(keyOf(subtask)) as readonly SubtaskId[], false, execution);
  }

  /** Nothing that one task is to blame for, or nothing that restarting a part would mend. */
  failedGlobally(cause: SerializedError): void {
    this.#handle(cause, this.#all(), true, undefined);
  }

  /** The job ends: no restart that was planned takes place. */
  stop(): void {
    this.#isStopped = true;
    for (const cancel of this.#delays) cancel();
    this.#delays.clear();
  }

  #handle(cause: SerializedError, subtasks: readonly SubtaskId[], isGlobal: boolean, execution: Execution | undefined): void {
    if (this.#isStopped) return;
    if (!isNotRecoverable(cause)) this.#tryAgain(cause, subtasks, isGlobal, execution);
    else if (this.#options.mend()) this.#tryAgain(cause, this.#all(), true, execution);
    else this.#giveUp(cause, 'not-recoverable', execution);
  }

  #giveUp(cause: SerializedError, reason: 'not-recoverable' | 'suppressed', execution: Execution | undefined): void {
    this.#options.graph.recordFailure(cause, execution);
    this.stop();
    this.#options.onGivenUp(cause, reason);
  }

  #tryAgain(cause: SerializedError, subtasks: readonly SubtaskId[], isGlobal: boolean, execution: Execution | undefined): void {
    const { graph, scheduler, strategy, clock, log, become } = this.#options;
    const restart = strategy.failed(clock.now());
    if (!restart) {
      this.#giveUp(cause, 'suppressed', execution);
      return;
    }
    if (execution && !restart.isNewAttempt) graph.recordConcurrentFailure(cause, execution);
    else graph.recordFailure(cause, execution);
    const versions = new Map(subtasks.map((subtask) => [keyOf(subtask), this.#newVersion(subtask)]));
    log.info(`${subtasks.length} task(s) will be restarted after ${restart.delayMs} ms to recover job ${graph.jobGraph.jobId}.`);
    if (graph.status === 'RUNNING') become('RESTARTING');
    const executions = subtasks.map((subtask) => graph.subtask(subtask));
    scheduler.cancel(executions);
    void Promise.all([this.#delay(restart.delayMs), scheduler.whenTerminal(executions)]).then(() =>
      this.#restart(
        subtasks.filter((subtask) => this.#versions.get(keyOf(subtask)) === versions.get(keyOf(subtask))),
        isGlobal,
      ),
    );
  }

  async #restart(subtasks: readonly SubtaskId[], isGlobal: boolean): Promise<void> {
    const { graph, scheduler, restore, become } = this.#options;
    if (this.#isStopped || subtasks.length === 0) return;
    failpoint('failover.ended');
    const fresh = graph.resetForNewAttempt(subtasks.map((subtask) => graph.subtask(subtask)));
    try {
      await restore(fresh, isGlobal);
    } catch (error) {
      if (!this.#isStopped) this.failedGlobally(serializeError(error));
      return;
    }
    // Another failure may have come while the state was looked up: it has cancelled these, and restarts them itself.
    const ready = fresh.filter((execution) => execution.state === 'CREATED' && graph.isCurrent(execution));
    if (this.#isStopped || ready.length === 0) return;
    for (const { vertex, subtaskIndex } of ready) this.#waiting.delete(keyOf({ vertexId: vertex.id, subtaskIndex }));
    if (this.#waiting.size === 0 && graph.status === 'RESTARTING') become('RUNNING');
    failpoint('failover.deploy');
    await scheduler.deploy(ready);
  }

  #newVersion(subtask: SubtaskId): number {
    const key = keyOf(subtask);
    const version = (this.#versions.get(key) ?? 0) + 1;
    this.#versions.set(key, version);
    this.#waiting.add(key);
    return version;
  }

  #delay(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#options.clock.schedule(delayMs, () => {
        this.#delays.delete(cancel);
        resolve();
      });
      this.#delays.add(cancel);
    });
  }

  #all(): SubtaskId[] {
    return this.#options.graph.executions.map(({ vertex, subtaskIndex }) => ({ vertexId: vertex.id, subtaskIndex }));
  }
}

function keyOf({ vertexId, subtaskIndex }: SubtaskId): string {
  return `${vertexId}#${subtaskIndex}`;
}

export function isNotRecoverable(cause: SerializedError | undefined): boolean {
  return cause !== undefined && (notRecoverable.has(cause.code ?? '') || isNotRecoverable(cause.cause));
}
