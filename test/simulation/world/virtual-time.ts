/**
 * Time that passes only when nothing is left to do. Everything that takes time is an event here; between two events all
 * promises settle, so what runs in one event belongs to whoever the event was for.
 */
const settle = setImmediate;

interface Event {
  readonly at: number;
  readonly sequence: number;
  readonly run: () => void;
  isCancelled: boolean;
}

export class VirtualTime {
  /** Milliseconds since the epoch, with fractions. */
  now = 1_700_000_000_000;
  #sequence = 0;
  /** A binary heap: the earliest first, of equals the one that was scheduled first. */
  readonly #events: Event[] = [];

  schedule(delayMs: number, run: () => void): () => void {
    const event: Event = { at: this.now + Math.max(0, delayMs), sequence: ++this.#sequence, run, isCancelled: false };
    this.#push(event);
    return () => {
      event.isCancelled = true;
    };
  }

  /** Until `isOver`, or `limitMs` have passed, or nothing is left that could happen. Returns the number of events. */
  async pass(limitMs: number, isOver: () => boolean): Promise<number> {
    const end = this.now + limitMs;
    let count = 0;
    await settled();
    while (!isOver()) {
      const event = this.#pop();
      if (!event || event.at > end) break;
      if (event.isCancelled) continue;
      this.now = event.at;
      event.run();
      count++;
      await settled();
    }
    return count;
  }

  #push(event: Event): void {
    const events = this.#events;
    let index = events.push(event) - 1;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!isBefore(event, events[parent] as Event)) break;
      events[index] = events[parent] as Event;
      index = parent;
    }
    events[index] = event;
  }

  #pop(): Event | undefined {
    const events = this.#events;
    const first = events[0];
    const last = events.pop();
    if (!first || !last || events.length === 0) return first;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= events.length) break;
      if (child + 1 < events.length && isBefore(events[child + 1] as Event, events[child] as Event)) child++;
      if (!isBefore(events[child] as Event, last)) break;
      events[index] = events[child] as Event;
      index = child;
    }
    events[index] = last;
    return first;
  }
}

function isBefore(one: Event, other: Event): boolean {
  return one.at < other.at || (one.at === other.at && one.sequence < other.sequence);
}

function settled(): Promise<void> {
  return new Promise((resolve) => settle(resolve));
}
