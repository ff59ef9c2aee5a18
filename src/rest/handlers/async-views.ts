/** The two answers of an asynchronous operation: its request id, and its outcome, where a failure is a success of HTTP. */
import { type SerializedError, serializeError, stackWithCauses } from '../../shared/errors.ts';
import type { AsyncOutcome } from '../async-operations.ts';
import { RestError } from '../http/rest-error.ts';
import { json, type RestAnswer } from '../http/router.ts';
import { type FailureCause, failureCause } from '../messages/java-throwable.ts';

export function triggered(requestId: string, status = 202): RestAnswer {
  return json({ 'request-id': requestId }, status);
}

/** `failureKey`: Flink spells it `failureCause` for checkpoints. Throws RestError 404 without an outcome. */
export function outcomeAnswer<T>(
  outcome: AsyncOutcome<T> | undefined,
  requestId: string,
  render: (value: T) => Record<string, unknown>,
  failureKey: 'failure-cause' | 'failureCause' = 'failure-cause',
): RestAnswer {
  if (!outcome)
    throw new RestError(404, `There is no operation with the trigger id ${requestId}: it was never given, or its result was forgotten.`);
  if (outcome.state === 'in-progress') return json({ status: { id: 'IN_PROGRESS' }, operation: null });
  const operation = outcome.state === 'done' ? render(outcome.value) : { [failureKey]: causeOf(serializeError(outcome.error)) };
  return json({ status: { id: 'COMPLETED' }, operation });
}

export function causeOf(error: SerializedError): FailureCause {
  return failureCause(error.name, stackWithCauses(error));
}
