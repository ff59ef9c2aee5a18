/**
 * A process of the simulated cluster. What it does, it does in events of its own: they wait while it is stopped (SIGSTOP), and
 * never come once it is dead (SIGKILL), whatever was under way.
 */
import type { Clock } from '../../../src/shared/time.ts';
import type { VirtualTime } from './virtual-time.ts';

export class Host {
  readonly name: string;
  readonly #time: VirtualTime;
  readonly #skewMs: number;
  readonly #onTurn: (host: Host) => void;
  readonly #held: (() => void)[] = [];
  #ticks = 0;
  state: 'up' | 'stopped' | 'dead' = 'up';

  /** `onTurn`: this process runs, from here to the next event. */
  constructor(name: string, time: VirtualTime, skewMs: number, onTurn: (host: Host) => void) {
    this.name = name;
    this.#time = time;
    this.#skewMs = skewMs;
    this.#onTurn = onTurn;
  }

  readonly clock: Clock = {
    now: () => Math.floor(this.#time.now + this.#skewMs),
    // Each look at it takes some of it: loops that work until a deadline end.
    monotonic: () => this.#time.now + 0.01 * this.#ticks++,
    schedule: (delayMs, callback) => this.after(delayMs, callback),
  };

  after(delayMs: number, run: () => void): () => void {
    let isCancelled = false;
    const cancelEvent = this.#time.schedule(delayMs, () => {
      if (this.state === 'up') this.#turn(run);
      else if (this.state === 'stopped')
        this.#held.push(() => {
          if (!isCancelled) run();
        });
    });
    return () => {
      isCancelled = true;
      cancelEvent();
    };
  }

  stop(): void {
    if (this.state === 'up') this.state = 'stopped';
  }

  continue(): void {
    if (this.state !== 'stopped') return;
    this.state = 'up';
    for (const run of this.#held.splice(0)) this.after(0, run);
  }

  kill(): void {
    this.state = 'dead';
    this.#held.length = 0;
  }

  #turn(run: () => void): void {
    this.#onTurn(this);
    run();
  }
}
