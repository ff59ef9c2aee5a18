/** A connection between two processes: what is sent one way arrives in order, late, and not at all once the connection is closed. */
import type { Host } from './host.ts';
import type { Chance } from './random.ts';
import type { VirtualTime } from './virtual-time.ts';

export class Connection {
  readonly #time: VirtualTime;
  readonly #chance: Chance;
  readonly #ends: readonly [Host, Host];
  /** When the last message to each end arrives. */
  readonly #arrivals = new Map<Host, number>();
  readonly #waiting = new Set<{ readonly caller: Host; readonly reject: (error: Error) => void }>();
  readonly #onClose = new Map<Host, () => void>();
  isOpen = true;

  constructor(time: VirtualTime, chance: Chance, ends: readonly [Host, Host]) {
    this.#time = time;
    this.#chance = chance;
    this.#ends = ends;
  }

  /** What `end` does when it hears that the connection is closed, once. */
  onClose(end: Host, heard: () => void): void {
    this.#onClose.set(end, heard);
  }

  close(): void {
    if (!this.isOpen) return;
    this.isOpen = false;
    for (const { caller, reject } of this.#waiting) caller.after(0, () => reject(new Error('the connection was closed')));
    this.#waiting.clear();
    for (const end of this.#ends) end.after(this.#chance.duration(0, 10), () => this.#onClose.get(end)?.());
  }

  /** One way. */
  post(to: Host, work: () => void): void {
    this.#deliver(to, work);
  }

  /** Beside the order of the others. */
  postLate(to: Host, work: () => void): void {
    to.after(this.#chance.duration(0, 60), () => {
      if (this.isOpen) work();
    });
  }

  call<T>(from: Host, to: Host, work: () => Promise<T>): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    promise.catch(() => {});
    if (!this.isOpen) {
      reject(new Error('the connection is closed'));
      return promise;
    }
    const waiting = { caller: from, reject };
    this.#waiting.add(waiting);
    const answer = (give: () => void): void =>
      this.#deliver(from, () => {
        this.#waiting.delete(waiting);
        give();
      });
    this.#deliver(to, () => {
      work().then(
        (value) => answer(() => resolve(value)),
        (error: unknown) => answer(() => reject(error as Error)),
      );
    });
    return promise;
  }

  #deliver(to: Host, work: () => void): void {
    const at = Math.max(this.#arrivals.get(to) ?? 0, this.#time.now + this.#chance.duration(0.05, 3));
    this.#arrivals.set(to, at);
    to.after(at - this.#time.now, () => {
      if (this.isOpen) work();
    });
  }
}
