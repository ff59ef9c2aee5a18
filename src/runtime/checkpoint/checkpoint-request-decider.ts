/**
 * Decides when a checkpoint may start. No I/O and no timers in here: the coordinator asks, this answers.
 *
 * Keeps true: unforced checkpoints never exceed `maxConcurrent` pending ones; a savepoint goes before checkpoints; what a
 * person asked for is never dropped in favour of a periodic request; the queue is bounded.
 */
import type { CheckpointFailureReason } from './checkpoint-failure-reason.ts';

/** What the decision depends on; requests carry more. */
export interface DecidableRequest {
  readonly kind: 'checkpoint' | 'savepoint';
  readonly forced: boolean;
  readonly periodic: boolean;
  /** Order of arrival. */
  readonly sequence: number;
}

/** How things stand when a decision is made. */
export interface DeciderFacts {
  readonly nowMs: number;
  /** A trigger phase is under way: there is one at a time. */
  readonly isTriggering: boolean;
  readonly pendingCount: number;
  /** Checkpoints whose files are being deleted: slow deletion holds new checkpoints back. */
  readonly cleaningCount: number;
  /** When the last snapshot completed, ms. */
  readonly lastCompletionMs: number;
}

export interface Decision<Request> {
  readonly start: Request | undefined;
  readonly refused: readonly { readonly request: Request; readonly reason: CheckpointFailureReason }[];
  /** The periodic timer has to fire again after exactly this. */
  readonly rearmAfterMs: number | undefined;
}

export interface DeciderLimits {
  readonly maxConcurrent: number;
  readonly minPauseMs: number;
  readonly maxQueued?: number | undefined;
}

const defaultMaxQueued = 1000;

export class CheckpointRequestDecider<Request extends DecidableRequest> {
  readonly #limits: { readonly maxConcurrent: number; readonly minPauseMs: number; readonly maxQueued: number };
  /** Smallest first. */
  readonly #queue: Request[] = [];

  constructor(limits: DeciderLimits) {
    this.#limits = { ...limits, maxQueued: limits.maxQueued ?? defaultMaxQueued };
  }

  get queued(): readonly Request[] {
    return this.#queue;
  }

  submit(request: Request, facts: DeciderFacts): Decision<Request> {
    const { maxQueued } = this.#limits;
    const tooMany = (refused: Request): Decision<Request>['refused'][number] => ({
      request: refused,
      reason: 'TOO_MANY_CHECKPOINT_REQUESTS',
    });
    const last = this.#queue.at(-1);
    if (this.#queue.length >= maxQueued && last && !last.periodic)
      return { start: undefined, refused: [tooMany(request)], rearmAfterMs: undefined };
    this.#insert(request);
    const dropped = this.#queue.length > maxQueued ? [tooMany(this.#queue.pop() as Request)] : [];
    const decision = this.choose(facts);
    return { ...decision, refused: [...dropped, ...decision.refused] };
  }

  /** Asked again whenever a trigger phase ends, a checkpoint completes or aborts, or files have been deleted. */
  choose(facts: DeciderFacts): Decision<Request> {
    const nothing: Decision<Request> = { start: undefined, refused: [], rearmAfterMs: undefined };
    const { maxConcurrent, minPauseMs } = this.#limits;
    const head = this.#queue[0];
    if (!head || facts.isTriggering || facts.cleaningCount > maxConcurrent) return nothing;
    if (facts.pendingCount >= maxConcurrent && !head.forced) return nothing;
    const pauseLeftMs = facts.lastCompletionMs + minPauseMs - facts.nowMs;
    this.#queue.shift();
    if (head.periodic && !head.forced && pauseLeftMs > 0) {
      return { start: undefined, refused: [{ request: head, reason: 'MINIMUM_TIME_BETWEEN_CHECKPOINTS' }], rearmAfterMs: pauseLeftMs };
    }
    return { ...nothing, start: head };
  }

  /** Empties the queue; its requests are to be refused. */
  drain(): Request[] {
    return this.#queue.splice(0);
  }

  #insert(request: Request): void {
    let index = this.#queue.length;
    while (index > 0 && comesBefore(request, this.#queue[index - 1] as Request)) index--;
    this.#queue.splice(index, 0, request);
  }
}

function comesBefore(one: DecidableRequest, other: DecidableRequest): boolean {
  if (one.kind !== other.kind) return one.kind === 'savepoint';
  if (one.forced !== other.forced) return one.forced;
  if (one.periodic !== other.periodic) return !one.periodic;
  return one.sequence < other.sequence;
}
