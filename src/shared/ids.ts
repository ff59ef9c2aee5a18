/** Identifiers. Look-alike strings get their own type, so that a job id is never passed where an attempt id belongs. */
import { randomBytes } from 'node:crypto';

type Branded<Name extends string> = string & { readonly __id?: Name };

/** 32 lower-case hex digits. */
export type JobId = Branded<'job'>;
/** 32 hex digits; equals the operator id of the chain's head. */
export type JobVertexId = Branded<'vertex'>;
/** 32 hex digits; from `uid()` or the structural hash (fault-tolerance: operator ids). */
export type OperatorId = Branded<'operator'>;
/** `<32 hex>_<vertex id>_<subtask>_<attempt>`, never reused. */
export type ExecutionAttemptId = Branded<'attempt'>;
/** Names one use of one slot by one job. */
export type AllocationId = Branded<'allocation'>;
/** `<host>:<port>-<6 hex>`; a free string in REST. */
export type TaskManagerId = Branded<'taskmanager'>;
/** Content hash (hex) of a blob in the JobManager's blob store. */
export type BlobKey = Branded<'blob'>;
/** Proves that a message comes from the present leader; a new one with every leadership. */
export type FencingToken = Branded<'fencing'>;

export function randomHex(bytes: number): string {
  return randomBytes(bytes).toString('hex');
}

export function newJobId(): JobId {
  return randomHex(16);
}

export function newExecutionAttemptId(vertexId: JobVertexId, subtaskIndex: number, attemptNumber: number): ExecutionAttemptId {
  return `${randomHex(16)}_${vertexId}_${subtaskIndex}_${attemptNumber}`;
}

/** Accepts 32 hex digits in any case; undefined when the text is no job id. */
export function parseJobId(text: string): JobId | undefined {
  return /^[0-9a-fA-F]{32}$/.test(text) ? text.toLowerCase() : undefined;
}
