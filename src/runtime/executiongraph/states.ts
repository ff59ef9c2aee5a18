/** The legal steps of jobs and executions, as tables. An illegal step is a bug, and its message names both states. */
import { assert } from '../../shared/assert.ts';
import type { ExecutionState, JobStatus } from '../rpc/gateways.ts';

/**
 * INITIALIZING → CREATED → RUNNING → FINISHED; RUNNING → RESTARTING → RUNNING; live → FAILING → FAILED; live → CANCELLING → CANCELED.
 */
const jobSteps: Readonly<Record<JobStatus, readonly JobStatus[]>> = {
  INITIALIZING: ['CREATED', 'FAILED', 'CANCELLING', 'SUSPENDED'],
  CREATED: ['RUNNING', 'FAILING', 'CANCELLING', 'SUSPENDED'],
  RUNNING: ['FINISHED', 'RESTARTING', 'FAILING', 'CANCELLING', 'SUSPENDED'],
  RESTARTING: ['CREATED', 'RUNNING', 'FAILING', 'CANCELLING', 'SUSPENDED'],
  FAILING: ['FAILED', 'CANCELLING', 'SUSPENDED'],
  CANCELLING: ['CANCELED', 'FAILING', 'SUSPENDED'],
  FAILED: [],
  CANCELED: [],
  FINISHED: [],
  SUSPENDED: [],
  RECONCILING: ['RUNNING', 'FAILING', 'CANCELLING', 'SUSPENDED'],
};

const executionSteps: Readonly<Record<ExecutionState, readonly ExecutionState[]>> = {
  CREATED: ['SCHEDULED', 'CANCELED', 'FAILED'],
  SCHEDULED: ['DEPLOYING', 'CANCELED', 'FAILED'],
  DEPLOYING: ['INITIALIZING', 'RUNNING', 'FINISHED', 'CANCELING', 'CANCELED', 'FAILED'],
  INITIALIZING: ['RUNNING', 'FINISHED', 'CANCELING', 'CANCELED', 'FAILED'],
  RUNNING: ['FINISHED', 'CANCELING', 'CANCELED', 'FAILED'],
  CANCELING: ['CANCELED', 'FAILED', 'FINISHED'],
  FINISHED: [],
  CANCELED: [],
  FAILED: [],
  RECONCILING: [],
};

export const jobStatuses = Object.keys(jobSteps) as JobStatus[];
export const executionStates = Object.keys(executionSteps) as ExecutionState[];

export function checkJobStep(from: JobStatus, to: JobStatus): void {
  assert(jobSteps[from].includes(to), () => `job status ${from} → ${to}`);
}

export function checkExecutionStep(from: ExecutionState, to: ExecutionState): void {
  assert(executionSteps[from].includes(to), () => `execution state ${from} → ${to}`);
}

export function isTerminalExecution(state: ExecutionState): boolean {
  return state === 'FINISHED' || state === 'CANCELED' || state === 'FAILED';
}

export function isGloballyTerminal(status: JobStatus): boolean {
  return status === 'FINISHED' || status === 'CANCELED' || status === 'FAILED';
}
