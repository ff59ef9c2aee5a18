/** The job's user code beside the JobManager: replays the program and runs the coordinator of each split source. */
import type { SourceSpec } from '../../api/operator-specs.ts';
import type { ReplayableProgram } from '../../program/program.ts';
import { type SerializedError, serializeError, UserError } from '../../shared/errors.ts';
import type { OperatorId } from '../../shared/ids.ts';
import type { OperatorEvent } from '../rpc/gateways.ts';
import { SourceCoordinator } from './source-coordinator.ts';

export interface UserCodeListener {
  sendEvent(operatorId: OperatorId, subtaskIndex: number, event: OperatorEvent): void;
  fail(cause: SerializedError): void;
}

export class SourceCoordinators {
  readonly #program: ReplayableProgram;
  readonly #listener: UserCodeListener;
  #coordinators = new Map<OperatorId, SourceCoordinator>();

  constructor(program: ReplayableProgram, listener: UserCodeListener) {
    this.#program = program;
    this.#listener = listener;
  }

  async start(): Promise<void> {
    const graph = await this.#program.replay();
    for (const node of graph.nodes) {
      if (node.spec.type !== 'source') continue;
      const coordinator = new SourceCoordinator({
        source: (node.spec as SourceSpec).source,
        parallelism: node.parallelism,
        sendEvent: (subtaskIndex, event) => this.#listener.sendEvent(node.operatorId, subtaskIndex, event),
        fail: (error) => this.#listener.fail(serializeError(locate(error, node.name))),
      });
      this.#coordinators.set(node.operatorId, coordinator);
      await coordinator.start();
    }
  }

  handleEvent(operatorId: OperatorId, subtaskIndex: number, event: OperatorEvent): void {
    this.#coordinators.get(operatorId)?.handleEvent(subtaskIndex, event);
  }

  subtaskFailed(operatorId: OperatorId, subtaskIndex: number): void {
    this.#coordinators.get(operatorId)?.subtaskFailed(subtaskIndex);
  }

  async reset(): Promise<void> {
    await this.close();
    await this.start();
  }

  async close(): Promise<void> {
    const coordinators = [...this.#coordinators.values()];
    this.#coordinators = new Map();
    await Promise.all(coordinators.map((coordinator) => coordinator.close()));
  }
}

function locate(error: unknown, operatorName: string): unknown {
  if (error instanceof UserError)
    return new UserError(error.code, { ...error.facts, problem: `'${operatorName}': ${error.facts.problem}` });
  return new Error(`The coordinator of '${operatorName}' failed: ${error instanceof Error ? error.message : String(error)}`, {
    cause: error,
  });
}
