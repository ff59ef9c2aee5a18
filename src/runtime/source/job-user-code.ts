/** The job's user code beside the JobManager: replays the program and runs the coordinator of each split source. */
import type { SourceSpec } from '../../api/operator-specs.ts';
import type { WatermarkStrategySpec } from '../../api/watermark.ts';
import type { ReplayableProgram } from '../../program/program.ts';
import { type SerializedError, serializeError, UserError } from '../../shared/errors.ts';
import type { OperatorId } from '../../shared/ids.ts';
import type { OperatorEvent } from '../rpc/gateways.ts';
import type { JobUserCode, JobUserCodeListener } from '../rpc/job-user-code.ts';
import { SourceCoordinator } from './source-coordinator.ts';
import { type AlignmentMember, WatermarkAlignment } from './watermark-alignment.ts';

export class SourceCoordinators implements JobUserCode {
  readonly #program: ReplayableProgram;
  readonly #listener: JobUserCodeListener;
  #coordinators = new Map<OperatorId, SourceCoordinator>();
  /** By operator. */
  readonly #strategies = new Map<OperatorId, WatermarkStrategySpec<unknown>>();
  #alignment = new WatermarkAlignment();

  constructor(program: ReplayableProgram, listener: JobUserCodeListener) {
    this.#program = program;
    this.#listener = listener;
  }

  async start(stored: ReadonlyMap<OperatorId, Uint8Array>): Promise<void> {
    const graph = await this.#program.replay();
    for (const { spec, operatorId, parallelism, name } of graph.nodes) {
      if (spec.type !== 'source') continue;
      const coordinator = new SourceCoordinator({
        source: (spec as SourceSpec).source,
        parallelism,
        sendEvent: (subtaskIndex, attemptNumber, event) => this.#listener.sendEvent(operatorId, subtaskIndex, attemptNumber, event),
        snapshotTaken: (checkpointId, state) => this.#listener.snapshotTaken(checkpointId, operatorId, state),
        snapshotFailed: (checkpointId, error) => this.#listener.snapshotFailed(checkpointId, operatorId, locate(error, name)),
        fail: (error) => this.#listener.fail(locate(error, name)),
      });
      this.#coordinators.set(operatorId, coordinator);
      this.#strategies.set(operatorId, (spec as SourceSpec).watermarks as WatermarkStrategySpec<unknown>);
      await coordinator.start(stored.get(operatorId));
    }
  }

  handleEvent(operatorId: OperatorId, subtaskIndex: number, attemptNumber: number, event: OperatorEvent): void {
    if (event.type === 'watermark-report')
      this.#align({ operatorId, subtaskIndex, attemptNumber }, (event.payload as number | null | undefined) ?? undefined);
    else this.#coordinators.get(operatorId)?.handleEvent(subtaskIndex, attemptNumber, event);
  }

  /** A subtask says what its event time has come to. */
  #align(member: AlignmentMember, watermark: number | undefined): void {
    const alignment = this.#strategies.get(member.operatorId)?.alignment;
    if (!alignment) return;
    const { allowed, tell } = this.#alignment.report(alignment.group, member, watermark, alignment.maxDriftMs);
    for (const { operatorId, subtaskIndex, attemptNumber } of tell)
      this.#listener.sendEvent(operatorId, subtaskIndex, attemptNumber, { type: 'watermark-alignment', payload: allowed });
  }

  subtaskFailed(operatorId: OperatorId, subtaskIndex: number): void {
    this.#alignment.forget(operatorId, subtaskIndex);
    this.#coordinators.get(operatorId)?.subtaskFailed(subtaskIndex);
  }

  subtaskReset(operatorId: OperatorId, subtaskIndex: number, checkpointId: number | undefined): void {
    this.#coordinators.get(operatorId)?.subtaskReset(subtaskIndex, checkpointId);
  }

  snapshot(checkpointId: number): void {
    for (const coordinator of this.#coordinators.values()) coordinator.snapshot(checkpointId);
  }

  checkpointCompleted(checkpointId: number): void {
    for (const coordinator of this.#coordinators.values()) coordinator.checkpointCompleted(checkpointId);
  }

  async reset(stored: ReadonlyMap<OperatorId, Uint8Array>): Promise<void> {
    this.#alignment = new WatermarkAlignment();
    await this.close();
    await this.start(stored);
  }

  async close(): Promise<void> {
    const coordinators = [...this.#coordinators.values()];
    this.#coordinators = new Map();
    await Promise.all(coordinators.map((coordinator) => coordinator.close()));
  }
}

function locate(error: unknown, operatorName: string): SerializedError {
  if (error instanceof UserError)
    return serializeError(new UserError(error.code, { ...error.facts, problem: `'${operatorName}': ${error.facts.problem}` }));
  const message = error instanceof Error ? error.message : String(error);
  return serializeError(new Error(`The coordinator of '${operatorName}' failed: ${message}`, { cause: error }));
}
