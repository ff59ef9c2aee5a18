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

export class AsyncOperations<T> {
  readonly #clock: Clock;
  readonly #storeMs: number;
  readonly #outcomes = new Map<string, AsyncOutcome<T>>();

  constructor(clock: Clock, storeMs: number) {
    this.#clock = clock;
    this.#storeMs = storeMs;
  }

  /** `subject` is what the operation is about (a job id, say): ids of different subjects never meet. */
  trigger(subject: string, start: () => Promise<T>, requestId: string = randomHex(16)): string {
    const key = `${subject}/${requestId}`;
    if (this.#outcomes.has(key)) return requestId;
    this.#outcomes.set(key, { state: 'in-progress' });
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
    return this.#outcomes.get(`${subject}/${requestId}`);
  }
}
