/**
 * Operations that outlast their request: the trigger answers with a request id, and the outcome is asked for by that id. A
 * finished outcome is kept for `rest.async.store-duration`. A caller may choose the id; choosing it again starts nothing.
 */
import { randomHex } from '../shared/ids.ts';
import type { Clock } from '../shared/time.ts';

export type AsyncOutcome<T> =
  | { readonly state: 'in-progress' }
  | { readonly state: 'done'; readonly value: T }
  | { readonly state: 'failed'; readonly error: unknown };

/** Operations whose outcome nobody has seen yet: a cluster that ends with its job waits a while for those who ask. */
export class UnreadOutcomes {
  readonly #unread = new Set<string>();
  #waiting: (() => void)[] = [];

  add(key: string): void {
    this.#unread.add(key);
  }

  read(key: string): void {
    this.#unread.delete(key);
    if (this.#unread.size === 0) for (const resume of this.#waiting.splice(0)) resume();
  }

  whenAllRead(): Promise<void> {
    return this.#unread.size === 0 ? Promise.resolve() : new Promise((resume) => this.#waiting.push(resume));
  }
}

export class AsyncOperations<T> {
  readonly #clock: Clock;
  readonly #storeMs: number;
  readonly #unread: UnreadOutcomes | undefined;
  readonly #outcomes = new Map<string, AsyncOutcome<T>>();

  constructor(clock: Clock, storeMs: number, unread?: UnreadOutcomes) {
    this.#clock = clock;
    this.#storeMs = storeMs;
    this.#unread = unread;
  }

  /** `subject` is what the operation is about (a job id, say): ids of different subjects never meet. */
  trigger(subject: string, start: () => Promise<T>, requestId: string = randomHex(16)): string {
    const key = `${subject}/${requestId}`;
    if (this.#outcomes.has(key)) return requestId;
    this.#outcomes.set(key, { state: 'in-progress' });
    this.#unread?.add(key);
    const settle = (outcome: AsyncOutcome<T>): void => {
      this.#outcomes.set(key, outcome);
      this.#clock.schedule(this.#storeMs, () => this.#outcomes.delete(key));
    };
    Promise.resolve()
      .then(start)
      .then(
        (value) => settle({ state: 'done', value }),
        (error: unknown) => settle({ state: 'failed', error }),
      );
    return requestId;
  }

  /** Undefined for an id that was never given, or whose outcome was forgotten. */
  outcome(subject: string, requestId: string): AsyncOutcome<T> | undefined {
    const key = `${subject}/${requestId}`;
    const outcome = this.#outcomes.get(key);
    if (outcome && outcome.state !== 'in-progress') this.#unread?.read(key);
    return outcome;
  }
}
