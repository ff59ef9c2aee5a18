/** User functions come as plain functions, one-method objects or rich objects; here they get one form and a life cycle. */
import type { CheckpointedFunction, CheckpointListener, RichFunction, RuntimeContext } from '../../api/functions.ts';
import type { StateInitializationContext, StateSnapshotContext } from '../../api/operators.ts';
import { UserError } from '../../shared/errors.ts';

/** `value[method]` bound to its object, or the plain function itself. */
export function methodOf<F>(value: unknown, method: string): F {
  if (typeof value === 'function') return value as F;
  const found = (value as Record<string, unknown> | null)?.[method];
  if (typeof found !== 'function') throw new UserError('NOT_A_FUNCTION', { problem: `A function object lacks the method ${method}.` });
  return found.bind(value) as F;
}

export async function openFunction(value: unknown, context: RuntimeContext): Promise<void> {
  await richPart(value)?.open?.(context);
}

export async function closeFunction(value: unknown): Promise<void> {
  await richPart(value)?.close?.();
}

/** `initializeState` of a CheckpointedFunction; nothing for other functions. */
export function initializeFunction(
  value: unknown,
  runtimeContext: RuntimeContext,
  context: StateInitializationContext,
): void | Promise<void> {
  const rich = richPart(value);
  rich?.setRuntimeContext?.(runtimeContext);
  return rich?.initializeState?.({
    isRestored: () => context.restoredCheckpointId !== undefined,
    getRestoredCheckpointId: () => context.restoredCheckpointId,
    getOperatorStateStore: () => context.operatorState,
    getTaskOwnedLogs: () => context.taskOwnedLogs,
  });
}

export function snapshotFunction(value: unknown, context: StateSnapshotContext): void | Promise<void> {
  return richPart(value)?.snapshotState?.({
    getCheckpointId: () => context.checkpointId,
    getCheckpointTimestamp: () => context.checkpointTimestamp,
  });
}

export function tellFunctionCompleted(value: unknown, checkpointId: number): void | Promise<void> {
  return richPart(value)?.notifyCheckpointComplete?.(checkpointId);
}

export function tellFunctionAborted(value: unknown, checkpointId: number): void | Promise<void> {
  return richPart(value)?.notifyCheckpointAborted?.(checkpointId);
}

function richPart(value: unknown): (RichFunction & Partial<CheckpointedFunction> & Partial<CheckpointListener>) | undefined {
  return typeof value === 'object' && value !== null ? value : undefined;
}

/** A promise where a value was due: the function is asynchronous in disguise. */
export function refusePromise(value: unknown, operatorName: string, call: string): void {
  if (typeof value !== 'object' || value === null || typeof (value as { then?: unknown }).then !== 'function') return;
  throw new UserError('ASYNC_FUNCTION', {
    problem: `Operator '${operatorName}': ${call} returned a promise; functions called for each record are synchronous.`,
    tryNext: ['Use asynchronous I/O for calls that wait for the outside world.'],
  });
}
