/** User functions come as plain functions, one-method objects or rich objects; here they get one form and a life cycle. */
import type { RichFunction, RuntimeContext } from '../../api/functions.ts';
import { UserError } from '../../shared/errors.ts';

/** `value[method]` bound to its object, or the plain function itself. */
export function methodOf<F>(value: unknown, method: string): F {
  if (typeof value === 'function') return value as F;
  const found = (value as Record<string, unknown> | null)?.[method];
  if (typeof found !== 'function') throw new UserError('NOT_A_FUNCTION', { problem: `A function object lacks the method ${method}.` });
  return found.bind(value) as F;
}

export async function openFunction(value: unknown, context: RuntimeContext): Promise<void> {
  const rich = richPart(value);
  rich?.setRuntimeContext?.(context);
  await rich?.open?.(context);
}

export async function closeFunction(value: unknown): Promise<void> {
  await richPart(value)?.close?.();
}

function richPart(value: unknown): RichFunction | undefined {
  return typeof value === 'object' && value !== null ? (value as RichFunction) : undefined;
}

/** A promise where a value was due: the function is asynchronous in disguise. */
export function refusePromise(value: unknown, operatorName: string, call: string): void {
  if (typeof value !== 'object' || value === null || typeof (value as { then?: unknown }).then !== 'function') return;
  throw new UserError('ASYNC_FUNCTION', {
    problem: `Operator '${operatorName}': ${call} returned a promise; functions called for each record are synchronous.`,
    tryNext: ['Use asynchronous I/O for calls that wait for the outside world.'],
  });
}
