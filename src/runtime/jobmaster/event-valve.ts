/**
 * Holds back the events of one operator coordinator while its checkpoint is being triggered: they reach the tasks behind the
 * trigger, as the coordinator's state says. Before it shuts it waits until earlier events have arrived.
 */
export class EventValve {
  readonly #inFlight = new Set<Promise<void>>();
  #held: (() => Promise<void>)[] = [];
  #isShut = false;

  /** `deliver` rejects when the event did not arrive. */
  send(deliver: () => Promise<void>): void {
    if (this.#isShut) this.#held.push(deliver);
    else this.#deliver(deliver);
  }

  /** Shut at once; resolves when all earlier events have arrived, rejects when one did not. */
  async shut(): Promise<void> {
    this.#isShut = true;
    await Promise.all(this.#inFlight);
  }

  /** What was held goes, in order. */
  open(): void {
    this.#isShut = false;
    for (const deliver of this.#held.splice(0)) this.#deliver(deliver);
  }

  #deliver(deliver: () => Promise<void>): void {
    const delivery = deliver();
    this.#inFlight.add(delivery);
    const done = (): void => {
      this.#inFlight.delete(delivery);
    };
    delivery.then(done, done);
  }
}
